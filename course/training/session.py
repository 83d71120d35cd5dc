"""Everything that one sitting of training works with, and how it is kept on the disk and put back."""

import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from course.data import Tokenizer
from course.model import TranslationModel
from course.training import checkpoint
from course.training.config import TrainingConfig
from course.training.declared import first_misfit
from course.training.distributed import Team
from course.training.fingerprint import Fingerprint, is_fingerprint
from course.training.run_file import BEST_FILE, LAST_FILE, damaged

OF_ADAMW, OF_MUON = ("step", "exp_avg", "exp_avg_sq"), ("momentum",)  # what an optimizer keeps of each parameter


@dataclass
class Position:
    """Where training stands; all of it is kept in a checkpoint, so that resuming goes on exactly there."""

    step: int = 0  # updates done
    epoch: int = 0
    batch: int = 0  # batches of this epoch done
    seconds: float = 0.0  # spent so far, earlier sittings included
    tokens: int = 0  # real target tokens seen
    update_seconds: float = 0.0  # spent in updates alone
    validations: int = 0
    best_loss: float = field(default=float("inf"))
    best_bleu: float = 0.0


@dataclass
class Session:
    """Everything that one sitting of training works with."""

    run: Path
    model: TranslationModel
    tokenizer: Tokenizer
    training: TrainingConfig
    team: Team
    device: torch.device
    average: AveragedModel | None
    optimizer: torch.optim.AdamW
    precision: str  # of matrix products: "float32" or "bfloat16"
    uncounted: float = 0.0  # seconds that measuring the precision took: no part of the minutes
    position: Position = field(default_factory=Position)
    belonging: dict[str, Any] = field(default_factory=dict)  # by which its weights are known as those of its run.json
    data: Fingerprint | None = None  # of the sentences that it is trained on now
    on_new_data: bool = False  # whether this sitting began with other sentences than the last one

    @property
    def scored_model(self) -> TranslationModel:
        """The weights that are scored and kept: the moving average, or the weights themselves."""
        if self.average is None:
            return self.model
        assert isinstance(self.average.module, TranslationModel)
        return self.average.module

    def state(self) -> dict[str, Tensor]:
        """Every tensor that a resumed run needs."""
        tensors = {"random": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        for name, tensor in checkpoint.weights_of(self.model).items():
            tensors["model." + name] = tensor
        if self.average is not None:
            for name, tensor in checkpoint.weights_of(self.average.module).items():
                tensors["average." + name] = tensor
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer.{key}.{name}"] = value
        return tensors

    def start_on_new_data(self) -> None:
        """Begin an epoch of other sentences; what was the best before is no longer compared with."""
        self.on_new_data, position = True, self.position
        position.epoch, position.batch = position.epoch + 1, 0
        position.best_loss, position.best_bleu = float("inf"), 0.0

    def keep(self) -> None:
        """Write the state to resume from."""
        about = {"position": asdict(self.position), "data": self.data, **self.belonging}
        checkpoint.write_tensors(self.run / LAST_FILE, self.state(), about)

    def keep_best(self) -> None:
        """Write the scored weights, as the best so far."""
        position = self.position
        about = {"step": position.step, "val_loss": position.best_loss, "val_bleu": position.best_bleu}
        about |= self.belonging
        checkpoint.write_tensors(self.run / BEST_FILE, checkpoint.weights_of(self.scored_model), about)

    def restore(self, tensors: dict[str, Tensor], position: Position) -> None:
        """Put `state` back. Raises `CourseError` where the tensors are not those of such a session."""
        if why := self._misfit(tensors):
            raise damaged(self.run / LAST_FILE, why)
        pick = lambda prefix: {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)}  # noqa: E731
        checkpoint.put_weights(self.model, pick("model."))
        if self.average is not None:
            checkpoint.put_weights(self.average.module, pick("average."))
            self.average.n_averaged.fill_(position.step)
        for name, parameter in self.model.named_parameters():
            self.optimizer.state[parameter] = {
                # A copy: the tensor lies in the file itself, which Windows does not let anybody replace then.
                key: tensors[f"optimizer.{key}.{name}"].to(parameter.device, copy=True)
                for key in (*OF_ADAMW, *OF_MUON)
                if f"optimizer.{key}.{name}" in tensors
            }
        self.position = position
        torch.set_rng_state(tensors["random"])  # the leader's; the others go on with dropout of their own
        if not self.team.leads:
            torch.manual_seed(self.training.seed + 1000 * self.team.rank + self.position.step)
        if self.team.leads and self.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)

    def _misfit(self, tensors: dict[str, Tensor]) -> str:
        """What is wrong with the tensors of a state beside the weights, "" where nothing is.

        The optimizer computes on bare memory: tensors of another size would end the process.
        """
        random = torch.get_rng_state()
        given = tensors.get("random")
        if given is None or given.dtype != random.dtype or given.shape != random.shape:
            return "it holds no random state"
        for group in self.optimizer.param_groups:
            keys = OF_MUON if group.get("orthogonal") else OF_ADAMW
            for name, parameter in self.model.named_parameters():
                if any(parameter is p for p in group["params"]) and (why := _misfit(tensors, name, parameter, keys)):
                    return why
        return ""


def _misfit(tensors: dict[str, Tensor], name: str, parameter: Tensor, keys: tuple[str, ...]) -> str:
    """What is wrong with what the optimizer keeps of a parameter: all of `keys` in its shape, or nothing at all."""
    kept = {key: tensors.get(f"optimizer.{key}.{name}") for key in (*OF_ADAMW, *OF_MUON)}
    found = [key for key, tensor in kept.items() if tensor is not None]
    if found and found != list(keys):
        return f"the optimizer keeps {' and '.join(found)} of {name}"
    for key in found:
        tensor = tensors[f"optimizer.{key}.{name}"]
        like = torch.zeros((), dtype=torch.float32) if key == "step" else parameter
        if (tensor.shape, tensor.dtype) != (like.shape, like.dtype):
            return f"the optimizer's {key} of {name} is {tensor.dtype} of the shape {tuple(tensor.shape)}"
    return ""


def read_position(path: Path, about: dict[str, Any]) -> Position:
    """The position that a state file tells of. Raises `CourseError` where a part is missing, unknown or impossible."""
    given = about.get("position")
    if not isinstance(given, dict):
        raise damaged(path, "it has no position")
    missing = [f.name for f in fields(Position) if f.name not in given]
    finite = {name: value for name, value in given.items() if name != "best_loss" or value != math.inf}
    why = f"its position lacks {missing[0]}" if missing else first_misfit(Position, finite)
    negative = [name for name, value in given.items() if not why and name != "best_loss" and value < 0]
    if why or negative:
        raise damaged(path, why or f"{negative[0]} is {given[negative[0]]}")
    if not is_fingerprint(about.get("data")):
        raise damaged(path, "it does not say what it was trained on")
    return Position(**given)

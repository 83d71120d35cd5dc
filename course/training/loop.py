"""The training itself: one update after the other until the time or the steps are used up."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from course import __version__
from course.data import Examples, ParallelText, Tokenizer, encode_pairs, length_bucketed_batches
from course.data.batches import Batch, shard
from course.errors import CourseError
from course.model import ModelConfig, TranslationModel, config_from_dict, make_model
from course.special import PAD
from course.training import checkpoint, machine, run_folder
from course.training.arguments import check_arguments, differentiable, learning_rate_from, loss_from
from course.training.config import TrainingConfig
from course.training.distributed import Team, team_from_environment
from course.training.fingerprint import Fingerprint, difference, fingerprint
from course.training.log import RunLog, Watcher, clock, rewind_log
from course.training.loss import summed_loss, teacher_forced_states
from course.training.optimizer import make_optimizer
from course.training.ownership import Ownership
from course.training.room import fillable_vocabulary, require_training_room
from course.training.run_file import (
    BEST_FILE,
    LAST_FILE,
    PREVIOUS,
    RUN_FILE,
    TOKENIZER_FILE,
    belonging,
    check_belongs,
    read_run_file,
    read_tokenizer,
    tokenizer_checksum,
)
from course.training.schedule import learning_rate
from course.training.session import Session, read_position
from course.training.validation import Validation, validate
from course.training.vocabulary import fits, learn_tokenizer
from course.whole_files import write_text


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended. seconds: from start to end, validation and data preparation included."""

    run: Path
    steps: int
    seconds: float
    tokens_per_second: float  # real target tokens, over the time spent in updates
    best_bleu: float
    loss: float
    finished: bool = True  # False where it was told to stop before its end; resuming goes on there


class SummedLoss(nn.Module):
    """The model with its loss, as one module: what DistributedDataParallel wants to wrap."""

    def __init__(self, model: TranslationModel, label_smoothing: float):
        super().__init__()
        self.model = model
        self.label_smoothing = label_smoothing

    def forward(self, src: Tensor, tgt_in: Tensor, labels: Tensor) -> Tensor:
        """Summed cross-entropy of a batch: three (B, T) of ids -> a scalar."""
        states, real = teacher_forced_states(self.model, src, tgt_in, labels)
        return summed_loss(self.model.output, states, real, label_smoothing=self.label_smoothing)


def training_step(
    model: nn.Module,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    mean_loss: Callable[[nn.Module, Batch], Tensor],
    clip: float,
) -> float:
    """One update of the weights on one batch, in place. Returns the loss in nats a token.

    mean_loss(model, batch): the loss as a scalar tensor. clip: the largest norm that the gradient may have
    (Pascanu et al. 2013). Lesson 12 lets learners write this function; the loop runs on theirs if they wish.
    """
    model.train()  # validation had switched dropout off
    optimizer.zero_grad()  # else this batch's gradient would be added to the last one's
    loss = mean_loss(model, batch)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item()


Step = Callable[[nn.Module, Batch, torch.optim.Optimizer, Callable[[nn.Module, Batch], Tensor], float], float]
MeanLoss = Callable[[nn.Module, Batch], Tensor]
Rate = Callable[[int], float]


def moving_average(averages: list[Tensor], weights: list[Tensor], n: Tensor, *, decay: float) -> None:
    """Move the averages toward the weights, in place: a new weight counts 1 - decay.

    n: updates averaged so far. While there are few, the decay is at most (1 + n) / (10 + n), so that a short run
    does not remember its random start.
    """
    decay = min(decay, (1 + int(n)) / (10 + int(n)))
    torch._foreach_lerp_(averages, weights, 1 - decay)


def train(
    run: Path,
    train_text: ParallelText,
    val_text: ParallelText,
    *,
    model_options: dict[str, Any],
    training: TrainingConfig,
    vocab_size: int = 4000,
    resume: bool = False,
    overwrite: bool = False,
    new_data: bool = False,
    corpus: dict[str, Any] | None = None,
    step: Step = training_step,
    mean_loss: MeanLoss | None = None,
    rate: Rate | None = None,
    stop: Callable[[], bool] | None = None,
    watcher: Watcher | None = None,
) -> TrainingResult:
    """Train a model on sentence pairs and keep it in the folder `run`.

    model_options: fields of the model's configuration other than the vocabulary sizes; `architecture` says which model.
    corpus: what run.json shall say about the data. resume: go on with the run in that folder, with its own settings;
    only the end (minutes, max_steps) is taken from `training`. A run that ended, and is resumed to a later end, is bit
    by bit the run that had this end from the start, if its schedule does not look at the end ("inverse_sqrt", or a
    `rate` of one's own); "linear" had come down to zero, and rises again. new_data: whether a resumed run may go on
    with other sentences; its best score then starts anew, and its old best weights stay until the new sentences are
    first validated on. overwrite: replace a run that stands there; it is kept until the new one is first scored.
    step: makes one update. mean_loss: computes the loss of a batch, in nats a token, in the place of the package's own,
    from the model that is trained; rate: the learning rate of update number n, from 1. Lesson 12 puts a learner's in;
    they work in one process only, and a resumed run needs them again. stop: asked after every update; where it says
    True the state is kept and the run ends unfinished. watcher: is told what happens; nothing is printed then. Under
    `torchrun` every process calls this with the same arguments.
    Raises `CourseError` for anything that cannot work, before an existing run is touched, and where another training
    is going on in the folder.
    """
    started = time.perf_counter()
    run = Path(run)
    if (new_data and not resume) or (resume and overwrite):
        wrong = "new_data goes with resume" if new_data else "resume and overwrite exclude one another"
        raise CourseError(f"{wrong}: leave one out, or pass resume=True alone to go on with the run in {run}.")
    check_arguments(
        train_text, val_text, model_options=model_options, training=training, vocab_size=vocab_size, corpus=corpus,
        watcher=watcher, step=step, mean_loss=mean_loss, rate=rate, stop=stop,
    )  # fmt: skip
    run_folder.check_run_folder(run, resume=resume, overwrite=overwrite)
    if training.threads is not None:
        machine.use_threads(training.threads)
    machine.keep_memory()
    with team_from_environment() as team, ExitStack() as at_end:
        if team.size > 1 and mean_loss is not None:
            raise CourseError("a loss of one's own trains in one process only: start it without torchrun.")
        team.wait()  # nobody may start to write before all have looked
        own = Ownership(run, team, at_end)
        texts = (train_text, val_text)
        if resume:
            session = _resumed(own, texts, training, corpus, new_data=new_data)
        else:
            session = _fresh(own, texts, model_options, training, vocab_size, corpus or {}, overwrite=overwrite)
        with RunLog(run, quiet=not team.leads, watcher=watcher) as log:
            for line in own.told:
                log.say(line)
            if session.on_new_data:
                log.record(step=session.position.step, new_data=True)
            started += session.uncounted
            return _Loop(session, train_text, val_text, log, started, step, stop, mean_loss, rate).run()


def _session(run: Path, config: ModelConfig, tokenizer: Tokenizer, training: TrainingConfig, team: Team) -> Session:
    device = machine.pick_device()
    torch.manual_seed(training.seed)  # the same first weights in every process
    model = make_model(config).to(device)
    average = None
    if training.averaging == "ema":
        average = AveragedModel(model, multi_avg_fn=partial(moving_average, decay=training.ema_decay))
    torch.manual_seed(training.seed + 1000 * team.rank)  # and then each its own dropout
    begun = time.perf_counter()
    precision = _agreed_precision(training, device, team)
    uncounted = time.perf_counter() - begun
    optimizer = make_optimizer(model, training, precision=precision)
    return Session(run, model, tokenizer, training, team, device, average, optimizer, precision, uncounted)


def _agreed_precision(training: TrainingConfig, device: torch.device, team: Team) -> str:
    """The same in every process: what one measures, another need not."""
    wanted: str = training.precision
    if wanted == "auto" and team.leads:
        wanted = machine.choose_precision(wanted, device)
    return "bfloat16" if team.leader_says(float(wanted == "bfloat16")) else "float32"


LANGUAGES = ("source_language", "target_language")
Texts = tuple[ParallelText, ParallelText]  # to train on, and to validate on


def _check_fits(texts: Texts, tokenizer: Tokenizer, config: ModelConfig) -> None:
    """Raise unless each text has a pair that fits: said before a run is touched."""
    for text in (text.without_endless(config.max_len) for text in texts):
        pairs = (encode_pairs(replace(text, source=(s,), target=(t,)), tokenizer)[0]
                 for s, t in zip(text.source, text.target, strict=True))  # fmt: skip
        if not any(fits(pair, config.max_len) for pair in pairs):
            raise CourseError(f"no sentence pair fits into max_len {config.max_len}: use a larger max_len.")


def _fresh(
    own: Ownership, texts: Texts, model_options: dict[str, Any], training: TrainingConfig, vocab_size: int,
    corpus: dict[str, Any], *, overwrite: bool,
) -> Session:  # fmt: skip
    text = texts[0]
    vocabularies = {"src_vocab_size": vocab_size, "tgt_vocab_size": vocab_size}
    config = config_from_dict(model_options | vocabularies)  # a bad size is said before any work
    most = dict.fromkeys(vocabularies, fillable_vocabulary(vocab_size, text))
    require_training_room(config_from_dict(model_options | most), training, text, machine.pick_device())
    tokenizer = learn_tokenizer(text, vocab_size=vocab_size, max_len=config.max_len)
    vocabularies = dict.fromkeys(vocabularies, tokenizer.vocab_size)  # a small corpus may not fill it
    config = config_from_dict(model_options | vocabularies)
    _check_fits(texts, tokenizer, config)
    session = _session(own.run, config, tokenizer, training, own.team)
    session.data = fingerprint(*texts)
    own.take(resume=False, overwrite=overwrite)
    if own.team.leads:
        own.clear()
        tokenizer.save(own.run / TOKENIZER_FILE)
        languages = dict(zip(LANGUAGES, (text.source_language, text.target_language), strict=True))
        _write_run_file(session, corpus | languages)  # the last: what has a run.json is a run
    own.team.wait()
    return session


def _write_run_file(session: Session, corpus: dict[str, Any]) -> None:
    info = {
        "format": 1,
        "run_id": secrets.token_hex(8),
        "model": session.model.config.to_dict(),
        "training": session.training.to_dict(),
        "precision": session.precision,  # what "auto" came to: a resumed run computes as it did before
        "corpus": corpus,
        "data": session.data,
        "tokenizer_sha256": tokenizer_checksum(session.tokenizer),
        "versions": {"course": __version__, "torch": torch.__version__.partition("+")[0]},
        "parameters": sum(p.numel() for p in session.model.parameters()),
    }
    session.belonging = belonging(info)
    _write(session.run, info)


def _write(run: Path, info: dict[str, Any]) -> None:
    write_text(run / RUN_FILE, json.dumps(info, indent=2, sort_keys=True) + "\n")


def _resumed(
    own: Ownership, texts: Texts, training: TrainingConfig, corpus: dict[str, Any] | None, *, new_data: bool
) -> Session:  # fmt: skip
    run = own.run
    own.take(resume=True, overwrite=False)
    own.team.wait()  # until the leader has brought the folder in order
    info = read_run_file(run)
    end = {"minutes": training.minutes, "max_steps": training.max_steps, "threads": training.threads}
    known = {"precision": info["precision"]} if "precision" in info else {}  # older runs measure again
    training = TrainingConfig.from_dict(info["training"] | known | end)
    tokenizer, config = read_tokenizer(run, info), config_from_dict(info["model"])
    _check_fits(texts, tokenizer, config)
    require_training_room(config, training, texts[0], machine.pick_device())
    tensors, about = checkpoint.read_tensors(run / LAST_FILE)
    check_belongs(run / LAST_FILE, about, info)
    position = read_position(run / LAST_FILE, about)
    checkpoint.check_size({n: t for n, t in tensors.items() if n.startswith("model.")}, config)
    session = _session(run, config, tokenizer, training, own.team)
    session.restore(tensors, position)
    session.belonging = belonging(info)
    _compare_data(own, session, about.get("data") or info.get("data"), texts, new_data=new_data)
    if not _keeps_its_best(own, info):
        session.position.best_loss = float("inf")  # there is none to beat
    if own.team.leads:
        known = info.get("corpus") or {}
        now = (corpus or known) | {name: known.get(name, "") for name in LANGUAGES}
        if corpus is not None and (session.on_new_data or now != known):  # its files may only have moved
            _write(run, info | {"corpus": now, "data": session.data})
        own.say(rewind_log(run, session.position.step))
    own.team.wait()
    return session


def _keeps_its_best(own: Ownership, info: dict[str, Any]) -> bool:
    """Whether the best weights are there and whole: damaged ones would stay, if no later validation were better."""
    path = own.run / BEST_FILE
    if not path.exists():
        return False
    try:
        check_belongs(path, checkpoint.read_tensors(path)[1], info)
    except CourseError:
        own.say(f"note: {path} is damaged or another run's; the next validation replaces it")
        return False
    return True


def _compare_data(
    own: Ownership, session: Session, then: Fingerprint | None, texts: Texts, *, new_data: bool
) -> None:  # fmt: skip
    """Refuse to go on with other sentences than before, or start the best score anew where that is asked for."""
    session.data = fingerprint(*texts)
    if then is None:
        own.say("note: this run does not say what it was trained on, so nobody can tell whether the data are the same")
    differs = difference(then, session.data) if then else ""
    if not (differs or (new_data and then is None)):
        return
    if not new_data:
        said = f"the run in {own.run} was trained on other data: {differs}; resume it with those, or pass"
        then_what = "to go on with these: its best score then starts anew."
        raise CourseError(f"{said} new_data=True {then_what}", on_command_line=f"{said} --new-data {then_what}")
    session.start_on_new_data()
    own.say(f"goes on with other data ({differs or 'or the same, nobody can tell'}); the best score starts anew")


class _Loop:
    """One sitting: from where the session stands to the end of the run."""

    def __init__(
        self, session: Session, train_text: ParallelText, val_text: ParallelText, log: RunLog, started: float,
        step: Step, stop: Callable[[], bool] | None, mean_loss: MeanLoss | None, rate: Rate | None,
    ):  # fmt: skip
        self.step, self.stop, self.rate, self.other_loss = step, stop, rate, mean_loss
        self.session, self.training, self.team = session, session.training, session.team
        self.position, self.log = session.position, log
        self.examples = self._fitting(train_text)[1]
        self.val_text, self.val_examples = self._fitting(val_text)
        self.precision = session.precision
        self.started = started - self.position.seconds
        loss = SummedLoss(session.model, self.training.label_smoothing)
        self.loss: nn.Module = DistributedDataParallel(loss) if self.team.size > 1 else loss

    def _fitting(self, text: ParallelText) -> tuple[ParallelText, Examples]:
        """Only the pairs that fit, as text and as ids."""
        config, given = self.session.model.config, len(text)
        text = text.without_endless(config.max_len)
        examples = encode_pairs(text, self.session.tokenizer)
        kept = [i for i, pair in enumerate(examples) if fits(pair, config.max_len)]
        if len(kept) < given:
            n = given - len(kept)
            self.log.say(f"left out {n} {text.split} pairs: empty, or longer than {config.max_len - 1} tokens")
        source, target = (tuple(side[i] for i in kept) for side in (text.source, text.target))
        return replace(text, source=source, target=target), [examples[i] for i in kept]

    def run(self) -> TrainingResult:
        """Update, log, validate and keep until the end."""
        self._announce()
        progress = self._progress()
        if progress >= 1 and self.position.step:
            self.log.say("nothing is left to train: this run has reached its end; a later one (steps, minutes) goes on")
        # Where the end has moved away, the validations between here and there are still to come.
        self.position.validations = min(self.position.validations, int(progress * self.training.validations))
        batches = self._batches()
        while progress < 1:  # only then is a batch taken: a later sitting must begin with the next one
            loss = self._update(next(batches), progress)
            progress = self._progress()
            self._after_update(loss, progress)
            if self._told_to_stop():
                return self._pause()
        return self._finish()

    def _told_to_stop(self) -> bool:
        """Whether the leader was told to; the same answer in every process."""
        return self.stop is not None and bool(self.team.leader_says(float(self.stop())))

    def _pause(self) -> TrainingResult:
        """Keep the state and leave; whoever resumes goes on with the next batch."""
        self._keep_state()
        self.team.wait()
        self.log.record(step=self.position.step, stopped=True, seconds=round(self.position.seconds, 2))
        self.log.say(f"stopped at step {self.position.step:,}; resume to go on")
        return self._result(self.position.seconds, finished=False)

    def _announce(self) -> None:
        n = sum(p.numel() for p in self.session.model.parameters())
        self.log.say(
            f"{n:,} parameters, {len(self.examples):,} sentence pairs, {self.precision} on "
            f"{self.session.device.type}, {torch.get_num_threads()} threads, {self.team.size} process(es)"
        )
        steps, warmup = self.training.max_steps, self.training.warmup_steps
        if steps is not None and steps < warmup and self.rate is None:
            self.log.say(
                f"note: this run ends after {steps:,} updates, within its warm-up of {warmup:,}: the learning rate "
                "stays low, and little is learned"
            )

    def _progress(self) -> float:
        """Part of the run that is done, 0 to 1; the same number in every process."""
        parts = []
        if self.training.max_steps is not None:
            parts.append(self.position.step / self.training.max_steps)
        if self.training.minutes is not None:
            self.position.seconds = self.team.leader_says(time.perf_counter() - self.started)
            parts.append(self.position.seconds / (60 * self.training.minutes))
        else:
            self.position.seconds = time.perf_counter() - self.started
        return max(parts)

    def _batches(self) -> Iterator[Batch]:
        """Epoch after epoch without end, from where the position stands."""
        while True:
            batches = length_bucketed_batches(
                self.examples, max_tokens=self.training.batch_tokens, seed=self.training.seed,
                epoch=self.position.epoch,
            )  # fmt: skip
            for batch in batches[self.position.batch :]:
                self.position.batch += 1
                yield batch
            self.position.epoch, self.position.batch = self.position.epoch + 1, 0

    def _update(self, batch: Batch, progress: float) -> float:
        """One update of the weights. Returns the loss in nats a token."""
        begun = time.perf_counter()
        training, optimizer, model = self.training, self.session.optimizer, self.session.model
        tokens = batch.n_target_tokens
        rate = self._learning_rate(progress)
        for group in optimizer.param_groups:
            group["lr"] = rate
        share = loss_from(self.step(model, batch, optimizer, self._mean_loss, training.clip), self.step)
        if self.session.average is not None:
            self.session.average.update_parameters(model)
        self.position.step += 1
        self.position.tokens += tokens
        self.position.update_seconds += time.perf_counter() - begun
        return self.team.total(share) / self.team.size

    def _learning_rate(self, progress: float) -> float:
        """The learning rate of the next update."""
        done, training = self.position.step, self.training
        if self.rate is not None:
            return learning_rate_from(self.rate(done + 1), done + 1)
        return learning_rate(
            done, progress, peak=training.lr, warmup_steps=training.warmup_steps, schedule=training.schedule
        )

    def _mean_loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The loss of the sentences of this process, a token of the global batch.

        DistributedDataParallel takes the mean over processes, so each weighs its sum by their number: the gradient is
        that of the mean over all tokens of the global batch, however it is shared out.
        """
        if self.other_loss is not None:
            with machine.autocast(self.precision, self.session.device):
                given = self.other_loss(model, batch.to(self.session.device))
            return differentiable(given, self.other_loss)
        own = self._own_part(batch)
        with machine.autocast(self.precision, self.session.device):
            loss: Tensor = self.loss(own.src, own.tgt_in, own.labels)
        return loss * (self.team.size / batch.n_target_tokens)

    def _own_part(self, batch: Batch) -> Batch:
        """Sentences of the global batch for this process; where there are none, one that does not count."""
        if self.team.size == 1:
            return batch.to(self.session.device)
        own = shard(batch, self.team.rank, self.team.size)
        if not len(own):
            own = Batch(batch.src[:1], batch.tgt_in[:1], torch.full_like(batch.labels[:1], PAD))
        return own.to(self.session.device)

    @property
    def _tokens_per_second(self) -> float:
        return self.position.tokens / max(1e-9, self.position.update_seconds)

    def _after_update(self, loss: float, progress: float) -> None:
        position, training = self.position, self.training
        if not loss < float("inf"):
            own = f"lower lr (now {training.lr:g}) or lengthen warmup_steps (now {training.warmup_steps})"
            lower = "let rate begin lower" if self.rate else own
            raise CourseError(f"the loss is {loss} at step {position.step}: {lower}, then start again.")
        self.log.show(
            step=position.step, progress=progress, loss=loss, seconds=position.seconds,
            tokens_per_second=self._tokens_per_second,
        )  # fmt: skip
        if position.step % training.log_every == 0:
            self._log_update(loss, progress)
        if progress < 1 and int(progress * training.validations) > position.validations:
            position.validations = int(progress * training.validations)
            self._validate()
        if progress < 1 and position.step % training.checkpoint_every == 0:
            self._keep_state()

    def _log_update(self, loss: float, progress: float) -> None:
        position = self.position
        rate = self.session.optimizer.param_groups[0]["lr"]
        self.log.record(
            step=position.step, epoch=position.epoch, loss=round(loss, 4), lr=rate, progress=round(progress, 4),
            seconds=round(position.seconds, 2), tokens=position.tokens,
            tokens_per_second=round(self._tokens_per_second, 1),
        )  # fmt: skip
        left = position.seconds * (1 - progress) / max(progress, 1e-9)
        self.log.say(
            f"step {position.step:>6,}  epoch {position.epoch + 1:>3}  loss {loss:6.3f}  lr {rate:.2e}  "
            f"{self._tokens_per_second:>7,.0f} tokens/s  {clock(left)} left"
        )

    def _validate(self) -> Validation | None:
        """Score, log, and keep the weights if they are the best so far. Only the leader does."""
        if not self.team.leads:
            return None
        position, model = self.position, self.session.scored_model
        result = validate(
            model, self.session.tokenizer, self.val_text, self.val_examples,
            sentences=self.training.validation_sentences,
        )  # fmt: skip
        self.log.record(step=position.step, seconds=round(position.seconds, 2), **_plain(result))
        self.log.say(
            f"step {position.step:>6,}  validation: loss {result.loss:.3f}, BLEU {result.bleu:.1f}, "
            f"chrF {result.chrf:.1f}"
        )
        for source, _, translation in result.samples:
            self.log.say(f"    {source}\n    -> {translation}")
        # The loss decides: it uses every validation pair, where BLEU uses some, and it moves in small steps.
        if result.loss < position.best_loss:
            position.best_loss, position.best_bleu = result.loss, result.bleu
            self.session.keep_best()
            run_folder.drop_previous(self.session.run)
        return result

    def _keep_state(self) -> None:
        if self.team.leads:
            self.session.keep()

    def _finish(self) -> TrainingResult:
        if not self.position.step:
            self._end_without_an_update()
        self.position.validations = self.training.validations
        self._validate()
        self._keep_state()
        self.team.wait()
        seconds = time.perf_counter() - self.started
        position = self.position
        self.log.record(
            step=position.step, finished=True, seconds=round(seconds, 2), tokens=position.tokens,
            tokens_per_second=round(self._tokens_per_second, 1),
        )  # fmt: skip
        self.log.say(
            f"done: {position.step:,} steps in {clock(seconds)}, {self._tokens_per_second:,.0f} target tokens/s, "
            f"best validation loss {position.best_loss:.3f}, BLEU {position.best_bleu:.1f}; "
            f"kept in {self.session.run}"
        )
        return self._result(seconds, finished=True)

    def _end_without_an_update(self) -> NoReturn:
        """An untrained model is no result: say so, and keep where the run stands, so that a later end can go on.

        A run that was to be replaced comes back instead, which it does where the new one has no state.
        """
        took, self.position.seconds = self.position.seconds, 0.0  # a later sitting has all its minutes
        if alone := not (self.session.run / PREVIOUS).is_dir():
            self._keep_state()
        self.team.wait()
        minutes = self.training.minutes or 0
        again = f"to start again or to resume it in {self.session.run}" if alone else "and the old run stays as it was"
        raise CourseError(
            f"the run ended before its first update: minutes is {minutes:g}, which is {60 * minutes:.1f} s, and "
            f"preparing the data took {took:.1f} s; give it more, {again}."
        )

    def _result(self, seconds: float, *, finished: bool) -> TrainingResult:
        position = self.position
        return TrainingResult(
            self.session.run, position.step, seconds, self._tokens_per_second, position.best_bleu,
            position.best_loss, finished,
        )  # fmt: skip


def _plain(result: Validation) -> dict[str, Any]:
    return {
        "val_loss": round(result.loss, 4),
        "bleu": round(result.bleu, 2),
        "chrf": round(result.chrf, 2),
        "samples": [list(sample) for sample in result.samples],
    }

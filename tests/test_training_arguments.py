"""What `train` refuses before any work, and what the functions of a user's own may return."""

from pathlib import Path

import numpy as np
import pytest
import torch

from course.data import ParallelText
from course.errors import CourseError
from course.lab.widgets.live import live
from course.model import TransformerConfig
from course.training import train, training_step
from tests.training_toys import SMALL, backward_corpus, short_training

TEXTS = dict(zip(("train_text", "val_text"), backward_corpus(), strict=True))
BLANK = ParallelText(("", "one"), ("eins", ""))


def trained(run, **changes):
    arguments = {"model_options": SMALL, "training": short_training(max_steps=2, validations=1), "vocab_size": 280}
    return train(run, **(TEXTS | arguments | changes))


BAD = [
    ({"train_text": (["a"], ["b"])}, r"train_text is a tuple; give a ParallelText"),
    ({"val_text": None}, "val_text is a NoneType; give a ParallelText"),
    ({"val_text": BLANK}, "None of the 2 sentence pairs of val_text has text on both sides"),
    ({"val_text": ParallelText((), ())}, "None of the 0 sentence pairs of val_text has text on both sides"),
    ({"training": {"max_steps": 3}}, "training is a dict; give a TrainingConfig"),
    ({"model_options": TransformerConfig(280, 280)}, r"model_options is a TransformerConfig; give a dictionary"),
    ({"model_options": SMALL | {"src_vocab_size": 10}}, "has src_vocab_size 10, and vocab_size is 280"),
    ({"corpus": {"folder": Path()}}, r"corpus is .*Path.*; it must be a dictionary of text"),
    ({"corpus": "mine"}, "corpus is 'mine'; it must be a dictionary"),
    ({"stop": True}, "stop is True; give a function"),
    ({"rate": 1e-3}, r"rate is 0\.001; give a function"),
    ({"watcher": print}, r"watcher is a builtin_function_or_method without said\(\)"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_what_cannot_work_is_refused_before_the_folder_is_made(tmp_path, changes, message):
    with pytest.raises(CourseError, match=message):
        trained(tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_a_live_training_refuses_before_a_finished_run_is_set_aside(tmp_path):
    trained(tmp_path / "run")
    arguments = {"model_options": SMALL, "training": short_training(), "vocab_size": 280}
    with pytest.raises(CourseError, match="val_text is a list"):
        live(TEXTS["train_text"], [("one", "eins")], run=tmp_path / "run", **arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_sizes_that_agree_with_the_vocabulary_are_no_contradiction(tmp_path):
    options = TransformerConfig(280, 280, **SMALL).to_dict()
    assert trained(tmp_path / "run", model_options=options).steps == 2


def test_a_folder_no_system_can_make_is_named(tmp_path):
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(CourseError, match="cannot write to .*choose another folder"):
            trained(tmp_path / name)


RETURNS = [
    ({"step": lambda *given: training_step(*given) and None}, "returned None; it must return the loss of the batch"),
    ({"rate": lambda n: None}, r"rate\(1\) returned None; it must return the learning rate as a number"),
    ({"rate": lambda n: float("nan") if n > 1 else 1e-3}, r"rate\(2\) returned nan; a learning rate is a finite"),
    ({"rate": lambda n: -1e-3}, r"rate\(1\) returned -0\.001"),
    ({"mean_loss": lambda model, batch: 1.0}, r"<lambda> returned 1\.0; it must return the mean loss as a tensor"),
    ({"mean_loss": lambda model, batch: torch.tensor(1.0)}, r"a tensor of the shape \(\), without a gradient"),
    ({"mean_loss": lambda model, batch: model.output.weight}, r"a tensor of the shape \(\d+, 32\), with a gradient"),
]


@pytest.mark.parametrize(("functions", "message"), RETURNS, ids=[message[:30] for _, message in RETURNS])
def test_what_own_functions_may_not_return(tmp_path, functions, message):
    with pytest.raises(CourseError, match=message):
        trained(tmp_path / "run", **functions)


def test_a_number_of_numpy_or_torch_is_a_number(tmp_path):
    plain = trained(tmp_path / "plain", rate=lambda n: 1e-3)
    numbers = trained(
        tmp_path / "numbers",
        rate=lambda n: torch.tensor(1e-3, dtype=torch.float64),
        step=lambda *given: np.float64(training_step(*given)),
    )
    assert numbers.loss == plain.loss


def test_the_advice_for_a_loss_that_exploded_names_ones_own_rate(tmp_path):
    def exploded(*given):
        training_step(*given)
        return float("inf")

    with pytest.raises(CourseError, match="the loss is inf at step 1: let rate begin lower, then start again"):
        trained(tmp_path / "a", step=exploded, rate=lambda n: 1e-3)
    with pytest.raises(CourseError, match=r"lower lr \(now 0\.005\)"):
        trained(tmp_path / "b", step=exploded)

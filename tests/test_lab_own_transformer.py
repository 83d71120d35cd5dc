"""The Transformer that a learner wrote: the package's function, trained like its model, and each fault named."""

import linecache
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course.data import Tokenizer, encode_pairs, length_bucketed_batches, load_corpus
from course.evaluation import score_split
from course.lab import exercises
from course.lab.exercises import workbook
from course.lessons.lesson_07 import reference as lesson_07
from course.lessons.lesson_12 import trials
from course.lessons.lesson_12.assembly import OwnPieces, own_pieces
from course.lessons.lesson_12.own_transformer import (
    TRAINED,
    OwnTraining,
    OwnTransformer,
    largest_difference,
    options,
    say,
    theirs,
)
from course.lessons.lesson_12.tables import pieces_table, plan_table
from course.lessons.lesson_12.trials import plan_training, tried_out
from course.model import Transformer, TransformerConfig, padding_mask
from course.special import PAD
from course.training import PRESETS, TrainingConfig, train
from course.training.loop import SummedLoss
from course.translator import Translator
from tests.training_toys import SMALL, backward_corpus, short_training

ROOT = Path(__file__).resolve().parent.parent
OWN = options(SMALL)
CORPUS = "embedded-en-de"
NAMES = (*TRAINED, "greedy", "beam", "training_step")


@pytest.fixture(autouse=True)
def _own_workbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    yield
    torch.set_grad_enabled(True)  # a lesson's first cell may have switched gradients off


def references(**owners):
    """All pieces the references, called the learner's where asked."""
    functions = {name: exercises.reference(name) for name in NAMES}
    return OwnPieces(functions, dict.fromkeys(NAMES, "the reference") | owners)


ALL_THEIRS = dict.fromkeys(NAMES, "yours")


@pytest.fixture(scope="module")
def task():
    """A model of random weights, a batch, and the training that belongs to it."""
    text = backward_corpus()[0]
    tokenizer = Tokenizer.train([*text.source, *text.target], vocab_size=280)
    sizes = dict.fromkeys(("src_vocab_size", "tgt_vocab_size"), tokenizer.vocab_size)
    batch = length_bucketed_batches(encode_pairs(text, tokenizer), max_tokens=200, seed=0, epoch=0)[0]
    torch.manual_seed(0)
    model = Transformer(TransformerConfig.from_dict(OWN | sizes | {"n_encoder_layers": 2, "n_decoder_layers": 2}))
    assert (batch.labels == PAD).any()
    return model, batch, short_training(label_smoothing=0.1)


def gradient(model):
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def test_loss_and_gradient_are_the_package_s(task):
    model, batch, _ = task
    package = SummedLoss(model, 0.0)
    (package(batch.src, batch.tgt_in, batch.labels) / batch.n_target_tokens).backward()
    wanted = gradient(model)
    model.zero_grad()
    own = OwnTransformer(references(**ALL_THEIRS), model.config)
    loss = own.mean_loss(model, batch)
    loss.backward()
    assert torch.allclose(gradient(model), wanted, atol=1e-6)
    model.zero_grad()


def test_smoothing_is_that_of_the_piece(task):
    model, batch, training = task
    own = OwnTraining(references(**ALL_THEIRS), training, model.config.d_model)
    with torch.no_grad():
        found = own.mean_loss(model, batch)
        logits = model(batch.src, batch.tgt_in, src_mask=padding_mask(batch.src, pad=PAD)).flatten(0, 1).log_softmax(-1)
        real = batch.labels.flatten() != PAD
        V = logits.shape[1]
        others = logits[:, PAD + 1 :].sum(1) - logits.gather(1, batch.labels.flatten()[:, None])[:, 0]
        right = logits.gather(1, batch.labels.flatten()[:, None])[:, 0]
        wanted = -(0.9 * right + 0.1 / (V - 2) * others)[real].mean()
    assert torch.allclose(found, wanted, atol=1e-5)


def test_the_rate_is_the_recipe_s_at_its_peak(task):
    model, _, training = task
    own = OwnTraining(references(), training, model.config.d_model)
    rates = [own.rate(step) for step in range(1, 30)]
    assert max(rates) == pytest.approx(training.lr)
    assert rates.index(max(rates)) + 1 == training.warmup_steps


def test_only_models_of_lesson_08_s_kind():
    sizes = dict.fromkeys(("src_vocab_size", "tgt_vocab_size"), 50)
    for name, value in (("norm", "post"), ("positions", "rotary"), ("bias", False), ("tie", "decoder")):
        with pytest.raises(Exception, match=name):
            OwnTransformer(references(), TransformerConfig.from_dict(OWN | sizes | {name: value}))


# --- whose piece is called ---------------------------------------------------------------------------------------


def kept(text, name):
    """A piece as the workbook gives it back: executed from its source, in a namespace of its own."""
    namespace = {"__name__": "workbook_piece", "called": []}
    filename = f"<{name}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), namespace)
    return namespace[name], namespace["called"]


NORM = """
import torch

def layer_norm(x, gain, bias, eps=1e-5):
    called.append(tuple(x.shape))
    return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias, eps)
"""
LAYER = """
from torch import nn
from course.lessons.lesson_07.reference import FeedForward, MultiHeadAttention, layer_norm, residual_block
import torch

class Norm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))

    def forward(self, x):
        return layer_norm(x, self.gain, self.bias)

class EncoderLayer(nn.Module):
    def __init__(self, d_model, n_heads, d_ff, dropout=0.0):
        super().__init__()
        self.second, self.first = Norm(d_model), nn.LayerNorm(d_model)
        self.think, self.look = FeedForward(d_model, d_ff), MultiHeadAttention(d_model, n_heads)
        self.drop = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        called.append(tuple(x.shape))
        x = residual_block(x, self.first, lambda y: self.look(y, y, mask), self.drop)
        y = layer_norm(x, self.second.gain, self.second.bias)
        return x + self.drop(self.think(y))
"""


def with_pieces(**found):
    pieces = references(**dict.fromkeys(found, "yours"))
    return replace(pieces, functions={**pieces.functions, **found})


def test_a_piece_is_called_from_references_and_from_kept_pieces(task):
    model, batch, training = task
    norm, norms = kept(NORM, "layer_norm")
    layer, layers = kept(LAYER, "EncoderLayer")
    exercises.diagnose("EncoderLayer", layer)  # as the check does when it is kept: finds the order of its parts
    OwnTraining(with_pieces(layer_norm=norm), training, 32).mean_loss(model, batch)
    alone = len(norms)
    assert alone >= 2 * 2 + 2 * 3 + 2  # each norm of two layers on either side, and the two last ones
    norms.clear(), layers.clear()
    OwnTraining(with_pieces(layer_norm=norm, EncoderLayer=layer), training, 32).mean_loss(model, batch)
    assert layers
    assert 0.75 * alone < len(norms) < alone  # 10 of 12: its second norm calls the piece too, its first is torch's
    assert lesson_07.layer_norm is exercises.reference("layer_norm"), "the reference's module is left alone"


DECORATED = """
import functools
import torch

def loud(f):
    @functools.wraps(f)
    def wrapper(*given, **named):
        return f(*given, **named)
    return wrapper

@loud
def layer_norm(x, gain, bias, eps=1e-5):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias, eps)

PART = functools.partial(layer_norm, eps=1e-5)
"""


@pytest.mark.parametrize("name", ["layer_norm", "PART"])
def test_a_piece_with_something_around_it_is_seen_at_work(task, name):
    model, batch, training = task
    use, said = tried_out(with_pieces(layer_norm=kept(DECORATED, name)[0]), batch, model.config, training)
    assert theirs(use) == ("layer_norm",)
    assert [(trial.why, trial.called) for trial in said] == [("", True)] * 2


# --- one piece at a time -----------------------------------------------------------------------------------------


FAULTS = {
    "prints": ("layer_norm", "print('here')\n    return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias)",
               "prints, and would do so at every update"),
    "raises": ("layer_norm", "raise ValueError('no')", "raised ValueError"),
    "other": ("layer_norm", "return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias, 0.1)",
              "does not fit the others"),
    "slow": ("layer_norm", "time.sleep(0.02)\n    return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias)",
             "times as long, and the limit is 3"),
    "no gradient": ("layer_norm", "return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias).detach()",
                    "gives another loss on a real batch"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "body", "why"), FAULTS.values(), ids=FAULTS)
def test_a_piece_with_a_fault_is_named_and_the_reference_steps_in(task, capsys, name, body, why):
    model, batch, training = task
    text = f"import time, torch\n\ndef layer_norm(x, gain, bias, eps=1e-5):\n    {body}\n"
    found, _ = kept(text, name)
    pieces = with_pieces(layer_norm=found, residual_block=lesson_07.residual_block)
    use, said = tried_out(pieces, batch, model.config, training)
    by_name = {trial.exercise: trial.why for trial in said}
    assert why in by_name["layer_norm"]
    assert by_name["residual_block"] == ""
    assert theirs(use) == ("residual_block",)
    assert use["layer_norm"] is exercises.reference("layer_norm")
    assert use.owners["layer_norm"].startswith("the reference (yours ")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("shift", lambda tgt: (tgt[:, :-1], tgt[:, :-1])),
        ("smooth_labels", lambda target, V, pad, eps: nn.functional.one_hot(target, V).double()),
        ("noam", lambda step, d, warmup: d**-0.5 * step**-0.5),
        ("decoder_mask", lambda tokens, pad: np.ones((len(tokens), 1, tokens.shape[1], tokens.shape[1]), dtype=bool)),
        ("positional_encoding", lambda T, d: np.zeros((T, d))),
        ("stack", lambda make, n, x: (nn.ModuleList([make()] * n), x)),
    ],
)
def test_every_kind_of_piece_counts(task, name, piece):
    """A wrong one of any kind shows in the loss, the gradient, the rate or the weights that find no place."""
    model, batch, training = task
    _, said = tried_out(with_pieces(**{name: piece}), batch, model.config, training)
    assert said[0].why, name


def test_all_references_take_about_as_long(task):
    """The trial of pieces that all fit keeps them all."""
    model, batch, training = task
    use, said = tried_out(references(**ALL_THEIRS), batch, model.config, training)
    assert theirs(use) == TRAINED
    assert [trial.why for trial in said] == [""] * (len(TRAINED) + 1)


def test_a_piece_that_nothing_calls_is_told(task):
    """With smoothing nothing calls the loss; the layers call the norm."""
    model, batch, training = task
    norm, _ = kept(NORM, "layer_norm")
    _, said = tried_out(with_pieces(layer_norm=norm), batch, model.config, training)
    assert [(trial.exercise, trial.called) for trial in said[:-1]] == [("layer_norm", True)]
    _, said = tried_out(with_pieces(loss=lambda logits, labels, pad: None), batch, model.config, training)
    assert [(trial.exercise, trial.called) for trial in said[:-1]] == [("loss", False)]


# --- trained ------------------------------------------------------------------------------------------------------


def run_on(pieces, folder, *, stop_at=None, resume=False, **changes):
    training = short_training(**changes)
    own = OwnTraining(pieces, training, OWN["d_model"])
    steps = iter(range(10_000))
    stop = None if stop_at is None else (lambda: next(steps) >= stop_at)
    train(
        folder, *backward_corpus(), model_options=OWN, training=training, vocab_size=280, resume=resume,
        mean_loss=own.mean_loss, rate=own.rate, stop=stop,
    )  # fmt: skip
    return Translator.load(folder)


def test_a_run_on_own_pieces_can_be_stopped_and_resumed(tmp_path):
    straight = run_on(references(**ALL_THEIRS), tmp_path / "straight", max_steps=10)
    run_on(references(**ALL_THEIRS), tmp_path / "stopped", max_steps=10, stop_at=5)
    resumed = run_on(references(**ALL_THEIRS), tmp_path / "stopped", max_steps=10, resume=True)
    for a, b in zip(straight.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_it_learns_and_speaks_as_the_package_does(tmp_path):
    settings = {"max_steps": 300, "validations": 1, "log_every": 100, "checkpoint_every": 300, "lr": 1e-2}
    translator = run_on(references(**ALL_THEIRS), tmp_path / "run", **settings)
    val = backward_corpus()[1]
    texts = list(val.source[:8])
    package = [each.text for each in translator.translate(texts, beam=1)]
    assert sum(a == b for a, b in zip(package, val.target, strict=False)) >= 6
    pieces = references(**ALL_THEIRS)
    assert say(pieces, translator, texts) == package
    assert len(say(pieces, translator, texts[:2], beam=3)) == 2
    assert largest_difference(pieces, translator, dict(zip(val.source, val.target, strict=True))) < 1e-4


# --- the plan of the lesson ---------------------------------------------------------------------------------------

SETTINGS = PRESETS["3min"].training.to_dict() | {"minutes": None, "max_steps": 900}


def test_without_pieces_the_package_s_model_is_planned():
    training = TrainingConfig.from_dict(SETTINGS)
    plan = plan_training(own_pieces(), PRESETS["3min"], training, CORPUS)
    assert not plan.own
    assert plan.model_options == PRESETS["3min"].model
    assert plan.training == training
    assert "the package's own model" in plan_table(plan).alt


def test_with_a_piece_the_learner_s_transformer_is_planned():
    assert workbook.keep("layer_norm", torch_norm)
    plan = plan_training(own_pieces(), PRESETS["3min"], TrainingConfig.from_dict(SETTINGS), CORPUS)
    assert plan.own
    assert plan.training.max_steps == trials.BUDGET * 900
    assert plan.model_options["positions"] == "sinusoidal"
    assert [trial.exercise for trial in plan.trials] == ["layer_norm", "all"]
    table = plan_table(plan).alt
    assert "layer_norm" in table
    assert "times" in table


def torch_norm(x, gain, bias, eps=1e-5):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias, eps)


# --- everything from the notebooks' own cells ---------------------------------------------------------------------


HELPERS = ("speeds", "helpers")  # cells with a function that answers use
AT_WORK = ("ten-sentences",)  # cells that load a piece to show it at work


def solve(lesson):
    """Run a lesson's cells that define, load and check pieces, as in its solved notebook; those that pass are kept."""
    pytest.importorskip("jupytext", reason="reading lessons needs the extra 'author'")
    from course.authoring.source import read_lesson

    (source,) = (ROOT / "solutions").glob(f"{lesson}_*.py")
    namespace = {"__name__": "__main__"}
    for cell in read_lesson(source).cells:
        text = cell.source
        wanted = cell.id == "setup" or any(mark in text for mark in ("### BEGIN SOLUTION", "workbook.load", "check("))
        if cell.cell_type == "code" and (wanted or cell.id in HELPERS) and cell.id not in AT_WORK:
            filename = f"<lesson {lesson}, {cell.id}>"
            linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
            exec(compile(text, filename, "exec"), namespace)


@pytest.mark.slow
def test_a_translator_of_the_notebooks_own_cells_learns(tmp_path, capsys):
    """All pieces from the solved notebooks, through the workbook, for twice the lesson's updates."""
    for lesson in ("05", "06", "07", "08", "10", "11"):
        solve(lesson)
        torch.set_grad_enabled(True)  # each lesson has a kernel of its own
    pieces = own_pieces()
    assert theirs(pieces) == TRAINED, pieces_table(pieces).alt
    settings = SETTINGS | {"threads": 2, "log_every": 300}
    plan = plan_training(pieces, PRESETS["3min"], TrainingConfig.from_dict(settings), CORPUS)
    assert theirs(plan.pieces) == TRAINED, plan_table(plan).alt
    assert [trial.exercise for trial in plan.trials if not trial.called] == ["loss"], plan_table(plan).alt
    threads = torch.get_num_threads()
    try:
        train(
            tmp_path / "run", load_corpus(CORPUS, "train"), load_corpus(CORPUS, "dev"), vocab_size=2000,
            model_options=plan.model_options, training=plan.training, corpus={"name": CORPUS}, **plan.hooks,
        )  # fmt: skip
        translator = Translator.load(tmp_path / "run")
        assert score_split(translator, CORPUS, "test_iid").exact_match >= 95
    finally:
        torch.set_num_threads(threads)
    dev = load_corpus(CORPUS, "dev")
    assert largest_difference(plan.pieces, translator, dict(zip(dev.source[:40], dev.target[:40], strict=True))) < 1e-5
    found = say(plan.pieces, translator, list(dev.source[:10]), beam=4)
    assert sum(a == b for a, b in zip(found, dev.target, strict=False)) >= 8

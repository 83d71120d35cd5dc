"""What is too large, too small or no number at all: refused with figures, before any work."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from course import memory
from course.cli import main
from course.data import Tokenizer
from course.decoding import LengthPenalty, beam_search, greedy, sample, sampling_probabilities
from course.errors import CourseError
from course.model import (
    RecurrentConfig,
    TransformerConfig,
    count_parameters,
    decoding_bytes,
    make_model,
    training_bytes,
    weight_bytes,
)
from course.training import TrainingConfig, machine, train
from course.training.checkpoint import read_run_file
from course.training.loop import SummedLoss
from course.translator import Translator
from tests.training_toys import SMALL, backward_corpus, short_training

CONFIGS = [
    TransformerConfig(90, 90, d_model=16, n_heads=2, d_ff=24, n_encoder_layers=2, n_decoder_layers=1, tie="all"),
    TransformerConfig(50, 70, d_model=12, n_heads=2, d_ff=8, positions="learned", output_bias=True, max_len=9),
    TransformerConfig(50, 70, d_model=12, n_heads=2, d_ff=8, positions="rotary", norm="post", bias=False),
    TransformerConfig(50, 70, d_model=6, n_heads=1, d_ff=8, n_encoder_layers=0, n_decoder_layers=0, tie="decoder"),
    RecurrentConfig(50, 70, d_model=12),
    RecurrentConfig(70, 70, d_model=12, architecture="lstm", n_layers=3, attention="local-p", tie="all"),
    RecurrentConfig(50, 70, d_model=12, architecture="rnn", bidirectional=False, attention="none", output_bias=True),
]


def set_memory(monkeypatch, size: int):
    monkeypatch.setattr(memory, "memory_here", lambda device=None: size)


# --- estimates


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_the_formula_counts_what_the_model_has(config):
    model = make_model(config)
    count = sum(p.numel() for p in model.parameters())
    assert count_parameters(config) == count
    assert weight_bytes(config) >= 4 * count


SIZES = {"d_model": 64, "max_len": 64}
LARGER = [
    TransformerConfig(500, 500, **SIZES, n_heads=4, d_ff=128, n_encoder_layers=2, n_decoder_layers=2, dropout=0.0),
    TransformerConfig(3000, 3000, **SIZES, n_heads=2, d_ff=256, n_encoder_layers=1, n_decoder_layers=3),
    RecurrentConfig(500, 500, **SIZES),
    RecurrentConfig(500, 500, **SIZES, attention="dot", n_layers=2),
]


@pytest.mark.parametrize("config", LARGER, ids=["transformer", "deep decoder", "additive", "dot"])
def test_what_training_keeps_is_estimated_within_a_factor_of_two(config):
    """Against the tensors that are kept for the backward pass, each once."""
    model = make_model(config)
    src = torch.randint(4, 500, (20, 30))
    kept: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        SummedLoss(model, 0.1)(src, src, src)
    sizes = {"length": 30, "averaged": True}
    of_the_batch = training_bytes(config, tokens=600, **sizes) - training_bytes(config, tokens=0, **sizes)
    assert sum(kept.values()) / 2 < of_the_batch < 2 * sum(kept.values()) + 2 * 4 * 600 * config.tgt_vocab_size


def test_the_estimate_of_decoding_holds_the_cache():
    config = LARGER[0]
    model = make_model(config).eval()
    cache = model.start_cache(torch.randn(3, 20, 64), beam_size=4)
    for _ in range(33):
        model.step(torch.full((12,), 5), cache)
    held = sum(t.numel() * 4 for layer in cache.layers for t in vars(layer).values())
    found = decoding_bytes(config, sentences=3, beam=4, source=20, target=33)
    assert held < found - weight_bytes(config) < 6 * held
    for more in ({"sentences": 6}, {"beam": 8}, {"source": 40}, {"target": 60}):
        sizes = {"sentences": 3, "beam": 4, "source": 20, "target": 33}
        assert decoding_bytes(config, **(sizes | more)) > found


def test_the_memory_of_a_container_counts(monkeypatch, tmp_path):
    computer = memory.memory_here()
    assert 1e8 < computer < 1e15
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CONTAINER_LIMITS", (str(limit), str(tmp_path / "none")))
    for text, expected in (("max\n", False), ("100000000\n", True)):
        limit.write_text(text, encoding="ascii")
        assert (memory.memory_here() == 100_000_000) is expected


def test_what_memory_cannot_hold_is_refused_with_figures():
    with pytest.raises(CourseError, match=r"^it would need about 197,000,000 GB, but this computer has .* GB: choo"):
        memory.require_memory(197 * 10**15, "it", "size")


HUGE = [
    {"d_model": 10**6}, {"d_ff": 10**9}, {"max_len": 10**10}, {"tgt_vocab_size": 10**10},
    {"max_len": 10**10, "positions": "learned"}, {"max_len": 10**11, "positions": "rotary"},
]  # fmt: skip


@pytest.mark.parametrize("sizes", HUGE, ids=str)
def test_a_model_that_does_not_fit_is_refused_not_tried(sizes):
    with pytest.raises(CourseError, match=r"parameters would need about [\d,]+ GB, but this computer has \d+"):
        make_model(TransformerConfig(**({"src_vocab_size": 9, "tgt_vocab_size": 9} | sizes)))


def test_a_recurrent_model_that_does_not_fit_is_refused_too():
    with pytest.raises(CourseError, match="would need"):
        make_model(RecurrentConfig(9, 9, d_model=10**6))


@pytest.mark.parametrize(
    "changes", [{"batch_tokens": 10**9}, {"model": {"d_model": 2**20}}, {"model": {"max_len": 10**9}}], ids=str
)
def test_a_training_that_does_not_fit_is_refused_before_its_folder_is_made(changes, tmp_path, monkeypatch):
    set_memory(monkeypatch, 1_000_000)
    settings = {name: value for name, value in changes.items() if name != "model"}
    with pytest.raises(CourseError, match=r"^training [\d,]+ parameters would need about .* choose a smaller batch"):
        train(
            tmp_path / "r", *backward_corpus(), vocab_size=300, model_options=SMALL | changes.get("model", {}),
            training=short_training(**settings),
        )  # fmt: skip
    assert not (tmp_path / "r").exists()


def test_a_vocabulary_beyond_what_a_text_can_fill_costs_nothing():
    lines = ["one two three", "one two four"]
    assert Tokenizer.train(lines, vocab_size=10**12).merges == Tokenizer.train(lines, vocab_size=1000).merges


@pytest.mark.parametrize("cls", [TransformerConfig, RecurrentConfig])
def test_a_million_layers_are_a_slip_of_the_hand(cls):
    name = "n_layers" if cls is RecurrentConfig else "n_decoder_layers"
    with pytest.raises(CourseError, match=f"{name} is 1000000; it must be at most 1,000"):
        cls(9, 9, **{name: 10**6})


def test_a_wide_model_with_heads_that_do_not_divide_it_is_refused_at_once():
    with pytest.raises(CourseError, match="such as 1, or another d_model"):
        TransformerConfig(9, 9, d_model=2_147_483_647, n_heads=2**29)


# --- decoding


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    size = TOKENIZER.vocab_size
    return make_model(replace(LARGER[0], src_vocab_size=size, tgt_vocab_size=size)).eval()


TOKENIZER = Tokenizer.train(["a b"], vocab_size=300)
SRC = torch.tensor([[7, 8, 9, 2]])


def test_a_search_that_does_not_fit_is_refused(model, monkeypatch):
    with pytest.raises(CourseError, match=r"decoding 1 sentence at once with a beam of 1,000,000 would need"):
        beam_search(model, SRC, beam_size=10**6, max_len=60)
    set_memory(monkeypatch, 10**6)
    for search in (greedy, sample):
        with pytest.raises(CourseError, match="decoding 1 sentence at once with a beam of 1 would need"):
            search(model, SRC, max_len=60)


def test_a_translator_looks_at_the_longest_sentences_first(model, monkeypatch):
    translator = Translator(model, TOKENIZER)
    decoded = []
    monkeypatch.setattr(Translator, "_decode", lambda *arguments: decoded.append(arguments))
    set_memory(monkeypatch, 20_000_000)
    with pytest.raises(CourseError, match="decoding 1,001 sentences at once with a beam of 5 would need"):
        translator.translate([*["a"] * 1000, "a b " * 15], batch_size=10**9)
    assert not decoded


BAD_CHOICES = [
    ({"beam": 100_000}, "beam size is 100,000; above 1,000 it only takes time"),
    ({"beam": 2.0}, r"whole number, but is 2\.0"), ({"beam": True}, "is True"), ({"beam": "5"}, "is '5'"),
    ({"batch_size": 64.0}, r"batch size must be a whole number, but is 64\.0"), ({"batch_size": "64"}, "is '64'"),
    ({"n_best": 1.5}, "n_best must be a whole number"), ({"max_len": "9"}, "max_len must be a whole number"),
    ({"length_penalty": 1e308}, "from 0 to 10, but is 1e"), ({"length_penalty": "1"}, "is '1'"),
    ({"length_penalty": float("nan")}, "is nan"),
]  # fmt: skip


@pytest.mark.parametrize(("choice", "message"), BAD_CHOICES, ids=[str(choice) for choice, _ in BAD_CHOICES])
def test_choices_that_cannot_work(model, choice, message):
    with pytest.raises(CourseError, match=message):
        Translator(model, TOKENIZER).translate(["a"], **choice)


def test_numbers_of_numpy_are_numbers(model):
    found = beam_search(model, SRC, beam_size=np.int64(3), n_best=np.int64(2), max_len=np.int64(5))
    assert found == beam_search(model, SRC, beam_size=3, n_best=2, max_len=5)


@pytest.mark.parametrize("top_p", [1e-300, 5e-324, 1e-45, 1e-8, np.float32(1e-9)])
def test_a_top_p_next_to_nothing_keeps_the_best_token(top_p):
    logits = torch.tensor([[0.1, 2.0, 1.0, -torch.inf], [3.0, 1.0, 0.0, -1.0]])
    found = sampling_probabilities(logits, top_p=float(top_p))
    assert found.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e30, 1e300, 1.7e308])
def test_extreme_temperatures_give_probabilities(temperature):
    logits = torch.tensor([[0.1, 2.0, 1.0, -torch.inf]])
    found = sampling_probabilities(logits, temperature=temperature, top_k=99)
    assert found.sum().item() == pytest.approx(1)
    assert found[0, 3] == 0
    assert found[0, :3].tolist() == pytest.approx([0, 1, 0] if temperature < 1 else [1 / 3] * 3, abs=1e-6)


@pytest.mark.parametrize(
    "choice",
    [{"temperature": float("inf")}, {"temperature": "1"}, {"temperature": True}, {"top_k": 2.5}, {"top_k": True},
     {"top_p": "0.5"}, {"top_p": float("nan")}, {"max_len": 2**70}, {"max_len": "9"}],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_sampled_with(model, choice):
    with pytest.raises(CourseError, match="must be"):
        sample(model, SRC, **({"max_len": 5} | choice))


def test_the_largest_length_penalty_is_a_finite_number():
    assert LengthPenalty("gnmt", 10)(torch.tensor([100_000])).isfinite().all()


# --- the numbers of a training

BAD_NUMBERS = [
    ({"minutes": "3"}, "minutes is '3'; it must be a finite number"), ({"minutes": float("inf")}, "finite"),
    ({"max_steps": 2.5}, r"max_steps is 2\.5; it must be a whole"), ({"max_steps": True}, "max_steps is True"),
    ({"batch_tokens": 1e9}, "whole number"), ({"batch_tokens": None}, "batch_tokens is None"),
    ({"threads": "2"}, "threads is '2'"), ({"seed": 2**70}, "seed is .*; it must be between"),
    ({"seed": -(2**70)}, "must be between"), ({"seed": 1.0}, "whole number"), ({"lr": float("nan")}, "finite"),
    ({"lr": "fast"}, "lr is 'fast'"), ({"weight_decay": float("nan")}, "finite"), ({"clip": 0}, "above 0"),
    ({"label_smoothing": 1.0}, "below 1"), ({"ema_decay": None}, "finite"), ({"warmup_steps": 0.5}, "whole number"),
    ({"precision": ["auto"]}, "must be one of"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD_NUMBERS, ids=[str(change) for change, _ in BAD_NUMBERS])
def test_numbers_that_cannot_work_are_named(change, message):
    with pytest.raises(CourseError, match=message):
        TrainingConfig(**({"max_steps": 5} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"d_model": np.int64(16)}, "of type int64; it must be a whole"), ({"dropout": True}, "dropout is True"),
     ({"bias": "false"}, "bias is 'false'; it must be True or False"), ({"norm_eps": float("inf")}, "norm_eps is inf"),
     ({"final_norm": 1}, "final_norm is 1")],
    ids=str,
)  # fmt: skip
def test_values_of_another_type_are_named(change, message):
    with pytest.raises(CourseError, match=message):
        TransformerConfig(9, 9, **change)


# --- the probe for bfloat16, and a run without an update

CPU = torch.device("cpu")


class Stopwatch:
    """Seconds of a product as a machine would measure them, by its type."""

    def __init__(self, wide, narrow):
        self.times = {torch.float32: iter(wide), torch.bfloat16: iter(narrow)}
        self.products = 0

    def __call__(self, a, b):
        self.products += 1
        return next(self.times[a.dtype])


@pytest.mark.parametrize(
    ("wide", "narrow", "faster"),
    [
        ([4.0] * 9, [1.0] * 9, True),
        ([1.0] * 9, [1.0] * 9, False),
        ([1.0] * 9, [3.0] * 9, False),
        ([9.0, 4.0, 30.0, 4, 4, 4, 4, 4, 4], [1.0, 25.0, 1.0, 50.0, 1, 1, 1, 1, 1], True),  # a busy machine
        ([4.0, 1.1, 4, 4, 4, 4, 4, 4, 4], [1.0] * 9, False),  # once as fast: in doubt
        ([4.0] + [1.0] * 8, [1.0] * 8 + [0.1], False),  # one lucky product
    ],
)
def test_the_probe_is_not_misled_by_a_busy_machine(wide, narrow, faster, monkeypatch):
    monkeypatch.setattr(machine, "PROBE_SECONDS", 1e9)
    watch = Stopwatch(wide, narrow)
    assert machine.bfloat16_is_faster(CPU, watch) is faster
    assert watch.products == 2 * machine.TURNS


def test_the_probe_ends_in_time_and_says_no_where_it_has_seen_too_little(monkeypatch):
    monkeypatch.setattr(machine, "PROBE_SECONDS", 0.0)
    watch = Stopwatch([], [])
    assert machine.bfloat16_is_faster(CPU, watch) is False
    assert watch.products == 0


def test_a_resumed_run_keeps_the_precision_that_was_measured(tmp_path, monkeypatch):
    run, text = tmp_path / "r", backward_corpus()
    monkeypatch.setattr(machine, "bfloat16_is_faster", lambda device: False)
    training = short_training(precision="auto", max_steps=2)
    train(run, *text, model_options=SMALL, training=training, vocab_size=300)
    assert read_run_file(run)["precision"] == "float32"

    def again(device):
        raise AssertionError("measured again")

    monkeypatch.setattr(machine, "bfloat16_is_faster", again)
    said = []
    watcher = type("Watcher", (), {"said": said.append, "recorded": lambda *a: None, "updated": lambda *a, **b: None})
    train(run, *text, model_options=SMALL, training=replace(training, max_steps=3), resume=True, watcher=watcher)
    assert "float32" in said[0]


def test_the_probe_does_not_count_against_the_minutes(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("course.training.loop.time.perf_counter", lambda: now[0])

    def slow(device):
        now[0] += 1000.0
        return False

    def step(model, batch, optimizer, mean_loss, clip):
        now[0] += 20.0
        return 1.0

    monkeypatch.setattr(machine, "bfloat16_is_faster", slow)
    training = short_training(precision="auto", max_steps=None, minutes=1)
    result = train(
        tmp_path / "r", *backward_corpus(), model_options=SMALL, training=training, vocab_size=300, step=step
    )
    assert result.steps == 3
    assert result.seconds == pytest.approx(60)


def test_a_run_without_an_update_fails_and_can_be_given_a_later_end(tmp_path):
    run, text = tmp_path / "r", backward_corpus()
    training = short_training(max_steps=None, minutes=1e-9)
    with pytest.raises(CourseError, match="ended before its first update: minutes is 1e-09, .* give it more") as said:
        train(run, *text, model_options=SMALL, training=training, vocab_size=300)
    assert "--" not in str(said.value)
    assert not (run / "best.safetensors").exists()
    later = replace(training, minutes=None, max_steps=3)
    assert train(run, *text, model_options=SMALL, training=later, resume=True).steps == 3
    assert (run / "best.safetensors").exists()


def test_the_command_fails_with_an_untrained_model(tmp_path, capsys):
    for name, word in (("a.en", "word"), ("a.de", "Wort")):
        (tmp_path / name).write_text("".join(f"{word} {i}\n" for i in range(30)), encoding="utf-8")
    files = ["--source", str(tmp_path / "a.en"), "--target", str(tmp_path / "a.de"), "--out", str(tmp_path / "r")]
    assert main(["train", *files, "--minutes", "1e-9", "--precision", "float32", "--vocab-size", "260"]) == 2
    assert "course: the run ended before its first update" in capsys.readouterr().err
    assert main(["translate", "--model", str(tmp_path / "r"), "word"]) == 2


# --- odd values for every option

ODD = ["0", "-1", "1e-300", "1e9", "1e308", "nan", "inf", "none", "", " ", "1.5", "99999999999999999999", "x y",
       "\u200b", "\x00", "--", "-", "~", "/", "True", "0x10", "1_0", "٣"]  # fmt: skip


def test_odd_values_of_every_option_are_refused_in_one_sentence(tmp_path, monkeypatch, capsys):
    """Where a line is not refused, there is no such run or file: nothing is trained here, and nothing decoded."""
    from course.cli.command_line import COMMANDS
    from course.cli.options import Parser

    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    for name in [name for name in COMMANDS if name not in ("data", "exercises")]:
        parser = Parser(prog="x")
        __import__(f"course.cli.{name}", fromlist=["add_options"]).add_options(parser)
        options = [option for option in parser.options() if option not in ("-h", "--help")]
        fixed = {
            "train": ["--out", "r", "--source", "none"],
            "evaluate": ["none"],
            "translate": ["x", "--model", "none"],
        }
        for _ in range(40):
            chosen = draw.sample(options, 2)
            line = [name, *fixed[name], *(word for option in chosen for word in (option, draw.choice(ODD)))]
            assert main(line) == 2, line
            said = capsys.readouterr().err
            assert said.startswith("course: ") and said.count("\n") == 1, line  # noqa: PT018

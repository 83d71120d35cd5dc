"""The config: what it refuses, in which words, and what it keeps."""

import dataclasses
import json

import pytest

from course.errors import CourseError
from course.model import TransformerConfig


def make(**options):
    return TransformerConfig(**{"src_vocab_size": 11, "tgt_vocab_size": 11} | options)


REFUSED = [
    ({name: value}, rf"{name} is {value!r}; it must be a whole number of at least 1")
    for name in ("src_vocab_size", "tgt_vocab_size", "d_model", "n_heads", "d_ff", "max_len")
    for value in (0, -3)
]
REFUSED += [
    ({name: -1}, rf"{name} is -1; it must be a whole number of at least 0")
    for name in ("n_encoder_layers", "n_decoder_layers")
]
REFUSED += [
    ({"d_model": 96.0}, r"d_model is 96\.0; it must be a whole number"),
    ({"d_ff": "384"}, r"d_ff is '384'; it must be a whole number"),
    ({"n_heads": True}, r"n_heads is True; it must be a whole number"),
    ({"max_len": None}, r"max_len is None; it must be a whole number"),
    ({"activation": "tanh"}, r"activation is 'tanh'; it must be one of 'relu', 'gelu', 'silu'\."),
    ({"norm": "Pre"}, r"norm is 'Pre'; it must be one of 'pre', 'post'\."),
    ({"positions": "sinus"}, r"positions is 'sinus'; it must be one of 'sinusoidal', .*'rotary', 'none'\."),
    ({"tie": True}, r"tie is True; it must be one of 'none', 'decoder', 'all'\."),
    ({"dropout": 1.0}, r"dropout is 1\.0; it must be at least 0 and below 1"),
    ({"dropout": -0.1}, r"dropout is -0\.1; it must be at least 0"),
    ({"dropout": float("nan")}, r"dropout is nan"),
    ({"attention_dropout": 2}, r"attention_dropout is 2; it must be"),
    ({"dropout": "0.1"}, r"dropout is '0\.1'; it must be"),
    ({"attention_dropout": None}, r"attention_dropout is None; it must be"),
    ({"norm_eps": 0.0}, r"norm_eps is 0\.0; it must be"),
    ({"norm_eps": -1e-5}, r"norm_eps is -1e-05; it must be"),
    ({"positions": "rotary", "d_model": 12, "n_heads": 4}, r"each head is 3 wide \(d_model 12 / n_heads 4\)"),
    ({"tie": "all", "src_vocab_size": 7}, r"vocabularies hold 7 and 11 tokens.*tie 'decoder'"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[str(options) for options, _ in REFUSED])
def test_what_cannot_work_is_refused_in_one_sentence(options, message):
    with pytest.raises(CourseError, match=message) as caught:
        make(**options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("d_model", "n_heads", "near"),
    [(192, 5, 4), (192, 7, 6), (100, 8, 10), (64, 6, 4), (7, 3, 1), (8, 100, 8), (12, 5, 4), (30, 4, 3)],
)
def test_heads_that_do_not_divide_name_a_near_divisor(d_model, n_heads, near):
    assert d_model % near == 0
    text = f"d_model {d_model} cannot be split among {n_heads} heads: .*such as {near}, or another d_model"
    with pytest.raises(CourseError, match=text):
        make(d_model=d_model, n_heads=n_heads)


def test_a_course_error_is_a_value_error():
    with pytest.raises(ValueError, match="norm is"):
        make(norm="none")


def test_what_can_work_is_taken():
    make(d_model=9, n_heads=3)
    make(n_encoder_layers=0, n_decoder_layers=0)
    make(tie="decoder", src_vocab_size=7)
    make(dropout=0, attention_dropout=0.5)
    make(positions="rotary", d_model=12, n_heads=2)


def test_it_is_frozen():
    config = make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.d_model = 4
    assert config == make()
    assert hash(config) == hash(make())


@pytest.mark.parametrize(
    ("norm", "final_norm", "expected"),
    [("pre", None, True), ("post", None, False), ("pre", False, False), ("post", True, True)],
)
def test_final_norm_follows_the_norm_where_it_is_not_set(norm, final_norm, expected):
    assert make(norm=norm, final_norm=final_norm).has_final_norm is expected


def test_head_width():
    assert make(d_model=192, n_heads=4).d_head == 48


def test_it_survives_json():
    config = make(d_model=96, norm="post", positions="rotary", tie="all", bias=False, dropout=0.25, norm_eps=1e-6)
    values = json.loads(json.dumps(config.to_dict()))
    assert TransformerConfig.from_dict(values) == config
    assert values["final_norm"] is None
    assert set(values) == {field.name for field in dataclasses.fields(config)}


def test_an_unknown_option_is_named_with_those_that_exist():
    with pytest.raises(CourseError, match="no option 'd_modle'; it has .*d_model") as caught:
        TransformerConfig.from_dict(make().to_dict() | {"d_modle": 3})
    assert str(caught.value).count("d_modle") == 1


def test_values_that_were_stored_are_checked_again():
    with pytest.raises(CourseError, match="d_ff is 0"):
        TransformerConfig.from_dict(make().to_dict() | {"d_ff": 0})


def test_a_missing_size_is_named():
    with pytest.raises(CourseError, match="tgt_vocab_size"):
        TransformerConfig.from_dict({"src_vocab_size": 5})

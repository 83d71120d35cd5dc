"""Masks against loops that spell out who may attend to whom."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course.model import causal_mask, decoder_mask, padding_mask

SENTENCES = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=1, max_size=4)
)


def assert_is_padding_mask(function, rows, pad):
    mask = function(torch.tensor(rows), pad=pad)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[[[token != pad for token in row]]] for row in rows]


def assert_is_causal_mask(function, length):
    mask = function(length)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[key <= query for key in range(length)] for query in range(length)]


def assert_is_decoder_mask(function, rows, pad):
    n = range(len(rows[0]))
    mask = function(torch.tensor(rows), pad=pad)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[[[key <= query and row[key] != pad for key in n] for query in n]] for row in rows]


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(rows=SENTENCES, pad=st.integers(0, 3))
def test_padding_and_decoder_masks(rows, pad):
    assert_is_padding_mask(padding_mask, rows, pad)
    assert_is_decoder_mask(decoder_mask, rows, pad)


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_causal_mask(length):
    assert_is_causal_mask(causal_mask, length)
    assert causal_mask(length, torch.device("cpu")).device.type == "cpu"


def test_masks_broadcast_to_heads_and_queries():
    tokens = torch.tensor([[5, 5, 0], [5, 0, 0]])
    full = (2, 4, 3, 3)
    for mask in (padding_mask(tokens, pad=0), causal_mask(3), decoder_mask(tokens, pad=0)):
        assert torch.broadcast_shapes(mask.shape, full) == full


def test_left_padding_leaves_empty_rows_empty():
    mask = decoder_mask(torch.tensor([[9, 9, 4]]), pad=9)
    assert mask[0, 0].tolist() == [[False] * 3, [False] * 3, [False, False, True]]


ROWS = [[2, 1, 0, 0], [3, 3, 1, 2]]


@pytest.mark.parametrize(
    ("check", "wrong", "arguments"),
    [
        (assert_is_causal_mask, lambda n: torch.ones(n, n).bool(), (4,)),
        (assert_is_causal_mask, lambda n: torch.ones(n, n).tril(1).bool(), (4,)),
        (assert_is_causal_mask, lambda n: torch.ones(n, n).tril(-1).bool(), (4,)),
        (assert_is_causal_mask, lambda n: causal_mask(n).T, (4,)),
        (assert_is_causal_mask, lambda n: causal_mask(n).float(), (4,)),
        (assert_is_padding_mask, lambda t, pad: ~padding_mask(t, pad=pad), (ROWS, 0)),
        (assert_is_padding_mask, lambda t, pad: (t != 0)[:, None, None], (ROWS, 1)),
        (assert_is_padding_mask, lambda t, pad: (t != pad)[:, None, :, None], (ROWS, 0)),
        (assert_is_decoder_mask, lambda t, pad: causal_mask(4).expand(2, 1, 4, 4), (ROWS, 0)),
        (assert_is_decoder_mask, lambda t, pad: causal_mask(4) | padding_mask(t, pad=pad), (ROWS, 0)),
    ],
    ids=["none", "one-ahead", "not-itself", "transposed", "float", "inverted", "pad-0", "queries", "no-pad", "or"],
)  # fmt: skip
def test_planted_faults_are_caught(check, wrong, arguments):
    with pytest.raises(AssertionError):
        check(wrong, *arguments)

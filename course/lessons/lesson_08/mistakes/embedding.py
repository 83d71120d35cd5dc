"""Known wrong versions of embed, and the question that leads out of each.

Each takes tensors: tokens (B, T), table (V, d), positions (longest, d).
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from course.lab.exercises.exercise import Function, Mistake
from course.lab.exercises.later import Later

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Later("torch")


def _factor(factor: Callable[["Tensor", "Tensor", "Tensor"], float]) -> Function:
    """Return a version that multiplies the words by another number."""

    def embed(tokens: "Tensor", table: "Tensor", positions: "Tensor") -> "Tensor":
        return table[tokens] * factor(tokens, table, positions) + positions[: tokens.shape[1]]

    return embed


def _placed(rows: Callable[["Tensor", "Tensor"], "Tensor"]) -> Function:
    """Return a version that adds other rows: rows(tokens, positions)."""

    def embed(tokens: "Tensor", table: "Tensor", positions: "Tensor") -> "Tensor":
        return table[tokens] * math.sqrt(table.shape[1]) + rows(tokens, positions)

    return embed


def _joined(join: Callable[["Tensor", "Tensor", float], "Tensor"]) -> Function:
    """Return a version that joins words and rows in another way: join(words, rows, root of d)."""

    def embed(tokens: "Tensor", table: "Tensor", positions: "Tensor") -> "Tensor":
        return join(table[tokens], positions[: tokens.shape[1]], math.sqrt(table.shape[1]))

    return embed


def _in_place(tokens: "Tensor", table: "Tensor", positions: "Tensor") -> "Tensor":
    table *= math.sqrt(table.shape[1])
    return table[tokens] + positions[: tokens.shape[1]]


def _on_and_on(tokens: "Tensor", positions: "Tensor") -> "Tensor":
    """Let the positions run on from one sentence of the batch into the next."""
    return positions[torch.arange(tokens.numel()) % len(positions)].view(*tokens.shape, -1)


EMBED = (
    Mistake(
        "embed_not_scaled",
        "words not multiplied by the root of d_model",
        "Your words are as small as the table holds them, and their places shout them down. By which number does the "
        "text multiply a row of the table?",
        (_factor(lambda tokens, table, positions: 1.0),),
    ),
    Mistake(
        "embed_scaled_twice",
        "times d_model instead of its root",
        "Your words are multiplied by d_model as a whole. How long would a word then be, beside its place?",
        (_factor(lambda tokens, table, positions: table.shape[1]),),
    ),
    Mistake(
        "embed_divided",
        "divided by the root of d_model",
        "You divide where the text multiplies: scores are made smaller by that root. What happens to words?",
        (_factor(lambda tokens, table, positions: table.shape[1] ** -0.5),),
    ),
    Mistake(
        "embed_root_of_words",
        "the root of the number of words in the table",
        "You multiply by the root of the size of the vocabulary. Which axis of the table is the width?",
        (_factor(lambda tokens, table, positions: math.sqrt(table.shape[0])),),
    ),
    Mistake(
        "embed_root_of_length",
        "the root of the length of the sentence",
        "Your factor grows with the sentence, or with the number of places. Which size does the text take the root of?",
        (
            _factor(lambda tokens, table, positions: math.sqrt(tokens.shape[1])),
            _factor(lambda tokens, table, positions: math.sqrt(positions.shape[0])),
        ),
    ),
    Mistake(
        "embed_root_of_sentences",
        "the root of the number of sentences",
        "A word comes out longer in a larger batch. Which axis is the width?",
        (_factor(lambda tokens, table, positions: math.sqrt(tokens.shape[0])),),
    ),
    Mistake(
        "embed_scales_positions_too",
        "words and places both multiplied",
        "You multiply the sum, so that the places grow with the words and nothing is won. What has to be multiplied "
        "before the places come in?",
        (
            _joined(lambda words, rows, root: (words + rows) * root),
            _joined(lambda words, rows, root: words * root + rows * root),
        ),
    ),
    Mistake(
        "embed_scales_positions_only",
        "places multiplied instead of words",
        "Your places are multiplied and your words are not. Which of the two was too small?",
        (_joined(lambda words, rows, root: words + rows * root),),
    ),
    Mistake(
        "embed_divides_positions",
        "places divided instead of words multiplied",
        "You divide the places, which makes both equally small. The ratio is right; is the length of the sum?",
        (_joined(lambda words, rows, root: words + rows / root),),
    ),
    Mistake(
        "embed_no_positions",
        "places forgotten",
        "Two equal words of a sentence come out alike, wherever they stand. What did lesson 06 add?",
        (_joined(lambda words, rows, root: words * root), _joined(lambda words, rows, root: words)),
    ),
    Mistake(
        "embed_positions_of_sentences",
        "rows chosen by the sentence instead of the word",
        "All words of a sentence get the same place, and each sentence of the batch another one. Which axis of "
        "(B, T) counts the words?",
        (
            _placed(lambda tokens, positions: positions[: tokens.shape[0], None]),
            _placed(lambda tokens, positions: positions[: len(tokens)].unsqueeze(1)),
        ),
    ),
    Mistake(
        "embed_positions_of_ids",
        "rows of places looked up by the words' ids",
        "A word gets the same place wherever it stands, since you look its place up by its id. What is its place "
        "instead?",
        (_placed(lambda tokens, positions: positions[tokens]),),
    ),
    Mistake(
        "embed_first_position",
        "every word at place 0",
        "All words stand at place 0. How does the third word know that it is the third?",
        (_placed(lambda tokens, positions: positions[0]), _placed(lambda tokens, positions: positions[:1])),
    ),
    Mistake(
        "embed_last_position",
        "every word at the last place",
        "All words stand at the same place, the last one or the one behind it. Which slice takes a row for each word?",
        (
            _placed(lambda tokens, positions: positions[tokens.shape[1] - 1]),
            _placed(lambda tokens, positions: positions[tokens.shape[1]]),
            _placed(lambda tokens, positions: positions[-1]),
        ),
    ),
    Mistake(
        "embed_positions_from_the_end",
        "the last rows of the table of places",
        "You take the rows at the end of the table, so that a longer table moves every word. Where does the first word "
        "stand?",
        (_placed(lambda tokens, positions: positions[-tokens.shape[1] :]),),
    ),
    Mistake(
        "embed_positions_from_one",
        "the first word at place 1",
        "Your first word stands at place 1. With which number does counting begin in this course?",
        (_placed(lambda tokens, positions: positions[1 : tokens.shape[1] + 1]),),
    ),
    Mistake(
        "embed_positions_backward",
        "places counted from the end of the sentence",
        "Your places run backward: the last word is word 0. A decoder does not know yet which word will be the last. "
        "From where can it count?",
        (_placed(lambda tokens, positions: positions[: tokens.shape[1]].flip(0)),),
    ),
    Mistake(
        "embed_positions_run_on",
        "places run on into the next sentence",
        "The second sentence begins at the place where the first one ends. Which place has the first word of every "
        "sentence?",
        (_placed(_on_and_on),),
    ),
    Mistake(
        "embed_multiplies",
        "places multiplied instead of added",
        "You multiply words with places. What is left of a word whose place holds a zero?",
        (
            _joined(lambda words, rows, root: words * root * rows),
            _joined(lambda words, rows, root: words * rows),
        ),
    ),
    Mistake(
        "embed_subtracts",
        "places subtracted",
        "Your places come with a minus. What does the text do with them?",
        (_joined(lambda words, rows, root: words * root - rows),),
    ),
    Mistake(
        "embed_beside",
        "places laid beside the words",
        "You lay the places beside the words, so that every vector is twice as wide. What does the width of the result "
        "have to be?",
        (_joined(lambda words, rows, root: torch.cat([words * root, rows.expand_as(words)], dim=-1)),),
    ),
    Mistake(
        "embed_only_positions",
        "words forgotten",
        "What comes out does not depend on the words at all. Where do their rows come in?",
        (_joined(lambda words, rows, root: rows.expand_as(words)),),
    ),
    Mistake(
        "embed_averages",
        "the mean of word and place",
        "Your result is half of the sum. Where does the half come from?",
        (_joined(lambda words, rows, root: (words * root + rows) / 2),),
    ),
    Mistake(
        "embed_normed",
        "words brought to length 1",
        "You make all words equally long before you use them. May a table not have longer and shorter rows?",
        (
            _joined(lambda words, rows, root: words / words.norm(dim=-1, keepdim=True) * root + rows),
            _joined(lambda words, rows, root: words / words.norm(dim=-1, keepdim=True) + rows),
        ),
    ),
    Mistake(
        "embed_changes_table",
        "multiplies the table itself",
        "The numbers are right, and the caller's table is larger afterwards; at the next sentence it grows again. "
        "Which of your lines writes into it?",
        (_in_place,),
    ),
)

"""A learner's piece inside a translator that is trained and right everywhere else: what it says then. Imports torch.

Pieces on numpy arrays work in the translator that ships with the course, pieces of torch and searches in the small one
of lesson 11, which is built as learners build theirs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course.lab.drawing.picture import describe_error
from course.lab.exercises import get
from course.lab.exercises.undisturbed import undisturbed
from course.lessons.lesson_11.experiments import minute_translator
from course.lessons.lesson_12.assembly import PIECES, OwnPieces, assembled
from course.lessons.lesson_12.own_transformer import OwnTransformer, say
from course.lessons.lesson_13.spoken_pieces import ON_NUMPY, SENTENCES
from course.model import Transformer
from course.pretrained import pretrained_translator

if TYPE_CHECKING:
    from torch import nn

    from course.translator import Translator

Function = Callable[..., Any]


@dataclass(frozen=True)
class Said:
    """One sentence in English, as the right translator says it, and as it comes out with the learner's piece.

    differs: the place of the first word that is another, in `broken`; None where they are the same. problem: what went
    wrong where nothing came out, else "".
    """

    english: str
    right: str
    broken: str
    differs: int | None
    problem: str = ""


def speak(id: str, function: Function) -> list[Said]:
    """Let the translator run on `function` in the place of the exercise `id`, and on the reference everywhere else."""
    right = _right(id in ON_NUMPY)
    try:
        with undisturbed():
            found = _translated(id, function)
    except Exception as error:
        problem = describe_error(error)
        return [Said(english, good, "", None, problem) for english, good in zip(SENTENCES, right, strict=True)]
    return [
        Said(english, good, bad, first_difference(good, bad))
        for english, good, bad in zip(SENTENCES, right, found, strict=True)
    ]


def first_difference(right: str, broken: str) -> int | None:
    """The place of the first word of `broken` that is another than that of `right`; None where there is none.

    Where one ends before the other, the place is that of the first word that only one of them has.
    """
    one, other = right.split(), broken.split()
    if one == other:
        return None
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


@functools.cache
def _translator(on_numpy: bool) -> Translator:
    return pretrained_translator("en-de") if on_numpy else minute_translator()


@functools.cache
def _right(on_numpy: bool) -> tuple[str, ...]:
    """What the untouched translator says."""
    return tuple(found.text for found in _translator(on_numpy).translate(SENTENCES, beam=1))


def _translated(id: str, function: Function) -> list[str]:
    translator = _translator(id in ON_NUMPY)
    if id in ON_NUMPY:
        broken = assembled(translator, {**_references(), id: function})
        return [found.text for found in broken.translate(SENTENCES, beam=1)]
    pieces = OwnPieces({**_references(), id: function}, {id: "yours"})
    return say(pieces, translator, SENTENCES, beam=2 if id == "beam" else 1, module=_built_on(pieces))


def _built_on(pieces: OwnPieces) -> nn.Module:
    """The Transformer of lesson 08 on these pieces, with the weights of the small translator."""
    model = _translator(on_numpy=False).model
    assert isinstance(model, Transformer)
    return OwnTransformer(pieces, model.config, like=_whole()).filled(model)


@functools.cache
def _whole() -> OwnTransformer:
    """The same on the references alone, which says where each weight belongs."""
    model = _translator(on_numpy=False).model
    assert isinstance(model, Transformer)
    return OwnTransformer(OwnPieces(_references(), {}), model.config)


@functools.cache
def _references() -> dict[str, Function]:
    return {piece.exercise: get(piece.exercise).reference for piece in PIECES}

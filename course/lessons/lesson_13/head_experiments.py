"""What the heads of the translator that ships are worth, where they look, and when that explains nothing.

    python -m course.lessons.lesson_13.head_experiments                 # all of it: about five minutes of one core
    python -m course.lessons.lesson_13.head_experiments --only removal  # one part, beside the others that are kept

measures on fixed sentences of the embedded corpus and keeps `logs/heads.json`, from which the lesson's figures are
drawn. There is chance in the bootstrap and in the permuted weights alone, with fixed seeds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import CourseError

if TYPE_CHECKING:
    from course.lessons.lesson_13.counterexample_search import Case
    from course.translator import Translator

CORPUS = "embedded-en-de"
HEADS = Path(__file__).parent / "logs" / "heads.json"
TEST, DEV = 500, 200  # sentences of test_iid that are measured on, and of dev that heads are removed by
TOGETHER = 100  # sentences of dev on which every two heads are switched off
UNMOVED, FLIPPED, DEEPER, SURE = 100, 400, 100, 30  # sentences whose weights are replaced, pushed, pushed, all pushed
DEAR = (("encoder", 0, 1), ("encoder", 1, 3), ("decoder", 1, 1), ("cross", 1, 2))  # whose dearest words are kept
WORDS = 6  # of these, so many; and so many pairs of heads
DIGITS = 4

Log = dict[str, Any]


# ---- Reading ---------------------------------------------------------------------------------------------------------


def read_heads(path: Path = HEADS) -> Log:
    """Return what was measured, by part. Raises `CourseError` where nothing is kept."""
    if not path.is_file():
        raise CourseError(
            f"{path.name} is not there; run `python -m course.lessons.lesson_13.head_experiments` to make it."
        )
    found: Log = json.loads(path.read_text(encoding="utf-8"))
    return found


def kept_cases(log: Log) -> list[Case]:
    """Return the counterexamples of a log, ready for `write`."""
    from course.lessons.lesson_13.counterexample_search import Case
    from course.lessons.lesson_13.editing import Cell

    def tuples(value: Any) -> Any:  # noqa: ANN401
        return tuple(map(tuples, value)) if isinstance(value, list) else value

    cases = []
    for each in log["cases"]:
        plain = {name: tuples(value) for name, value in each.items()}
        cases.append(Case(**{**plain, "cells": tuple(Cell(**cell) for cell in each["cells"])}))
    return cases


# ---- Measuring -------------------------------------------------------------------------------------------------------


def _sentences(split: str, n: int) -> Sequence[Any]:
    from course.data.embedded import embedded_pairs

    return embedded_pairs(CORPUS, split)[:n]


def _ablations(translator: Translator) -> Log:
    """Each head and each layer off, and with even weights."""
    from course.lessons.lesson_13.heads import ablation, evened, without

    pairs = _sentences("test_iid", TEST)
    return {
        "off": asdict(ablation(translator, pairs, without)),
        "even": asdict(ablation(translator, pairs, evened)),
    }


def _removal(translator: Translator) -> Log:
    """Heads removed one after the other, asked again or in the order of what each costs by itself."""
    from course.lessons.lesson_13.editing import heads_of, transformer_of
    from course.lessons.lesson_13.heads import effects, loss_without, outcome, removal, removal_in_order

    pairs, test = _sentences("dev", DEV), _sentences("test_iid", TEST)
    again = removal(translator, pairs)
    order = sorted(heads_of(transformer_of(translator)), key=lambda head: loss_without(translator, pairs, [head]))
    once = removal_in_order(translator, pairs, order)
    kept = [[step.head for step in steps[:-1]] for steps in (again, once)]
    return {
        "split": "dev",
        "sentences": len(pairs),
        "exact": outcome(translator, pairs).exact,
        "asked again": [asdict(step) for step in again],
        "in order": [asdict(step) for step in once],
        "on test_iid": [asdict(each) for each in effects(translator, test, kept)],
    }


def _pairs(translator: Translator) -> Log:
    """The two heads of every kind that stand in for one another most."""
    from course.lessons.lesson_13.heads import pairs_of_heads

    found = pairs_of_heads(translator, _sentences("dev", TOGETHER))
    return {
        "split": "dev",
        "sentences": TOGETHER,
        "most": [{**asdict(each), "surplus": each.surplus} for each in found[:WORDS]],
    }


def _costs(translator: Translator) -> Log:
    """The dearest words without some heads, and where articles look."""
    from course.lessons.lesson_13.editing import Head
    from course.lessons.lesson_13.head_costs import offsets, word_costs

    pairs = _sentences("test_iid", TEST)
    heads = [Head(*place) for place in DEAR]  # type: ignore[arg-type]
    return {
        "sentences": len(pairs),
        "words": [
            {"head": asdict(head), "words": [asdict(w) for w in word_costs(translator, pairs, [head])[:WORDS]]}
            for head in heads
        ],
        "articles": {str(d): w for d, w in offsets(translator, pairs, heads[1], {"the", "a", "an"}).items()},
    }


def _alignment(translator: Translator) -> Log:
    """Alignment errors of heads, from weights and from norms, and how long value vectors are."""
    from course.lessons.lesson_13.head_alignment import head_errors, value_lengths

    pairs = _sentences("test_iid", TEST)
    return {
        **asdict(head_errors(translator, pairs)),
        "lengths": [asdict(each) for each in value_lengths(translator, pairs)],
    }


def _unmoved(translator: Translator) -> Log:
    """How often far weights leave the next word alone."""
    from course.lessons.lesson_13.counterexample_search import unmoved

    return {"split": "dev", **asdict(unmoved(translator, _sentences("dev", UNMOVED)))}


def _flips(translator: Translator) -> list[Log]:
    """How often near weights make another word; last, over few sentences, of pieces that the model is sure of too."""
    from course.lessons.lesson_13.counterexample_search import flips

    found = [flips(translator, split, _sentences(split, n)) for split, n in (("dev", FLIPPED), ("deeper", DEEPER))]
    return [asdict(each) for each in (*found, flips(translator, "dev", _sentences("dev", SURE), unsure=1.0))]


def _cases(translator: Translator) -> list[Log]:
    """The plainest counterexamples of dev."""
    from course.lessons.lesson_13.counterexample_search import (
        another_word_cases,
        groups_of,
        repairs,
        same_word_cases,
    )
    from course.lessons.lesson_13.editing import transformer_of

    *_, first, last, _ = groups_of(transformer_of(translator))
    few, many = _sentences("dev", UNMOVED), _sentences("dev", FLIPPED)
    same = [
        *same_word_cases(translator, "dev", few, last, 2),
        *same_word_cases(translator, "dev", few, (last[1],), 1),  # the head whose weights align best
    ]
    by_first, by_last = (another_word_cases(translator, "dev", many, group) for group in (first, last))
    repaired = [case for case in by_first if repairs(case)][:2]
    return [asdict(case) for case in (*same, *repaired, *by_last[:1])]


PARTS: dict[str, Callable[[Translator], Any]] = {
    "ablations": _ablations,
    "removal": _removal,
    "pairs": _pairs,
    "costs": _costs,
    "alignment": _alignment,
    "unmoved": _unmoved,
    "flips": _flips,
    "cases": _cases,
}


def rounded(value: Any) -> Any:  # noqa: ANN401
    """Return JSON values with their numbers in so many digits behind the point that the last ones do not change."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, (list, tuple)) else value


def keep(log: Log, path: Path = HEADS) -> None:
    """Write a log, a line for each part's value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [f'"{name}": {_lines(log[name])}' for name in PARTS if name in log]
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8", newline="\n")


def _lines(value: Any) -> str:  # noqa: ANN401
    """JSON of a part, a line for each item of its lists."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in value) + "\n]"
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f'"{name}": {_lines(each)}' for name, each in value.items()) + "\n}"
    return json.dumps(value, ensure_ascii=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and keep what the command line asks for."""
    from course.pretrained import pretrained_translator

    parser = argparse.ArgumentParser(
        prog="python -m course.lessons.lesson_13.head_experiments", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--to", type=Path, default=HEADS, help="the file that keeps them")
    asked = parser.parse_args(arguments)
    translator = pretrained_translator("en-de")
    log = read_heads(asked.to) if asked.to.is_file() else {}
    for name in asked.only or PARTS:
        log[name] = rounded(PARTS[name](translator))
        keep(log, asked.to)
        print(f"{name}: kept in {asked.to}", flush=True)


if __name__ == "__main__":
    main()

"""What a run was trained and validated on, in a few bytes: numbers of pairs and a SHA-256 of each side."""

import hashlib
from collections.abc import Sequence
from typing import Any

from course.data import ParallelText
from course.training.declared import is_count

SIDES = ("source", "target")
Fingerprint = dict[str, dict[str, Any]]  # "training" and "validation", each with "pairs", "source" and "target"


def fingerprint(training: ParallelText, validation: ParallelText) -> Fingerprint:
    """The same for the same sentences in the same order, whatever their files are called."""
    return {"training": _of_text(training), "validation": _of_text(validation)}


def _of_text(text: ParallelText) -> dict[str, Any]:
    return {"pairs": len(text)} | {side: _checksum(getattr(text, side)) for side in SIDES}


def _checksum(lines: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:  # a sentence of a file holds no line end, so where one ends is certain
        digest.update(line.encode("utf-8", errors="surrogatepass") + b"\n")
    return digest.hexdigest()


def is_fingerprint(value: object) -> bool:
    """Whether a JSON value is what `fingerprint` returns, or None, as in runs of earlier versions."""
    if value is None:
        return True
    parts = [value.get(part) for part in ("training", "validation")] if isinstance(value, dict) else [None]
    return all(
        isinstance(part, dict) and is_count(part.get("pairs")) and all(isinstance(part.get(s), str) for s in SIDES)
        for part in parts
    )


def difference(then: Fingerprint, now: Fingerprint) -> str:
    """Say in words what first differs; "" where nothing does."""
    for part in ("training", "validation"):
        a, b = then[part], now[part]
        if a["pairs"] != b["pairs"]:
            return f"it had {a['pairs']:,} {part} pairs, and now there are {b['pairs']:,}"
        sides = [side for side in SIDES if a[side] != b[side]]
        if sides:
            which = "both sides" if len(sides) == 2 else f"the {sides[0]} side"
            return f"of its {a['pairs']:,} {part} pairs, {which} or their order changed"
    return ""

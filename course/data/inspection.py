"""What is odd about sentence pairs: found before anything is trained on them, and said with counts."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from course.data.parallel_text import ParallelText
from course.errors import CourseError

_UNSEEN = frozenset("\u00ad\u200b\u2060\ufeff\u2028\u2029")
_CONTROL = frozenset(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\t")
# UTF-8 that was read as Latin-1 or Windows-1252: the first byte of a letter or of a quotation mark, and the next.
_MISREAD = re.compile("[ÃÂ][\u0080-\u00bf]|â€")
LOST = "\ufffd"  # stands for bytes that a program could not read


def refuse_copies(text: ParallelText) -> None:
    """Raise where every sentence is its own translation: somebody has given one text twice."""
    pairs = [pair for pair in zip(text.source, text.target, strict=True) if any(pair)]
    if len(pairs) > 1 and all(source == target for source, target in pairs):
        raise CourseError(
            f"Source and target are the same text: all {len(pairs):,} sentences are their own translation; give the "
            "same sentences in the other language for one of the two."
        )


def repetitions(text: ParallelText) -> list[str]:
    """Phrases such as "12 repeating an earlier pair"; none where every source stands once."""
    pairs = [pair for pair in zip(text.source, text.target, strict=True) if all(pair)]
    distinct = set(pairs)
    return _phrases(
        {
            "repeating an earlier pair": len(pairs) - len(distinct),
            "with another target for an earlier source": len(distinct) - len({source for source, _ in distinct}),
        }
    )


def oddities(text: ParallelText) -> list[str]:
    """Phrases about copies and about characters that no sentence should have; none where nothing is odd."""
    pairs = list(zip(text.source, text.target, strict=True))
    sides = [source + target for source, target in pairs]
    return _phrases(
        {
            "with the source as their target": sum(source == target != "" for source, target in pairs),
            "with characters that nobody sees (soft hyphens, zero-width spaces, control characters), kept as they are":
                sum(map(hidden_characters, sides)),
            "with U+FFFD, for which a program lost a character": sum(LOST in side for side in sides),
            'with letters such as "Ã¤" for "ä", as text has that was read in a wrong encoding':
                sum(bool(_MISREAD.search(side)) for side in sides),
        }
    )  # fmt: skip


def _phrases(counts: Mapping[str, int]) -> list[str]:
    return [f"{count:,} {what}" for what, count in counts.items() if count]


def hidden_characters(sentence: str) -> bool:
    """Whether a sentence holds soft hyphens, zero-width spaces, or control characters but tabs.

    Joiners, marks of direction and the parts of emoji are at home in many scripts and do not count.
    """
    return not (_CONTROL.isdisjoint(sentence) and _UNSEEN.isdisjoint(sentence))


def seen_in_training(sources: Sequence[str], train: ParallelText) -> int:
    """How many of some sentences also stand in the training text, as a source."""
    trained = set(train.source)
    return sum(source in trained for source in sources if source)


def language_of(path: Path) -> str:
    """What a file's name ends in, .gz aside: "de" of test.de.gz; "" where it has no ending."""
    return Path(path.name.removesuffix(".gz")).suffix.removeprefix(".")


def look_swapped(source: Path, target: Path, *, languages: tuple[str, str]) -> bool:
    """Whether the names of two files end in the two languages of a text the other way round."""
    return (language_of(target), language_of(source)) == languages and languages[0] != languages[1]

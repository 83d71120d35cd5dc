"""Parallel text: line n of one file is the translation of line n of the other, or two columns of one file.

Each line becomes a sentence by `course.data.sentence.as_sentence`; nothing here may ever move a line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from course.data.sentence import as_sentence
from course.data.text_file import TextLines, counted, read_text_file
from course.errors import CourseError

CHARACTERS_A_TOKEN = 16  # more than any piece of a tokenizer spells, but for a few


@dataclass(frozen=True)
class ParallelText:
    """Aligned sentences: `target[i]` is the translation of `source[i]`.

    Attributes:
        source, target: sentences as `as_sentence` makes them of any text, equally many; "" where there is none.
        source_language, target_language: short codes such as "en", or "" where unknown.
        name, split: the corpus and the part of it that this is, or "" for the user's own files.
        notes: what was odd about the files, each a phrase for a person.

    Raises:
        CourseError: when the two sides are not equally long, or something in them is no text.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    source_language: str = ""
    target_language: str = ""
    name: str = ""
    split: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.source, str) or isinstance(self.target, str):
            raise CourseError(
                "Parallel text takes two lists of sentences, but one side is a single string: put it in [ ]."
            )
        for side in ("source", "target"):
            object.__setattr__(self, side, tuple(map(as_sentence, getattr(self, side))))
        if len(self.source) != len(self.target):
            raise CourseError(
                f"Parallel text needs one target per source, but there are {len(self.source)} source and "
                f"{len(self.target)} target sentences."
            )

    def __len__(self) -> int:
        return len(self.source)

    def reversed(self) -> "ParallelText":
        """Return the same pairs in the other direction: target becomes source."""
        return replace(
            self,
            source=self.target,
            target=self.source,
            source_language=self.target_language,
            target_language=self.source_language,
        )

    def chosen(self, rows: Sequence[int], *, split: str) -> "ParallelText":
        """Return the pairs of these rows, in their order, as a part of the corpus that is called `split`."""
        source, target = tuple(self.source[i] for i in rows), tuple(self.target[i] for i in rows)
        return replace(self, source=source, target=target, split=split)

    def without_empty(self) -> "ParallelText":
        """Return the pairs that have text on both sides: what training wants.

        Evaluation keeps every line, so that scores stay comparable with others' on the same file.

        Raises:
            CourseError: when no pair is left.
        """
        kept = [i for i, pair in enumerate(zip(self.source, self.target, strict=True)) if all(pair)]
        if not kept:
            raise CourseError(
                f"None of the {len(self)} sentence pairs has text on both sides; check that the two files "
                "belong together and are not blank."
            )
        return self.chosen(kept, split=self.split)

    def without_endless(self, tokens: int) -> "ParallelText":
        """Return the pairs that can have up to this many tokens: no side has more than 16 characters for each.

        A piece of a tokenizer is hardly ever that long. What is longer fits into no model with `tokens` positions, and
        a line of a megabyte without a blank would keep the learning of pieces busy for minutes: its time grows with
        the square of a word's length.
        """
        most = CHARACTERS_A_TOKEN * tokens
        pairs = zip(self.source, self.target, strict=True)
        return self.chosen([i for i, pair in enumerate(pairs) if max(map(len, pair)) <= most], split=self.split)


def read_lines(path: Path | str) -> tuple[str, ...]:
    """Read a UTF-8 text file, plain or gzip, as sentences, one a line; lines without one are kept as "".

    Raises:
        CourseError: as `course.data.text_file.read_text_file`.
    """
    return tuple(map(as_sentence, read_text_file(path).lines))


def read_parallel(
    source_path: Path | str,
    target_path: Path | str,
    *,
    source_language: str = "",
    target_language: str = "",
    name: str = "",
    split: str = "",
) -> ParallelText:
    """Read two aligned text files, plain or gzip, one sentence per line; every line is kept.

    Where one file has more lines, and all that it has more are empty, these are dropped and noted.

    Raises:
        CourseError: as `course.data.text_file.read_text_file`, when the files have different numbers of lines, and for
            a file that is a table.
    """
    sides = [read_text_file(path) for path in (source_path, target_path)]
    for path, side in zip((source_path, target_path), sides, strict=True):
        _refuse_table(path, side)
    shorter = min(len(side.lines) for side in sides)
    notes = [note for side in sides for note in side.notes]
    for path, side in zip((source_path, target_path), sides, strict=True):
        surplus = side.lines[shorter:]
        if any(map(as_sentence, surplus)):
            raise CourseError(_unequal(source_path, target_path, sides))
        if surplus:
            notes.append(f"{Path(path).name}: {counted(len(surplus), 'empty line')} at its end dropped")
    source, target = (side.lines[:shorter] for side in sides)
    return ParallelText(source, target, source_language, target_language, name, split, tuple(notes))


def _unequal(source: Path | str, target: Path | str, sides: Sequence[TextLines]) -> str:
    found = "; ".join(note for side in sides for note in side.notes)
    return (
        f"The two files must have equally many lines, but {source} has {len(sides[0].lines)} and "
        f"{target} has {len(sides[1].lines)}; line n of one must be the translation of line n of the other"
        f"{' (' + found + ')' if found else ''}."
    )


def _refuse_table(path: Path | str, text: TextLines) -> None:
    """Most lines with a tab are no sentences: who gives two files would train on columns of both languages."""
    tabs = sum("\t" in as_sentence(line) for line in text.lines)
    if 2 * tabs > len(text.lines):
        raise CourseError(
            f"{path} is a table: {tabs:,} of its {len(text.lines):,} lines hold a tab; give it alone, without a "
            "second file, to use its first two columns, or give a file with one sentence a line."
        )

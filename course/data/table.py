"""Sentence pairs in the columns of one file, with tabs between them: what spreadsheets and many corpora give."""

from collections.abc import Sequence
from pathlib import Path

from course.data.parallel_text import ParallelText
from course.data.sentence import as_sentence
from course.data.text_file import read_text_file, some_lines
from course.errors import CourseError

_HEADINGS = frozenset({"source", "target", "src", "tgt", "trg", "ref", "reference", "sentence", "translation"})
_LANGUAGES = frozenset({"en", "de", "fr", "english", "german", "french"})

Row = list[str]


def read_pairs(
    path: Path | str, *, split: str = "", partner: str = "a second file", every_row: bool = False
) -> ParallelText:
    """Read a file, plain or gzip, whose first two columns, with a tab between them, are sentence and translation.

    A heading is left out, a row without a tab has an empty translation, and further columns are not read: all that is
    noted.

    Args:
        path: the file.
        split: what to call its pairs.
        partner: how the file is given that has the other language, where this one has not.
        every_row: refuse rows without a tab, as whoever scores every row wants.

    Raises:
        CourseError: as `course.data.text_file.read_text_file`, when most rows have no second column or a column holds
            numbers, and for a single row without a tab where `every_row` says so.
    """
    text = read_text_file(path)
    rows = [line.split("\t") if as_sentence(line) else ["", ""] for line in text.lines]
    _refuse_other_tables(path, rows, partner)
    heading = [cell.strip().lower() for cell in rows[0][:2]]
    notes = [*text.notes, *_notes(Path(path).name, rows)]
    if every_row and (ragged := _numbers(rows, 0, 1)):
        raise CourseError(
            f"{path}, {some_lines(ragged)}: no tab stands between a sentence and its translation; mend or remove what "
            "is there."
        )
    if all(cell in _HEADINGS | _LANGUAGES for cell in heading):
        notes.append(f"{Path(path).name}: the heading in line 1 left out")
        rows = rows[1:]
    source, target = tuple(row[0] for row in rows), tuple("".join(row[1:2]) for row in rows)
    return ParallelText(source, target, split=split, notes=tuple(notes))


def _refuse_other_tables(path: Path | str, rows: Sequence[Row], partner: str) -> None:
    """Say so where the first two columns cannot be two languages."""
    one_column = len(_numbers(rows, 0, 1))
    if 2 * one_column > len(rows):
        raise CourseError(
            f"{path} has one column in {one_column:,} of its {len(rows):,} lines, so the other language is missing: "
            f"give it with {partner}, or a file with a tab between each sentence and its translation."
        )
    for place in (0, 1):
        cells = [row[place].strip() for row in rows if as_sentence("".join(row[place : place + 1]))]
        if cells and 2 * sum(cell.isdecimal() for cell in cells) > len(cells):
            raise CourseError(
                f"Column {place + 1} of {path} holds numbers: keep only the columns with the two languages, for "
                "example with `cut -f2,4`, and try again."
            )


def _notes(name: str, rows: Sequence[Row]) -> list[str]:
    notes = []
    if ragged := _numbers(rows, 0, 1):
        notes.append(f"{name}: no tab in {some_lines(ragged)}, so no translation there")
    if wide := _numbers(rows, 3, 1 << 30):
        where = f"all {len(wide):,} lines" if len(wide) == len(rows) else some_lines(wide)
        notes.append(f"{name}: only the first two columns are read, in {where}")
    quoted = [n for n, row in enumerate(rows, 1) if any(_is_quoted(cell) for cell in row[:2])]
    if quoted:
        notes.append(f"{name}: cells in quotation marks, as of a spreadsheet, kept as they are in {some_lines(quoted)}")
    return notes


def _numbers(rows: Sequence[Row], fewest: int, most: int) -> list[int]:
    """The numbers, from 1, of the rows with so many columns."""
    return [number for number, row in enumerate(rows, 1) if fewest <= len(row) <= most]


def _is_quoted(cell: str) -> bool:
    """Whether a spreadsheet has put a cell in quotation marks and doubled those in it."""
    return len(cell) > 2 and cell[0] == cell[-1] == '"' and '""' in cell[1:-1]

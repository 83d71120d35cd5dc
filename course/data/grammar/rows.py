"""Reading the plain tables of this grammar: a row of a table becomes a row of a dataclass with the same columns."""

import csv
import io
from collections.abc import Callable, Collection
from dataclasses import fields
from importlib.resources import files
from typing import Any, TypeVar

from course.errors import CourseError

Row = TypeVar("Row")
LISTS: dict[Any, Callable[[list[str]], Collection[str]]] = {frozenset[str]: frozenset, tuple[str, ...]: tuple}


def read_rows(name: str, kind: type[Row]) -> list[Row]:
    """Read tables/NAME.csv as a list of rows.

    A column whose field is a frozenset or a tuple holds words between spaces.

    Raises:
        CourseError: for a column or a row that does not fit, with the line.
    """
    columns = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    lists = {item.name: LISTS[item.type] for item in fields(kind) if item.type in LISTS}  # type: ignore[arg-type]
    text = files(__package__).joinpath(f"tables/{name}.csv").read_text(encoding="utf-8")
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    if header != columns:
        raise CourseError(f"{name}.csv must have the columns {', '.join(columns)}, but has {', '.join(header)}.")
    rows = []
    for line, cells in enumerate(lines, 2):
        if len(cells) != len(columns):
            raise CourseError(f"{name}.csv, line {line}, has {len(cells)} cells, but {len(columns)} columns.")
        values: dict[str, Any] = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
        rows.append(kind(**(values | {key: made(values[key].split()) for key, made in lists.items()})))
    return rows


def read_table(name: str, kind: type[Row]) -> dict[str, Row]:
    """Read tables/NAME.csv into rows, by their first column.

    Raises:
        CourseError: where `read_rows` does, and for a first column that repeats.
    """
    first = fields(kind)[0].name  # type: ignore[arg-type]
    rows: dict[str, Row] = {}
    for line, row in enumerate(read_rows(name, kind), 2):
        key = getattr(row, first)
        if key in rows:
            raise CourseError(f"{name}.csv, line {line}: {key} stands there twice.")
        rows[key] = row
    return rows

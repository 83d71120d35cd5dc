"""`explore`: sliders over a pure drawing function, and what they can stand at.

A drawing function has the form `draw(fig, **values) -> str`: it draws on the matplotlib Figure that it is
given and returns the alternative text of what it drew. `explore` turns ranges into sliders, runs the drawing
function whenever a slider moves, and shows the picture, or the error where the picture would be.

The widget libraries are imported when a panel is made, not when this module is imported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from course.errors import CourseError

if TYPE_CHECKING:
    from course.lab.drawing.picture import Draw
    from course.lab.widgets.explore_panel import ExplorePanel

MOST_STOPS = 10_001
MOST_NUMBERS = 24  # that are choices in a list: a longer one holds what is drawn
LOG_STOPS = 61


@dataclass(frozen=True)
class Slider:
    """A slider: the numbers at which it stops, in rising order, and the index at which it starts."""

    stops: tuple[float, ...]
    start: int


@dataclass(frozen=True)
class Control:
    """One control of an explore panel.

    `choices` are the values that it can take, in order; `start` is the index of the first one shown. `kind`
    is "slider", "checkbox" or "dropdown".
    """

    name: str
    kind: str
    choices: tuple[Any, ...]
    start: int

    def as_json(self) -> dict[str, Any]:
        """Return what the browser needs to build the control; a dropdown's choices as they are written."""
        choices = [str(choice) for choice in self.choices] if self.kind == "dropdown" else list(self.choices)
        return {"name": self.name, "kind": self.kind, "choices": choices}


def slider(lo: float, hi: float, *, start: float | None = None, step: float | None = None, log: bool = False) -> Slider:
    """Return a slider from `lo` to `hi`, both included, for `explore`.

    Whole bounds (and a whole step) give whole numbers, in steps of 1; otherwise a step is a hundredth of the
    range. With `log=True` the stops stand at equal ratios. The slider starts at `start` (`lo` where it is
    not given), which is always one of its stops.

    Raises:
        CourseError: The range is empty, not finite, or finer than a slider can show.
    """
    numbers = [number for number in (lo, hi, start, step) if number is not None]
    if not all(isinstance(number, Real) and math.isfinite(number) for number in numbers) or not lo < hi:
        steps = "" if step is None or isinstance(step, Real) else f", and not in steps of {step!r}"
        raise CourseError(f"A slider runs from a lower to a higher finite number, not from {lo!r} to {hi!r}{steps}.")
    if start is not None and not lo <= start <= hi:
        raise CourseError(f"A slider from {lo} to {hi} cannot start at {start}; start it within its range.")
    whole = all(isinstance(number, Integral) for number in numbers)
    stops = _log_stops(lo, hi) if log else _even_stops(lo, hi, step, whole=whole)
    first = lo if start is None else start
    kept = {_tidy(stop, whole=whole) for stop in (*stops, first)}
    ordered = tuple(sorted(kept))
    return Slider(ordered, ordered.index(_tidy(first, whole=whole)))


def _even_stops(lo: float, hi: float, step: float | None, *, whole: bool) -> list[float]:
    if step is None:
        step = 1 if whole else (hi - lo) / 100
    if step <= 0 or (hi - lo) / step > MOST_STOPS:
        raise CourseError(
            f"A slider from {lo} to {hi} cannot have the step {step}: take a step above 0 that gives at most"
            f" {MOST_STOPS - 1} of them."
        )
    count = math.floor((hi - lo) / step + 1e-9)
    return [lo + index * step for index in range(count + 1)]


def _log_stops(lo: float, hi: float) -> list[float]:
    if lo <= 0:
        raise CourseError(f"A logarithmic slider starts above 0, not at {lo}.")
    return [lo * (hi / lo) ** (index / (LOG_STOPS - 1)) for index in range(LOG_STOPS)]


def _tidy(number: float, *, whole: bool) -> float:
    """Round away what floating point added, so that a stop reads 0.3 and not 0.30000000000000004."""
    return round(number) if whole else float(f"{number:.6g}")


def explore(draw: Draw, **parameters: object) -> ExplorePanel:
    """Return a widget that redraws `draw(fig, **values)` while its controls are moved.

    Each keyword is one argument of `draw`. `(lo, hi)`, `(lo, hi, step)`, a `range` or `slider(...)` becomes a slider,
    a bool a checkbox and a list of words, or of up to 24 numbers, a dropdown; anything else (a function, an array, a
    tuple of words, a string) is passed on as it is. An exception of `draw` is shown where the picture would be, and
    the next good picture takes its place.

    Raises:
        CourseError: A range or a list of choices cannot be a control, or there is nothing to move.
    """
    from course.lab.drawing.picture import wants_figure
    from course.lab.widgets.explore_panel import ExplorePanel

    wants_figure(draw)  # refuses what is no function before anything is said about its values
    controls = [control for name, value in parameters.items() if (control := as_control(name, value))]
    if not controls:
        names = ", ".join(parameters) or "no value"
        handed = "are handed on as they are" if len(parameters) > 1 else "is handed on as it is"
        raise CourseError(
            f"There is nothing to move: {names} {handed}. Give n=(1, 8) or "
            "n=range(1, 9) for a slider, n=[1, 2, 4] for choices, n=True for a box to tick, or take `show`."
        )
    moved = {control.name for control in controls}
    fixed = {name: value for name, value in parameters.items() if name not in moved}
    return ExplorePanel(draw, controls, fixed)


def as_control(name: str, value: object) -> Control | None:
    """Return the control that a parameter asks for, or None where its value is passed on as it is.

    Raises:
        CourseError: A range or a list of choices cannot be a control.
    """
    if isinstance(value, (bool, np.bool_)):
        return Control(name, "checkbox", (False, True), int(value))
    if isinstance(value, range):
        return _stops_of(name, value)
    if isinstance(value, tuple) and _is_range(value):
        lo, hi, *step = (_plain(number) for number in value)
        value = slider(lo, hi, step=step[0] if step else None)
    if isinstance(value, Slider):
        return Control(name, "slider", value.stops, value.start)
    if isinstance(value, list) and all(isinstance(item, (str, Real, np.bool_, type(None))) for item in value):
        words = all(isinstance(item, str) for item in value)
        return _choices(name, [_plain(item) for item in value]) if words or len(value) <= MOST_NUMBERS else None
    return None


def _choices(name: str, values: list[Any]) -> Control:
    """Return a dropdown of words and numbers, in their order."""
    otherwise = f"Give each choice once, or data as a tuple or an array: {name}=tuple(...)."
    if not values:
        raise CourseError(f"The list of choices of {name} is empty. {otherwise}")
    if len({str(value) for value in values}) < len(values):
        raise CourseError(f"The choices of {name} are not all different: {_shortened(values)}. {otherwise}")
    return Control(name, "dropdown", tuple(values), 0)


def _stops_of(name: str, numbers: range) -> Control:
    """Return a slider that stops at the numbers of a range, and starts at its first."""
    if not 0 < len(numbers) <= MOST_STOPS:
        raise CourseError(f"A slider has from 1 to {MOST_STOPS:,} stops, and {name} = {numbers} has {len(numbers):,}.")
    stops = tuple(sorted(numbers))
    return Control(name, "slider", stops, stops.index(numbers[0]))


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return a number of numpy's as one of Python's: the page knows no other, and a drawing function expects these."""
    return value.item() if isinstance(value, np.generic) else value


def _shortened(values: list[Any]) -> str:
    return str(values) if len(values) <= 12 else f"{str(values[:12])[:-1]}, ...] ({len(values):,} of them)"


def _is_range(value: tuple[object, ...]) -> bool:
    return len(value) in (2, 3) and all(isinstance(x, Real) and not isinstance(x, bool) for x in value)

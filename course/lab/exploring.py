"""`explore`: sliders over a pure drawing function.

A drawing function has the form `draw(fig, **values) -> str`: it draws on the matplotlib Figure that it is
given and returns the alternative text of what it drew. `explore` turns ranges into sliders, runs the drawing
function whenever a slider moves, and shows the picture, or the error where the picture would be.

matplotlib and the widget libraries are imported when something is drawn, not when this module is imported.
"""

from __future__ import annotations

import io
import math
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.errors import CourseError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course.lab.widgets import ExplorePanel

Draw = Callable[..., str]

DPI = 72  # one point of type is one pixel of the page
SIZE = (8.0, 4.0)  # inches; a drawing function may set another size
MOST_STOPS = 10_001
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
        """Return what the browser needs to build the control."""
        return {"name": self.name, "kind": self.kind, "choices": list(self.choices)}


@dataclass(frozen=True)
class Frame:
    """One picture: PNG bytes, its alternative text, and the error in its place ("" where there is none)."""

    png: bytes
    alt: str
    error: str = ""


def slider(lo: float, hi: float, *, start: float | None = None, step: float | None = None, log: bool = False) -> Slider:
    """Return a slider from `lo` to `hi`, both included, for `explore`.

    Whole bounds (and a whole step) give whole numbers, in steps of 1; otherwise a step is a hundredth of the
    range. With `log=True` the stops stand at equal ratios. The slider starts at `start` (`lo` where it is
    not given), which is always one of its stops.

    Raises:
        CourseError: The range is empty, not finite, or finer than a slider can show.
    """
    numbers = [number for number in (lo, hi, start, step) if number is not None]
    if not all(math.isfinite(number) for number in numbers) or not lo < hi:
        raise CourseError(f"A slider runs from a lower to a higher finite number, not from {lo} to {hi}.")
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

    Each keyword is one argument of `draw`. `(lo, hi)`, `(lo, hi, step)` or `slider(...)` becomes a slider, a
    bool a checkbox and a list of strings a dropdown; anything else (a function, an array, a string) is
    passed on as it is. An exception of `draw` is shown where the picture would be, and the next good picture
    takes its place.

    Raises:
        CourseError: A range or a list of choices cannot be a control.
    """
    from course.lab.widgets import ExplorePanel

    controls = [control for name, value in parameters.items() if (control := as_control(name, value))]
    moved = {control.name for control in controls}
    fixed = {name: value for name, value in parameters.items() if name not in moved}
    return ExplorePanel(draw, controls, fixed)


def as_control(name: str, value: object) -> Control | None:
    """Return the control that a parameter asks for, or None where its value is passed on as it is."""
    if isinstance(value, bool):
        return Control(name, "checkbox", (False, True), int(value))
    if isinstance(value, tuple) and _is_range(value):
        lo, hi = value[:2]
        value = slider(lo, hi, step=value[2] if len(value) == 3 else None)
    if isinstance(value, Slider):
        return Control(name, "slider", value.stops, value.start)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        if len(set(value)) < len(value):
            raise CourseError(f"The choices of {name} are not all different: {value}. Name each one once.")
        return Control(name, "dropdown", tuple(value), 0)
    return None


def _is_range(value: tuple[object, ...]) -> bool:
    return len(value) in (2, 3) and all(isinstance(x, Real) and not isinstance(x, bool) for x in value)


def new_figure() -> Figure:
    """Return the empty figure that one panel draws on again and again; pyplot knows nothing of it."""
    from matplotlib.figure import Figure

    from course.lab.canvas import StampingCanvas

    figure = Figure(figsize=SIZE, dpi=DPI)
    StampingCanvas(figure)
    return figure


def render(figure: Figure, draw: Draw, values: dict[str, Any]) -> Frame:
    """Draw once on a cleared figure and return the picture, or the error where the picture would be."""
    for axes in list(figure.axes):
        figure.delaxes(axes)  # clearing would first rebuild every tick of axes that nobody sees again
    figure.clear()
    figure.set_size_inches(*SIZE)
    try:
        alt = draw(figure, **values)
        if not isinstance(alt, str):
            raise CourseError(f"{_name(draw)} returned {alt!r}; it must return its alternative text.")
        return Frame(as_png(figure), alt)
    except Exception as error:
        return Frame(b"", f"No picture: {type(error).__name__}: {error}", describe_error(error))


def as_png(figure: Figure) -> bytes:
    """Return the figure as PNG bytes: the same bytes for the same drawing (no date, no version inside)."""
    import numpy as np
    from PIL import Image

    figure.canvas.draw()
    pixels = Image.fromarray(np.asarray(figure.canvas.buffer_rgba()))  # type: ignore[attr-defined]
    stream = io.BytesIO()
    pixels.convert("RGB").save(stream, "png", compress_level=1)  # speed matters more than size
    return stream.getvalue()


def describe_error(error: BaseException) -> str:
    """Return the kind and message of an error, and the learner's own line that raised it if there is one."""
    lines = [f"{type(error).__name__}: {error}"]
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)]
    if own and own[-1].line:
        lines.append(f"in {own[-1].name}, line {own[-1].lineno}: {own[-1].line}")
    return "\n".join(lines)


def _is_own(filename: str) -> bool:
    package = Path(__file__).parents[1]
    path = Path(filename)
    return not (path.is_relative_to(package) or "site-packages" in path.parts or filename.startswith("<frozen"))


def running_on(fixed: dict[str, Any]) -> str:
    """Return on which functions a panel runs, such as "your attention"; "" where it was given no function."""
    return " and ".join(_whose(name, value) for name, value in fixed.items() if _is_function(value))


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, type)


def _whose(name: str, function: Callable[..., object]) -> str:
    reference = _reference_id(name, function)
    if reference is not None:
        return f"the reference {reference}"
    module = getattr(function, "__module__", None) or ""
    room = module.partition(".")[0]
    if room == "course":
        return f"the course's {_name(function)}"
    if room in sys.stdlib_module_names - {"__main__"} or room in {"numpy", "torch"}:
        return f"{room}.{_name(function)}"
    return f"your {name}"


def _reference_id(name: str, function: Callable[..., object]) -> str | None:
    """Return the id of the exercise whose reference this very object is; the id `name` is tried first."""
    from course.lab import exercises

    ids = [exercise.id for exercise in exercises.all_exercises()]
    for exercise_id in sorted(ids, key=lambda each: each != name):
        if exercises.reference(exercise_id) is function:
            return exercise_id
    return None


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)

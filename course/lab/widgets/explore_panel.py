"""The panel behind `explore`: controls, and the picture that a drawing function makes of their values."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from course.errors import CourseError
from course.lab.drawing.picture import Draw, Frame, Markup, new_figure, render, still, wants_figure, with_words
from course.lab.exercises.registry import all_exercises
from course.lab.widgets.still import StillWidget, script_beside, style_beside

if TYPE_CHECKING:
    from course.lab.widgets.controls import Control


class ExplorePanel(StillWidget):
    """Controls, and the picture that `draw` makes of their values; made by `course.lab.widgets.controls.explore`.

    One figure is drawn again and again; a drawing function without `fig` returns markup instead. The browser sends one
    choice at a time and keeps only the newest one while a picture is being drawn, so a fast hand never builds up a
    queue. It also says when its screen has twice the pixels of a page.
    """

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    controls: traitlets.List = traitlets.List().tag(sync=True)
    choice = traitlets.Dict().tag(sync=True, echo_update=False)  # name -> index of its choice
    frame = traitlets.Bytes().tag(sync=True)
    markup = traitlets.Unicode().tag(sync=True)
    density = traitlets.Int(1, min=1, max=2).tag(sync=True)  # pixels of the picture for one of the page, each way
    alt = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    runs_on = traitlets.Unicode().tag(sync=True)
    drawn = traitlets.Int(0).tag(sync=True)  # pictures so far: tells the page that this one is done

    def __init__(self, draw: Draw, controls: Sequence[Control], fixed: dict[str, Any]) -> None:
        self._draw, self._controls, self._fixed = draw, tuple(controls), dict(fixed)
        self._figure = new_figure(draw) if wants_figure(draw) else None
        start = {control.name: control.start for control in controls}
        first = render(self._figure, draw, {**fixed, **self._values(start)})
        super().__init__(
            controls=[control.as_json() for control in controls],
            choice=start,
            runs_on=running_on(fixed),
            **_as_traits(first),
        )
        self.observe(self._redraw, ["choice", "density"])

    @property
    def values(self) -> dict[str, Any]:
        """The values that the controls stand at, by name."""
        return self._values(self.choice)

    def set(self, **values: object) -> None:
        """Move controls to the given values, as a hand would.

        Raises:
            CourseError: There is no such control, or it cannot stand at that value.
        """
        by_name = {control.name: control for control in self._controls}
        choice = dict(self.choice)
        for name, value in values.items():
            if name not in by_name:
                raise CourseError(f"There is no control {name!r}; there are {', '.join(by_name)}.")
            if value not in by_name[name].choices:
                raise CourseError(f"The control {name} cannot stand at {value!r}.")
            choice[name] = by_name[name].choices.index(value)
        self.choice = choice

    def still_text(self) -> str:
        """Return the alternative text of the picture, and on which function it ran."""
        return f"{self.alt} (Running on: {self.runs_on}.)" if self.runs_on else self.alt

    def still_html(self) -> str:
        """Return the picture that stands there now, of double density, with its words; "" for an error."""
        if self.error:
            return ""
        with contextlib.redirect_stdout(io.StringIO()):  # what it prints stands above the panel already
            made = still(self._draw, **{**self._fixed, **self.values})
        return with_words(Markup(made.html, self.still_text()))

    def _values(self, choice: dict[str, int]) -> dict[str, Any]:
        return {control.name: control.choices[choice[control.name]] for control in self._controls}

    @traitlets.validate("choice")
    def _within_choices(self, proposal: dict[str, Any]) -> dict[str, int]:
        """Keep what the page sends within the choices; a control that it does not name starts over."""
        wanted = proposal["value"]
        kept = {}
        for control in self._controls:
            index = int(wanted.get(control.name, control.start))
            kept[control.name] = min(max(index, 0), len(control.choices) - 1)
        return kept

    def _redraw(self, _: object) -> None:
        made = render(self._figure, self._draw, {**self._fixed, **self.values}, self.density)
        with self.hold_sync():  # one message: the picture never stands beside the text of another
            for name, value in _as_traits(made).items():
                setattr(self, name, value)
            self.drawn += 1


def _as_traits(made: Frame) -> dict[str, Any]:
    return {"frame": made.png, "markup": made.markup, "alt": made.alt, "error": made.error}


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
    for exercise in sorted(all_exercises(), key=lambda each: each.id != name):
        if not getattr(exercise, "is_loaded", True):  # nobody has its reference yet, and to ask would import torch
            continue
        if exercise.reference is function:
            return exercise.id
    return None


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)

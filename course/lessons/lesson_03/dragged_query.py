"""A query in the plane that can be dragged, with keys, weights, values and the output that follow it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from course.errors import CourseError
from course.lab.drawing import KEY, KEY_TEXT, QUERY, VALUE, as_array, takes_arrays
from course.lab.drawing import WEIGHTS as WEIGHT
from course.lab.drawing.picture import still_png
from course.lab.widgets.still import StillWidget, script_beside, style_beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class DraggedQueryState:
    """The four steps of attention for one query in the plane: `n` keys, `n` values.

    `scores` (n,) are the dot products q . k, `logits` (n,) the scores over sqrt(2) and the temperature,
    `weights` (n,) their softmax, `output` (2,) the weighted sum of the values.
    """

    scores: NDArray[np.float64]
    logits: NDArray[np.float64]
    weights: NDArray[np.float64]
    output: NDArray[np.float64]


def dragged_query_state(
    query: ArrayLike, keys: ArrayLike, values: ArrayLike, temperature: float = 1.0
) -> DraggedQueryState:
    """Return scores, weights and output for a query (2,), keys (n, 2) and values (n, 2).

    The same steps as the page takes (Vaswani et al. 2017, equation 1, with d_k = 2 and a temperature that
    divides the scaled scores).
    """
    q, k, v = (as_array(each).astype(np.float64) for each in (query, keys, values))
    scores = k @ q
    logits = scores / (math.sqrt(2.0) * temperature)
    powers = np.exp(logits - logits.max())
    weights = powers / powers.sum()
    return DraggedQueryState(scores, logits, weights, weights @ v)


class DraggedQuery(StillWidget):
    """A query in the plane that can be dragged, with keys, weights, values and the output that follow it.

    `keys` and `values` are n pairs (x, y), `labels` n words, with n from 2 to 8. `query`, `temperature` and
    the rest are traits that follow the page, and the page follows them.

    Raises:
        CourseError: Unequal numbers of keys, values and labels, something that is not a pair of finite
            numbers, or a temperature outside 0.1 to 10.
    """

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    key_points: traitlets.List = traitlets.List().tag(sync=True)  # not `keys`: every widget has a trait of that name
    value_points: traitlets.List = traitlets.List().tag(sync=True)
    labels: traitlets.List = traitlets.List().tag(sync=True)
    query: traitlets.List = traitlets.List().tag(sync=True, echo_update=False)
    temperature = traitlets.Float(1.0).tag(sync=True, echo_update=False)
    start: traitlets.List = traitlets.List().tag(sync=True)
    start_temperature = traitlets.Float(1.0).tag(sync=True)
    reach = traitlets.Float(2.0).tag(sync=True)

    def __init__(
        self,
        keys: ArrayLike,
        values: ArrayLike,
        labels: Sequence[str],
        query: ArrayLike = (1.0, 0.5),
        temperature: float = 1.0,
    ) -> None:
        key_pairs, value_pairs = _pairs("keys", keys), _pairs("values", values)
        if not 2 <= len(key_pairs) == len(value_pairs) == len(labels) <= 8:
            raise CourseError(
                f"There are {len(key_pairs)} keys, {len(value_pairs)} values and {len(labels)} labels;"
                " give as many of each, from 2 to 8."
            )
        point = _point(query)
        longest = max(abs(number) for pair in [*key_pairs, *value_pairs, point] for number in pair)
        super().__init__(
            key_points=key_pairs,
            value_points=value_pairs,
            labels=[str(label) for label in labels],
            query=point,
            start=point,
            temperature=float(temperature),
            start_temperature=float(temperature),
            reach=max(1.5, math.ceil(longest * 1.2 * 2) / 2),
        )

    @property
    def state(self) -> DraggedQueryState:
        """Scores, weights and output for the query as it stands."""
        return dragged_query_state(self.query, self.key_points, self.value_points, self.temperature)

    def still_text(self) -> str:
        """Return the state in words, numbers rounded to two decimals."""
        return _in_words(self.query, self.labels, self.state, self.temperature)

    def still_png(self) -> bytes:
        """Return both planes and the weights as a picture."""
        png, _ = still_png(
            draw_dragged_query,
            query=self.query,
            keys=self.key_points,
            values=self.value_points,
            labels=self.labels,
            temperature=self.temperature,
            reach=self.reach,
        )
        return png

    @traitlets.validate("query")
    def _is_point(self, proposal: dict[str, Any]) -> list[float]:
        return _point(proposal["value"])

    @traitlets.validate("temperature")
    def _is_temperature(self, proposal: dict[str, Any]) -> float:
        wanted = float(proposal["value"])
        if not 0.1 <= wanted <= 10:
            raise CourseError(f"The temperature is {wanted}; take one from 0.1 to 10.")
        return wanted


def _pairs(name: str, points: ArrayLike) -> list[list[float]]:
    try:
        array = as_array(points).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise CourseError(f"The {name} are not pairs of numbers: {points!r}.") from error
    if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
        raise CourseError(f"The {name} must be pairs (x, y) of finite numbers; this is {points!r}.")
    return array.tolist()


def _point(point: ArrayLike) -> list[float]:
    return _pairs("query", as_array(point)[None])[0]


def _fixed(number: float) -> str:
    """Two decimals, and never a negative zero."""
    return f"{number if abs(number) >= 0.005 else 0.0:.2f}"


MARGIN = 1.25  # of the still planes, around what can be reached: room for the labels of the outermost arrows


@takes_arrays
def draw_dragged_query(
    fig: Figure,
    *,
    query: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    labels: Sequence[str],
    temperature: float = 1.0,
    reach: float = 2.0,
) -> str:
    """Draw what `DraggedQuery` shows at one moment: keys and query, values and output, weights.

    Shapes: query (2,), keys (n, 2), values (n, 2); `reach` is half the side of each plane.
    """
    state = dragged_query_state(query, keys, values, temperature)
    fig.set_size_inches(11.0, 3.8)
    left, middle, right = fig.subplots(1, 3, gridspec_kw={"width_ratios": [1, 1, 0.9]})
    fig.subplots_adjust(left=0.04, right=0.95, bottom=0.1, top=0.9, wspace=0.28)
    point = np.asarray(query, dtype=np.float64)
    for axes, title in ((left, "query and keys"), (middle, "values and output")):
        _plane(axes, reach, title)
    for number, (key, label, weight) in enumerate(zip(as_array(keys), labels, state.weights, strict=True)):
        line = ([point[0], key[0]], [point[1], key[1]])
        left.plot(*line, color=WEIGHT, linewidth=1 + 8 * weight, alpha=0.15 + 0.85 * weight)
        _arrow(left, key, KEY, label, KEY_TEXT, below=number % 2 == 1)
    _arrow(left, point, QUERY, "query", QUERY)
    left.plot(*point, "o", color=QUERY, markersize=11)
    _draw_mix(middle, as_array(values), labels, state)
    _draw_bars(right, labels, state.weights)
    return _in_words(point, labels, state, temperature)


def _in_words(query: ArrayLike, labels: Sequence[str], state: DraggedQueryState, temperature: float) -> str:
    """Return the state in words, numbers rounded to two decimals."""
    weights = ", ".join(f"{label} {_fixed(w)}" for label, w in zip(labels, state.weights, strict=True))
    across, up = (_fixed(number) for number in np.asarray(query, dtype=np.float64))
    x, y = (_fixed(number) for number in state.output)
    return (
        f"A query in the plane at ({across}, {up}), temperature {_fixed(temperature)}. Weights: {weights}."
        f" Output: ({x}, {y})."
    )


def _plane(axes: Axes, reach: float, title: str) -> None:
    side = MARGIN * reach
    axes.set(xlim=(-side, side), ylim=(-side, side), aspect="equal", title=title)
    axes.axhline(0, color="0.8", linewidth=1)
    axes.axvline(0, color="0.8", linewidth=1)
    axes.tick_params(labelsize=8)


def _arrow(
    axes: Axes,
    tip: NDArray[np.float64],
    color: str,
    label: str,
    text_color: str,
    *,
    below: bool = False,
    gap: int = 4,
) -> None:
    """An arrow from the origin with its label, `gap` points off the tip; `below` keeps two in one direction apart."""
    axes.annotate("", (tip[0], tip[1]), (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2})
    edge = 0.7 * axes.get_xlim()[1]
    outward = "left" if tip[0] >= 0 else "right"
    side = outward if abs(tip[0]) < edge else "right" if tip[0] >= 0 else "left"  # near the frame, toward the middle
    shift = (gap if side == "left" else -gap, -12 if below or tip[1] < 0 else 4)
    axes.annotate(label, (tip[0], tip[1]), shift, textcoords="offset points", ha=side, color=text_color, weight="bold")


def _draw_mix(axes: Axes, values: NDArray[np.float64], labels: Sequence[str], state: DraggedQueryState) -> None:
    """Draw each value, and the weighted values one after another: they end where the output ends."""
    for number, (value, label) in enumerate(zip(values, labels, strict=True)):
        _arrow(axes, value, VALUE, label, "#006B4F", below=number % 2 == 1)
    path = np.vstack([np.zeros(2), np.cumsum(state.weights[:, None] * values, axis=0)])
    axes.plot(*path.T, color=WEIGHT, linewidth=3, solid_joinstyle="round")
    _arrow(axes, state.output, "black", "output", "black", gap=10)


def _draw_bars(axes: Axes, labels: Sequence[str], weights: NDArray[np.float64]) -> None:
    rows = np.arange(len(labels))
    axes.barh(rows, weights, color=WEIGHT)
    axes.set(xlim=(0, 1.18), ylim=(len(labels) - 0.4, -0.6), title="weights")
    axes.set_yticks(rows, labels)
    for row, weight in zip(rows, weights, strict=True):
        axes.text(weight + 0.03, float(row), _fixed(weight), va="center")
    axes.spines[["top", "right"]].set_visible(False)

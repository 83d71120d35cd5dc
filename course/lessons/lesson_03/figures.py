"""Drawing functions of lesson 03.

They have the forms of `course.lab.drawing.picture`: ``draw_xxx(fig, **values) -> str`` clears the given matplotlib
figure, sets its size, draws, and returns the alternative text; ``draw_xxx(**values) -> Markup`` returns a map as HTML.
The text states the numbers that the picture shows. So the same function serves a still picture (`show`), a slider
(`explore`) and a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.lab.drawing import (
    GRAY,
    INK,
    KEY,
    KEY_TEXT,
    PALE,
    QUERY,
    TITLE_AT,
    VALUE,
    WEIGHTS,
    WEIGHTS_TEXT,
    Markup,
    as_array,
    bar_table,
    begin,
    beside,
    heat_table,
    plain,
    shades,
    takes_arrays,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, np.dtype[Any]]
    Attention = Callable[..., tuple[Array, Array]]


def entropy(weights: Array) -> float:
    """Return the entropy of a row of weights, in bits: 0 for all on one word, log2(n) for n equal ones."""
    positive = weights[weights > 0]
    return float(max(0.0, -(positive * np.log2(positive)).sum()))


def softmax_gradient(weights: Array) -> float:
    """Return the Frobenius norm of the softmax's Jacobian, diag(w) - w w^T, at weights w of shape (n,)."""
    return float(np.linalg.norm(np.diag(weights) - np.outer(weights, weights)))


def _named(words: Sequence[str], weights: Array, at_least: float = 0.0) -> str:
    """Return "sharp 0.49, needle 0.18, ..." in falling order of weight."""
    order = np.argsort(-weights, kind="stable")
    return ", ".join(f"{words[i]} {weights[i]:.2f}" for i in order if weights[i] >= at_least)


# ---- One word in two sentences -------------------------------------------------------------------------


def _draw_gathering(ax: Axes, words: Sequence[str], weights: Array, focus: int) -> None:
    """Draw one sentence on a line; arcs run from every word to the focus word, as wide as the weight."""
    from matplotlib.patches import FancyArrowPatch

    for i, (word, weight) in enumerate(zip(words, weights, strict=True)):
        color, bold = (QUERY, "bold") if i == focus else (INK, "normal")
        ax.text(i, -0.36, word, ha="center", va="baseline", fontsize=12, color=color, weight=bold)
        ax.text(i, -0.62, f"{weight:.2f}", ha="center", va="top", fontsize=11, color=INK)
        if i == focus:
            ax.plot([i], [0.05], "o", color=WEIGHTS, markersize=2 + 14 * weight)
            continue
        bend = 0.45 if i < focus else -0.45
        arc = FancyArrowPatch((i, 0), (focus, 0.05), arrowstyle="-", connectionstyle=f"arc3,rad={-bend}")
        arc.set(color=WEIGHTS, linewidth=0.6 + 18 * weight, alpha=float(0.25 + 0.75 * min(1.0, 2 * weight)))
        ax.add_patch(arc)
    ax.set(xlim=(-0.6, len(words) - 0.4), ylim=(-1.1, 1.9))
    ax.axis("off")


def _draw_outputs(ax: Axes, outputs: Sequence[Array], own: Array, names: Sequence[str], focus: str) -> None:
    """Draw two outputs beside the word's own vector, as groups of bars, one group for each of the names."""
    place = np.arange(len(names))
    ax.bar(place - 0.31, own, 0.28, color="white", edgecolor=INK, label=f"{focus}, its own vector")
    for i, (output, hatch) in enumerate(zip(outputs, ("", "///"), strict=True)):
        fill, name = "white" if hatch else VALUE, f"gathered in sentence {i + 1}"
        ax.bar(place + 0.31 * i, output, 0.28, label=name, color=fill, edgecolor=VALUE, hatch=hatch)
        for x, height in zip(place + 0.31 * i, output, strict=True):
            number = f"{height:.2f}" if height else "0"
            ax.text(x, max(height, 0) + 0.02, number, ha="center", va="bottom", fontsize=9, color=INK)
    ax.set_xticks(place, names, fontsize=12)
    ax.set_ylim(0, 1.4 * max(1.0, float(np.max(own)), *(float(np.max(output)) for output in outputs)))
    ax.legend(frameon=False, fontsize=10, loc="upper center")
    plain(ax)


@takes_arrays
def draw_two_sentences(
    fig: Figure,
    *,
    sentences: Sequence[Sequence[str]],
    weights: Sequence[Array],
    outputs: Sequence[Array],
    own: Array,
    axes: Sequence[str],
    focus: str,
) -> str:
    """Draw what one word gathers in two sentences: arcs as wide as the weights, and the two outputs as bars.

    `weights` holds one (T,) row and `outputs` one (d_v,) vector a sentence; `own` is the word's own (d_v,).
    """
    begin(fig, 12, 4.4)
    grid = fig.add_gridspec(2, 2, width_ratios=[1.3, 1], left=0.01, right=0.99, top=0.97, bottom=0.08, wspace=0.08)
    for i, (words, row) in enumerate(zip(sentences, weights, strict=True)):
        _draw_gathering(fig.add_subplot(grid[i, 0]), words, as_array(row), list(words).index(focus))
    _draw_outputs(fig.add_subplot(grid[:, 1]), outputs, own, axes, focus)
    return _two_sentences_in_words(sentences, weights, outputs, axes, focus)


def _two_sentences_in_words(
    sentences: Sequence[Sequence[str]],
    weights: Sequence[Array],
    outputs: Sequence[Array],
    axes: Sequence[str],
    focus: str,
) -> str:
    """Return the alternative text of `draw_two_sentences`."""
    parts = [f"What “{focus}” gathers in two sentences."]
    for words, row, output in zip(sentences, weights, outputs, strict=True):
        numbers = ", ".join(f"{name} {x:.2f}" for name, x in zip(axes, output, strict=True))
        parts.append(f"“{' '.join(words)}”: weights {_named(words, as_array(row))}; output {numbers}.")
    return " ".join(parts)


# ---- A soft dictionary ---------------------------------------------------------------------------------


@takes_arrays
def draw_soft_dictionary(
    fig: Figure,
    *,
    softmax: Callable[..., Array],
    keys: Array,
    values: Array,
    query: float,
    widths: Sequence[float],
) -> str:
    """Draw the kernel-weighted average of (keys, values), both (n,), for several kernel widths.

    Nadaraya (1964), Watson (1964): the answer at q is the mean of the values, weighted by a Gaussian of
    q - key.
    """
    begin(fig, 9, 3.6)
    ax = fig.add_axes((0.07, 0.16, 0.62, 0.8))
    grid = np.linspace(float(np.min(keys)) - 1, float(np.max(keys)) + 1, 300)
    ax.axvline(query, color=QUERY, linewidth=1.5)
    answers = []
    for width, style in zip(widths, ("-", "--", ":"), strict=False):
        curve = softmax(-((grid[:, None] - keys) ** 2) / (2 * width**2)) @ values
        answer = float(softmax(-((query - keys) ** 2) / (2 * width**2)) @ values)
        answers.append(f"width {width:g} gives {answer:.1f}")
        ax.plot(grid, curve, style, color=WEIGHTS, linewidth=2.5, label=f"width {width:g}: answer {answer:.1f}")
        ax.plot([query], [answer], "o", color=VALUE, markersize=9, markeredgecolor=INK, zorder=4)
    ax.plot(keys, values, "s", color=KEY, markeredgecolor=INK, markersize=8, label="stored (key, value)", zorder=3)
    ax.set_xticks(keys)
    ax.set_xlabel("key: hour of the day", fontsize=11)
    ax.set_ylabel("value: degrees", fontsize=11)
    ax.plot([], [], color=QUERY, label=f"query: {query:g} o'clock")
    ax.legend(frameon=False, fontsize=11, loc="center left", bbox_to_anchor=(1.02, 0.5))
    plain(ax)
    pairs = ", ".join(f"{k:g} h {v:g}°" for k, v in zip(keys, values, strict=True))
    return f"Soft dictionary with the entries {pairs}. Asked at {query:g} h: {'; '.join(answers)}."


# ---- A whole map, hot or cold ------------------------------------------------------------------------------


@takes_arrays
def draw_attention_map(
    *,
    attention: Attention,
    examples: Mapping[str, tuple[Sequence[str], Array, Array, Array]],
    sentence: str,
    temperature: float,
    focus: str = "point",
) -> Markup:
    """Draw the whole map of one example sentence at a temperature, and the row of the focus word as bars.

    `examples` maps a sentence to (words, q (T, d_k), k (T, d_k), v (T, d_v)). The function under study has no
    temperature of its own: dividing the queries by it divides every score by it.
    """
    words, q, k, v = examples[sentence]
    weights = as_array(attention(q / temperature, k, v)[1])
    row = weights[list(words).index(focus)]
    bits, most = entropy(row), float(np.log2(len(words)))
    whole = heat_table(
        weights, words, words, caption=f"temperature {temperature:.2f}", smallest=1.05 / len(words)
    )  # fmt: skip
    caption = f"the row of “{focus}”: entropy {bits:.2f} of {most:.2f} bits"
    return Markup(
        beside(whole, bar_table(words, row, caption=caption)),
        f"Attention map of “{sentence}” at temperature {temperature:.2f}. Row of “{focus}”: "
        f"{_named(words, row)}; entropy {bits:.2f} bits of at most {most:.2f}.",
    )


# ---- Why divide by sqrt(d_k) ---------------------------------------------------------------------------

LARGEST_D_K, N_KEYS = 512, 16


@takes_arrays
def draw_random_scores(fig: Figure, *, attention: Attention, d_k: int, scaled: bool, seed: int = 22) -> str:
    """Draw scores and weights of a random query against 16 random keys of width d_k (1..512), scaled or not.

    The numbers of width d_k are the first d_k of one fixed draw from a standard normal distribution, so a slider moves
    smoothly; the axis of the scores is the same for all widths. Where `scaled` is false, the queries are multiplied by
    sqrt(d_k), which undoes the division inside `attention`.
    """
    everything = np.random.default_rng(seed).standard_normal((N_KEYS + 1, LARGEST_D_K))
    q, k = everything[:1, :d_k], everything[1:, :d_k]
    scores = (q @ k.T)[0] / (np.sqrt(d_k) if scaled else 1.0)
    weights = as_array(attention(q if scaled else q * np.sqrt(d_k), k, np.eye(N_KEYS))[1])[0]
    kind = "scaled" if scaled else "not scaled"
    spread, largest, bits, slope = scores.std(), weights.max(), entropy(weights), softmax_gradient(weights)
    begin(fig, 10, 3.6)
    left, right = fig.add_axes((0.08, 0.15, 0.4, 0.66)), fig.add_axes((0.58, 0.15, 0.4, 0.66))
    limit = 1.05 * _largest_score(everything, scaled)  # the same at every width: one sees what the width does
    _bars(left, scores, GRAY, (-limit, limit), 0.0, "16 random keys")
    left.set_title(f"scores, {kind}, d_k = {d_k}\nstandard deviation {spread:.2f}", fontsize=12, y=TITLE_AT)
    _bars(right, weights, WEIGHTS, (0.0, 1.0), 1 / N_KEYS, "16 random keys (dotted: all equal)")
    below = f"entropy {bits:.2f} of 4 bits, gradient {slope:.3f}"
    right.set_title(f"softmax weights, largest {largest:.2f}\n{below}", fontsize=12, y=TITLE_AT)
    return (
        f"One random query and 16 random keys, d_k = {d_k}, {kind}: standard deviation of the scores {spread:.2f}, "
        f"largest weight {largest:.2f}, entropy {bits:.2f} of 4 bits, size of the softmax gradient {slope:.3f}."
    )


def _largest_score(everything: Array, scaled: bool) -> float:
    """Return the largest absolute score of any width; everything: a query and its keys (1 + N_KEYS, LARGEST_D_K)."""
    of_width = np.cumsum(everything[0] * everything[1:], axis=-1)
    return float(np.max(np.abs(of_width / (np.sqrt(np.arange(1, LARGEST_D_K + 1)) if scaled else 1.0))))


def _bars(ax: Axes, heights: Array, color: str, limits: tuple[float, float], line: float, label: str) -> None:
    """Draw bars without ticks below them, a line across, and a label below."""
    ax.vlines(range(len(heights)), 0, heights, color=color, linewidth=13)
    ax.axhline(line, color=INK, linewidth=1, linestyle=":" if line else "-")
    ax.set(ylim=limits, xlim=(-0.7, len(heights) - 0.3), xticks=[])
    ax.locator_params(axis="y", nbins=4)
    ax.set_xlabel(label, fontsize=11)
    plain(ax)


@takes_arrays
def draw_scale_measurement(
    fig: Figure, *, d_k: Sequence[int], raw: Mapping[str, Array], scaled: Mapping[str, Array]
) -> str:
    """Draw "variance", "entropy" (bits) and "gradient" against d_k, scaled and not; all of shape (n,)."""
    begin(fig, 11.5, 3.5)
    names = {
        "variance": "variance of the scores",
        "entropy": "entropy of the weights, bits",
        "gradient": "softmax gradient, median",
    }
    for i, (name, title) in enumerate(names.items()):
        ax = fig.add_axes((0.05 + 0.325 * i, 0.16, 0.265, 0.70))
        ax.plot(d_k, raw[name], "o--", color=KEY_TEXT, label="not scaled", markersize=5)
        ax.plot(d_k, scaled[name], "s-", color=QUERY, label="scaled", markersize=5)
        ax.set_title(title, fontsize=12)
        _measurement_axes(ax, name, d_k)
        if i == 0:
            ax.legend(frameon=False, fontsize=11, loc="upper left")
    return _measurement_in_words(d_k, raw, scaled)


def _measurement_axes(ax: Axes, name: str, d_k: Sequence[int]) -> None:
    """Set scales and ticks of one curve against d_k: logarithmic but for the entropy."""
    ax.set_xscale("log", base=2)
    ticks = d_k[(len(d_k) - 1) % 2 :: 2]
    ax.set_xticks(ticks, [f"{d}" for d in ticks])
    ax.set_xlabel("d_k", fontsize=11)
    if name == "entropy":
        ax.set_ylim(0, 4)
    else:
        ax.set_yscale("log", base=2 if name == "variance" else 10)
        ax.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
    plain(ax)
    ax.minorticks_off()


def _measurement_in_words(d_k: Sequence[int], raw: Mapping[str, Array], scaled: Mapping[str, Array]) -> str:
    """Return the ends of the curves of `draw_scale_measurement` as text."""
    parts = []
    for name, unit in (("variance", ""), ("entropy", " bits"), ("gradient", "")):
        first, last = 0, len(d_k) - 1
        parts.append(
            f"{name} from {raw[name][first]:.3g} to {raw[name][last]:.3g}{unit} not scaled, "
            f"from {scaled[name][first]:.3g} to {scaled[name][last]:.3g}{unit} scaled"
        )
    return f"Three curves against d_k from {d_k[0]} to {d_k[-1]}: {'; '.join(parts)}."


# ---- The whole of it -----------------------------------------------------------------------------------


def _matrix(
    ax: Axes, x: float, matrix: Array, color: str, title: str, shape: str, row: int | None = None, high: float = 0.0
) -> float:
    """Draw a matrix as unit cells from x rightward, its middle at height 0; return where it ends.

    The darkest shade is its largest entry, or `high` where that is more; `row` gets a frame.
    """
    rows, columns = matrix.shape
    bottom, top, end = -rows / 2, rows / 2, x + columns
    low, high = min(0.0, float(matrix.min())), max(float(matrix.max()), high, 1e-9)
    ax.imshow(matrix, cmap=shades(color), vmin=low, vmax=high, extent=(x, end, bottom, top), zorder=1)
    ax.hlines(bottom + np.arange(rows + 1), x, end, color=PALE, linewidth=0.8, zorder=2)
    ax.vlines(x + np.arange(columns + 1), bottom, top, color=PALE, linewidth=0.8, zorder=2)
    if row is not None:
        ax.plot([x, end, end, x, x], top - row - np.array([0, 0, 1, 1, 0]), color=INK, zorder=3)
    ax.text((x + end) / 2, top + 0.5, title, ha="center", va="bottom", fontsize=13, color=INK)
    ax.text((x + end) / 2, bottom - 0.5, shape, ha="center", va="top", fontsize=11, color=INK)
    return end


def _sign(ax: Axes, x: float, sign: str) -> float:
    """Write a sign between two matrices; return where the next matrix begins."""
    ax.text(x + 1, 0, sign, ha="center", va="center", fontsize=17, color=INK)
    return x + 2


@takes_arrays
def draw_summary(fig: Figure, *, q: Array, k: Array, v: Array, row: int, word: str) -> str:
    """Draw softmax(Q K^T / sqrt(d_k)) V as matrices with their shapes; `row` (that of `word`) is framed.

    Shapes: q (Tq, d_k), k (Tk, d_k), v (Tk, d_v), made for sentences of up to ten words.
    """
    scores = q @ k.T
    scaled = scores / np.sqrt(q.shape[-1])
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    weights = powers / powers.sum(axis=-1, keepdims=True)
    output = weights @ v
    begin(fig, 12, 3.3)
    ax = fig.add_axes((0.005, 0.0, 0.99, 1.0))
    x = _matrix(ax, 0, q, QUERY, "Q", "(Tq, d_k)", row)
    x = _matrix(ax, _sign(ax, x, "·"), k.T, KEY, "Kᵀ", "(d_k, Tk)")
    marks, largest = [], float(scores.max())
    for sign, step, matrix, color, title, high in (
        ("=", "1 match", scores, GRAY, "Q Kᵀ", largest),
        ("→", "2 scale", scaled, GRAY, "Q Kᵀ / √d_k", largest),
        ("→", "3 softmax", weights, WEIGHTS_TEXT, "weights", 0.0),
    ):
        start = _sign(ax, x, sign)
        x = _matrix(ax, start, matrix, color, title, "(Tq, Tk)", row, high)
        marks.append(((start + x) / 2, step))
    x = _matrix(ax, _sign(ax, x, "·"), v, VALUE, "V", "(Tk, d_v)")
    marks.append((x + 1, "4 mix"))
    x = _matrix(ax, _sign(ax, x, "="), output, VALUE, "output", "(Tq, d_v)", row)
    tallest = max(len(q), len(k), q.shape[-1]) / 2
    for middle, step in marks:
        ax.text(middle, -tallest - 2.9, step, ha="center", va="bottom", fontsize=14, weight="bold", color=INK)
    ax.set(xlim=(-0.5, x + 0.5), ylim=(-tallest - 3.1, tallest + 2.2), aspect="equal")
    ax.axis("off")
    return _summary_in_words(q, k, v, weights[row], output[row], word)


def _summary_in_words(q: Array, k: Array, v: Array, weights: Array, output: Array, word: str) -> str:
    """Return the alternative text of `draw_summary`; weights (Tk,) and output (d_v,) are the framed row's."""
    numbers = ", ".join(f"{x:.2f}" for x in output)
    return (
        f"Scaled dot-product attention as a row of matrices. 1 match: Q {q.shape} times K transposed {k.T.shape} "
        f"gives scores {(len(q), len(k))}. 2 scale: divided by the square root of d_k = {q.shape[-1]}. 3 softmax: "
        f"each row of weights sums to 1. 4 mix: weights times V {v.shape} give the output {(len(q), v.shape[-1])}. "
        f"The framed row is “{word}”: weights from {weights.min():.2f} to {weights.max():.2f}, output {numbers}."
    )

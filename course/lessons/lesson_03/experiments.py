"""The measurements of lesson 03: what the width of vectors does to random scores, and to a softmax behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.lab.drawing import Markup, rows_table, show_table

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]

QUERIES, KEYS, PAIRS = 1000, 16, 5000  # random queries, keys of each, and pairs behind a variance
Curves = dict[str, list[float]]


def random_scores(d_k: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return scores (QUERIES, KEYS) of random queries, each with keys of its own, and the keys (QUERIES, KEYS, d_k)."""
    q, k = rng.standard_normal((QUERIES, 1, d_k)), rng.standard_normal((QUERIES, KEYS, d_k))
    return (q @ np.swapaxes(k, -1, -2))[:, 0], k


def measure_scale(
    widths: Sequence[int],
    *,
    softmax: Callable[..., Array],
    statistics: Callable[[int, int, np.random.Generator], tuple[float, float]],
    summary: Callable[[Array], tuple[float, Array]],
) -> tuple[Curves, Curves]:
    """Measure random scores and their weights at each width, as they are and divided by sqrt(d_k).

    Args:
        widths: the widths d_k.
        softmax: from scores (n, keys) to weights.
        statistics: `score_statistics`.
        summary: from weights (n, keys) to their mean entropy in bits, and (n,) sizes of the softmax gradient.

    Returns:
        For raw and for scaled scores the "variance", the "entropy" and the median "gradient", one of each a width.
    """
    rng = np.random.default_rng(0)
    raw: Curves = {"variance": [], "entropy": [], "gradient": []}
    scaled: Curves = {"variance": [], "entropy": [], "gradient": []}
    for d_k in widths:
        variances = statistics(d_k, PAIRS, rng)
        scores, _ = random_scores(d_k, rng)
        for curves, variance, s in zip((raw, scaled), variances, (scores, scores / np.sqrt(d_k)), strict=True):
            entropy, gradients = summary(softmax(s))
            curves["variance"].append(float(variance))
            curves["entropy"].append(float(entropy))
            curves["gradient"].append(float(np.median(gradients)))
    return raw, scaled


def show_scale(widths: Sequence[int], raw: Curves, scaled: Curves) -> None:
    """Display what `measure_scale` found as a table, a row for each width."""
    head = ("d_k", "variance", "scaled", "entropy", "entropy, scaled", "gradient", "gradient, scaled")
    rows = [
        (
            d_k,
            f"{raw['variance'][i]:.1f}",
            f"{scaled['variance'][i]:.2f}",
            f"{raw['entropy'][i]:.2f}",
            f"{scaled['entropy'][i]:.2f}",
            f"{raw['gradient'][i]:.4f}",
            f"{scaled['gradient'][i]:.3f}",
        )
        for i, d_k in enumerate(widths)
    ]
    show_table(head, rows)


def gradient_at_the_query(d_k: int, *, softmax: Callable[..., Array]) -> Markup:
    """Follow the softmax gradient one step farther, through the keys to the query, raw and scaled, as a table.

    Chain rule: the change of the weights with the query is the softmax's Jacobian (diag(w) - w w^T) times the keys,
    divided by sqrt(d_k) where the scores were.
    """
    scores, k = random_scores(d_k, np.random.default_rng(1))
    rows = []
    for name, divisor in (("raw", 1.0), ("scaled", float(np.sqrt(d_k)))):
        w = softmax(scores / divisor)
        jacobian = w[:, :, None] * (np.eye(KEYS) - w[:, None, :])
        size = np.linalg.norm(jacobian @ k / divisor, axis=(1, 2))  # (QUERIES,)
        most = np.argsort(size)[-QUERIES // 10 :]  # the tenth of the queries with the largest gradient
        best, second = np.sort(scores / divisor, axis=1)[:, :-3:-1].T
        gaps = best - second
        share = f"{100 * size[most].sum() / size.sum():.0f} %"
        rows.append(
            (name, f"{np.median(size):.3f}", f"{size.mean():.3f}", share)
            + (f"{np.median(gaps):.2f}", f"{np.median(gaps[most]):.2f}")
        )
    head = ("scores", "median", "mean", "share of the top tenth", "median gap of the two best", "gap in the top tenth")
    return rows_table(head, rows, f"size of the gradient at the query, d_k = {d_k}")

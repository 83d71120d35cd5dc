"""A decoder's mask that is built by hand: two sentences, switches for each part, and what follows from them.

Mask, weights, row sums and leaks follow every move. The script beside this file does it in the browser; `built_masks`
takes the same steps in Python, for tests and for the still picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from course.errors import CourseError
from course.lab.drawing import GRAY, INK, KEY_TEXT, PALE, QUERY, WEIGHTS_TEXT, begin, shades, takes_arrays
from course.lab.drawing.picture import still_png
from course.lab.widgets.still import StillWidget, script_beside, style_beside
from course.lessons.lesson_03.reference import attention
from course.lessons.lesson_05.reference import causal_mask

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

PAD_WORD = "<pad>"
LONGEST = 8
WIDTH = 3  # numbers of a vector
CHOICES = {"side": ("right", "left"), "pads": ("keys", "queries", "nowhere"), "joined": ("and", "or")}


@dataclass(frozen=True)
class Settings:
    """How the mask is built.

    Attributes:
        lengths: real tokens of each sentence; both are padded to the longest.
        side: where the pads stand, "right" or "left".
        causal: whether the future is hidden.
        shift: how many columns to the right of the diagonal the causal rule still allows: 0 is right.
        pads: which axis hides pads: "keys" is right; "queries" or "nowhere".
        joined: how the two rules become one: "and" is right; "or".
        true_means_may: whether True in the built mask means may attend, as in this course, or blocked.
    """

    lengths: tuple[int, int] = (7, 5)
    side: str = "right"
    causal: bool = True
    shift: int = 0
    pads: str = "keys"
    joined: str = "and"
    true_means_may: bool = True


@dataclass(frozen=True)
class Built:
    """One sentence under a built mask; T tokens with padding.

    Attributes:
        words: T words, pads among them.
        real: (T,) which tokens are no pads.
        mask: (T, T) the mask as it was built.
        allowed: (T, T) what an attention does with it that takes True for may attend.
        rule: (T, T) what a decoder's mask should allow.
        weights: (T, T) the weights under `allowed`.
        future, pads: (T,) how far each real token's output moves at most when a later word, or a pad, is exchanged; 0
            for pads, whose outputs nobody uses.
    """

    words: tuple[str, ...]
    real: Array
    mask: Array
    allowed: Array
    rule: Array
    weights: Array
    future: Array
    pads: Array


def vectors(sentence: int) -> Array:
    """Return the vectors of a sentence's words (LONGEST, WIDTH); the last two rows are a pad's, and a stranger's."""
    rows = np.random.default_rng(40 + sentence).standard_normal((LONGEST + 2, WIDTH))
    return np.round(1.3 * rows, 2)


def built_masks(sentences: Sequence[Sequence[str]], settings: Settings) -> list[Built]:
    """Return what the settings make of each sentence. Queries, keys and values are the words' own vectors."""
    T = max(settings.lengths)
    return [_built(words, vectors(i), settings.lengths[i], T, settings) for i, words in enumerate(sentences)]


def _built(words: Sequence[str], known: Array, length: int, T: int, settings: Settings) -> Built:
    empty = T - length
    real = np.arange(T) >= empty if settings.side == "left" else np.arange(T) < length
    x = np.repeat(known[LONGEST][None], T, axis=0)
    x[real] = known[:length]
    shown = np.full(T, PAD_WORD, dtype=object)
    shown[real] = list(words[:length])
    mask = _mask(real, settings)
    allowed = mask if settings.true_means_may else ~mask
    moved = _moved(x, known[LONGEST + 1], allowed)
    later = ~causal_mask(T) & real & real[:, None]
    future = np.where(later, moved, 0.0).max(axis=-1)
    pads = np.where(real[:, None] & ~real, moved, 0.0).max(axis=-1)
    weights = attention(x, x, x, allowed)[1]
    return Built(tuple(shown), real, mask, allowed, causal_mask(T) & real, weights, future, pads)


def _mask(real: Array, settings: Settings) -> Array:
    T = len(real)
    everything = np.ones((T, T), dtype=bool)
    future = np.tril(everything, k=settings.shift) if settings.causal else everything
    hidden = {"keys": everything & real, "queries": everything & real[:, None], "nowhere": everything}[settings.pads]
    return future & hidden if settings.joined == "and" else future | hidden


def _moved(x: Array, stranger: Array, allowed: Array) -> Array:
    """Return (T, T): the largest change of output i when token j becomes the stranger."""
    before = attention(x, x, x, allowed)[0]
    columns = []
    for j in range(len(x)):
        changed = x.copy()
        changed[j] = stranger
        columns.append(np.abs(attention(changed, changed, changed, allowed)[0] - before).max(axis=-1))
    return np.stack(columns, axis=1)


class MaskBuilder(StillWidget):
    """Two sentences and the switches of a decoder's mask; mask, weights, row sums and leaks follow.

    Its settings are traits that follow the page, and the page follows them: `lengths`, `side`, `causal`, `shift`,
    `pads`, `joined`, `true_means_may` (see `Settings`).

    Raises:
        CourseError: other than two sentences of 1 to 8 words, or a setting that there is not.
    """

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    sentences: traitlets.List = traitlets.List().tag(sync=True)
    known: traitlets.List = traitlets.List().tag(sync=True)  # for each sentence its vectors, a pad's and a stranger's
    start = traitlets.Dict().tag(sync=True)
    lengths: traitlets.List = traitlets.List().tag(sync=True, echo_update=False)
    side = traitlets.Unicode("right").tag(sync=True, echo_update=False)
    causal = traitlets.Bool(True).tag(sync=True, echo_update=False)
    shift = traitlets.Int(0).tag(sync=True, echo_update=False)
    pads = traitlets.Unicode("keys").tag(sync=True, echo_update=False)
    joined = traitlets.Unicode("and").tag(sync=True, echo_update=False)
    true_means_may = traitlets.Bool(True).tag(sync=True, echo_update=False)

    def __init__(self, sentences: Sequence[Sequence[str]], **settings: Any) -> None:  # noqa: ANN401
        words = [[str(word) for word in sentence] for sentence in sentences]
        if len(words) != 2 or not all(1 <= len(sentence) <= LONGEST for sentence in words):
            raise CourseError(f"The mask builder shows two sentences of 1 to {LONGEST} words; these are {words}.")
        start = asdict(Settings(**{"lengths": (len(words[0]), len(words[1])), **_known(settings)}))
        start["lengths"] = list(start["lengths"])
        super().__init__(
            sentences=words,
            known=[vectors(i).tolist() for i in range(2)],
            start=dict(start),
            **start,
        )

    @property
    def settings(self) -> Settings:
        """The settings as they stand."""
        first, second = self.lengths
        return Settings(
            (first, second), self.side, self.causal, self.shift, self.pads, self.joined, self.true_means_may
        )

    @property
    def built(self) -> list[Built]:
        """What the settings make of each sentence."""
        return built_masks(self.sentences, self.settings)

    def still_text(self) -> str:
        """Return settings and findings in words, numbers rounded to two decimals."""
        return " ".join([_settings_in_words(self.settings), *map(_in_words, self.built)])

    def still_png(self) -> bytes:
        """Return masks and weights of both sentences as a picture."""
        png, _ = still_png(draw_mask_builder, sentences=self.sentences, settings=self.settings)
        return png

    @traitlets.validate("lengths")
    def _are_lengths(self, proposal: dict[str, Any]) -> list[int]:
        wanted = [int(length) for length in proposal["value"]]
        longest = [len(sentence) for sentence in self.sentences]
        if len(wanted) != 2 or not all(1 <= n <= most for n, most in zip(wanted, longest, strict=True)):
            raise CourseError(f"The lengths are {wanted}; take one from 1 to {longest[0]}, one from 1 to {longest[1]}.")
        return wanted

    @traitlets.validate("side", "pads", "joined")
    def _is_choice(self, proposal: dict[str, Any]) -> str:
        name, wanted = proposal["trait"].name, proposal["value"]
        if wanted not in CHOICES[name]:
            raise CourseError(f"{name} is {wanted!r}; take one of {', '.join(CHOICES[name])}.")
        return str(wanted)

    @traitlets.validate("shift")
    def _is_shift(self, proposal: dict[str, Any]) -> int:
        if not -1 <= proposal["value"] <= 1:
            raise CourseError(f"The shift is {proposal['value']}; take -1, 0 or 1.")
        return int(proposal["value"])


def _known(settings: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(settings) - set(Settings.__dataclass_fields__))
    if unknown:
        raise CourseError(f"The mask builder has no setting {unknown[0]!r}; it has {', '.join(asdict(Settings()))}.")
    return settings


# ---- In words, and as a still picture ------------------------------------------------------------------------


def _settings_in_words(settings: Settings) -> str:
    causal = "on" if settings.causal else "off"
    shift = f", shifted by {settings.shift}" if settings.shift and settings.causal else ""
    means = "may attend" if settings.true_means_may else "blocked"
    return (
        f"A mask builder: pads on the {settings.side}, causal {causal}{shift}, pads hidden as {settings.pads}, rules "
        f"joined by {settings.joined}, True means {means}."
    )


def _in_words(built: Built) -> str:
    sums = ", ".join(f"{total:.2f}" for total in built.weights.sum(axis=-1))
    wrong = int((built.allowed != built.rule)[built.real].sum())
    return (
        f"“{' '.join(built.words)}”: row sums {sums}; leak from the future {built.future.max():.2f}, from pads "
        f"{built.pads.max():.2f}; {wrong} cells of words against the rule."
    )


@takes_arrays
def draw_mask_builder(fig: Figure, *, sentences: Sequence[Sequence[str]], settings: Settings) -> str:
    """Draw what `MaskBuilder` shows at one moment: for each sentence its mask, and the weights with sums and leaks."""
    made = built_masks(sentences, settings)
    T = len(made[0].words)
    begin(fig, 11.0, 6.4)
    for n, built in enumerate(made):
        bottom = 0.53 - 0.5 * n
        _draw_mask(fig.add_axes((0.08, bottom, 0.33, 0.37)), built, T)
        _draw_weights(fig.add_axes((0.49, bottom, 0.33, 0.37)), built, T)
    return " ".join([_settings_in_words(settings), *map(_in_words, made)])


def _grid(ax: Axes, built: Built, T: int, title: str) -> None:
    ax.set(xlim=(-0.5, T - 0.5), ylim=(T - 0.5, -0.5))
    ax.hlines(np.arange(T + 1) - 0.5, -0.5, T - 0.5, color=PALE, linewidth=0.8)
    ax.vlines(np.arange(T + 1) - 0.5, -0.5, T - 0.5, color=PALE, linewidth=0.8)
    ax.set_xticks(range(T), built.words, fontsize=8, color=KEY_TEXT)
    ax.xaxis.tick_top()
    ax.set_yticks(range(T), built.words, fontsize=9, color=QUERY)
    ax.tick_params(length=0, pad=2)
    ax.set_title(title, fontsize=11, color=INK, pad=4)
    for edge in ax.spines.values():
        edge.set_color(GRAY)


def _draw_mask(ax: Axes, built: Built, T: int) -> None:
    ax.imshow(built.mask * 0.3, cmap=shades(WEIGHTS_TEXT), vmin=0, vmax=1, aspect="auto")
    _grid(ax, built, T, "mask: True is ✓")
    against = (built.allowed != built.rule) & built.real[:, None]
    for i in range(T):
        for j in range(T):
            sign = ("✓" if built.mask[i, j] else "") + ("!" if against[i, j] else "")
            ax.text(j, i, sign, ha="center", va="center", fontsize=10, color=INK)


def _draw_weights(ax: Axes, built: Built, T: int) -> None:
    ax.imshow(built.weights, cmap=shades(WEIGHTS_TEXT), vmin=0, vmax=1, aspect="auto")
    _grid(ax, built, T, "weights")
    for i, j in np.argwhere(built.weights >= 0.005):
        color = "white" if built.weights[i, j] > 0.55 else INK
        ax.text(float(j), float(i), f"{built.weights[i, j]:.2f}", ha="center", va="center", fontsize=8, color=color)
    beside = ax.get_yaxis_transform()  # x in widths of the map, y in rows
    heads = ((1.06, "sum"), (1.21, "future"), (1.38, "pads"))
    for x, name in heads:
        ax.text(x, -0.7, name, ha="left", va="bottom", fontsize=9, color=INK, transform=beside)
    for i, total in enumerate(built.weights.sum(axis=-1)):
        numbers = (total, built.future[i], built.pads[i])
        for (x, _), number in zip(heads, numbers if built.real[i] else numbers[:1], strict=False):
            ax.text(x, i, f"{number:.2f}", ha="left", va="center", fontsize=9, color=INK, transform=beside)

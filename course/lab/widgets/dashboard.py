"""The dashboard of a training run: curves, speed, time left, and the same few sentences getting better.

    dashboard("runs/mine")

shows any run from its log, whether `course train` or a notebook made it, finished or not. `live` (in
`live_training`) shows one while it trains. What is drawn and said comes from the log's records alone, through the
functions of this module.
"""

from __future__ import annotations

import difflib
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from course.errors import CourseError
from course.lab.drawing import KEY_TEXT, QUERY, VALUE
from course.lab.drawing.picture import new_figure, render, still_png
from course.lab.widgets.still import StillWidget, script_beside, style_beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Records = Sequence[dict[str, Any]]

WIDE, HIGH = 10.0, 4.0  # inches of the curves; a picture with sentences is higher
LINE = 0.21  # inches of a line of text below the curves
COLUMNS = 112  # letters of such a line
BINS = 15  # a smoothed point is the mean of itself and a fifteenth of the curve on either side
STEEP = 30  # above this ratio between losses, an axis of equal ratios shows more than one of equal differences
LARGE = 1000.0  # a loss from here on has exploded: powers of ten will do


# What a log says


@dataclass(frozen=True)
class Series:
    """One quantity of a log: `values` (n,) at `steps` (n,), in rising order of steps; values may be inf or nan."""

    steps: NDArray[np.float64]
    values: NDArray[np.float64]


def as_it_went(records: Records) -> list[dict[str, Any]]:
    """Return the records in the order of their steps, without those whose steps a resumed run did again.

    What is no record of a step (another kind of line in a file) is left out.
    """
    kept: list[dict[str, Any]] = []
    for record in records:
        if not isinstance(record, dict) or not _is_number(record.get("step")):
            continue
        while kept and kept[-1]["step"] > record["step"]:
            kept.pop()
        kept.append(record)
    return kept


def series(records: Records, name: str) -> Series:
    """Return the quantity `name` of those records that hold it."""
    found = [(record["step"], record[name]) for record in as_it_went(records) if _is_number(record.get(name))]
    pairs = np.asarray(found, dtype=np.float64).reshape(-1, 2)
    return Series(pairs[:, 0], pairs[:, 1])


def resumed_at(records: Records) -> list[float]:
    """Return the steps at which the run ended or was stopped, and then went on."""
    rows = as_it_went(records)
    last = max((row["step"] for row in rows), default=0)
    return [row["step"] for row in rows if (row.get("stopped") or row.get("finished")) and row["step"] < last]


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each of (n,) values the mean of its neighbors, as many before it as after it.

    A running average that only looks back would lag behind a falling curve.
    """
    reach = len(values) // BINS
    index = np.arange(len(values))
    room = np.minimum(np.minimum(index, index[::-1]), reach)  # the window narrows toward both ends
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return (sums[index + room + 1] - sums[index - room]) / (2 * room + 1)


def sentences(records: Records, *, last: int = 3) -> list[dict[str, Any]]:
    """Return what the model said of each sample at the last few validations, oldest first.

    One dict a sentence: source, reference, and `said`, a list of {step, words, right}. `words` is a list of
    [text, changed]: pieces of the translation, and whether they are new since the validation before.
    """
    rows = [row for row in as_it_went(records) if row.get("samples")]
    table = []
    for number, (source, reference, _) in enumerate(rows[-1]["samples"] if rows else []):
        said = [(row["step"], row["samples"][number][2]) for row in rows if len(row["samples"]) > number]
        before = [None, *(text for _, text in said)]
        lines = [
            {"step": step, "words": changed_words(old, text), "right": text == reference}
            for old, (step, text) in zip(before, said, strict=False)
        ]
        table.append({"source": source, "reference": reference, "said": lines[-last:]})
    return table


def changed_words(old: str | None, new: str) -> list[tuple[str, bool]]:
    """Return the pieces of `new`, each with whether it is new since `old` (nothing is, where old is None)."""
    words = new.split()
    if old is None or not words:
        return [(" ".join(words), False)] if words else []
    matcher = difflib.SequenceMatcher(None, old.split(), words, autojunk=False)
    spans = [(kind != "equal", words[lo:hi]) for kind, _, _, lo, hi in matcher.get_opcodes() if hi > lo]
    return [(" ".join(span), changed) for changed, span in spans]


def clock(seconds: float) -> str:
    """Return seconds as people say them: 42 s, 3:05 min."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02d} min"


def where_it_stands(records: Records) -> tuple[str, float, str]:
    """Return the state of a log ("finished", "stopped" or "open"), the part done (0 to 1), and a sentence."""
    rows = as_it_went(records)
    if not rows:
        return "open", 0.0, "Nothing has been logged yet."
    end, best = rows[-1], best_so_far(rows)
    progress = series(rows, "progress").values
    done = float(np.clip(progress[-1], 0, 1)) if len(progress) else 0.0
    if end.get("finished"):
        took = f" in {clock(end['seconds'])}" if _is_number(end.get("seconds")) else ""
        speed = f", {end['tokens_per_second']:,.0f} target tokens/s" if _is_number(end.get("tokens_per_second")) else ""
        return "finished", 1.0, f"Finished: {end['step']:,} steps{took}{speed}. {best}".strip()
    at = f"{end['step']:,}, {done:.0%} of the run"
    if end.get("stopped"):
        return "stopped", done, f"Stopped at step {at}; its state is kept. {best}".strip()
    return "open", done, f"At step {at}; the log holds no end. {best}".strip()


def best_so_far(records: Records) -> str:
    """Return a sentence about the validation with the lowest loss, "" before the first one.

    Losses on other data are not compared: where a run went on with new ones, only those from there on count.
    """
    rows = as_it_went(records)
    first = max((number for number, row in enumerate(rows) if row.get("new_data")), default=0)
    scored = [row for row in rows[first:] if _is_number(row.get("val_loss")) and math.isfinite(row["val_loss"])]
    if not scored:
        return ""
    best = min(scored, key=lambda row: row["val_loss"])
    score = f", BLEU {best['bleu']:.1f}" if _is_number(best.get("bleu")) else ""
    return f"Best validation loss {best['val_loss']:.3f}{score} (step {best['step']:,})."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# The picture


def draw_training(fig: Figure, *, records: Records, title: str = "", samples: bool = False) -> str:
    """Draw the curves of a log and return their alternative text.

    Above: loss of updates (nats a token), as logged and smoothed, and the loss of each validation. Below: the
    learning rate. Both over steps. With `samples`, the sentences follow below as text, for a reader who has only
    the picture.
    """
    above = [(line, "bold") for line in textwrap.wrap(title, COLUMNS)]
    below = _sample_lines(records) if samples else []
    high = HIGH + LINE * (len(above) + len(below))
    fig.set_size_inches(WIDE, high)
    fig.patch.set_facecolor("white")
    losses, rates = fig.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3.4, 1]})
    top, bottom = high - LINE * len(above) - 0.14, LINE * len(below) + 0.5
    fig.subplots_adjust(left=0.07, right=0.985, top=top / high, bottom=bottom / high, hspace=0.12)
    _write(fig, above, first=high - 0.15)
    _write(fig, below, first=LINE * len(below) - 0.1)
    _draw_losses(losses, records)
    _draw_rates(rates, records)
    _mark_resumed((losses, rates), resumed_at(records))
    return describe_curves(records)


def _write(fig: Figure, lines: Sequence[tuple[str, str]], *, first: float) -> None:
    """Write lines of (text, weight), the first one `first` inches above the bottom of the picture."""
    high = fig.get_figheight()
    for number, (text, weight) in enumerate(lines):
        if text:
            y = (first - LINE * number) / high
            fig.text(0.014, y, text, fontsize=9.5, weight=weight, va="center", parse_math=False)


def describe_curves(records: Records) -> str:
    """Return the alternative text: where each curve starts and ends."""
    parts = [
        _from_to("loss of updates", series(records, "loss")),
        _from_to("validation loss", series(records, "val_loss")),
        _from_to("BLEU", series(records, "bleu"), ".1f"),
    ]
    rate = series(records, "lr").values
    if len(rate):
        parts.append(f"learning rate at most {np.max(rate):.2g}, at the end {rate[-1]:.2g}")
    parts += [f"resumed at step {step:,}" for step in resumed_at(records)]
    told = "; ".join(part for part in parts if part)
    return f"Training curves: {told or 'nothing has been logged yet'}."


def _from_to(what: str, curve: Series, form: str = ".3f") -> str:
    if not len(curve.steps):
        return ""
    bad = curve.steps[~np.isfinite(curve.values)]
    fault = f", not finite from step {bad[0]:,.0f}" if len(bad) else ""
    first = f"{what} {curve.values[0]:{form}} at step {curve.steps[0]:,.0f}"
    if len(curve.steps) == 1:
        return first + fault
    return f"{first}, {curve.values[-1]:{form}} at step {curve.steps[-1]:,.0f}{fault}"


def _draw_losses(axes: Axes, records: Records) -> None:
    updates, checks = _finite(series(records, "loss")), _finite(series(records, "val_loss"))
    if len(updates.steps):
        few = len(updates.steps) < BINS
        axes.plot(updates.steps, updates.values, color=QUERY, alpha=0.35, linewidth=1)
        axes.plot(
            updates.steps, smoothed(updates.values), "o-" if few else "-", color=QUERY, linewidth=2.2, markersize=4,
            label="updates" if few else "updates, smoothed",
        )  # fmt: skip
    if len(checks.steps):
        axes.plot(checks.steps, checks.values, "o--", color=KEY_TEXT, linewidth=1, markersize=6, label="validation")
    values = np.concatenate([updates.values, checks.values])
    if not len(values):
        axes.text(0.5, 0.5, "no loss has been logged yet", ha="center", transform=axes.transAxes, color="0.35")
        axes.set(xlim=(0, 1), ylim=(0, 1), yticks=[])
    else:
        _scale(axes, values)
        falls = len(updates.values) < 2 or updates.values[-1] <= updates.values[0]
        axes.legend(
            loc="upper right" if falls else "upper left", frameon=True, framealpha=0.8, edgecolor="none", fontsize=10
        )
    if axes.get_yscale() == "linear" and len(values):
        axes.locator_params("y", nbins=5)  # every tick costs a millisecond
    axes.set_ylabel("loss, nats a token", fontsize=10)
    axes.yaxis.set_label_coords(-0.052, 0.5)
    _plain_axes(axes)
    axes.tick_params(labelbottom=False)


def _scale(axes: Axes, values: NDArray[np.float64]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    lo, hi = float(values.min()), float(values.max())
    if lo > 0 and hi / lo > STEEP:
        axes.set_yscale("log")
        axes.set_ylim(lo / 1.3, hi * 1.3)
        if hi < LARGE:
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # powers of ten: too few to read a loss off
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(min(0.0, lo * 1.1), max(hi, 1e-9) * 1.35)  # room for the legend above a curve that is still flat


def _draw_rates(axes: Axes, records: Records) -> None:
    rates = _finite(series(records, "lr"))
    if len(rates.steps):
        axes.plot(rates.steps, rates.values, color=VALUE, linewidth=1.4)
        peak = float(rates.values.max())
        axes.set_ylim(0, max(peak, 1e-12) * 1.75)  # room for the name above the curve
        axes.set_yticks(*([0, peak], ["0", f"{peak:.2g}"]) if peak > 0 else ([0],))
    else:
        axes.set(ylim=(0, 1), yticks=[0], xticks=[])
    axes.text(
        0.995, 0.97, "learning rate", transform=axes.transAxes, ha="right", va="top", fontsize=10, color="#006B4F"
    )
    axes.set_xlabel("updates", fontsize=10, labelpad=2)
    axes.locator_params("x", nbins=7)
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}" if float(step).is_integer() else "")
    _plain_axes(axes)


def _mark_resumed(both: Sequence[Axes], steps: Sequence[float]) -> None:
    """Draw a line through both axes where the run went on, and say so where there is room for the word."""
    left, right = both[0].get_xlim()
    room = (left, right - 0.25 * (right - left))  # the name of the lower curve stands at the right
    for step in steps:
        for axes in both:
            axes.axvline(step, color="0.45", linestyle=":", linewidth=1.2)
        if room[0] <= step <= room[1]:
            both[1].annotate("resumed", (step, 0.97), (4, 0), xycoords=("data", "axes fraction"), va="top",
                             textcoords="offset points", fontsize=9, color="0.35")  # fmt: skip
            room = (step + 0.1 * (right - left), room[1])


def _finite(curve: Series) -> Series:
    good = np.isfinite(curve.values)
    return Series(curve.steps[good], curve.values[good])


def _plain_axes(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9.5)


def _sample_lines(records: Records) -> list[tuple[str, str]]:
    """Return the sentences as lines of a picture: (text, weight of its letters)."""
    lines: list[tuple[str, str]] = []
    for row in sentences(records, last=1):
        said = row["said"][-1]
        words = " ".join(text for text, _ in said["words"])
        same = "  (the reference says the same)" if said["right"] else ""
        told = [(row["source"], "bold"), (f"model: {words}{same}", "normal")]
        if not said["right"]:
            told.append((f"reference: {row['reference']}", "normal"))
        for text, weight in told:
            lines += [(line, weight) for line in textwrap.wrap(text, COLUMNS, subsequent_indent="        ")]
        lines.append(("", "normal"))
    return lines


# The widget


class Dashboard(StillWidget):
    """Curves, a bar, figures and sample sentences of one run; made by `dashboard` and, with buttons, by `live`.

    The traits are what the page shows; `show` sets them all from records.
    """

    _esm = script_beside(__file__)
    _css = style_beside(__file__)
    title = traitlets.Unicode().tag(sync=True)
    notes = traitlets.Unicode().tag(sync=True)
    state = traitlets.Unicode("open").tag(sync=True)
    told = traitlets.Unicode().tag(sync=True)
    progress = traitlets.Float(0.0).tag(sync=True)
    samples: traitlets.List = traitlets.List().tag(sync=True)
    frame = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)  # whether there is something to stop and to resume
    drawn = traitlets.Int(0).tag(sync=True)  # pictures so far: tells the page that this one is done

    def __init__(self, title: str, records: Records = ()) -> None:
        self.records, self._recorded = list(records), -1
        self._figure = new_figure()
        super().__init__(title=title)
        self.show()

    def show(self) -> None:
        """Show where the records say that the run stands, as one message to the page."""
        with self.hold_sync():
            self.state, self.progress, self.told = where_it_stands(self.records)
            self.draw()

    def draw(self) -> None:
        """Draw the curves and list the sentences anew."""
        self._recorded = len(self.records)
        made = render(self._figure, draw_training, {"records": self.records})
        self.samples = sentences(self.records)
        self.frame, self.alt, self.error = made.png, made.alt, made.error
        self.drawn += 1

    def still_text(self) -> str:
        """Return in words what the curves, the bar and the sentences show."""
        lines = [f"Training dashboard of {self.title}. {self.told}", self.alt]
        return "\n".join([*lines, *(text for text, _ in _sample_lines(self.records) if text)])

    def still_png(self) -> bytes:
        """Return curves and sentences as one picture."""
        if not as_it_went(self.records):
            return b""
        return still_png(draw_training, records=self.records, title=f"{self.title}. {self.told}", samples=True)[0]


def dashboard(run: str | Path) -> Dashboard:
    """Return the dashboard of a run that has been logged: a run folder, or the path of its log (.jsonl).

    The log may be that of a finished run, of one that was stopped or cut off, or of one that goes on elsewhere:
    the dashboard shows what it holds now.

    Raises:
        CourseError: There is no log, or it holds no record.
    """
    from course.training.log import read_log

    path = Path(run)
    log = path if path.suffix == ".jsonl" else path / "log.jsonl"
    if not log.is_file():
        raise CourseError(f"There is no training log at {log}; name a run folder with its log.jsonl, or a .jsonl file.")
    records = as_it_went(read_log(log))
    if not records:
        raise CourseError(f"{log} holds no record of training yet; look again after the first logged updates.")
    return Dashboard(log.parent.name if log.name == "log.jsonl" else log.stem, records)

"""Drawing functions for words in context: clouds of two senses, the probe and its control, what pronouns look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course.lab.drawing import GRAY, INK, KEY, KEY_TEXT, PALE, QUERY, Markup, begin, rows_table
from course.lessons.lesson_13.referents import read_referents
from course.lessons.lesson_13.sense_swaps import read_swaps
from course.lessons.lesson_13.senses import FORMS, GUESSES, LAYERS, read_senses

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"encoder": "encoder", "decoder": "decoder", "cross": "cross-attention"}


def _with_ends(numbers: Sequence[float]) -> str:
    """A percentage with its interval, as it is read: "96.5 (95.4 to 97.7)"."""
    middle, low, high = numbers[:3]
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


# ---- Two senses ---------------------------------------------------------------------------------------------------


def draw_clouds(fig: Figure, *, form: str) -> str:
    """Draw every occurrence of an ambiguous form at the embedding and after each encoder layer, in the plane.

    form: a key of `senses.FORMS`. Two principal components of each layer's vectors; the colors are the two senses.
    """
    kept = read_senses()
    cloud, senses = kept["clouds"][form], list(FORMS[form])
    labels = np.array(cloud["labels"])
    (of_form,) = [row for row in kept["by_form"] if row["form"] == form]
    begin(fig, 11.5, 4.1)
    for at, (name, layer) in enumerate(zip(LAYERS, cloud["layers"], strict=True)):
        ax = fig.add_axes((0.02 + 0.33 * at, 0.165, 0.3, 0.745))
        places = np.array(layer["places"])
        for label, (face, sign) in enumerate(((QUERY, "o"), (KEY, "^"))):
            here = places[labels == label]
            ax.plot(*here.T, sign, color=face, markeredgecolor=INK, markeredgewidth=0.4, markersize=6, alpha=0.75)
        ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[], yticks=[])
        for side in ax.spines.values():
            side.set_color(PALE)
        right = f"{of_form['right'][at]} of {of_form['n']}"
        ax.set_title(name, fontsize=13, color=INK)
        ax.set_xlabel(f"linear probe right: {right}", fontsize=11, color=INK)
    for label, (color, sign) in enumerate(((QUERY, "●"), (KEY_TEXT, "▲"))):
        said = f'{sign} "{form}": {senses[label]}, {int((labels == label).sum())} times'
        fig.text(0.02 + 0.35 * label, 0.015, said, fontsize=12, color=color)
    fig.text(0.98, 0.015, "a point: a sentence", fontsize=11, color=GRAY, ha="right")
    return _clouds_told(form, senses, labels, cloud["layers"], of_form)


def _clouds_told(form: str, senses: Sequence[str], labels: Any, layers: Sequence[Any], of_form: Any) -> str:  # noqa: ANN401
    told = []
    for name, layer, right in zip(LAYERS, layers, of_form["right"], strict=True):
        places = np.array(layer["places"])
        means = [places[labels == label].mean(0) for label in (0, 1)]
        apart = float(np.linalg.norm(means[1] - means[0]))
        told.append(f"{name}: means {apart:.2f} apart (the farthest point is 1 from the middle), {layer['share']:.0%} "
                    f"of the variance shown, probe right {right} of {of_form['n']}")  # fmt: skip
    return (
        f'"{form}" {int((labels == 0).sum())} times as {senses[0]}, {int((labels == 1).sum())} times as {senses[1]}, '
        f"in the plane of two principal components. {'; '.join(told)}. Most common sense: {of_form['majority']}."
    )


def probe_table() -> Markup:
    """Percent right about senses and about the control's coins, and selectivity, for each layer and way to guess."""
    rows = [
        (row["layer"], row["guess"], *(_with_ends(row[what]) for what in ("sense", "control", "selectivity")))
        for row in _rows("sentence", tuple(GUESSES))
    ]
    head = ("vector", "guess", "sense, % right", "control, % right", "selectivity")
    return rows_table(head, rows, "tested on other sentences; 95 % intervals in brackets")


def neighbor_table() -> Markup:
    """Percent right about senses where the word before is one that no training example had before it.

    Nobody can know the coin of such a word, so there is no control. The most common sense is that of all examples: what
    is most common in training is often the rarer one behind the words that are left.
    """
    (usual,) = [row for row in _rows("sentence", ("majority",)) if row["layer"] == LAYERS[0]]
    rows = [
        (row["layer"], row["guess"], _with_ends(row["sense"]))
        for row in _rows("neighbor", ("nearest mean", "linear probe"))
        if row["layer"] != LAYERS[0]
    ]
    rows.append(("any", "most common sense", _with_ends(usual["sense"])))
    head = ("vector", "guess", "sense, % right")
    return rows_table(head, rows, "tested behind words that none was trained on; 95 % intervals in brackets")


def _rows(folds: str, guesses: Sequence[str]) -> list[dict[str, Any]]:
    return [row for row in read_senses()["rows"] if row["folds"] == folds and row["guess"] in guesses]


def forms_table() -> Markup:
    """The linear probe of each form: right at each layer, beside the most common sense."""
    rows = [
        (row["form"], " / ".join(FORMS[row["form"]]), row["n"], row["majority"], *row["right"])
        for row in read_senses()["by_form"]
    ]
    head = ("form", "senses", "times", "most common sense", *LAYERS)
    return rows_table(head, rows, "right, tested on other sentences")


def written_table() -> Markup:
    """What the probe of the last layer and what the translator were right about, counted."""
    table = read_senses()["written"]["probe_by_word"]
    rows = [(name, *table[i]) for i, name in enumerate(("probe right", "probe wrong"))]
    return rows_table(("", "right word written", "wrong word, or none"), rows)


def swaps_table() -> Markup:
    """Which word is written after the vector of an ambiguous word has been moved, for each move."""
    names = ("own", "other", "both", "neither")
    rows = [(move, *(_with_ends(shares[name]) for name in names)) for move, shares in read_swaps()["all"].items()]
    head = ("the word's vector moved", "own sense, %", "other sense, %", "both, %", "neither, %")
    return rows_table(head, rows, "the German word that is written; 95 % intervals in brackets")


# ---- Referents ----------------------------------------------------------------------------------------------------


def distance_table() -> Markup:
    """By distance from noun to "it": pronouns right, and how much the best head of each attention looks at the noun."""
    kept, rows = read_referents()["it"], []
    for row in kept["by_distance"]:
        least, most = row["words"]
        rows.append((
            f"{least} to {most}" if most < 99 else f"{least} and more", row["n"], _with_ends(row["right"]),
            *(_with_ends(row[view]) for view in kept["best"]),
        ))  # fmt: skip
    heads = [f"{NAMES[view]}, layer {layer + 1} head {head + 1}" for view, (layer, head) in kept["best"].items()]
    return rows_table(
        ("words between", "times", "pronoun right, %", *heads), rows,
        "percent of the head's weight that lies on the noun; 95 % intervals in brackets",
    )  # fmt: skip


def choice_table(view: str = "encoder", *, word: str = "it") -> Markup:
    """How often each head of an attention looks at the right one of two or more nouns, beside three blind guesses.

    word: "it" or "country".
    """
    kept = read_referents()[word]
    rows = [
        (f"layer {row['layer'] + 1}, head {row['head'] + 1}", _with_ends(row["weight"]), _with_ends(row["first"]))
        for row in kept["heads"][view]
    ]
    names = {"chance": "any noun by chance", "nearest": "always the nearest noun", "first": "always the first noun"}
    rows += [(said, "", _with_ends(kept["baselines"][key])) for key, said in names.items()]
    caption = f"{NAMES[view]}: {kept['baselines']['n']} sentences, {kept['baselines']['n_choice']} with a choice"
    return rows_table(("", "weight on the noun, %", "most on it of all nouns, %"), rows, caption)


def off_table(n: int = 8) -> Markup:
    """Percent of pronouns right with heads switched off: the n that do most harm, then all on."""
    kept = read_referents()["it"]
    rows = [(_switched(row["off"]), _with_ends(row["right"])) for row in kept["off"][:n]]
    return rows_table(("switched off", "pronoun right, %"), [*rows, ("nothing", _with_ends(kept["right"]))])


def errors_table() -> Markup:
    """What becomes of the pronoun without the head that looks at the noun, and without the next in the encoder."""
    kept = read_referents()["it"]
    rows = [
        (_switched(off), *counts.values())
        for off, counts in (
            (["encoder", *kept["best"]["encoder"]], kept["without_best"]["wrong"]),
            (kept["without_second"]["off"], kept["without_second"]["wrong"]),
        )
    ]
    return rows_table(("switched off", "right", "wrong gender", "wrong case", "no pronoun"), rows)


def _switched(off: Sequence[Any]) -> str:
    kind, layer, head = off
    which = "all heads" if head < 0 else f"head {head + 1}"
    return f"{NAMES[kind]}, layer {layer + 1}, {which}"

"""What drawing functions are given: tensors, lists and arrays alike, odd words, and a reader's own style."""

import base64
import importlib
import io
import pkgutil
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET

import matplotlib
import matplotlib.style
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

import course.lessons
from course.errors import CourseError
from course.lab.drawing import as_array, bar_table, booleans, draw_map, heat_table, numbers, rows_table, show_table
from course.lab.drawing.canvas import Words
from course.lab.drawing.picture import STILL_DENSITY, Markup, new_figure, render, still, still_png, wants_figure
from course.lab.drawing.style import house_style
from course.lab.drawing.svg import svg_image, words_at
from course.lessons.lesson_00 import figures as of_00
from course.lessons.lesson_01 import figures as of_01
from course.lessons.lesson_02 import figures as of_02
from course.lessons.lesson_03 import figures as of_03
from course.lessons.lesson_03 import reference
from course.lessons.lesson_03.dragged_query import DraggedQuery, draw_dragged_query
from course.lessons.lesson_05 import figures as of_05
from course.lessons.lesson_11 import figures as of_11

EIGHTHS = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.0, 0.0, 1.0]])  # bfloat16 holds them exactly
THREE = ["a", "b", "c"]
MAY = np.array([[True, False], [True, True]])


def draw_table(*, weights, words):
    return Markup(heat_table(weights, words, words, sums=weights[0]), "a map")


def draw_bars(*, shares, words):
    return Markup(bar_table(words, shares), "bars")


def draw_rows(*, rows):
    return rows_table(THREE, rows)


CASES = {
    "heat_table": (draw_table, {"weights": EIGHTHS, "words": THREE}),
    "bar_table": (draw_bars, {"shares": EIGHTHS[0], "words": THREE}),
    "rows_table": (draw_rows, {"rows": EIGHTHS}),
    "draw_map": (draw_map, {"weights": EIGHTHS, "rows": THREE, "columns": THREE, "sums": "rows"}),
    "a memory": (
        of_02.draw_summary,
        {"words": THREE, "states": EIGHTHS, "asks": "d", "scores": EIGHTHS[0], "weights": EIGHTHS[1],
         "context": EIGHTHS[2]},
    ),
    "two sentences": (
        of_03.draw_two_sentences,
        {"sentences": [THREE, ["c", "b"]], "weights": [EIGHTHS[0], EIGHTHS[1][:2]], "outputs": [EIGHTHS[0], EIGHTHS[1]],
         "own": EIGHTHS[2], "axes": THREE, "focus": "b"},
    ),
    "a soft dictionary": (
        of_03.draw_soft_dictionary,
        {"softmax": reference.softmax, "keys": np.array([1.0, 2.0, 4.0]), "values": np.array([8.0, 12.0, 16.0]),
         "query": 1.5, "widths": [0.5, 2.0]},
    ),
    "a map of an example": (
        of_03.draw_attention_map,
        {"attention": reference.attention, "examples": {"s": (THREE, EIGHTHS, EIGHTHS, EIGHTHS)}, "sentence": "s",
         "temperature": 1.0, "focus": "b"},
    ),
    "matrices": (of_03.draw_summary, {"q": EIGHTHS, "k": EIGHTHS, "v": EIGHTHS, "row": 1, "word": "b"}),
    "masks": (of_05.draw_masks, {"masks": [("causal", MAY)], "words": [["a", "b"]]}),
    "a plane": (
        draw_dragged_query,
        {"query": EIGHTHS[0, :2], "keys": EIGHTHS[:, :2], "values": EIGHTHS[:, 1:], "labels": THREE},
    ),
}  # fmt: skip

KINDS = {
    "lists": lambda x: x.tolist(),
    "tensors": torch.tensor,
    "tensors with gradient": lambda x: torch.tensor(x, requires_grad=x.dtype != bool),
    "results of a graph": lambda x: torch.tensor(x, requires_grad=x.dtype != bool).clone(),
    "bfloat16": lambda x: torch.tensor(x) if x.dtype == bool else torch.tensor(x, dtype=torch.bfloat16),
    "float16": lambda x: torch.tensor(x) if x.dtype == bool else torch.tensor(x, dtype=torch.float16),
    "not contiguous": lambda x: torch.tensor(np.ascontiguousarray(x.T)).mT if x.ndim == 2 else torch.tensor(x),
    "columns first": np.asfortranarray,
}


def changed(value, kind):
    """A value with all arrays in it of another kind."""
    if isinstance(value, np.ndarray):
        return KINDS[kind](value)
    if isinstance(value, dict):
        return {key: changed(each, kind) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(changed(each, kind) for each in value)
    return value


def drawn(draw, values):
    """Draw, with every warning an error; return what a reader gets, and the figure where there is one."""
    with warnings.catch_warnings(), house_style():
        warnings.simplefilter("error")
        if not wants_figure(draw):
            made = draw(**values)
            return (made.html, made.alt), None
        figure = Figure()
        return (draw(figure, **values),), figure


@pytest.fixture(scope="module")
def with_arrays():
    return {name: drawn(*case)[0] for name, case in CASES.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_tensors_lists_and_arrays_draw_the_same(name, kind, with_arrays):
    draw, values = CASES[name]
    made, _ = drawn(draw, changed(values, kind))
    assert made == with_arrays[name]


def test_a_widget_takes_them_too():
    keys = torch.tensor(EIGHTHS[:, :2], requires_grad=True)
    widget = DraggedQuery(keys, keys.bfloat16(), THREE, query=keys[0])
    assert widget.key_points == EIGHTHS[:, :2].tolist()
    assert widget.query == [0.5, 0.25]


def test_a_function_of_torch_gets_a_tensor():
    """What is studied in torch asks for tensors: a drawing function that hands them on keeps them."""
    seen = []

    def sample(logits, temperature, top_k, top_p):
        seen.append(type(logits))
        return logits.softmax(-1).requires_grad_()

    for logits in (torch.zeros(3, requires_grad=True), [0.0, 0.0, 0.0], np.zeros(3)):
        values = {"logits": logits, "words": THREE, "temperature": 1.0, "top_k": 3, "top_p": 1.0}
        assert of_11.draw_lots(Figure(), sample=sample, **values)
    assert seen == [torch.Tensor] * 3


def figure_modules():
    for room in pkgutil.iter_modules(course.lessons.__path__):
        for part in pkgutil.iter_modules(importlib.import_module(f"course.lessons.{room.name}").__path__):
            if part.name in ("figures", "mask_builder", "dragged_query"):
                yield importlib.import_module(f"course.lessons.{room.name}.{part.name}")


def test_every_drawing_function_of_a_lesson_takes_them():
    found = [getattr(module, name) for module in figure_modules() for name in dir(module) if name.startswith("draw_")]
    own = [draw for draw in found if draw.__module__.startswith("course.lessons")]
    assert len(own) > 60
    assert [f"{draw.__module__}.{draw.__name__}" for draw in own if not hasattr(draw, "__wrapped__")] == []


def test_drawing_does_not_import_torch():
    code = (
        "import sys, numpy; from course.lab.drawing import draw_map;"
        "draw_map(weights=[[1.0]], rows=['a'], columns=['b']); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- what cannot be drawn is said -----------------------------------------------------------------------------

REFUSED = {
    "ragged": ([[0.5, 0.5], [1.0]], r"^The rows of weights are not equally long: give each as many numbers\.$"),
    "text": ([["0.5", "0.5"]], r"^Not all of weights is numbers, .*: give it real numbers alone\.$"),
    "a name": ("weights", r"^Not all of weights is numbers, 'weights'"),
    "nothing": (None, r"^Not all of weights is numbers, None"),
    "complex": (np.ones((2, 2)) * 1j, r"^Not all of weights is numbers"),
    "heads": (np.ones((4, 2, 2)), r"needs 2 axes, and its shape is \(4, 2, 2\): .* such as weights\[0\]\.$"),
    "heads, a tensor": (torch.ones(4, 2, 2), r"its shape is \(4, 2, 2\)"),
    "a row": (np.ones(2), r"needs 2 axes, and its shape is \(2,\): choose which part to show\.$"),
    "empty": (np.ones((0, 2)), r"^There is nothing to draw in weights: its shape is \(0, 2\)\.$"),
    "nan": (np.array([[1.0, np.nan], [np.inf, 0]]), r"^2 of the 4 numbers in weights are not finite, the first of "
            r"them nan at weights\[0, 1\]: find out where"),
    "infinite, a tensor": (torch.tensor([[1.0, 0.0], [0.0, -torch.inf]]), r"^1 of the 4 numbers in weights is not "
                           r"finite, the first of them -inf at weights\[1, 1\]"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_drawn_is_said_in_a_sentence(name):
    weights, said = REFUSED[name]
    with pytest.raises(CourseError, match=said):
        draw_map(weights=weights, rows=["a", "b"], columns=["a", "b"])
    with pytest.raises(CourseError, match=said):
        heat_table(weights, ["a", "b"], ["a", "b"])


def test_lessons_say_it_too():
    values = CASES["matrices"][1]
    with pytest.raises(CourseError, match=r"1 of the 9 numbers in q is not finite, the first of them nan at q\[0, 0\]"):
        still(of_03.draw_summary, **{**values, "q": np.where(np.eye(3, 3) * [1, 0, 0], np.nan, EIGHTHS)})
    with pytest.raises(CourseError, match="The rows of k are not equally long"):
        still(of_03.draw_summary, **{**values, "k": [[1.0], [1.0, 2.0]]})


def test_words_must_be_as_many_as_places():
    with pytest.raises(CourseError, match="There are 2 words in words for 3 places: give each place one word"):
        bar_table(["a", "b"], EIGHTHS[0])
    with pytest.raises(CourseError, match="1 row words and 2 column words"):
        draw_map(weights=np.ones((2, 2)), rows=["a"], columns=["x", "y"])
    with pytest.raises(
        CourseError, match="For rows a list of words is needed, one for each of 2 places, and this is 'ab'"
    ):
        draw_map(weights=np.ones((2, 2)), rows="ab", columns=["x", "y"])


def test_numbers_can_be_words():
    ids = torch.tensor([5, 6, 7])
    assert (
        "of each row: 5 → 0 0.50, 6 → 1 0.75, 7 → 2 1.00." in draw_map(weights=EIGHTHS, rows=ids, columns=range(3)).alt
    )


def test_a_table_that_no_page_can_take_is_refused():
    many = [str(i) for i in range(200)]
    with pytest.raises(
        CourseError, match=r"^A table of 40,000 cells is too large for a page: show at most 10,000, as weights"
    ):
        draw_map(weights=np.zeros((200, 200)), rows=many, columns=many)
    with pytest.raises(CourseError, match="30,000 cells is too large"):
        show_table(THREE, [THREE] * 10_000)
    with pytest.raises(CourseError, match="20,000 cells is too large"):
        bar_table(["w"] * 20_000, np.zeros(20_000))


@pytest.mark.parametrize("mask", [MAY.astype(float), torch.tensor(MAY).float(), np.where(MAY, 0, -np.inf), MAY * 1])
def test_a_mask_of_numbers_is_not_drawn_as_one_of_booleans(mask):
    """Of 0 and -inf, to be added to scores, everything hidden would be drawn as seen."""
    with pytest.raises(
        CourseError, match=r"^A mask is boolean, True = may attend, and “causal” is .*: write `mask != 0` if"
    ):
        of_05.draw_masks(masks=[("causal", mask)], words=[["a", "b"]])
    assert booleans(torch.tensor(MAY), "it").dtype == bool


def test_arrays_of_tensors_of_all_kinds():
    for tensor in (
        torch.eye(2).to_sparse(), torch.eye(2, dtype=torch.bfloat16, requires_grad=True), torch.eye(2).expand(2, 2).T,
    ):  # fmt: skip
        assert as_array(tensor).tolist() == [[1, 0], [0, 1]]
    assert as_array([torch.ones(2), torch.zeros(2)]).tolist() == [[1, 1], [0, 0]]
    assert numbers(torch.tensor([True, False]), "x").tolist() == [True, False]


# --- words are words ------------------------------------------------------------------------------------------

ODD = [
    "$x_$",
    "$\\frac{$",
    "_hidden",
    "<b>bold</b>",
    "100 %",
    "a & b",
    "\\alpha",
    "$",
    "$a$ $b$",
    "{x}",
    "long" * 30,
    "^",
    "#",
]


@pytest.mark.parametrize("word", ODD)
def test_odd_words_are_text(word):
    made = draw_map(weights=EIGHTHS, rows=[word, "b", "c"], columns=THREE)
    assert word in made.alt
    assert "<b>" not in made.html
    values = {**CASES["a memory"][1], "words": [word, "b", "c"]}
    _, figure = drawn(of_02.draw_summary, values)
    (text,) = [each for each in figure.findobj(Text) if each.get_text() == word]
    assert not text.get_parse_math()
    assert render(new_figure(), of_02.draw_summary, values).error == ""


def test_words_at_once_are_text_too():
    with house_style():
        words = Words(ODD, np.zeros((len(ODD), 2)))
        assert [text.get_parse_math() for text in words.texts()] == [False] * len(ODD)
        assert words.words == ODD
    assert Words(torch.tensor([1, 2]), torch.zeros(2, 2, requires_grad=True)).words == ["1", "2"]


def test_what_xml_forbids_does_not_break_a_drawing():
    """A browser shows no drawing at all where a word in it holds a control character."""
    word = "a\x00\x1b\x08\ud800\ufffe<b>"
    shown = svg_image(100, 20, words_at(word, 50, 15, 12), title=word, alt=word)
    drawing = base64.b64decode(re.search('base64,([^"]+)', shown)[1]).decode("utf-8")
    assert ET.fromstring(drawing).findtext("{http://www.w3.org/2000/svg}text") == "a" + 5 * "\ufffd" + "<b>"


# --- styles ---------------------------------------------------------------------------------------------------

SHEET = [
    "dark_background",
    {"font.size": 22, "font.family": "monospace", "savefig.bbox": "tight", "savefig.dpi": 40, "figure.dpi": 300,
     "axes.grid": True, "lines.linewidth": 6, "text.usetex": True, "axes.spines.top": False,
     "savefig.transparent": True, "figure.constrained_layout.use": True, "figure.subplot.left": 0.4,
     "axes.formatter.use_mathtext": True},
]  # fmt: skip
CLOCK = {"found": {16: (1.0, 0.1), 64: (4.0, 0.2), 256: (16.0, 20.0)}}
DRAWN = {
    "formulas and words": (of_02.draw_summary, CASES["a memory"][1]),
    "logarithmic axes": (of_01.draw_clock, CLOCK),
    "axes of weights": (
        of_00.draw_axes_of_weights,
        {"weights": np.broadcast_to(EIGHTHS, (2, 2, 3, 3)), "words": [THREE, THREE]},
    ),
}


def as_before(draw, values):
    """The picture under matplotlib's defaults alone, as pixels."""
    stream = io.BytesIO()
    figure = Figure(figsize=(8, 4), dpi=72 * STILL_DENSITY, facecolor="white")
    draw(figure, **values)
    figure.savefig(stream, format="png", dpi=72 * STILL_DENSITY)
    return pixels(stream.getvalue())


def pixels(png):
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


@pytest.mark.parametrize("name", DRAWN)
def test_no_style_of_the_reader_leaks_into_figures(name):
    draw, values = DRAWN[name]
    expected = still_png(draw, **values)
    panel = render(new_figure(draw), draw, values)
    with matplotlib.style.context(SHEET):
        before = dict(matplotlib.rcParams)
        assert still_png(draw, **values) == expected
        assert render(new_figure(draw), draw, values) == panel
        assert dict(matplotlib.rcParams) == before  # and none of ours into the reader's
    assert np.abs(pixels(expected[0]) - as_before(draw, values)).mean() < 1  # stored ones have fewer colors


def test_powers_of_ten_stay_formulas():
    figure = new_figure()
    render(figure, of_01.draw_clock, CLOCK)
    powers = [label for axes in figure.axes for label in axes.yaxis.get_ticklabels() if "$" in label.get_text()]
    assert powers
    assert all(label.get_parse_math() for label in powers)


def test_settings_come_back_after_an_error():
    before = dict(matplotlib.rcParams)
    assert render(new_figure(), of_02.draw_summary, {"words": []}).error
    assert dict(matplotlib.rcParams) == before


def test_a_function_of_the_reader_keeps_the_readers_style():
    def draw(fig):
        fig.add_subplot().set_title("$\\alpha$")
        return fig.axes[0].title.get_parse_math(), fig.get_facecolor()

    seen = []
    with matplotlib.style.context("dark_background"):
        render(new_figure(draw), lambda fig: seen.append(draw(fig)) or "words", {})
        still_png(lambda fig: seen.append(draw(fig)) or "words")
    assert seen == [(True, (0.0, 0.0, 0.0, 1.0))] * 2


def test_what_a_table_would_leave_out_without_a_word():
    weights, rows, columns = np.full((2, 2), 0.5), ["a", "b"], ["x", "y"]
    framed = heat_table(weights, rows, columns, framed=[(0, 1)])
    assert framed == heat_table(weights, rows, columns, framed=[[0, 1]])
    assert framed == heat_table(weights, rows, columns, framed=np.array([[0, 1]]))
    assert framed != heat_table(weights, rows, columns)
    with pytest.raises(CourseError, match="3 sums for 2 rows"):
        heat_table(weights, rows, columns, sums=[1, 1, 1])
    with pytest.raises(CourseError, match="sums is 'row'; it must be"):
        draw_map(weights=weights, rows=rows, columns=columns, sums="row")
    for row in ({"x": 1, "y": 2}, "12"):
        with pytest.raises(CourseError, match="A row is a list of cells"):
            rows_table(columns, [row])


def test_a_tensor_without_numbers_is_named():
    with pytest.raises(CourseError, match="on the device meta has a shape and no numbers"):
        heat_table(torch.zeros(1, 1, device="meta"), ["a"], ["x"])

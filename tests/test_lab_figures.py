"""The drawing functions: whole slider ranges, alternative texts that state the numbers, no text upon text."""

import ast
import base64
import io
import itertools
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import course
from course.errors import CourseError
from course.lab import explore, slider
from course.lab.drawing import draw_map
from course.lab.drawing.canvas import Words
from course.lab.drawing.picture import DPI, Markup, show, still, wants_figure
from course.lessons.lesson_03 import figures, reference

WORDS = "The needle has a sharp point .".split()  # noqa: SIM905
LONGER = "It is not polite to point at people .".split()  # noqa: SIM905


def by_hand(words):
    """Queries, keys and values of a sentence: whole numbers, so that scores are exact."""
    rng = np.random.default_rng(len(words))
    return tuple(rng.integers(0, 3, size=(len(words), 4)).astype(float) for _ in range(3))


EXAMPLES = {"short": (WORDS, *by_hand(WORDS)), "long": (LONGER, *by_hand(LONGER))}


def two_sentences():
    rows = [reference.softmax(np.arange(len(words), dtype=float) / 3) for words in (WORDS, LONGER)]
    outputs = [np.array([0.25, 0.13, 1.16, 0.0]), np.array([0.55, 0.12, 0.0, 1.02])]
    return {
        "sentences": [WORDS, LONGER],
        "weights": rows,
        "outputs": outputs,
        "own": np.array([1.0, 1.0, 0.0, 0.0]),
        "axes": ["thing", "action", "sharp", "person"],
        "focus": "point",
    }


def soft_dictionary():
    hours, degrees = np.array([6.0, 9, 12, 15, 18, 21]), np.array([8.0, 12, 18, 21, 17, 12])
    return {"softmax": reference.softmax, "keys": hours, "values": degrees, "query": 13.0, "widths": [0.5, 2, 10]}


def measurement():
    raw = {
        "variance": 2.0 ** np.arange(10),
        "entropy": np.linspace(3.5, 0.2, 10),
        "gradient": np.geomspace(0.3, 5e-4, 10),
    }
    flat = {"variance": np.full(10, 1.01), "entropy": np.full(10, 3.41), "gradient": np.full(10, 0.303)}
    return {"d_k": [2**i for i in range(10)], "raw": raw, "scaled": flat}


def square_map():
    _, q, k, v = EXAMPLES["short"]
    return {"weights": reference.attention(q, k, v)[1], "rows": WORDS, "columns": WORDS, "sums": "rows"}


STILL = {
    "two sentences": (figures.draw_two_sentences, two_sentences),
    "soft dictionary": (figures.draw_soft_dictionary, soft_dictionary),
    "map": (draw_map, square_map),
    "measurement": (figures.draw_scale_measurement, measurement),
    "summary": (
        figures.draw_summary,
        lambda: {
            "q": EXAMPLES["short"][1],
            "k": EXAMPLES["short"][2],
            "v": EXAMPLES["short"][3],
            "row": 5,
            "word": "point",
        },
    ),
}

D_K = (*slider(1, 512, start=64, log=True).stops[:-1:4], 512)
TEMPERATURES = slider(0.1, 10.0, start=1.0, log=True).stops[::4]
MOVED = [
    *((figures.draw_random_scores, {"d_k": d_k, "scaled": scaled}) for d_k in D_K for scaled in (False, True)),
    *(
        (figures.draw_attention_map, {"examples": EXAMPLES, "sentence": name, "temperature": t})
        for t in TEMPERATURES
        for name in EXAMPLES
    ),
]


def drawn(draw, values):
    """Draw on a figure of the course's resolution, with every warning an error; return figure and text.

    For markup, the figure is the HTML.
    """
    if not wants_figure(draw):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = draw(**values)
        return made.html, made.alt
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alt = draw(figure, **values)
        figure.canvas.draw()
    return figure, alt


def texts_of(figure):
    """Every text of a figure, those that are drawn many at once too."""
    at_once = [text for words in figure.findobj(Words) if words.get_visible() for text in words.texts()]
    return figure.findobj(Text) + at_once


def boxes(figure):
    """(text, box in pixels) for every text that can be seen; labels of ticks beyond the axes are not drawn."""
    renderer = figure.canvas.get_renderer()
    found, beyond = [], set()
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        lo, hi = sorted(axis.get_view_interval())
        beyond |= {id(tick.label1) for tick in axis.get_major_ticks() if not lo <= tick.get_loc() <= hi}
    for text in texts_of(figure):
        if id(text) not in beyond and text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(renderer)
            if box.width and box.height:
                found.append((text.get_text(), box))
    return found


def collisions(figure):
    """Return pairs of texts that lie upon each other by more than a pixel, and texts that leave the picture."""
    seen = boxes(figure)
    width, height = figure.canvas.get_width_height()
    upon = [
        (a, b)
        for (a, p), (b, q) in itertools.combinations(seen, 2)
        if min(p.x1, q.x1) - max(p.x0, q.x0) > 1 and min(p.y1, q.y1) - max(p.y0, q.y0) > 1
    ]
    outside = [a for a, p in seen if p.x0 < -1 or p.y0 < -1 or p.x1 > width + 1 or p.y1 > height + 1]
    return upon + outside


@pytest.mark.parametrize("name", STILL)
def test_still_pictures_are_readable(name):
    draw, values = STILL[name]
    figure, alt = drawn(draw, values())
    assert alt.endswith(".")
    if wants_figure(draw):
        assert collisions(figure) == []
        assert figure.get_size_inches()[0] <= 12


def test_the_collision_test_can_fail():
    figure = Figure(dpi=72)
    FigureCanvasAgg(figure)
    figure.text(0.5, 0.5, "one text")
    figure.text(0.5, 0.5, "upon another")
    figure.text(0.99, 0.9, "and one that leaves")
    figure.add_artist(Words(["drawn at once"], [(0.5, 0.5)], transform=figure.transFigure))
    figure.canvas.draw()
    assert len(collisions(figure)) == 4


def test_every_stop_of_every_slider_draws():
    figure = Figure(dpi=DPI)  # one figure for all, as a slider uses it
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = [
            draw(*([figure] if wants_figure(draw) else []), attention=reference.attention, **values)
            for draw, values in MOVED
        ]
    texts = [each.alt if isinstance(each, Markup) else each for each in made]
    assert len(set(texts)) == len(MOVED)


@pytest.mark.parametrize(("draw", "values"), MOVED[::7])
def test_moving_pictures_are_readable(draw, values):
    figure, _ = drawn(draw, {"attention": reference.attention, **values})
    if wants_figure(draw):
        assert collisions(figure) == []


def test_sliders_show_pictures_and_not_errors():
    panel = explore(figures.draw_random_scores, attention=reference.attention, d_k=(1, 512), scaled=False)
    assert not panel.error
    panel = explore(
        figures.draw_attention_map,
        attention=reference.attention,
        examples=EXAMPLES,
        sentence=list(EXAMPLES),
        temperature=slider(0.1, 10.0, start=1.0, log=True),
    )
    assert not panel.error


def test_random_scores_state_what_the_attention_under_study_does():
    """The numbers in the text are those of the function that was passed in, not of a reference behind it."""

    def uniform(q, k, v, mask=None):
        weights = np.full((len(q), len(k)), 1 / len(k))
        return weights @ v, weights

    _, alt = drawn(figures.draw_random_scores, {"attention": uniform, "d_k": 512, "scaled": False})
    assert "entropy 4.00 of 4 bits" in alt
    assert "largest weight 0.06" in alt


def test_switching_the_scale_off_undoes_it():
    """Unscaled weights are softmax of the plain dot products (an oracle without any attention function)."""
    numbers = np.random.default_rng(22).standard_normal((17, 512))
    scores = numbers[1:, :64] @ numbers[0, :64]
    largest = np.exp(scores - scores.max()).sum() ** -1
    _, alt = drawn(figures.draw_random_scores, {"attention": reference.attention, "d_k": 64, "scaled": False})
    assert f"largest weight {largest:.2f}" in alt
    assert f"standard deviation of the scores {scores.std():.2f}" in alt


def test_at_width_one_the_scale_changes_nothing():
    texts = {
        drawn(figures.draw_random_scores, {"attention": reference.attention, "d_k": 1, "scaled": scaled})[1].split(":")[
            1
        ]
        for scaled in (False, True)
    }
    assert len(texts) == 1


def test_the_hotter_the_flatter():
    def bits(temperature):
        values = {
            "attention": reference.attention,
            "examples": EXAMPLES,
            "sentence": "long",
            "temperature": temperature,
        }
        return float(drawn(figures.draw_attention_map, values)[1].split("entropy ")[1].split(" ")[0])

    measured = [bits(t) for t in TEMPERATURES[::3]]
    assert measured == sorted(measured)
    assert measured[-1] > 3.0  # of log2(9) = 3.17


def test_alternative_texts_state_the_numbers():
    alt = drawn(figures.draw_two_sentences, two_sentences())[1]
    assert "sharp 1.16" in alt
    assert "person 1.02" in alt
    alt = drawn(figures.draw_soft_dictionary, soft_dictionary())[1]
    nearest, mean = "width 0.5 gives 18.0", "width 10 gives 15.0"
    assert nearest in alt
    assert mean in alt
    assert (
        "variance from 1 to 512 not scaled, from 1.01 to 1.01 scaled"
        in drawn(figures.draw_scale_measurement, measurement())[1]
    )


def test_a_map_whose_rows_do_not_sum_to_one_says_so():
    weights = np.array([[0.5, 0.2], [0.9, 0.3], [0.1, 0.1]])
    alt = drawn(draw_map, {"weights": weights, "rows": list("abc"), "columns": list("xy"), "sums": "rows"})[1]
    assert "Row sums: 0.70, 1.20, 0.20" in alt
    assert "b → x 0.90" in alt


def test_a_map_with_too_few_words_is_refused():
    with pytest.raises(CourseError, match="3 row words and 1 column words"):
        draw_map(weights=np.ones((3, 2)), rows=list("abc"), columns=["x"])


@pytest.mark.parametrize(
    ("weights", "bits", "slope"),
    [
        (np.array([1.0, 0.0, 0.0]), 0.0, 0.0),
        (np.full(4, 0.25), 2.0, 0.75**0.5 / 2),
        (np.array([0.5, 0.5]), 1.0, 0.5),
    ],
)
def test_entropy_and_gradient_where_they_are_known(weights, bits, slope):
    assert figures.entropy(weights) == pytest.approx(bits)
    assert figures.softmax_gradient(weights) == pytest.approx(slope)


def test_softmax_gradient_is_that_of_finite_differences():
    x = np.random.default_rng(1).standard_normal(6)
    step = 1e-6
    jacobian = [
        (reference.softmax(x + step * e) - reference.softmax(x - step * e)) / (2 * step) for e in np.eye(len(x))
    ]
    assert figures.softmax_gradient(reference.softmax(x)) == pytest.approx(np.linalg.norm(jacobian), rel=1e-6)


def test_pictures_are_the_same_bytes_each_time_and_small():
    from PIL import Image

    for draw, values in STILL.values():
        first, second = still(draw, **values()), still(draw, **values())
        assert first == second
        assert len(first.html) < 100_000
        if wants_figure(draw):
            png, width = image_in(first.html)
            picture = Image.open(io.BytesIO(png))
            assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
            assert picture.width == 2 * width


def image_in(markup):
    """The PNG in a piece of HTML, and the width that the page gives it."""
    width, data = re.search(r'<img [^>]*width="(\d+)"[^>]* src="data:image/png;base64,([^"]+)"', markup).groups()
    return base64.b64decode(data), int(width)


@pytest.mark.parametrize("name", STILL)
def test_show_hands_text_alone_with_the_words_in_the_picture_and_below(name, monkeypatch):
    """One output, of text only: kernels differ in what they make of raw bytes."""
    import html
    import json

    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **kw: shown.append(data))
    draw, values = STILL[name]
    show(draw, **values())
    (data,) = shown
    json.dumps(data)
    assert set(data) == {"text/html", "text/plain"}
    alt = html.escape(data["text/plain"])
    assert f"<details><summary>The picture in words</summary>{alt}</details>" in data["text/html"]
    assert (f'<img alt="{alt}"' in data["text/html"]) == wants_figure(draw)


def test_a_drawing_function_that_returns_something_else_is_told_what_it_must_return():
    with pytest.raises(CourseError, match="alternative text"):
        still(lambda fig: None)
    with pytest.raises(CourseError, match=r"must return Markup\(html, alt\)"):
        still(lambda *, n: f"{n}", n=3)


@pytest.mark.parametrize("scaled", [False, True])
def test_the_axis_of_the_scores_is_the_same_at_every_width_and_holds_every_bar(scaled):
    limits = set()
    for d_k in range(1, 513, 7):
        figure, _ = drawn(figures.draw_random_scores, {"attention": reference.attention, "d_k": d_k, "scaled": scaled})
        (lines,) = figure.axes[0].collections
        low, high = figure.axes[0].get_ylim()
        limits.add((low, high))
        ends = np.concatenate([segment[:, 1] for segment in lines.get_segments()])
        assert low < ends.min() <= ends.max() < high
    assert len(limits) == 1


def test_every_drawing_function_has_the_form_that_sliders_need():
    """draw_xxx(fig, *, ...) -> str or draw_xxx(*, ...) -> Markup, documented.

    They are found in the source, so that a new one cannot be forgotten.
    """
    house = Path(course.__file__).parent
    files = [*house.glob("lab/drawing/*.py"), *house.glob("lab/widgets/*.py"), *house.glob("lessons/*/*.py")]
    nodes = [node for file in files for node in ast.parse(file.read_text(encoding="utf-8")).body]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("draw_")]
    assert len(functions) >= 20
    for node in functions:
        assert isinstance(node.returns, ast.Name), node.name
        form = [argument.arg for argument in node.args.args], node.returns.id
        assert form in ((["fig"], "str"), ([], "Markup")), node.name
        assert ast.get_docstring(node), node.name


def test_importing_the_figures_draws_in_no_plotting_library():
    code = (
        "import sys, course.lab.drawing, course.lessons.lesson_03.figures;"
        "sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_weights_of_another_shape_than_the_words_are_said_with_both_numbers():
    words, q = ["one", "sharp", "point"], np.eye(3, 2)
    options = {"examples": {"a": (words, q, q, q)}, "sentence": "a", "temperature": 1.0}
    with pytest.raises(CourseError, match=r"shape \(3, 2\), but there are 3 row words and 3 column words"):
        figures.draw_attention_map(attention=lambda q, k, v: (v, q), **options)


def test_a_figure_that_changes_its_size_shows_what_a_new_one_would():
    """The pieces of text are kept over a change of size; the picture is that of a canvas that never saw them."""
    from course.lab.drawing import begin, write
    from course.lab.drawing.picture import as_png, new_figure

    def draw(figure, height):
        begin(figure, 5.0, height)
        ax = figure.add_axes((0, 0, 1, 1))
        write(ax, ["needle", "sharp", "people"], [(0.1, 0.2), (0.43, 0.55), (0.37, 0.81)], fontsize=11, color="#222222")
        return as_png(figure)

    kept = new_figure()
    for height in (2.0, 3.3, 2.0, 2.7):
        assert draw(kept, height) == draw(new_figure(), height)

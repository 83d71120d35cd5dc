"""explore: what becomes a control, what is drawn, and what happens when drawing fails."""

import html
import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from traitlets import TraitError

from course.errors import CourseError
from course.lab import exercises
from course.lab.drawing.canvas import Words
from course.lab.drawing.picture import Markup, as_png, describe_error, new_figure, render, show
from course.lab.widgets.controls import as_control, explore, slider
from course.lab.widgets.explore_panel import running_on


def draw_level(fig, *, level, **_):
    fig.add_axes((0, 0, 1, 1)).bar([0], [level])
    return f"A bar of height {level}"


def failing(fig, *, level):
    if level == 2:
        raise ZeroDivisionError("two <b>is</b> too many")
    return draw_level(fig, level=level)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_whole_bounds_give_whole_numbers():
    control = as_control("d_k", (1, 4))
    assert control.choices == (1, 2, 3, 4)
    assert all(isinstance(stop, int) for stop in control.choices)


def test_a_step_and_fractions():
    assert as_control("t", (0.0, 0.5, 0.1)).choices == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert as_control("t", (1, 10, 3)).choices == (1, 4, 7, 10)
    assert len(as_control("t", (0, 1.0)).choices) == 101


def test_a_slider_starts_exactly_where_it_is_told():
    made = slider(1, 512, start=100, log=True)
    assert made.stops[made.start] == 100
    assert (made.stops[0], made.stops[-1]) == (1, 512)


def test_logarithmic_stops_stand_at_equal_ratios():
    stops = np.array(slider(0.1, 10.0, log=True).stops)
    ratios = stops[1:] / stops[:-1]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-4)


@pytest.mark.parametrize(
    "arguments",
    [
        {"lo": 2, "hi": 2},
        {"lo": 3, "hi": 1},
        {"lo": 0, "hi": float("nan")},
        {"lo": 0, "hi": 5, "start": 6},
        {"lo": 0, "hi": 5, "step": 0},
        {"lo": 0, "hi": 1e9, "step": 1},
        {"lo": 0, "hi": 5, "log": True},
    ],
)
def test_an_impossible_slider_is_refused(arguments):
    with pytest.raises(CourseError):
        slider(**arguments)


def test_other_kinds_of_parameters():
    assert as_control("scaled", True).choices[as_control("scaled", True).start] is True
    assert as_control("scaled", False).start == 0
    assert as_control("which", ["a", "b"]).kind == "dropdown"
    for passed_on in (len, "text", 3, None, np.arange(2), (1, 2, 3, 4), ("a", "b"), [(1, 2)], [[1]], {"a": 1}):
        assert as_control("x", passed_on) is None
    with pytest.raises(CourseError, match="different"):
        as_control("which", ["a", "a"])


@pytest.mark.parametrize(
    ("choices", "written"),
    [
        ([1, 2, 4], ["1", "2", "4"]),
        ([4], ["4"]),
        ([0.5, 1, -2.0], ["0.5", "1", "-2.0"]),
        (["all", 1, None], ["all", "1", "None"]),
        ([True, False], ["True", "False"]),
        (list(np.arange(1, 4)), ["1", "2", "3"]),
        (list(np.linspace(0, 1, 3)), ["0.0", "0.5", "1.0"]),
        (["$x_$", "<b>", "100 %"], ["$x_$", "<b>", "100 %"]),
    ],
)
def test_a_list_gives_its_choices(choices, written):
    seen = []
    panel = explore(lambda fig, n: seen.append(n) or f"n is {n}", n=choices)
    (control,) = panel.controls
    assert control == {"name": "n", "kind": "dropdown", "choices": written}
    for value in choices:
        panel.set(n=value)
        assert panel.alt == f"n is {value}"
        assert not isinstance(seen[-1], np.generic)
    assert panel.error == ""


@pytest.mark.parametrize(
    ("values", "stops", "start"),
    [
        (range(1, 4), [1, 2, 3], 1),
        (range(8, 0, -2), [2, 4, 6, 8], 8),
        (range(3, 4), [3], 3),
        ((np.int64(1), np.int64(3)), [1, 2, 3], 1),
        ((np.float32(0), np.float32(1), np.float32(0.5)), [0, 0.5, 1], 0),
    ],
)
def test_a_range_gives_a_slider(values, stops, start):
    panel = explore(draw_level, level=values)
    assert panel.controls == [{"name": "level", "kind": "slider", "choices": stops}]
    assert panel.values == {"level": start}
    assert not isinstance(panel.values["level"], np.generic)


def test_a_box_of_numpys_kind():
    assert as_control("on", np.True_) == as_control("on", True)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], r"The list of choices of n is empty\. Give each choice once, or data as a tuple or an array: n=tuple"),
        ([1, 2, 1], r"The choices of n are not all different: \[1, 2, 1\]\."),
        ([5] * 20, r"not all different: \[5, 5, [5, ]*\.\.\.\] \(20 of them\)\. Give each choice once"),
        (range(0), r"n = range\(0, 0\) has 0"),
        (range(10**6), r"A slider has from 1 to 10,001 stops, and n = range\(0, 1000000\) has 1,000,000\."),
        ((1, 1), r"from a lower to a higher finite number, not from 1 to 1"),
        ((0, float("nan")), "finite"),
        ((1, 5, 0), "step"),
        ({"n": 1, "m": 2}, r"There is nothing to move: n is handed on as it is\."),
    ],
)
def test_what_cannot_be_a_control_is_said(values, said):
    with pytest.raises(CourseError, match=said):
        explore(draw_level, n=values)


def test_bounds_that_are_no_numbers_are_said():
    with pytest.raises(CourseError, match=r"finite number, not from 'a' to 5\."):
        slider("a", 5)
    with pytest.raises(CourseError, match=r"not from 1 to 5, and not in steps of 'x'\."):
        slider(1, 5, step="x")
    with pytest.raises(CourseError, match=r"level, word are handed on as they are\."):
        explore(draw_level, level="high", word="x")


def test_what_is_no_drawing_function_is_said_first():
    with pytest.raises(CourseError, match="A str is no drawing function"):
        explore("draw_level", level=3)


def test_nothing_to_move_is_said():
    """A range as an array is data, as every array; without any control the panel would only seem to be one."""
    with pytest.raises(CourseError, match=r"There is nothing to move: level is handed on .* n=\[1, 2, 4\] for choices"):
        explore(draw_level, level=np.arange(1, 5))
    with pytest.raises(CourseError, match="no value is handed on"):
        explore(draw_level)


@pytest.mark.parametrize("nothing", [np.ones(2), "draw_map", None])
def test_what_draws_nothing_is_said(nothing):
    with pytest.raises(CourseError, match=f"A {type(nothing).__name__} is no drawing function: give one"):
        explore(nothing, level=(1, 3))
    with pytest.raises(CourseError, match=r"as show\(draw_map, weights=...\) does"):
        show(nothing)


def test_a_moved_control_makes_another_picture_with_its_own_text():
    panel = explore(draw_level, level=(1, 5))
    before = panel.frame
    panel.set(level=4)
    assert panel.alt == "A bar of height 4"
    assert (pixels(before) != pixels(panel.frame)).any()
    panel.set(level=1)
    assert panel.frame == before


def test_every_choice_reaches_the_drawing_function():
    seen = []

    def draw(fig, **values):
        seen.append(values)
        return "nothing"

    panel = explore(draw, n=(1, 3), on=True, which=["a", "b"], numbers=(1, 2, 3, 4), name="x")
    panel.set(n=2, on=False, which="b")
    assert seen[0] == {"n": 1, "on": True, "which": "a", "numbers": (1, 2, 3, 4), "name": "x"}
    assert seen[1] == {**seen[0], "n": 2, "on": False, "which": "b"}
    assert len(seen) == 2


def test_one_figure_is_cleared_and_used_again():
    figures, left_over = set(), []

    def draw(fig, *, level):
        figures.add(id(fig))
        left_over.append(len(fig.axes))
        fig.subplots(1, level)
        return ""

    panel = explore(draw, level=(1, 3))
    panel.set(level=3)
    panel.set(level=2)
    assert len(figures) == 1
    assert left_over == [0, 0, 0]


def test_no_figure_is_left_to_pyplot():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    explore(draw_level, level=(1, 3)).set(level=2)
    assert plt.get_fignums() == before


def test_an_error_takes_the_place_of_the_picture_and_gives_it_back():
    panel = explore(failing, level=(1, 3))
    good = panel.frame
    panel.set(level=2)
    assert panel.frame == b""
    assert panel.error.startswith("ZeroDivisionError: two <b>is</b> too many\n")
    assert 'raise ZeroDivisionError("two <b>is</b> too many")' in panel.error
    panel.set(level=3)
    assert panel.error == ""
    assert panel.frame not in (b"", good)


def test_a_drawing_function_must_return_its_text():
    frame = render(new_figure(), lambda fig: None, {})
    assert "CourseError" in frame.error
    assert "alternative text" in frame.error


def draw_words(*, level, word="<word>"):
    return Markup(f"<b>{html.escape(word)}</b> {level}", f"The word {word}, {level} times")


def test_a_function_without_a_figure_shows_markup():
    panel = explore(draw_words, level=(1, 3), word="<i>")
    assert (panel.markup, panel.frame) == ("<b>&lt;i&gt;</b> 1", b"")
    panel.set(level=3)
    assert (panel.markup, panel.alt) == ("<b>&lt;i&gt;</b> 3", "The word <i>, 3 times")
    data, _ = panel._repr_mimebundle_()
    assert panel.markup in data["text/html"]
    assert "The word &lt;i&gt;, 3 times</details>" in data["text/html"]
    assert data["text/plain"] == "The word <i>, 3 times"


def test_markup_gives_way_to_an_error_and_comes_back():
    def draw(*, level):
        return draw_words(level=1 // (2 - level))

    panel = explore(draw, level=(1, 3))
    panel.set(level=2)
    assert (panel.markup, panel.frame) == ("", b"")
    assert panel.error.startswith("ZeroDivisionError")
    assert "text/html" not in panel._repr_mimebundle_()[0]
    panel.set(level=3)
    assert panel.markup
    assert panel.error == ""


def test_what_returns_no_markup_is_told_so():
    assert "must return Markup(html, alt)" in explore(lambda *, level: level, level=(1, 3)).error


def test_what_a_drawing_function_prints_is_shown_once(capsys):
    def draw_loud(fig, *, level):
        print("drawing", level)
        return draw_level(fig, level=level)

    explore(draw_loud, level=(1, 3))._repr_mimebundle_()
    assert capsys.readouterr().out == "drawing 1\n"


def test_a_screen_of_twice_the_pixels_gets_them_and_the_stored_picture_has_them_always():
    panel = explore(draw_level, level=(1, 3))
    small, stored = pixels(panel.frame), panel.still_html()
    panel.density = 2
    assert pixels(panel.frame).shape[:2] == (2 * small.shape[0], 2 * small.shape[1])
    assert panel.drawn == 1
    assert panel.still_html() == stored
    assert f'width="{small.shape[1]}"' in stored
    panel.density = 1
    assert (pixels(panel.frame) == small).all()
    with pytest.raises(TraitError):
        panel.density = 50


def test_a_keyboard_interrupt_is_not_swallowed():
    def draw(fig):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(new_figure(), draw, {})


def test_the_error_names_the_innermost_line_of_the_reader():
    def mine():
        return slider(3, 1)

    with pytest.raises(CourseError) as caught:
        mine()
    assert describe_error(caught.value).endswith("return slider(3, 1)")


def test_the_same_drawing_gives_the_same_bytes():
    first, second = (render(new_figure(), draw_level, {"level": 3}) for _ in range(2))
    assert first == second
    assert b"matplotlib" not in first.png.lower()


def test_stamped_text_looks_like_matplotlibs_own():
    figure = new_figure()
    ax = figure.add_subplot()
    for size, color in ((9, "black"), (14, "#D55E00"), (20, (0, 0, 1, 0.5))):
        ax.text(0.1, size / 25, "softmax 0.37 $d_k$", fontsize=size, color=color, ha="left")
    ax.text(0.9, 0.2, "turned", rotation=90)
    stamped = pixels(as_png(figure)).astype(float)
    again = pixels(as_png(figure)).astype(float)
    own = FigureCanvasAgg(figure)
    own.draw()
    difference = np.abs(stamped - np.asarray(own.buffer_rgba())[..., :3])
    np.testing.assert_array_equal(stamped, again)
    assert difference.mean() < 1.0  # text may stand up to half a pixel aside
    for text in ax.texts:
        text.set_text("")
    own.draw()
    ink = (np.asarray(own.buffer_rgba())[..., :3] < 250).sum()
    assert (stamped < 250).sum() > 1.05 * ink  # so the words are there at all


STYLES = ({"ha": "center", "va": "bottom", "fontsize": 11}, {"ha": "right", "va": "center", "color": "#D55E00"})


def draw_labels(fig, *, at_once, shift=0.0):
    ax = fig.add_subplot()
    for row, style in enumerate(STYLES):
        words = ["sharp", "0.49", "", "Wörter", "$d_k$", "two\nlines"]
        places = [(0.1 + 0.15 * i + shift, 0.2 + 0.4 * row) for i in range(len(words))]
        if at_once:
            ax.add_artist(Words(words, places, **style))
        else:
            for word, place in zip(words, places, strict=True):
                ax.text(*place, word, **style)
    in_axes = {"transform": ax.transAxes, "rotation": 90 if shift else 0}
    _ = ax.add_artist(Words(["end"], [(0.9, 0.9)], **in_axes)) if at_once else ax.text(0.9, 0.9, "end", **in_axes)
    return "labels"


def plain_figure():
    """A figure with matplotlib's own canvas, as still pictures have it."""
    figure = Figure(dpi=72)
    FigureCanvasAgg(figure)
    return figure


@pytest.mark.parametrize("new", [new_figure, plain_figure], ids=["panel", "still"])
def test_words_at_once_look_as_one_after_the_other(new):
    """Byte for byte, also where a word was placed in an earlier picture, and with a turned word."""
    one_figure, drawn = new(), []
    for shift in (0.0, 0.013, 0.0):
        drawn.append(render(one_figure, draw_labels, {"at_once": True, "shift": shift}))
        assert drawn[-1] == render(new(), draw_labels, {"at_once": False, "shift": shift})
    assert drawn[0] == drawn[2] != drawn[1]
    empty = render(new(), lambda fig: fig.add_subplot() and "labels", {})
    assert drawn[0].png != empty.png


def test_words_can_be_hidden_and_need_a_place_each():
    figure = new_figure()
    ax = figure.add_subplot()
    blank = as_png(figure)
    words = ax.add_artist(Words(["one", "two"], [(0.2, 0.2), (0.7, 0.7)]))
    assert as_png(figure) != blank
    words.set_visible(False)
    assert as_png(figure) == blank
    with pytest.raises(CourseError, match="2 words and 1 places"):
        Words(["one", "two"], [(0.2, 0.2)])


def test_stamps_keep_color_and_size_apart():
    figure = new_figure()
    for x, (size, color) in enumerate(((20, "red"), (20, "blue"), (40, "red"))):
        figure.text(0.05 + 0.3 * x, 0.4, "word", fontsize=size, color=color)
    image = pixels(as_png(figure)).astype(int)
    red, blue = (image[..., 0] - image[..., 2] > 100), (image[..., 2] - image[..., 0] > 100)
    width = image.shape[1] // 3
    assert red[:, :width].any()
    assert not blue[:, :width].any()
    assert blue[:, width : 2 * width].any()
    assert red[:, 2 * width :].sum() > 2 * red[:, :width].sum()


def mine(q, k, v, mask=None):
    return q


mine.__module__ = "__main__"


def test_a_panel_says_on_whose_function_it_runs():
    name = exercises.all_exercises()[0].id
    assert running_on({name: exercises.reference(name)}) == f"the reference {name}"
    assert running_on({"another_name": exercises.reference(name)}) == f"the reference {name}"
    assert running_on({name: mine}) == f"your {name}"
    assert running_on({"f": np.exp, "n": 3}) == "numpy.exp"
    assert running_on({"f": slider}) == "the course's slider"
    assert running_on({"n": 3, "s": "text"}) == ""


def test_what_the_page_sends_stays_within_the_choices():
    panel = explore(draw_level, level=(1, 5))
    panel.choice = {"level": 99, "unknown": 3}
    assert panel.values == {"level": 5}


def test_set_refuses_what_no_control_can_stand_at():
    panel = explore(draw_level, level=(1, 5))
    with pytest.raises(CourseError, match="level"):
        panel.set(levle=2)
    with pytest.raises(CourseError, match="7"):
        panel.set(level=7)


def test_drawing_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explore(draw_level, level=(1, 3)).set(level=2)


def test_importing_explore_and_quiz_loads_nothing_heavy():
    code = (
        "import sys, course.lab.widgets.controls, course.lab.widgets.questions;"
        "print(*{'torch', 'matplotlib', 'ipywidgets', 'anywidget'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_long_list_of_numbers_is_data_and_no_choices():
    def draw(*, means, n=(0, 3)):
        return Markup(f"{len(means)} {n}", "means")

    panel = explore(draw, means=[0.5 * i for i in range(25)], n=(0, 3))
    assert not panel.error
    assert [control["name"] for control in panel.controls] == ["n"]

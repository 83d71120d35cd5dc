"""Maps and tables as HTML: contrast on light and dark pages, words that never become markup, texts for terminals."""

import html
import re

import numpy as np
import pytest

from course.errors import CourseError
from course.lab.drawing import colors
from course.lab.drawing.picture import Markup
from course.lab.drawing.tables import (
    ASKED,
    ASKING,
    FULL,
    WHITE_FROM,
    bar_table,
    beside,
    heat_table,
    opacity,
    rows_table,
)

LIGHT, DARK = ((255, 255, 255), (0, 0, 0, 0.87)), ((17, 17, 17), (255, 255, 255, 1.0))  # JupyterLab's grounds and inks
THEMES = pytest.mark.parametrize(("ground", "ink"), [LIGHT, DARK], ids=["light", "dark"])
SHARES = np.arange(0, 1.0001, 0.001)


def luminance(color):
    """Relative luminance of an sRGB color (WCAG 2.1)."""
    c = np.asarray(color, dtype=float)[:3] / 255
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def over(color, alpha, ground):
    return np.asarray(color[:3], dtype=float) * alpha + np.asarray(ground) * (1 - alpha)


def lightness(color):
    """CIE L*: 0 for black, 100 for white, equal steps look equal."""
    y = luminance(color)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def hexadecimal(color):
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


@THEMES
def test_digits_keep_their_contrast_over_the_whole_ramp(ground, ink):
    for share in SHARES:
        cell = over(FULL, opacity(share), ground)
        digits = (255, 255, 255) if share >= WHITE_FROM else over(ink, ink[3], cell)
        assert contrast(digits, cell) >= 4.5, share


def test_the_page_draws_the_colors_that_the_contrast_was_measured_for():
    cells = re.findall(r"<td[^>]*>.*?</td>", heat_table(SHARES[None, 95:], [""], [""] * len(SHARES[95:])))[1:]
    for share, cell in zip(SHARES[95:], cells, strict=True):
        assert f"rgba({FULL[0]}, {FULL[1]}, {FULL[2]}, {opacity(share):g})" in cell
        assert ('<span style="color: #ffffff">' in cell) == (share >= WHITE_FROM)


@THEMES
def test_labels_keep_their_contrast(ground, ink):
    for tint, _ in (ASKING, ASKED):
        *color, alpha = map(float, re.findall(r"[\d.]+", tint))
        cell = over(color, alpha, ground)
        assert contrast(over(ink, ink[3], cell), cell) >= 4.5
    shown = heat_table(np.ones((1, 1)), ["ask"], ["asked"])
    for header in re.findall("<th.*?>", shown):
        assert not re.search(r"[; ]color:", header.replace("background-color:", "")), "labels are in the page's own ink"


@THEMES
def test_three_quarters_and_nearly_all_look_different(ground, ink):
    cells = [lightness(over(FULL, opacity(share), ground)) for share in (0.75, 0.99)]
    assert abs(cells[0] - cells[1]) >= 10


@THEMES
def test_a_larger_share_is_never_nearer_to_the_page(ground, ink):
    steps = np.diff([lightness(over(FULL, opacity(share), ground)) for share in SHARES])
    assert (steps <= 0).all() or (steps >= 0).all()
    assert opacity(1) == opacity(7) == 1
    assert opacity(0) == opacity(-1) == 0


def test_the_contrast_test_can_fail():
    assert contrast((150, 150, 150), (255, 255, 255)) < 4.5
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


def test_words_in_a_color_can_be_read_on_white():
    for name in ("QUERY", "KEY_TEXT", "VALUE_TEXT", "WEIGHTS_TEXT", "INK", "GRAY"):
        assert contrast(hexadecimal(getattr(colors, name)), (255, 255, 255)) >= 4.5, name
    assert hexadecimal(colors.WEIGHTS_TEXT) == FULL


def test_no_color_of_words_would_do_on_both_grounds():
    """Why the words of maps are in the page's own ink: what is dark enough for white is too dark for #111."""
    enough_on_white, enough_on_dark = 1.05 / 4.5 - 0.05, 4.5 * (luminance((17, 17, 17)) + 0.05) - 0.05
    assert enough_on_white < enough_on_dark


def test_a_last_digit_changes_no_stored_page():
    weights = np.random.default_rng(0).dirichlet([0.4] * 6, size=5)
    words = [list("abcde"), list("uvwxyz")]
    assert heat_table(weights, *words) == heat_table(weights * (1 + 1e-12), *words)
    assert " id=" not in heat_table(weights, *words)


def test_every_word_is_escaped():
    nasty = '<img src="x" onerror="alert(1)">&'
    one = np.ones((1, 1))
    for shown in (
        heat_table(one, [nasty], [nasty], caption=nasty),
        bar_table([nasty], [0.5], caption=nasty),
        rows_table([nasty], [[nasty]], nasty).html,
    ):
        assert "<img" not in shown
        assert shown.count(html.escape(nasty)) >= 2


def test_bars_are_as_long_as_their_shares():
    shown = bar_table(["a", "b", "c"], [0.25, 1.0, 0.0])
    assert re.findall(r"width: (\d+)%", shown) == ["25", "100"]
    assert re.findall(r">([\d.]+)</td>", shown) == ["0.25", "1.00", "0.00"]


def test_sums_and_frames_stand_where_they_belong():
    shown = heat_table(np.eye(2), list("ab"), list("xy"), framed=[(1, 0)], sums=[1.0, 0.5])
    rows = re.findall("<tr.*?</tr>", shown)
    cells = [re.findall("<td[^>]*>", row) for row in rows[1:]]
    assert [["2px solid" in cell for cell in row] for row in cells] == [[False] * 3, [True, False, False]]
    assert ">sum</th>" in rows[0]
    assert rows[2].endswith(">0.50</td></tr>")


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(CourseError, match="1 row words and 2 column words"):
        heat_table(np.ones((2, 2)), ["a"], ["x", "y"])


ROWS = [["test_iid", "97.3 %", 300], ["combo", "8.1 %", 1200], ["none", "", "-2"]]


def test_rows_stand_in_columns_with_numbers_at_the_right():
    made = rows_table(["split", "exact", "n"], ROWS, "Scores")
    assert made.alt.splitlines() == [
        "Scores",
        "split      exact     n",
        "test_iid  97.3 %   300",
        "combo      8.1 %  1200",
        "none                -2",
    ]
    aligned = re.findall(r"<td style=\"[^\"]*text-align: (\w+)", made.html)
    assert aligned == ["left", "right", "right"] * 3
    assert made.html.count('<th scope="col"') == 3


def test_a_table_shows_itself_and_refuses_a_ragged_row():
    made = rows_table(["a"], [[1]])
    assert isinstance(made, Markup)
    assert made._repr_mimebundle_() == {"text/html": made.html, "text/plain": "a\n1"}
    with pytest.raises(CourseError, match="2 cells, the head 1"):
        rows_table(["a"], [[1, 2]])


def test_pieces_side_by_side_keep_their_order():
    assert re.findall(">(one|two)<", beside("one", "two")) == ["one", "two"]

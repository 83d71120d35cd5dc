"""What check, hint and solution show in a notebook, and what they say when they are called in another way."""

import re
import sys
import types
from html.parser import HTMLParser

import numpy as np
import pytest

import course.lab
from course.errors import CourseError
from course.lab.exercises import all_exercises, card, desk, diagnose, example, get
from course.lab.exercises.colored import BUILTIN, COMMENT, GROUND, KEYWORD, NUMBER, STRING, WORDS, code_block
from course.lab.exercises.example import counter_examples, say_example, smallest, wrong_map
from course.lessons.lesson_03 import reference
from course.lessons.lesson_05.reference import causal_mask, padding_mask


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(desk, "_DESK", desk.Desk())
    monkeypatch.setattr(example, "SECONDS", 60)  # a busy machine must not change what a card shows


@pytest.fixture
def shown(monkeypatch):
    """What would be shown in a notebook: pairs of text and card."""
    pairs = []
    monkeypatch.setattr(desk, "present", lambda text, html: pairs.append((text, html)))
    return pairs


class Reader(HTMLParser):
    """Reads a card as a person does, and insists that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], set(), set(), []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).replace("\xa0", " ").split())


# What JupyterLab leaves in a notebook that nobody has run yet.
KEPT_TAGS = {"div", "p", "b", "code", "pre", "ul", "li", "span", "table", "caption", "thead", "tbody", "tr", "th", "td"}
KEPT_ATTRIBUTES = {"style", "scope", "class"}


def mirrored(T):
    return causal_mask(T).T


def letters(text):
    return re.sub(r"\W", "", text)


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


# --- cards ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidate", "says"),
    [(lambda T: np.tri(T, dtype=bool), "✓ passed"), (mirrored, "✗ not yet right"), (None, "○ not attempted yet")],
    ids=["passed", "failed", "not attempted"],
)
def test_a_card_says_its_state_with_a_sign_and_words_and_the_text_stays(candidate, says, shown):
    course.lab.check("causal_mask", candidate)
    text, html = shown[0]
    assert Reader(html).text.startswith(f"{says} causal_mask")
    assert text.startswith(f"causal_mask: {says[2:]}. {diagnose('causal_mask', candidate).message}")


MISTAKES = [(e.id, mistake) for e in all_exercises() for mistake in e.mistakes]


@pytest.mark.parametrize(("id", "mistake"), MISTAKES, ids=[f"{id}-{mistake.id}" for id, mistake in MISTAKES])
def test_every_known_mistake_gets_a_card_that_a_notebook_keeps(id, mistake, shown):
    if get(id).observe is not None:
        pytest.importorskip("torch")
    for _ in range(2):
        course.lab.check(id, mistake.versions[0])
    said = diagnose(id, mistake.versions[0]).message.splitlines()[-1]
    (first, card_), (_, other) = shown
    for each in (Reader(card_), Reader(other)):
        assert each.tags <= KEPT_TAGS
        assert each.attributes <= KEPT_ATTRIBUTES
        assert letters(said) in letters(each.text)
        assert "Until it passes" in each.text
    assert "and yours gives" not in first or "must give" in said
    desk._DESK.last.clear()
    course.lab.check(id, mistake.versions[0])
    assert shown[-1][1].partition("Until")[0] == card_.partition("Until")[0]  # the same card for the same answer


def test_the_colors_are_legible():
    for _, _, color in card._STATES.values():
        assert contrast(color, "#ffffff") >= 4.5
    for color in (WORDS, KEYWORD, NUMBER, STRING, COMMENT, BUILTIN):
        assert contrast(color, GROUND) >= 7


def test_code_is_shown_as_it_is():
    for code in ("def f(x):\n    return x < 1  # a & b\n\n\ny = '''a\n  b'''\n", "return ... @ v, (", "    a =\n"):
        assert "".join(Reader(code_block(code)).words) == code
    assert f'<span style="color: {KEYWORD}">def</span>' in code_block("def f(): pass")


def test_signs_of_html_in_an_error_are_words(shown):
    def breaks(T):
        raise ValueError("<b>no & yes</b>")

    course.lab.check("causal_mask", breaks)
    assert "ValueError: <b>no & yes</b>" in Reader(shown[0][1]).text


@pytest.mark.parametrize("kernel", [True, False])
def test_without_a_kernel_the_text_is_printed(kernel, monkeypatch, capsys):
    display = []
    fake = types.ModuleType("IPython")
    fake.get_ipython = lambda: types.SimpleNamespace(kernel=object() if kernel else None)
    inner = types.ModuleType("IPython.display")
    inner.display = lambda data, raw: display.append((data, raw))
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", inner)
    card.present("words", "<p>card</p>")
    if kernel:
        assert display == [({"text/html": "<p>card</p>", "text/plain": "words"}, True)]
        assert capsys.readouterr().out == ""
    else:
        assert (display, capsys.readouterr().out) == ([], "words\n")


# --- the smallest counter-example ------------------------------------------------------------------------------


def found(id, function):
    examples = counter_examples(get(id), function)
    maps = [wrong_map(get(id), smallest(get(id), function, example)) for example in examples]
    return examples, [each for each in maps if each is not None]


def test_the_map_is_the_one_with_the_fewest_numbers_and_rings_what_differs():
    wrong = found("causal_mask", mirrored)[1][0]
    assert wrong.yours.tolist() == [[True, True], [False, True]]
    assert wrong.right.tolist() == [[True, False], [True, True]]
    assert wrong.differs.tolist() == [[False, True], [True, False]]
    assert (wrong.name, wrong.axes) == ("mask", ("Tq", "Tk"))


def test_the_map_of_a_batch_is_that_of_the_first_sentence_that_is_wrong():
    def first_sentence_only(tokens, pad):
        mask = padding_mask(tokens, pad)
        mask[1:] = mask[:1]
        return mask

    examples, maps = found("padding_mask", first_sentence_only)
    assert len(examples[0].case.make()[0]) > 1
    assert len(maps[0].example.case.make()[0]) > 1  # a single sentence is right: it takes two
    examples, maps = found("padding_mask", lambda tokens, pad: tokens[:, None, None, :] == pad)
    assert maps[0].example.case.make()[0].shape[0] == 1
    assert maps[0].name == "mask"
    assert maps[0].right.shape == (1, 3)


def test_sentences_and_heads_are_reduced_to_the_one_that_is_wrong():
    def only_the_last_head(q, k, v, mask=None):
        output, weights = reference.attention(q, k, v, mask)
        if weights.ndim == 4 and np.abs(q).sum() > 20:
            weights = weights.copy()
            weights[-1, -1, 1, 2] += 0.5
        return output, weights

    example = counter_examples(get("attention"), only_the_last_head)[0]
    reduced = smallest(get("attention"), only_the_last_head, example)
    assert reduced.case.make()[0].shape[0] == 1
    assert wrong_map(get("attention"), reduced).differs.sum() == 1


def test_an_exception_has_no_map_of_another_case():
    def breaks_late(T):
        if T == 1:
            raise ValueError("no")
        return mirrored(T)

    assert found("causal_mask", breaks_late) == ([], [])


def test_a_large_map_is_not_shown():
    def wrong_at_the_end(T):
        return causal_mask(T) & (T < 10)

    examples, maps = found("causal_mask", wrong_at_the_end)
    assert len(examples) == 1
    assert maps == []


def test_numbers_that_differ_in_the_fifth_place_look_different(shown):
    course.lab.check("softmax", lambda x, mask=None: reference.softmax(x, mask) + 1e-5)
    cells = re.findall(r"<td[^>]*>([^<]*)", shown[0][1])
    assert len(cells) == 6
    assert all(a != b for a, b in zip(cells[:3], cells[3:], strict=True))


def test_the_same_diagnosis_twice_in_a_row_adds_numbers(shown):
    course.lab.check("causal_mask", mirrored)
    course.lab.check("causal_mask", lambda T: causal_mask(T)[::-1, ::-1])  # written otherwise, the same mistake
    course.lab.check("causal_mask", lambda T: ~causal_mask(T))  # another
    course.lab.check("causal_mask", mirrored)
    said = "On T = 2 it must give mask = [[ True False] [ True True]], and yours gives [[ True True] [False True]]."
    assert [said in text for text, _ in shown] == [False, True, False, False]
    assert letters(said) in letters(Reader(shown[1][1]).text)


def test_numbers_are_told_with_as_many_digits_as_it_takes():
    def said(change):
        softmax = get("softmax")
        function = lambda x, mask=None: reference.softmax(x, mask) + change(x)  # noqa: E731
        return say_example(softmax, counter_examples(softmax, function)[0])

    assert "it must give shares[0, 0] = 0.14285714, and yours gives 0.14287714." in said(lambda x: 2e-5)
    rounded = counter_examples(get("softmax"), lambda x, mask=None: np.float32(reference.softmax(x, mask)))
    assert "shares[0, 2] = 0.57142857, and yours gives 0.5714286." in say_example(get("softmax"), rounded[0])


# --- hints --------------------------------------------------------------------------------------------------------


def test_a_hint_begins_with_what_failed_last(shown):
    course.lab.check("causal_mask", mirrored)
    course.lab.hint("causal_mask")
    name, before, question = shown[1][0].splitlines()
    assert name == "causal_mask, hint 1 of 3 (a question):"
    assert before == f"Your last check said: {diagnose('causal_mask', mirrored).message}"
    assert question == get("causal_mask").hints[0]
    assert letters(Reader(shown[1][1]).text).startswith(letters(f"hint 1 of 3: a question causal_mask {before}"))
    course.lab.check("causal_mask", lambda T: np.tri(T, dtype=bool))
    course.lab.hint("causal_mask")
    assert "last check" not in shown[3][0]


# --- called otherwise -----------------------------------------------------------------------------------------------


def softmax(x, mask=None):
    return x


def helper(x):
    return x


def test_a_hint_and_a_solution_take_the_function_of_an_exercise_for_its_name(shown):
    course.lab.hint(softmax)
    course.lab.solution(softmax, True)
    assert shown[0][0].startswith("softmax, hint 1 of 3")
    assert shown[1][0].startswith("def softmax")


CALLS = [
    (lambda: course.lab.hint(helper), r'is called by its name, in quotes.*hint\("attention"\)'),
    (lambda: course.lab.hint(), r'hint\("attention"\)'),
    (lambda: course.lab.hint("softmax", 1, 2), r'hint\("attention"\)'),
    (lambda: course.lab.solution(3), r'solution\("attention"\)'),
    (lambda: course.lab.solution(), r'solution\("attention"\)'),
    (lambda: course.lab.check(), r'attention = check\("attention", attention\)'),
    (lambda: course.lab.check("softmax"), r'softmax = check\("softmax", softmax\)'),
    (lambda: course.lab.check(softmax), r'comes first, in quotes: check\("softmax", softmax\)'),
    (lambda: course.lab.check(softmax, "softmax"), r'comes first, in quotes: check\("softmax", softmax\)'),
    (lambda: course.lab.check("softmax", softmax, None), r'softmax = check\("softmax", softmax\)'),
    (lambda: course.lab.check("sofmax", softmax), "'softmax'"),
]


@pytest.mark.parametrize(("call", "said"), CALLS)
def test_another_way_to_call_ends_in_one_sentence_without_frames(call, said):
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
    with pytest.raises(CourseError, match=said) as caught:
        call()
    lines = caught.value._render_traceback_()
    assert " ".join("\n".join(lines).split()) == f"✗ {caught.value}"
    assert all(len(line) <= 100 for line in "\n".join(lines).splitlines())
    shown = []
    shell._showtraceback = lambda kind, value, lines: shown.append(lines)
    shell.showtraceback((type(caught.value), caught.value, caught.tb))
    assert shown == [lines]

"""The house: who may import whom is checked by `make lint`; here stands what import-linter cannot see."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAB = ROOT / "course" / "lab"
PYTHON = sorted(path for tree in ("course", "tests", "solutions") for path in (ROOT / tree).rglob("*.py"))
OF_THE_LAB = sorted(path for path in LAB.rglob("*") if path.suffix in (".py", ".js", ".css"))
SENTENCE = re.compile(r"[A-ZÄÖÜÉÈ]\w+(?: [\w'’,-]+){3,14}[.?!]")  # four words and more, as in a corpus


def named(path):
    return str(path.relative_to(ROOT))


@functools.cache
def sentences_of_lessons():
    """Every sentence in quotes that a lesson's source or room translates, draws or asks about."""
    files = [*(ROOT / "solutions").glob("*.py"), *(ROOT / "course" / "lessons").rglob("*.py")]
    constants = (
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return {text for text in constants if SENTENCE.fullmatch(text)}


@pytest.mark.parametrize("path", OF_THE_LAB, ids=named)
def test_the_lab_knows_no_lesson(path):
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"lesson[ _]?\d+", text, re.IGNORECASE)
    assert not re.findall(r"embedded-|multi30k|en-de|en-fr|test_iid", text, re.IGNORECASE)
    assert not [sentence for sentence in sentences_of_lessons() if sentence in text]


def test_the_lab_was_searched_for_real_sentences():
    assert {"The needle has a sharp point.", "It is not polite to point at people."} <= sentences_of_lessons()
    assert len(OF_THE_LAB) > 20


@pytest.mark.parametrize("path", PYTHON, ids=named)
def test_no_name_with_an_underscore_is_imported_from_another_file(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    taken = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("course", "tests"))
        for alias in node.names
        if re.fullmatch(r"_[a-z]\w*", alias.name)
    ]
    assert not taken


def test_a_widget_is_one_file_with_its_script_and_style_beside_it():
    for script in [*(ROOT / "course").rglob("*.js")]:
        if script.name != "shared.js":
            assert script.with_suffix(".py").is_file(), named(script)
            assert script.with_suffix(".css").is_file(), named(script)

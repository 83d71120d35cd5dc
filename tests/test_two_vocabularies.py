"""What a message advises has the name that it has where the message is read: in a notebook, or in a terminal."""

import ast
import os
import re
import shlex
from pathlib import Path

import pytest

from course.cli import main
from course.errors import CourseError, command, quoted_on_windows

ROOT = Path(__file__).parents[1] / "course"
FLAG = re.compile(r"(?<![\w-])--[a-z]")


def words_of(node: ast.AST) -> str:
    """All text in an expression, but what is said on the command line only."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.Call):
        parts = [*node.args, *(k.value for k in node.keywords if k.arg != "on_command_line")]
    else:
        parts = list(ast.iter_child_nodes(node))
    return "".join(words_of(part) for part in parts)


def sentences():
    """File, line and words of each `CourseError` outside the command line."""
    for path in sorted(ROOT.rglob("*.py")):
        if path.relative_to(ROOT).parts[0] in ("cli", "authoring"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "CourseError":
                yield f"{path.relative_to(ROOT)}:{node.lineno}", words_of(node)


def test_no_message_of_a_notebook_names_an_option_of_the_command_line():
    """A whole command between backticks may: it can be copied as it is."""
    found = dict(sentences())
    assert len(found) > 150
    assert {place: words for place, words in found.items() if FLAG.search(re.sub(r"`[^`]*`", "", words))} == {}


def test_a_message_has_the_words_of_both_and_its_own_where_there_is_one():
    both, two = CourseError("same"), CourseError("pass a=True.", on_command_line="pass --a.")
    assert (str(both), both.on_command_line) == ("same", "same")
    assert (str(two), two.on_command_line) == ("pass a=True.", "pass --a.")


def test_the_command_line_says_its_own(capsys, tmp_path):
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    assert main(["translate", "--model", str(tmp_path), "a"]) == 2
    assert capsys.readouterr().err.rstrip().endswith("copy it again, or train again with --overwrite.")


@pytest.mark.skipif(os.name != "posix", reason="the quotes of POSIX shells")
@pytest.mark.parametrize(
    "folder", ["runs/mine", "my run  x", "it's", "$HOME", "a;b", "*", "-x", "Übung", 'say "x"', ""]
)
def test_a_printed_command_can_be_copied(folder):
    assert shlex.split(command("course", "train", "--out", folder)) == ["course", "train", "--out", folder]


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        (r"C:\runs\mine", r"C:\runs\mine"),
        ("my run  x", '"my run  x"'),
        ("a&b", '"a&b"'),
        ("it's $5", "'it''s $5'"),
        ("Übung", "Übung"),
        ("", '""'),
    ],
)
def test_a_word_on_windows(word, quoted):
    assert quoted_on_windows(word) == quoted

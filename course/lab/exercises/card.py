"""What check, hint and solution show in a notebook: a card whose state is a sign, a word and a color.

JupyterLab removes style sheets, SVG and roles from notebooks that have not been run, so the card is made of plain
elements with styles of their own, in the page's text color on a translucent ground. Elsewhere the same is printed.
"""

import html
import re
import sys
import textwrap
from collections.abc import Sequence
from typing import Literal

from course.lab.exercises.colored import code_block
from course.lab.exercises.exercise import Exercise

State = Literal["passed", "failed", "not attempted", "hint", "solution", "note"]

# Sign, word, and a color on which white words have at least 4.5:1.
_STATES: dict[State, tuple[str, str, str]] = {
    "passed": ("✓", "passed", "#00704e"),
    "failed": ("✗", "not yet right", "#b03a00"),
    "not attempted": ("○", "not attempted yet", "#5c5c5c"),
    "hint": ("?", "hint", "#00639c"),
    "solution": ("=", "solution", "#7b3a66"),
    "note": ("○", "note", "#5c5c5c"),
}
_MONO = "font-family: monospace; white-space: pre-wrap; word-break: normal; overflow-wrap: break-word"
_ITEM = f"{_MONO}; background-color: rgba(128, 128, 128, 0.14); color: inherit; padding: 1px 5px; border-radius: 3px"
_TEXT = "margin: 6px 0; word-break: normal; overflow-wrap: break-word"
# In running text: what stands in backticks, arrays of numbers, calls, entries of arrays, dotted or underscored names.
_CODE = re.compile(
    r"`([^`]+)`"
    r"|((?:\b\w+ = )?\[(?:[\s\d.e+\-\[\]]|True|False|nan|inf)*\])"
    r"|(\b[A-Za-z_]\w*(?:\.\w+)*(?:\([^()\s]*(?:, [^()]*)?\)|\[[^\[\]]*\]))"
    r"|(\b\w+_\w+\b|\bnp\.\w+)"
    r"|(?<!\w)\*(?P<stressed>\w+)\*(?!\w)"
)


def present(text: str, card: str) -> None:
    """Show the card where there is a notebook, with the text for those who cannot see it; else print the text."""
    if not in_a_notebook():
        print(text)
        return
    from IPython.display import display

    display({"text/html": card, "text/plain": text}, raw=True)


def in_a_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def card(state: State, name: str, body: Sequence[str], then: str = "", word: str = "") -> str:
    """Return a card: its head, its body and what to do next, all of it HTML but the name.

    Args:
        state: decides sign, word and color.
        name: of the exercise.
        body: pieces of HTML.
        then: what to do next, as text.
        word: instead of the state's own.
    """
    sign, usual, color = _STATES[state]
    chip = (
        f'<b style="background-color: {color}; color: #ffffff; padding: 2px 9px; border-radius: 10px; '
        f'white-space: nowrap">{sign} {html.escape(word or usual)}</b>'
    )
    head = f'<p style="margin: 0 0 6px 0">{chip}&nbsp; <code style="{_MONO}">{html.escape(name)}</code></p>'
    last = paragraph(then, "margin: 10px 0 0 0; border-top: 1px solid rgba(128, 128, 128, 0.4); padding-top: 6px")
    return (
        f'<div style="border-left: 5px solid {color}; background-color: rgba(128, 128, 128, 0.07); '
        'padding: 10px 16px; margin: 4px 0; border-radius: 4px; max-width: 760px; line-height: 1.45">'
        f"{head}{''.join(body)}{last if then else ''}</div>"
    )


def paragraph(text: str, style: str = _TEXT) -> str:
    """Return a sentence or more in the page's text font, with names and calls monospaced."""
    return f'<p style="{style}">{_with_code(text)}</p>'


def sentences(exercise: Exercise, message: str) -> list[str]:
    """Return a message of a check, made of lines for a terminal, as pieces of HTML.

    Lines that are indented by four are the learner's own code; others are sentences, some of which list values.
    """
    pieces: list[str] = []
    code: list[str] = []
    for line in [*message.splitlines(), ""]:
        if line.startswith("    "):
            code.append(line[4:])
            continue
        if code:
            lines = html.escape("\n".join(code))
            pieces.append(f'<pre style="{_ITEM}; padding: 6px 10px; margin: 6px 0">{lines}</pre>')
            code = []
        if line.strip():
            pieces.append(_line(exercise, line.strip()))
    return pieces


def hint_body(text: str) -> list[str]:
    """Return a hint as pieces of HTML: sentences as paragraphs, indented lines as code."""
    if text.startswith("    "):
        return [code_block(textwrap.dedent(text))]
    return [paragraph(line.strip()) for line in text.splitlines()]


def _line(exercise: Exercise, line: str) -> str:
    names = (*exercise.argument_names, *exercise.result_names)
    match = re.fullmatch(r"(It was called with|The arguments:|must give) (.*?)\.?", line)
    if match:
        label = "It must give" if match[1] == "must give" else match[1].rstrip(":")
        return paragraph(f"{label}:") + _list(names, match[2])
    if any(line.startswith(f"{name} = ") for name in names):
        return paragraph("With") + _list(names, line)
    raised = re.fullmatch(r"(.* it raised )(\w+: .*)", line)
    if raised:
        return f'<p style="{_TEXT}">{_with_code(raised[1])}<code style="{_ITEM}">{html.escape(raised[2])}</code></p>'
    return paragraph(line)


def _list(names: Sequence[str], text: str) -> str:
    """Return "q = 1, k = 2" as a list with an item for each name."""
    start = "|".join(map(re.escape, names))
    items = re.split(rf", (?=(?:{start})(?: |$))", text)
    inside = "".join(f'<li><code style="{_ITEM}">{html.escape(item)}</code></li>' for item in items)
    return f'<ul style="margin: 2px 0 6px 0; padding-left: 22px">{inside}</ul>'


def _with_code(text: str) -> str:
    done, at = [], 0
    for match in _CODE.finditer(text):
        done += [html.escape(text[at : match.start()], quote=False), _element(match)]
        at = match.end()
    return "".join([*done, html.escape(text[at:], quote=False)])


def _element(match: re.Match[str]) -> str:
    found = html.escape(next(group for group in match.groups() if group), quote=False)
    if match["stressed"]:
        return f"<b>{found}</b>"
    found = re.sub(r"(?<=\[) +| +(?=\])", "", found)  # numpy fills up with blanks, where a line could break
    return f'<code style="{_ITEM}">{found}</code>'

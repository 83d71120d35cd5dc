"""Python code as HTML that shows its words in colors, the same on every computer: it needs no other package.

A block brings its own dark ground, so that its colors are legible on a light page and on a dark one.
"""

import builtins
import html
import io
import keyword
import token
import tokenize

# All at least 7:1 on GROUND.
GROUND, WORDS = "#1f2430", "#f2f4f8"
KEYWORD, NUMBER, STRING, COMMENT, BUILTIN = "#ffb38a", "#8fd3ff", "#b5e8a5", "#c3cad6", "#d9c2ff"
BLOCK = (
    f"background-color: {GROUND}; color: {WORDS}; padding: 8px 12px; margin: 6px 0; border-radius: 4px; "
    "overflow-x: auto; white-space: pre; font-family: monospace"
)


def code_block(text: str) -> str:
    """Return code as a block of HTML; code that Python cannot read, such as half a line, shows without colors."""
    return f'<pre style="{BLOCK}">{_colored(text)}</pre>'


def _colored(text: str) -> str:
    lines, done, column = text.splitlines(keepends=True), [], (1, 0)
    try:
        for each in tokenize.generate_tokens(io.StringIO(text).readline):
            if each.type in (token.NEWLINE, token.INDENT, token.DEDENT, token.NL, token.ENDMARKER):
                continue
            done.append(html.escape(_between(lines, column, each.start), quote=False))
            done.append(_span(each))
            column = each.end
    except (tokenize.TokenError, SyntaxError):
        return html.escape(text, quote=False)
    done.append(html.escape(_between(lines, column, (len(lines) + 1, 0)), quote=False))
    return "".join(done)


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (row, column), (last, until) = start, end
    if row == last:
        return lines[row - 1][column:until]
    middle = "".join(lines[row : last - 1])
    return lines[row - 1][column:] + middle + (lines[last - 1][:until] if last <= len(lines) else "")


def _span(each: tokenize.TokenInfo) -> str:
    color = _color(each)
    text = html.escape(each.string, quote=False)
    return f'<span style="color: {color}">{text}</span>' if color else text


def _color(each: tokenize.TokenInfo) -> str:
    match each.type:
        case token.COMMENT:
            return COMMENT
        case token.NUMBER:
            return NUMBER
        case token.STRING:
            return STRING
        case token.NAME if keyword.iskeyword(each.string):
            return KEYWORD
        case token.NAME if hasattr(builtins, each.string):
            return BUILTIN
    return ""

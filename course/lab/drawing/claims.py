"""`holds`: what the text claims about numbers, said in sentences and held to what came out."""

from __future__ import annotations

import html


def holds(*claims: tuple[str, bool]) -> None:
    """Display sentences of the text, each with whether it holds for the numbers of this run.

    A notebook stores them as they held for its author; a validation that compares outputs finds a claim that does not.

    Args:
        claims: pairs of a whole sentence and whether it holds.
    """
    from IPython.display import display

    lines = [_said(sentence, bool(true)) for sentence, true in claims]
    shown = "".join(f'<div style="padding: 1px 6px">{html.escape(line)}</div>' for line in lines)
    display({"text/html": shown, "text/plain": "\n".join(lines)}, raw=True)


def _said(sentence: str, true: bool) -> str:
    return f"✓ {sentence}" if true else f"✗ Not in this run: {sentence}"

"""What to say about a function that a check had to stop: where it was, and a question about the loop."""

import ast
import linecache
import traceback

from course.lab.exercises.words import is_foreign


def say_endless(error: BaseException, seconds: float) -> str:
    """Return what was found: how long it ran, the loop in which it was stopped, and a question.

    The same words for the same function: not the line on which it happened to be, but the loop around it.
    """
    lines = [f"It was still running after {seconds:g} seconds, so the check stopped it. Nothing else was changed."]
    frames = [frame for frame in traceback.walk_tb(error.__traceback__) if not is_foreign(frame[0].f_code.co_filename)]
    if not frames:
        return "\n".join([*lines, "  Which of your lines may run for ever?"])
    named = [frame for frame in frames if not frame[0].f_code.co_name.startswith("<")]  # not inside a comprehension
    frame, number = (named or frames)[-1]
    loop = _loop_around(frame.f_code.co_filename, number)
    if loop is None:
        return "\n".join(
            [*lines, f"    in {frame.f_code.co_name}", "  Which of its lines waits, or has so much to do?"]
        )
    lines.append(f"    line {loop[0]}, in {frame.f_code.co_name}:  {loop[1]}")
    return "\n".join([*lines, "  What changes from one round of this loop to the next, and when does it end?"])


def _loop_around(filename: str, number: int) -> tuple[int, str] | None:
    """Return number and text of the innermost ``while`` around a line; without one, of the innermost ``for``."""
    text = "".join(linecache.getlines(filename))
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a notebook's cell may hold magics
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.While, ast.For)) and node.lineno <= number <= (node.end_lineno or node.lineno)
    ]
    loops = [node for node in around if isinstance(node, ast.While)] or around
    if not loops:
        return None
    line = max(node.lineno for node in loops)
    return line, linecache.getline(filename, line).strip()

"""Write a small notebook, for tests that need a page and not a whole lesson."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nbformat

from course.authoring.tidy import tidy

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}

HEAT_MAP = """
import numpy as np
from course.lab import Question, explore, quiz, slider
from course.lessons.lesson_03.dragged_query import DraggedQuery

drawn = []

def attention(q, k):
    return q @ k.T

def draw_heat(fig, *, temperature, size, attention):
    drawn.append(temperature)
    if temperature == 0.3:
        raise ValueError("not at <b>0.3</b>")
    rng = np.random.default_rng(0)
    scores = attention(rng.normal(size=(size, 4)), rng.normal(size=(size, 4))) / temperature
    ax = fig.add_subplot()
    ax.imshow(scores)
    for i in range(size):
        for j in range(size):
            ax.text(j, i, f"{scores[i, j]:.1f}", ha="center", va="center", fontsize=8)
    return f"Scores at temperature {temperature:g}"
"""

EXPLORE = "explore(draw_heat, temperature=slider(0.1, 5.0, start=1.0, step=0.1), size=12, attention=attention)"

MAP_OF_A_LESSON = """
import numpy as np
from course.lab import explore, slider
from course.lab.exercises import reference
from course.lessons.lesson_03.figures import draw_attention_map

words = "one must make the point to the polite people".split()
q, k, v = np.random.default_rng(1).normal(size=(3, len(words), 4))
explore(
    draw_attention_map, attention=reference("attention"), examples={"about people": (words, q, k, v)},
    sentence=["about people"], temperature=slider(0.1, 10.0, start=1.0, log=True),
)
"""

DRAGGED = """
DraggedQuery(
    keys=[[1.2, 0.3], [0.2, 1.3], [-1.2, 0.4], [0.5, -1.1]],
    values=[[1, 1], [-1, 1], [0.2, -1], [0.9, 0.2]],
    labels=["money", "river", "bank", "the"],
)
"""

QUIZ = """
quiz(
    Question(
        "Softmax runs over which axis of `scores` (Tq, Tk)?",
        choices=["the queries", "the keys"],
        answer="the keys",
        why={"the queries": "Then the weights of one query would not add up to $1$: see <b>row</b> $q_i$."},
    )
)
"""


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook with these code cells, without outputs."""
    notebook = nbformat.v4.new_notebook(metadata=KERNEL)
    notebook.cells = [nbformat.v4.new_code_cell(cell.strip(), id=f"cell-{i}") for i, cell in enumerate(cells)]
    nbformat.write(notebook, path)
    return path


def write_stored(path: Path, source: str, outputs: list[dict], *, tags: Sequence[str] = ()) -> Path:
    """Write a notebook of one cell with these outputs, stored as the course's builder stores them."""
    notebook = nbformat.v4.new_notebook(metadata=KERNEL)
    cell = nbformat.v4.new_code_cell(source, id="stored", execution_count=1, metadata={"tags": list(tags)})
    cell.outputs = [nbformat.from_dict(output) for output in outputs]
    notebook.cells = [cell]
    nbformat.write(tidy(notebook, {}), path)
    return path

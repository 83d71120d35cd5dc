"""Building notebooks from a lesson's text, and comparing them again."""

import base64
import copy
import io
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jupytext", reason="building notebooks needs the extra 'author'")
pytest.importorskip("nbgrader", reason="building notebooks needs the extra 'author'")

from course.authoring import stamp
from course.authoring.__main__ import main
from course.authoring.build import both_versions
from course.authoring.nbval_plugin import compare_pictures
from course.authoring.pictures import TOLERANCE, compact, difference, size
from course.authoring.rules import pair_problems, problems
from course.authoring.run import executed
from course.authoring.source import read_lesson
from course.authoring.stamp import read_notebook, stale
from course.authoring.tidy import WIDGET_VIEW, tidy, write_notebook
from course.errors import CourseError

SAMPLE = Path(__file__).parent / "data" / "sample_lesson" / "90_sample.py"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The root of a small repository whose one lesson has been built. Do not change it: copy it."""
    root = tmp_path_factory.mktemp("built")
    (root / "solutions").mkdir()
    shutil.copy(SAMPLE, root / "solutions")
    assert main(["build", "--root", str(root)]) == 0
    return root


@pytest.fixture
def root(built, tmp_path):
    """A copy of the built repository, to be changed."""
    return Path(shutil.copytree(built, tmp_path / "root"))


def solved(root):
    return read_notebook(root / "solutions" / "90_sample.ipynb")


def blank(root):
    return read_notebook(root / "notebooks" / "90_sample.ipynb")


def cell(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def text_of(cell):
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


def lesson(tmp_path, text):
    path = tmp_path / "07_trial.py"
    path.write_text(text, encoding="utf-8")
    return path


# --- from text to cells


def test_a_cell_put_in_between_renames_no_other(tmp_path):
    text = SAMPLE.read_text(encoding="utf-8")
    place = text.index("# %%\ndraw()")
    more = text[:place] + "# %% [markdown]\n# ## A new heading\n\n# %%\nprint(1)\n\n" + text[place:]
    before = [cell.id for cell in read_lesson(lesson(tmp_path, text)).cells]
    after = [cell.id for cell in read_lesson(lesson(tmp_path, more)).cells]
    assert [name for name in after if name in before] == before
    assert len(after) == len(before) + 2


def test_names_come_from_name_check_and_heading(tmp_path):
    text = '# %% [markdown]\n# # Why √d?\n\n# %% name="My cell"\nx = 1\n\n# %%\ny = check("attention", x)\n'
    text += "\n# %%\nprint(x)\n\n# %%\nprint(x)\n"
    names = [cell.id for cell in read_lesson(lesson(tmp_path, text)).cells]
    assert names[:3] == ["why-d", "my-cell", "check-attention"]
    assert names[4] == names[3] + "-2"


def test_a_heading_gives_way_to_a_name_wherever_it_stands(tmp_path):
    text = '# %% [markdown]\n# ## Mix\n\n# %% name="mix"\nx = 1\n'
    assert [cell.id for cell in read_lesson(lesson(tmp_path, text)).cells] == ["mix-2", "mix"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('# %% name="a"\nx = 1\n\n# %% name="a"\ny = 2\n', "two cells are named 'a'"),
        ("# %%\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n", "cell 1 holds a solution but has no name"),
        ('# %% name="a"\n### BEGIN SOLUTION\nx = 1\n', "1 times '### BEGIN SOLUTION' but 0 times"),
    ],
)
def test_unsound_sources_are_refused(tmp_path, text, message):
    with pytest.raises(CourseError, match=message):
        read_lesson(lesson(tmp_path, text))


def test_solutions_are_cleared_and_all_else_stays():
    versions = both_versions(SAMPLE)
    left, right = ({cell.id: cell.source for cell in versions[tree].cells} for tree in stamp.TREES)
    assert list(left) == list(right)
    assert {name for name in left if left[name] != right[name]} == {"double", "guess", "why"}
    assert right["double"].endswith('"""Return twice x."""\n    raise NotImplementedError("your code here")')
    assert right["guess"] == "guess = None  # how much is double(3)?\n# your code here"
    assert right["why"].endswith("*Your answer here.*")


def test_the_authors_tags_stand_in_both_notebooks(tmp_path):
    text = '# %% name="a" tags=["nbval-ignore-output", "limit-240"]\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n'
    for notebook in both_versions(lesson(tmp_path, text)).values():
        assert notebook.cells[0].metadata == {"tags": ["nbval-ignore-output", "limit-240", "exercise"]}


# --- what is stored


def test_both_notebooks_run_and_keep_every_rule(built):
    assert text_of(cell(solved(built), "check-double")) == "double: passed\n42\n"
    assert text_of(cell(blank(built), "check-double")) == "double: not attempted\n42\n"
    assert problems(solved(built)) == problems(blank(built)) == []
    assert pair_problems(solved(built), blank(built)) == []


def test_stored_outputs_name_no_software_and_hold_no_live_widget(built):
    text = (built / "notebooks" / "90_sample.ipynb").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert WIDGET_VIEW not in text.replace(json.dumps(WIDGET_VIEW + '": view')[1:-1], "").split('"outputs"')[-1]
    widget = next(cell for cell in blank(built)["cells"] if cell["source"] == ["Widget()"])
    assert widget["outputs"][0]["data"] == {"text/plain": ["a slider at 3"]}
    assert b"tEXt" not in stored_picture(built)
    assert "3." not in json.dumps(blank(built)["metadata"])  # no Python version


def test_what_is_to_be_predicted_is_stored_folded_and_its_first_line_is_not_told(built):
    """JupyterLab writes the first line of the first output beside the dots, so that one holds nothing."""
    for notebook in (solved(built), blank(built)):
        folded = cell(notebook, "surroundings")
        assert folded["metadata"] == {"tags": ["predict"], "jupyter": {"outputs_hidden": True}}
        first, second = folded["outputs"]
        assert first == {"output_type": "display_data", "data": {}, "metadata": {}}
        assert second["text"] == ["a new workbook 1\n"]
        others = [each for each in notebook["cells"] if each["id"] != "surroundings"]
        assert not any("jupyter" in each["metadata"] for each in others)


def test_building_twice_gives_the_same_bytes(root, tmp_path):
    path = root / "notebooks" / "90_sample.ipynb"
    before = path.read_bytes()
    again = executed(both_versions(SAMPLE)["notebooks"], beside=path.parent, scratch=tmp_path)
    write_notebook(tidy(again, blank(root)["metadata"]["course"]), path)
    assert path.read_bytes() == before


def test_a_failing_cell_is_named_and_nothing_is_written(root, capsys):
    source = root / "solutions" / "90_sample.py"
    before = (root / "solutions" / "90_sample.ipynb").read_bytes()
    source.write_text('# %% [markdown]\n# # T\n\n# %% name="wrong"\n1 / 0\n', encoding="utf-8")
    assert main(["build", "90", "--root", str(root)]) == 2
    message = capsys.readouterr().err
    assert "Cell 'wrong' fails" in message
    assert "ZeroDivisionError: division by zero" in message
    assert "\x1b" not in message
    assert (root / "solutions" / "90_sample.ipynb").read_bytes() == before


def test_a_cell_that_takes_too_long_is_named_with_its_limit(root, capsys):
    source = root / "solutions" / "90_sample.py"
    slow = "import time\n\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    pass\n"
    source.write_text(f'# %% name="quick"\n1\n\n# %% name="slow" tags=["limit-1"]\n{slow}', encoding="utf-8")
    assert main(["build", "90", "--root", str(root)]) == 2
    assert "Cell 'slow' ran into its limit of 1 s" in capsys.readouterr().err


# --- stale or not


def test_fresh_notebooks_are_not_stale_whatever_the_line_endings(root):
    assert not list(stale(root))
    source = root / "solutions" / "90_sample.py"
    source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    assert not list(stale(root))
    assert main(["check", "--root", str(root)]) == 0


def test_a_changed_source_makes_both_stale_and_says_what_to_run(root, capsys):
    source = root / "solutions" / "90_sample.py"
    source.write_text(source.read_text(encoding="utf-8") + "# A remark\n", encoding="utf-8")
    assert main(["check", "--root", str(root)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("python -m course.authoring build 90" in line for line in lines)


def test_other_building_code_makes_both_stale(root, monkeypatch):
    monkeypatch.setattr(stamp, "building_hash", lambda: "other")
    assert [item.reason for item in stale(root)] == ["course/authoring has changed since it was built"] * 2


def test_a_notebook_changed_by_hand_missing_broken_or_orphaned_is_stale(root):
    path = root / "notebooks" / "90_sample.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("double(21)", "double(22)"), encoding="utf-8")
    (root / "solutions" / "90_sample.ipynb").write_text("<<<<<<< HEAD", encoding="utf-8")
    (root / "notebooks" / "91_lost.ipynb").write_text("{}", encoding="utf-8")
    reasons = {item.notebook.name + item.notebook.parent.name: item.reason for item in stale(root)}
    assert "by hand" in reasons["90_sample.ipynbnotebooks"]
    assert "not a readable notebook" in reasons["90_sample.ipynbsolutions"]
    assert "no source" in reasons["91_lost.ipynbnotebooks"]
    path.unlink()
    assert any(item.reason == "not built yet" for item in stale(root))


def test_a_tag_changed_by_hand_makes_a_notebook_stale(root):
    notebook = blank(root)
    cell(notebook, "surroundings")["metadata"]["tags"] = ["nbval-ignore-output"]
    (root / "notebooks" / "90_sample.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    assert ["by hand" in item.reason for item in stale(root)] == [True]


def test_an_unknown_lesson_gets_one_sentence(root, capsys):
    assert main(["check", "12", "--root", str(root)]) == 2
    assert "There is no lesson '12'" in capsys.readouterr().err


# --- the rules


def _output(**data):
    return {"output_type": "display_data", "metadata": {}, "data": data}


def _stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": [text]}


PLANTED = {
    "31 code cells": lambda nb, c: nb["cells"].extend(dict(c, id=f"c{i}") for i in range(23)),
    "two cells have the same id": lambda nb, c: nb["cells"].append(c),
    "must name the minutes": lambda nb, c: nb["cells"][0].update(source="# T\n goals, prerequisites"),
    "must name the goals": lambda nb, c: nb["cells"][0].update(source="# T\n prerequisites: none, 5 minutes"),
    "lesson's title": lambda nb, c: nb["cells"][0].update(source="goals prerequisites 5 minutes"),
    "tell learners to call solution": lambda nb, c: c.update(
        source='from course.lab import check, hint\nx = check("softmax", x)'
    ),
    "was not executed": lambda nb, c: c.update(execution_count=None),
    "has a line that is 7 characters longer": lambda nb, c: c.update(source="x" * 107),
    "is empty": lambda nb, c: c.update(source=[]),
    "stores an error": lambda nb, c: c["outputs"].append({"output_type": "error", "ename": "KeyError"}),
    "writes to stderr": lambda nb, c: c["outputs"].append(_stream("Warning", "stderr")),
    "an object's address": lambda nb, c: c["outputs"].append(_stream("<f at 0x7f5e2c1b3a90>")),
    "a temporary path": lambda nb, c: c["outputs"].append(_output(**{"text/html": "/tmp/x9/a.txt"})),
    "somebody's folder": lambda nb, c: c["outputs"].append(_stream("C:\\Users\\ada\\x")),
    "live widget": lambda nb, c: c["outputs"].append(_output(**{WIDGET_VIEW: {"model_id": "1"}})),
    "image/svg+xml": lambda nb, c: c["outputs"].append(_output(**{"image/svg+xml": "<svg/>"})),
    "a figure of 900 x 72": lambda nb, c: c["outputs"].append(_output(**{"image/png": encoded(png(width=900))})),
    "outputs take": lambda nb, c: c["outputs"].append(_stream("abc " * 400_000)),
    "speaks to nbval in a comment": lambda nb, c: c.update(source=["x = 1\n", "# NBVAL_IGNORE_OUTPUT\n", "x"]),
    "has the tag 'nbval-skip'": lambda nb, c: c["metadata"].update(tags=["nbval-skip"]),
    "has the tag 'limit-4m'": lambda nb, c: c["metadata"].update(tags=["limit-4m"]),
    "has the tag 'limit-601'": lambda nb, c: c["metadata"].update(tags=["limit-601"]),
    "metadata that belongs": lambda nb, c: nb["metadata"].update(widgets={}),
    "language_info": lambda nb, c: nb["metadata"]["language_info"].update(version="3.11.7"),
}


@pytest.mark.parametrize("message", PLANTED)
def test_every_rule_can_be_broken(built, message):
    notebook = copy.deepcopy(solved(built))
    PLANTED[message](notebook, cell(notebook, "surroundings"))
    found = problems(notebook)
    assert len(found) == 1
    assert message in found[0]


def test_trees_that_differ_beside_the_solutions_are_found(built):
    other = copy.deepcopy(blank(built))
    cell(other, "surroundings")["source"] = ["print(2)"]
    assert "'surroundings'" in pair_problems(solved(built), other)[0]
    assert any("where a solution stood" in line for line in pair_problems(solved(built), solved(built)))
    other["cells"].pop()
    assert "same cells" in pair_problems(solved(built), other)[0]


# --- pictures


def png(*, width=360, scale=1.0, turn=0.0, gray=0):
    """Draw a line and two bars as the sample lesson does; the day and the software stand in the file."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width / 72, 1.0 if width == 900 else 2.5), dpi=72)
    left, right = fig.subplots(1, 2)
    left.plot([0, 1, 2, 3], [0, scale, 4 * scale, 9 * scale], color=(gray / 255, 0, 0))
    left.set_ylim(0, 10)
    right.bar(["match", "mix"], [1, 2])
    right.get_xticklabels()[1].set_rotation(turn)
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", metadata={"Software": "a renderer", "Creation Time": "a day"})
    return buffer.getvalue()


def encoded(picture):
    return base64.b64encode(picture).decode("ascii")


def stored_picture(root):
    drawn = next(cell for cell in solved(root)["cells"] if cell["source"] == ["draw()"])
    return base64.b64decode("".join(drawn["outputs"][0]["data"]["image/png"]))


def test_transparency_that_shows_is_kept():
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGBA", (4, 4), (10, 20, 30, 99)).save(stream, "png")
    assert Image.open(io.BytesIO(compact(stream.getvalue()))).getpixel((0, 0)) == (10, 20, 30, 99)


def test_metadata_goes_and_every_pixel_stays():
    from PIL import Image

    drawn = png()
    bare = compact(drawn)
    assert b"a renderer" in drawn
    assert b"a renderer" not in bare
    assert b"a day" not in bare
    assert size(bare) == (360, 180)
    assert len(bare) < len(drawn)
    pixels = [np.asarray(Image.open(io.BytesIO(picture)).convert("RGBA")) for picture in (drawn, bare)]
    assert np.array_equal(*pixels)


def test_noise_of_rendering_is_the_same_picture_and_a_changed_one_is_not():
    drawn = png()
    assert difference(drawn, drawn).rms == 0
    assert 0 < difference(drawn, png(scale=1.0001)).rms <= TOLERANCE
    assert 0 < difference(drawn, png(gray=3)).rms <= TOLERANCE
    assert difference(drawn, png(scale=1.03)).rms > TOLERANCE
    turned = difference(drawn, png(turn=1))
    assert turned.rms > TOLERANCE
    left, top, right, bottom = turned.box
    assert left > 180  # the label under the right-hand bars
    assert top > 150
    assert "360 x 180" in str(difference(drawn, png(width=432)))


def test_one_changed_pixel_block_is_found_wherever_it_lies_and_however_large_the_picture():
    from PIL import Image

    def picture(*, at=None, shape=(333, 1001)):
        pixels = np.full((*shape, 3), 255, np.uint8)
        if at:
            pixels[at[0] : at[0] + 3, at[1] : at[1] + 3] = 0
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "png")
        return stream.getvalue()

    for at in ((0, 0), (330, 998), (15, 15), (31, 500), (160, 31)):
        found = difference(picture(), picture(at=at))
        assert not found.is_same
        assert found.box == (at[1], at[0], at[1] + 2, at[0] + 2)
    small = (5, 7)  # smaller than a tile: the mean is over the picture
    assert difference(picture(shape=small), picture(at=(0, 0), shape=small)).rms == pytest.approx(255 * (9 / 35) ** 0.5)


def test_a_picture_more_or_less_is_found():
    drawn = png()
    assert compare_pictures([drawn], [drawn]) is None
    assert compare_pictures([drawn], [drawn, drawn]) == "1 pictures are stored, 2 were drawn"
    assert compare_pictures([drawn], []) is not None


# --- nbval with the course's plugin


TRIALS = {
    "print(6 * 7)": ("print(6 * 7)", True),
    "print(42)": ("print(43)", False),
    "print()": ("import sys; print(file=sys.stderr)", False),
    "print('folded')": ("print('unfolded')", False),
    "draw()": ("draw(scale=1.0001)", True),
    "draw() ": ("draw(scale=1.03)", False),
    "draw()  ": ("draw(turn=1)", False),
    "draw()   ": ("draw(dpi=80)", False),
    "draw()    ": ("draw(); draw()", False),
    "draw()     ": ("None", False),
    "Widget()": ("Widget()", True),
    "import urllib.request as web\ntry:\n    web.urlopen('http://example.org', timeout=9)\n"
    "except OSError:\n    print('offline')": (None, True),
}


def test_nbval_finds_what_differs_and_nothing_else(root):
    """Store the outputs of some cells, change the cells, and let nbval run the changed ones."""
    notebook = solved(root)
    line = cell(notebook, "check-double")
    drawn = next(cell for cell in notebook["cells"] if cell["source"] == ["draw()"])
    widget = next(cell for cell in notebook["cells"] if cell["source"] == ["Widget()"])
    printed = {"print(6 * 7)": "42\n", "print(42)": "42\n", "print()": "\n", "print('folded')": "folded\n"}
    empty = cell(notebook, "surroundings")["outputs"][0]
    cells = [cell(notebook, name) for name in ("imports", "surroundings", "tools")]
    for before, (after, _) in TRIALS.items():
        like = {"draw()": drawn, "Widget()": widget}.get(before.strip(), line)
        trial = dict(copy.deepcopy(like), id=f"trial-{len(cells)}", source=after or before)
        if like is line:
            trial["outputs"][0]["text"] = printed.get(before, "offline\n")
            trial["outputs"] = [empty] * ("folded" in before) + trial["outputs"]
        cells.append(trial)
    for name in ("one", "two"):  # the second finds a workbook as new as the first
        notebook["cells"] = cells if name == "one" else cells[:2]
        (root / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    command = "-m pytest -q --nbval one.ipynb two.ipynb -p course.authoring.nbval_plugin -p no:cacheprovider"
    command += " --color=no --junitxml=report.xml"
    run = subprocess.run([sys.executable, *command.split()], cwd=root, capture_output=True, text=True)
    cases = list(ET.parse(root / "report.xml").iter("testcase"))
    passed = [case.find("failure") is None for case in cases]
    assert passed == [True] * 3 + [expected for _, expected in TRIALS.values()] + [True] * 2, run.stdout
    reports = [case.findtext("failure") for case in cases if case.find("failure") is not None]
    for report, told in zip(
        reports, ("43", "stderr", "unfolded", "RMS", "RMS", "size 360x180", "number of outputs", "Missing"), strict=True
    ):
        assert told in report

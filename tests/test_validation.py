"""What pytest --nbval finds with the course's additions, tried on planted notebooks by a pytest of its own."""

import base64
import io
import json
import os
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = "course.authoring.pytest_plugin"

SLEEP = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('stopped')"


def code(source, stdout=None, tags=(), html=None, name=None):
    """A code cell with its stored output."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": stdout}] if stdout else []
    if html:
        outputs.append({"output_type": "display_data", "metadata": {}, "data": {"text/html": html}})
    return {
        "cell_type": "code",
        "id": name or f"cell-{abs(hash((source, str(outputs)))):x}"[:20],
        "metadata": {"tags": list(tags)},
        "execution_count": 1,
        "source": source,
        "outputs": outputs,
    }


def write(path, *cells, ours=True):
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    if ours:
        metadata["course"] = {"lesson": "90"}
    notebook = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")


def validate(folder, *options, environment=None):
    """Run pytest --nbval in a folder; return its exit status, its words, and the outcome of each cell by name."""
    command = [sys.executable, "-m", "pytest", "--nbval", ".", "-p", "no:cacheprovider", "--color=no", "-rs", *options]
    run = subprocess.run(
        [*command, "--junitxml=report.xml"], cwd=folder, capture_output=True, text=True, env=environment
    )
    outcomes = {}
    for case in ET.parse(folder / "report.xml").iter("testcase"):
        told = [kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None]
        outcomes[case.get("classname").removesuffix(".ipynb") + case.get("name").removeprefix("Cell")] = (
            told[0] if told else "passed"
        )
    return run.returncode, run.stdout + run.stderr, outcomes


def test_a_cell_that_runs_into_its_limit_fails_the_run_even_if_it_handles_the_interrupt(tmp_path):
    more = [code("print(2)", "2\n"), code("print(3)", "3\n")]
    write(tmp_path / "handles.ipynb", code("x = 1"), code(SLEEP, "stopped\n", ["limit-2"], name="wait"), *more)
    write(tmp_path / "ends.ipynb", code("import time\ntime.sleep(60)", tags=["limit-1"], name="sleep"))
    write(tmp_path / "good.ipynb", *more)
    status, told, outcomes = validate(tmp_path, "-p", PLUGIN)
    assert status == 1
    assert outcomes == {
        "handles 0": "passed",
        "handles 1": "failure",
        "handles 2": "skipped",
        "handles 3": "skipped",
        "ends 0": "failure",
        "good 0": "passed",
        "good 1": "passed",
    }
    assert "handles.ipynb, cell 1 (wait) ran into its limit of 2 s" in told
    assert "ends.ipynb, cell 0 (sleep) ran into its limit of 1 s" in told
    assert "KeyboardInterrupt" in told


def test_a_limit_on_the_command_line_holds_where_no_tag_says_more(tmp_path):
    short = "import time\ntime.sleep(2.5)"
    write(tmp_path / "slow.ipynb", code(short + "\n", tags=["limit-60"]), code(short))
    status, told, outcomes = validate(tmp_path, "-p", PLUGIN, "--nbval-cell-timeout=1")
    assert status == 1
    assert outcomes == {"slow 0": "passed", "slow 1": "failure"}
    assert "limit of 1 s" in told


def test_without_a_tag_the_limit_is_the_courses_own(tmp_path):
    look = "import os\nprint(os.environ['COURSE_WORKBOOK'] != '')"
    (tmp_path / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.hookimpl(trylast=True)\n"
        "def pytest_itemcollected(item):\n"
        "    run = item.runtest\n"
        "    def spied():\n"
        "        kernel = item.parent.kernel\n"
        "        wait = kernel.await_reply\n"
        "        kernel.await_reply = lambda id, timeout: print('waits', timeout) or wait(id, timeout=timeout)\n"
        "        run()\n"
        "    item.runtest = spied\n",
        encoding="utf-8",
    )
    write(tmp_path / "a.ipynb", code(look, "True\n"))
    write(tmp_path / "b.ipynb", code(look, "True\n", tags=["limit-240"]))
    status, told, _ = validate(tmp_path, "-p", PLUGIN, "-s")
    assert status == 0, told
    assert [line for line in told.splitlines() if "waits" in line] == ["a.ipynb waits 60", "b.ipynb waits 240"], told


@pytest.mark.parametrize("options", [(), ("-n", "2", "--dist", "loadfile")], ids=["alone", "two workers"])
def test_no_cell_may_be_expected_to_fail(tmp_path, options):
    (tmp_path / "conftest.py").write_text(
        "import pytest\n\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        if item.name == 'Cell 1':\n"
        "            item.add_marker(pytest.mark.xfail(reason='planted'))\n",
        encoding="utf-8",
    )
    for name, source in (("xpass", "print(1)"), ("xfail", "print(2)")):
        write(tmp_path / f"{name}.ipynb", code("print(0)", "0\n"), code(source, "1\n"), code("print(3)", "3\n"))
    status, told, outcomes = validate(tmp_path, "-p", PLUGIN, *options)
    assert status == 1
    assert [outcomes[f"{name} {i}"] for name in ("xpass", "xfail") for i in range(3)] == [
        "passed",
        "failure",
        "passed",
    ] * 2
    for name, happened in (("xpass", "passed"), ("xfail", "failed")):
        assert f"{name}.ipynb, cell 1" in told
        assert f"marked as expected to fail (planted); it {happened}" in told


def test_a_tag_lets_an_output_vary_and_nothing_else(tmp_path):
    vary = "import time\nprint(time.time())"
    write(tmp_path / "a.ipynb", code(vary, "1\n", ["nbval-ignore-output"]), code(vary, "1\n"), code("1 / 0", None, []))
    _, _, outcomes = validate(tmp_path, "-p", PLUGIN)
    assert list(outcomes.values()) == ["passed", "failure", "failure"]


# --- the entry point


def installed(folder):
    """An environment in which a distribution with our entry points is found, as after pip install -e ."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    info = folder / "lib" / "trial_course-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trial-course\nVersion: 0\n", encoding="utf-8")
    lines = [f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in found.items()) for group, found in points.items()]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    paths = [str(folder / "lib"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.mark.slow
def test_an_installed_course_needs_no_option(tmp_path):
    environment = installed(tmp_path)
    write(tmp_path / "good.ipynb", code("import os; print(len(os.environ['COURSE_WORKBOOK']) > 0)", "True\n"))
    assert validate(tmp_path, environment=environment)[0] == 0
    for again in (PLUGIN, "course.authoring.nbval_plugin"):  # asked for all the same, as a script of yesterday does
        assert validate(tmp_path, "-p", again, environment=environment)[0] == 0
    write(tmp_path / "slow.ipynb", code(SLEEP, "stopped\n", ["limit-1"]))
    status, told, _ = validate(tmp_path, environment=environment)
    assert status == 1
    assert "ran into its limit of 1 s" in told


def test_a_notebook_of_somebody_else_is_treated_as_nbval_does(tmp_path):
    write(tmp_path / "theirs.ipynb", code("import os; print('COURSE_WORKBOOK' in os.environ)", "False\n"), ours=False)
    environment = installed(tmp_path)
    environment.pop("COURSE_WORKBOOK", None)
    status, told, _ = validate(tmp_path, environment=environment)
    assert status == 0, told


@pytest.mark.parametrize("options", [[], ["-p", "no:nbval"]], ids=["no notebooks", "no nbval"])
def test_other_runs_of_pytest_load_nothing_of_the_course(tmp_path, options):
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        f"    assert {PLUGIN!r} in sys.modules\n"
        "    assert not {'numpy', 'torch', 'course.authoring.nbval_plugin'} & set(sys.modules)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    run = subprocess.run(command, cwd=tmp_path, env=installed(tmp_path), capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


# --- pictures in HTML


def picture(shade=0, size=(200, 100)):
    from PIL import Image, ImageDraw

    canvas = Image.new("RGB", size, "white")
    ImageDraw.Draw(canvas).rectangle((20, 20, 120, 60), fill=(shade, 0, 0))
    stream = io.BytesIO()
    canvas.save(stream, "png")
    return base64.b64encode(stream.getvalue()).decode("ascii")


def page(png, alt="a bar", more=""):
    return f'<p>Now</p><img alt="{alt}" width="100" src="data:image/png;base64,{png}">{more}'


PAGES = {  # what a cell now shows in place of page(picture()), and a word of the report if that is to be found
    "the same": (page(picture()), None),
    "noise": (page(picture(3)), None),  # what another machine's rendering does
    "another picture": (page(picture(60)), "RMS"),
    "a larger one": (page(picture(size=(200, 101))), "the new one 200 x 101"),
    "another text in words": (page(picture(), alt="a box"), "a box"),
    "more text": (page(picture(), more="and more"), "and more"),
    "two pictures": (page(picture()) + page(picture()), "mismatch"),
    "no picture": ("<p>Now</p>", "mismatch"),
}


def test_html_is_compared_exactly_and_the_pictures_in_it_with_tolerance(tmp_path):
    show = "from IPython.display import display\ndisplay({{'text/html': {!r}}}, raw=True)"
    write(tmp_path / "a.ipynb", *(code(show.format(html), html=page(picture())) for html, _ in PAGES.values()))
    _, told, outcomes = validate(tmp_path, "-p", PLUGIN)
    assert list(outcomes.values()) == ["failure" if reason else "passed" for _, reason in PAGES.values()], told
    parts = told.split("Notebook cell execution failed")[1:]
    for part, reason in zip(parts, filter(None, (reason for _, reason in PAGES.values())), strict=True):
        assert reason in part


def test_a_failed_comparison_names_the_versions_that_differ(tmp_path):
    """With matplotlib 3.10, 13 of 41 cells differ: who has it should not look for a mistake of the course."""
    show = f"from IPython.display import display\ndisplay({{'text/html': {page(picture(60))!r}}}, raw=True)"
    write(tmp_path / "a.ipynb", code(show, html=page(picture())), code("print(1)", "2\n"), code("print(3)", "3\n"))
    (tmp_path / "conftest.py").write_text(
        "import course.authoring.versions as versions\n"
        "real = versions.version\n"
        "versions.version = lambda name: '3.10.1' if name == 'matplotlib' else real(name)\n",
        encoding="utf-8",
    )
    _, told, outcomes = validate(tmp_path, "-p", PLUGIN)
    assert list(outcomes.values()) == ["failure", "failure", "passed"], told
    for part in told.split("Notebook cell execution failed")[1:]:
        assert "made with matplotlib 3.10.1 (stored: 3." in part
        assert "pip install -c constraints.txt" in part

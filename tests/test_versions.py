"""The versions of the stored outputs stand in one place, lie in the ranges, and are named where outputs differ."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from course.authoring.versions import CONSTRAINTS, other_versions, pinned

ROOT = Path(__file__).resolve().parents[1]
PINNED = {each.name: each.specifier for each in pinned(CONSTRAINTS.read_text(encoding="utf-8"))}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def ranges():
    """name -> the versions with which the course works, from pyproject.toml."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    wanted = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    return {each.name: each.specifier for each in map(Requirement, wanted)}


def version_of(specifier):
    (only,) = SpecifierSet(str(specifier))
    return Version(only.version)


def test_each_version_is_written_exactly_and_without_a_build():
    assert PINNED
    for name, specifier in PINNED.items():
        assert re.fullmatch(r"==\d+(\.\d+)+", str(specifier)), name


def test_what_makes_outputs_is_there():
    drawn, written, built = (
        {"matplotlib", "pillow"},
        {"torch", "numpy", "ipython", "ipywidgets", "anywidget"},
        {"jupytext"},
    )
    assert drawn | written | built | {"tokenizers", "sacrebleu", "nbval", "nbformat"} <= set(PINNED)


@pytest.mark.parametrize("name", sorted(set(PINNED) & set(ranges())))
def test_versions_lie_in_the_ranges(name):
    assert version_of(PINNED[name]) in ranges()[name]


def test_exact_versions_stand_in_both_places():
    exact = {name: specifier for name, specifier in ranges().items() if str(specifier).startswith("==")}
    assert exact
    assert {name: PINNED[name] for name in exact} == exact


def test_everything_that_installs_uses_them():
    installs = re.compile(r"pip install(?! -?\"?playwright).*(?:-e|--editable) .*")
    makefile, workflow = read("Makefile"), read(".github/workflows/test.yml")
    assert "\nINSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt\n" in makefile
    assert len(re.findall(r"^\t.*\$\(INSTALL\) --editable ", makefile, re.MULTILINE)) == 3
    assert installs.findall(makefile) == []
    for stamp in ("lab", "test"):
        assert re.search(rf"^\$\(VENV\)/\.{stamp}:.* constraints\.txt ", makefile, re.MULTILINE), stamp
    for line in (
        installs.findall(workflow) + installs.findall(read("docs/install.md")) + installs.findall(read("README.md"))
    ):
        assert " -c constraints.txt " in line
    assert len(installs.findall(workflow)) == 1
    assert re.search(r"cache-dependency-path: \|\n +pyproject.toml\n +constraints.txt\n", workflow)


def test_conda_uses_them_too():
    """conda hands the lines below pip on as a file of requirements that lies beside environment.yml."""
    assert re.search(r"- pip:\n +- -c constraints.txt\n +- -e \.\n", read("environment.yml"))


def test_other_versions_are_named(tmp_path):
    own = Version(__import__("matplotlib").__version__)
    file = tmp_path / "constraints.txt"
    file.write_text(
        f"# why\nmatplotlib==3.9.1  # old\nnumpy=={__import__('numpy').__version__}\nno-such-thing==1.0\n", "utf-8"
    )
    assert other_versions(file) == (
        f"made with matplotlib {own} (stored: 3.9.1): other versions draw and write differently; install those of the "
        'stored outputs with `pip install -c constraints.txt -e ".[test,author]"`'
    )


def test_a_build_of_a_version_is_that_version(tmp_path, monkeypatch):
    monkeypatch.setattr("course.authoring.versions.version", {"torch": "2.13.0+cpu"}.__getitem__)
    file = tmp_path / "constraints.txt"
    file.write_text("torch==2.13.0\n", "utf-8")
    assert other_versions(file) == ""
    assert other_versions(tmp_path / "none.txt") == ""

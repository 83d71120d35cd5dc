"""README, docs, CONTRIBUTING, CHANGELOG: links lead somewhere, pictures have words, what is claimed fits the code."""

import ast
import importlib.util
import io
import re
import tomllib
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_WORDS = 600
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def named(page):
    return page.relative_to(ROOT).as_posix()


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text):
    """The text without code, where brackets and hashes mean something else."""
    return re.sub(r"^ {4}.*$", "", FENCED.sub("", text), flags=re.MULTILINE)


def anchors(text):
    """The names that GitHub gives to headings."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def broken_links(page, text):
    """The links and pictures of a page that lead nowhere."""
    broken = []
    for _, _, address in LINK.findall(prose(text)):
        if re.match(r"(https?|mailto):", address):
            continue
        path, _, anchor = address.partition("#")
        target = page.parent / path if path else page
        there = (
            text
            if target == page
            else target.read_text(encoding="utf-8")
            if target.suffix == ".md" and target.exists()
            else ""
        )
        if not target.exists() or (anchor and anchor not in anchors(there)):
            broken.append(address)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_and_picture_exists(page):
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_found():
    good = "# A title\n[1](CHANGELOG.md) [2](#a-title) [3](https://example.org) [4](docs/install.md#troubleshooting)\n"
    bad = "[1](no.md) ![2](no.png) [3](#no) [4](docs/install.md#no)"
    assert broken_links(ROOT / "README.md", good + bad) == ["no.md", "no.png", "#no", "docs/install.md#no"]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_picture_has_words(page):
    text = prose(page.read_text(encoding="utf-8"))
    assert "<img" not in text, "write pictures as ![words](path)"
    assert [address for mark, words, address in LINK.findall(text) if mark and len(words.split()) < 8] == []


def test_pages_are_found_by_readers():
    """Every page of docs/ is linked from the README, in one step or two."""
    linked = {address.partition("#")[0] for _, _, address in LINK.findall(read("README.md"))}
    assert {named(page) for page in PAGES} - {"README.md"} <= linked


def test_the_readme_is_short():
    assert len(read("README.md").split()) <= MOST_WORDS


def test_the_readme_has_one_moving_picture():
    pictures = [ROOT / address for mark, _, address in LINK.findall(read("README.md")) if mark]
    assert len(pictures) == 1
    with Image.open(pictures[0]) as moving:
        assert moving.width <= 800
        milliseconds = 0
        for frame in range(moving.n_frames):
            moving.seek(frame)
            milliseconds += moving.info["duration"]
    assert 5000 <= milliseconds <= 8000
    assert pictures[0].stat().st_size <= 600_000


# --- lessons --------------------------------------------------------------------------------------------------


def lessons(text):
    """The rows of a table of lessons: number, name, minutes, whether it is ready."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if re.match(r"\| \d\d", line)
    ]
    return [(row[0], row[1], int(row[-2]), row[-1]) for row in rows]


def test_both_tables_of_lessons_agree():
    assert lessons(read("README.md")) == lessons(read("docs/lessons.md"))
    assert len(lessons(read("README.md"))) == 17


def test_lessons_that_are_ready_are_there_and_take_as_long_as_they_say():
    ready = {
        number.rstrip("*"): minutes for number, _, minutes, state in lessons(read("README.md")) if state == "**ready**"
    }
    said = {}
    for source in sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py")):
        line = re.search(r"Lesson (\d\d) · (\d+) minutes", source.read_text(encoding="utf-8"))
        said[line[1]] = int(line[2])
    assert ready == said


# --- CONTRIBUTING ---------------------------------------------------------------------------------------------


def drawn_floors(text):
    """The pictures of floors: for each, the names on each floor, top first."""
    blocks = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [[set(re.split(r" \| ", re.split(r" {2,}", line)[0])) for line in block.splitlines()] for block in blocks]


def contracts():
    """The floors as import-linter checks them, named as in the pictures."""
    found = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    for contract in found:
        if contract["type"] == "layers":
            (container,) = contract["containers"]
            room = container.removeprefix("course").removeprefix(".")
            prefix = f"{room}." if room else ""
            yield [{prefix + name for name in layer.split(" | ")} for layer in contract["layers"]]


def test_the_picture_of_the_floors_is_what_the_linter_checks():
    assert drawn_floors(read("CONTRIBUTING.md")) == list(contracts())


def test_two_floors_that_are_swapped_are_seen():
    text = read("CONTRIBUTING.md")
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("decoding "))
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    assert drawn_floors("\n".join(lines)) != drawn_floors(text)


def defined(path):
    """Functions and classes of a file, methods as Class.method, and constants."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
            names |= {inner.target.id for inner in node.body if isinstance(inner, ast.AnnAssign)}
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
    return names


def steps():
    """The rows of the tables that follow a sentence and an answer: the files of a row, and the names in it."""
    for line in read("CONTRIBUTING.md").splitlines():
        quoted = re.findall(r"`([^`]+)`", line)
        files = [ROOT / each for each in quoted if each.startswith("course/") and each.endswith(".py")]
        if files:
            yield files, [each for each in quoted if re.fullmatch(r"[A-Za-z_]+(\.[a-z_]+)?", each)]


@pytest.mark.parametrize(("files", "names"), list(steps()), ids=lambda each: str(len(each)))
def test_the_names_of_each_step_are_in_its_files(files, names):
    assert [file for file in files if not file.is_file()] == []
    known = set().union(*map(defined, files))
    assert [name for name in names if name not in known] == []


def test_both_ways_are_told_step_by_step():
    assert len(list(steps())) > 18


# --- the moving picture ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location(
        "make_moving_picture", ROOT / "docs" / "images" / "make_moving_picture.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_hand_goes_from_needle_to_people_and_back_without_a_jump(script):
    path = script.path()
    assert path[0] == pytest.approx(path[-1])
    (x, y), (far_x, far_y) = path[0], path[script.FRAMES]
    assert x > 1.5 > abs(y)
    assert far_y > 1.5 > abs(far_x)
    steps = [((a - c) ** 2 + (b - d) ** 2) ** 0.5 for (a, b), (c, d) in zip(path, path[1:], strict=False)]
    assert max(steps) < 0.25
    assert max(steps[0], steps[-1]) < 0.02


def test_the_script_shows_the_words_of_the_lesson(script):
    cell = (ROOT / "solutions" / "03_dot_product_attention.py").read_text(encoding="utf-8")
    (plane,) = re.findall(r"^plane = .*$", script.CELL, re.MULTILINE)
    assert plane in cell


def test_rests_are_long_and_steps_are_short(script):

    pictures = []
    for step in range(9):
        stream, frame = io.BytesIO(), Image.new("RGB", (80, 40), "white")
        frame.paste("black", (8 * step, 0, 8 * step + 8, 40))
        frame.save(stream, "png")
        pictures.append(stream.getvalue())
    with Image.open(io.BytesIO(script.animated(pictures))) as moving:
        assert (moving.width, moving.n_frames) == (script.WIDTH, 9)
        times = []
        for frame in range(9):
            moving.seek(frame)
            times.append(moving.info["duration"])
    assert [time > 1000 for time in times] == [i in (0, 4) for i in range(9)]

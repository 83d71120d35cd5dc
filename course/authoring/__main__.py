"""``python -m course.authoring build [NN ...]``, ``... check [NN ...]``, ``... minutes`` and ``... new NN name``."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from course.authoring.build import Built, build_lesson
from course.authoring.limits import LESSON, TRAINING_LESSON, cell_limit
from course.authoring.minutes import count, stated
from course.authoring.new import new_lesson
from course.authoring.rules import pair_problems, problems
from course.authoring.stamp import TREES, lesson_sources, number_of, read_notebook, stale
from course.errors import CourseError
from course.lab.registry import lessons, part


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0 if all is well, 1 if something must be done, 2 on a mistake in the call."""
    options = _parser().parse_args(arguments)
    root = Path(options.root).resolve()
    try:
        if options.command == "build":
            return build(root, options.lessons, every=options.all)
        if options.command == "new":
            return new(root, options.number, options.name)
        if options.command == "minutes":
            return minutes(root)
        return check(root, options.lessons)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2


def build(root: Path, numbers: list[str], *, every: bool = False) -> int:
    """Build the lessons named, or those that are stale, and say what breaks a rule."""
    outdated = {item.lesson for item in stale(root)}
    sources = lesson_sources(root, numbers)
    if not numbers and not every:
        sources = [source for source in sources if number_of(source) in outdated]
    if not sources:
        print("All notebooks are up to date.")
    for source in sources:
        for built in build_lesson(source, root):
            print(f"{built.notebook.relative_to(root)}  {built.seconds:.1f} s{_slow(built)}", flush=True)
    return _report(_broken_rules(root, sources))


def check(root: Path, numbers: list[str]) -> int:
    """Say which notebooks are stale, and which break a rule; run none of them."""
    lines = [str(item) for item in stale(root, numbers)]
    return _report(lines + _broken_rules(root, lesson_sources(root, numbers)))


def new(root: Path, number: str, name: str) -> int:
    """Write a lesson to begin with, and say what to do next."""
    for path in new_lesson(root, number, name):
        print(path.relative_to(root).as_posix())
    print(f"Write the lesson; then: python -m course.authoring build {number.zfill(2)}")
    return 0


def minutes(root: Path) -> int:
    """Say how long each lesson takes, counted, and how long it says that it takes."""
    for source in lesson_sources(root):
        number = number_of(source)
        notebook = read_notebook(root / "notebooks" / f"{source.stem}.ipynb")
        quiz = part(number, "quiz") if number in lessons() else None
        found = count(notebook, len(quiz.QUIZ) if quiz is not None else 0)
        parts = ", ".join(f"{name} {value:.0f}" for name, value in asdict(found).items() if round(value))
        print(f"{number}  counted {found.total:.0f}, stated {stated(notebook)}: {parts}")
    return 0


def _slow(built: Built) -> str:
    """Return a remark if the lesson took longer than planned."""
    cells = read_notebook(built.notebook)["cells"]
    trains = any(cell_limit(cell["metadata"].get("tags", [])) for cell in cells)
    allowed = TRAINING_LESSON if trains else LESSON
    return f"  (slow: this lesson may take {allowed} s)" if built.seconds > allowed else ""


def _broken_rules(root: Path, sources: list[Path]) -> list[str]:
    lines = []
    for source in sources:
        paths = [root / tree / f"{source.stem}.ipynb" for tree in TREES]
        if not all(path.exists() for path in paths):
            continue
        solved, blank = (read_notebook(path) for path in paths)
        for path, notebook in zip(paths, (solved, blank), strict=True):
            lines += [f"{path.relative_to(root)}: {line}" for line in problems(notebook)]
        lines += [f"{source.stem}: {line}" for line in pair_problems(solved, blank)]
    return lines


def _report(lines: list[str]) -> int:
    for line in lines:
        print(line)
    return 1 if lines else 0


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--root", default=".", help="the repository's folder (default: here)")
    parser = argparse.ArgumentParser(prog="python -m course.authoring", description="Build and check lessons.")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", parents=[shared], help="build notebooks, the stale ones unless named")
    building.add_argument("lessons", nargs="*", metavar="NN", help="lesson numbers")
    building.add_argument("--all", action="store_true", help="build every lesson, stale or not")
    checking = commands.add_parser("check", parents=[shared], help="say what is stale and which rule is broken")
    checking.add_argument("lessons", nargs="*", metavar="NN", help="lesson numbers; none: all")
    commands.add_parser("minutes", parents=[shared], help="count how long each lesson takes")
    starting = commands.add_parser("new", parents=[shared], help="begin a lesson: source, room and tests")
    starting.add_argument("number", metavar="NN", help="its number, such as 04")
    starting.add_argument("name", help="its subject, such as multi_head_attention")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`course data`: fetch a corpus, or list what is there."""

import argparse
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from course.cli.options import Parser
from course.data import corpus_names, data_folder, fetch_multi30k, load_corpus, split_names
from course.data.corpora import FOLDER_VARIABLE, damaged_files, is_embedded, what_helps
from course.data.embedded import split_sizes
from course.errors import CourseError


def add_options(parser: Parser) -> None:
    """What can be asked for: `fetch` or `list`."""
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    fetch = tasks.add_parser("fetch", help="fetch a corpus", description="Fetch a corpus into the data folder.")
    fetch.add_argument("corpus", choices=["multi30k"], help="which one")
    fetch.add_argument("--from", dest="from_dir", type=Path, metavar="DIR", help="copy from DIR, without a network")
    fetch.set_defaults(action=_fetch, parser=fetch)
    listing = tasks.add_parser("list", help="say what is there", description="List the corpora and where they lie.")
    listing.set_defaults(action=_list, parser=listing)


def _fetch(options: argparse.Namespace) -> None:
    folder = fetch_multi30k(from_dir=options.from_dir)
    print(f"Multi30k is in {folder}.")


def _list(options: argparse.Namespace) -> None:
    folder = data_folder()  # a folder that cannot be told is said before anything
    for name in corpus_names():
        print(f"{name:<16}  {', '.join(_present_splits(name)) or 'not here'}")
    splits = ((name, split) for name in corpus_names() for split in split_names(name))
    damaged = {path for name, split in splits for path in damaged_files(name, split)}
    for place in sorted({path.parent for path in damaged}):
        one, *more = sorted(path for path in damaged if path.parent == place)
        others = f" and {len(more)} more there" if more else ""
        print(f"\nDamaged, or other files: {one}{others}; {what_helps(one)}.", end="")
    print(f"\nLooked in {folder / 'multi30k'} (COURSE_DATA moves the data folder)", end="")
    print(f" and in {os.environ[FOLDER_VARIABLE]} ({FOLDER_VARIABLE})." if os.environ.get(FOLDER_VARIABLE) else ".")


def _present_splits(name: str) -> Iterator[str]:
    """'train (29,000)' for every split that can be loaded, and the files of those that are damaged."""
    if is_embedded(name):
        yield from (f"{split} ({size:,})" for split, size in split_sizes().items())
        return
    for split in split_names(name):
        if damaged := damaged_files(name, split):
            yield f"{split} (damaged: {', '.join(path.name for path in damaged)})"
            continue
        with suppress(CourseError):
            yield f"{split} ({len(load_corpus(name, split)):,})"

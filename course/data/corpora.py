"""The corpora by name: the embedded one, which is made on the spot, and Multi30k, which is fetched once."""

import os
from pathlib import Path

from course.data.embedded import EMBEDDED_NAMES, SPLITS, embedded_text
from course.data.fetch import FETCH_COMMAND, data_folder, find_file, wrong_files
from course.data.parallel_text import ParallelText, read_parallel
from course.errors import CourseError, nearest

FOLDER_VARIABLE = "COURSE_MULTI30K"

DEFAULT_CORPUS = "embedded-en-de"

_PAIRS = {
    "multi30k-en-de": ("en", "de"),
    "multi30k-de-en": ("de", "en"),
    "multi30k-en-fr": ("en", "fr"),
    "multi30k-fr-en": ("fr", "en"),
}
_SPLITS = {
    "train": "train",
    "val": "val",
    "test2016": "test_2016_flickr",
    "test2017": "test_2017_flickr",
    "testcoco": "test_2017_mscoco",
}


def corpus_names() -> tuple[str, ...]:
    """Return the names that `load_corpus` knows, in the order in which help texts show them."""
    return (*EMBEDDED_NAMES, *_PAIRS)


def is_embedded(name: str) -> bool:
    """Whether a corpus is the course's own, which needs no fetching."""
    return name.startswith("embedded-")


def validation_split(name: str) -> str:
    """The split of a corpus that training watches."""
    return "dev" if is_embedded(name) else "val"


def scored_split(name: str) -> str:
    """The split of a corpus that is scored where none is named."""
    return "test_iid" if is_embedded(name) else "test2016"


def split_names(name: str | None = None) -> tuple[str, ...]:
    """Return the split names of a corpus, or of all; Multi30k's last two exist only where they were fetched.

    Raises:
        CourseError: for an unknown corpus, with the nearest known one.
    """
    if name is None:
        return (*SPLITS, *(split for split in _SPLITS if split not in SPLITS))
    if name not in corpus_names():
        known = ", ".join(corpus_names())
        raise CourseError(f'There is no corpus "{name}".{nearest(name, corpus_names())} Known: {known}.')
    return tuple(SPLITS if name in EMBEDDED_NAMES else _SPLITS)


def _candidate_folders() -> list[Path]:
    """Return the folders in which Multi30k may lie, the first choice first."""
    folders = [data_folder() / "multi30k"]
    if os.environ.get(FOLDER_VARIABLE):
        folders.append(Path(os.environ[FOLDER_VARIABLE]).expanduser())
    return folders


def _files_of(name: str, split: str) -> tuple[str, str]:
    source, target = _PAIRS[name]
    return f"{_SPLITS[split]}.{source}.gz", f"{_SPLITS[split]}.{target}.gz"


def _find_pair(name: str, split: str) -> tuple[Path, Path]:
    """Return the paths of two verified files, each from the first folder that has it right."""
    names, folders = _files_of(name, split), _candidate_folders()
    source, target = (next(filter(None, (find_file(folder, file) for folder in folders)), None) for file in names)
    if source and target:
        return source, target
    if damaged := damaged_files(name, split):  # a score on another text could be compared with nobody's
        raise CourseError(
            f"{damaged[0]} is not the Multi30k file of the pinned version (its SHA-256 differs), or cannot be read; "
            f"{what_helps(damaged[0])}."
        )
    where = " or ".join(str(folder) for folder in folders)
    raise CourseError(
        f'The Multi30k split "{split}" ({", ".join(names)}) is not in {where}; run `{FETCH_COMMAND}` once, or '
        f"`{FETCH_COMMAND} --from DIR` with a folder that holds the files."
    )


def damaged_files(name: str, split: str) -> list[Path]:
    """Return the files of a split that are there and not the pinned ones, and that no right copy stands in for."""
    if is_embedded(name):
        return []
    folders = _candidate_folders()
    return [
        path
        for file in _files_of(name, split)
        if not any(find_file(folder, file) for folder in folders)
        for folder in folders
        for path in wrong_files(folder, file)
    ]


def what_helps(damaged: Path) -> str:
    """Say what to do about a file that is not the pinned one: nothing has to be deleted, and nothing shared changed."""
    ours = data_folder() / "multi30k"
    if damaged.parent == ours:
        return f"`{FETCH_COMMAND}` puts the right one in its place"
    return f"leave it there, and `{FETCH_COMMAND}` puts a right copy into {ours}, which is looked at first"


def load_corpus(name: str, split: str) -> ParallelText:
    """Load one split of a corpus by name, in either direction.

    The embedded corpus is made on the spot (see `course.data.embedded`). For Multi30k this looks into the data
    folder (`course data fetch multi30k` fills it), then into the folder that the environment variable
    COURSE_MULTI30K names. Source: Multi30k, task 1, raw text (Elliott et al. 2016, 2017).

    Args:
        name: one of `corpus_names()`.
        split: one of `split_names(name)`. Multi30k: "train" (29,000 pairs), "val" (1,014), "test2016" (1,000),
            "test2017" (1,000), "testcoco" (461).

    Raises:
        CourseError: for an unknown name or split (with the nearest known one), or files that are missing or
            differ from the pinned ones.
    """
    splits = split_names(name)
    if split not in splits:
        raise CourseError(f'{name} has no split "{split}".{nearest(split, splits)} Known: {", ".join(splits)}.')
    if name in EMBEDDED_NAMES:
        return embedded_text(name, split)
    languages = _PAIRS[name]
    source, target = _find_pair(name, split)
    return read_parallel(
        source, target, source_language=languages[0], target_language=languages[1], name=name, split=split
    )

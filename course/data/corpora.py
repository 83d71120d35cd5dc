"""Parallel text: line n of one file is the translation of line n of the other.

Nothing here may ever move a line. Text is split on "\\n" alone, because `str.splitlines` also splits on
U+0085, U+2028 and other characters that occur inside sentences, which shifts every later pair by one without
an error.
"""

import difflib
import gzip
import os
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course.data.fetch import FETCH_COMMAND, FILES, data_folder, sha256_of
from course.errors import CourseError

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


@dataclass(frozen=True)
class ParallelText:
    """Aligned sentences: `target[i]` is the translation of `source[i]`.

    Attributes:
        source, target: sentences without line ends, NFC-normalized, equally many.
        source_language, target_language: short codes such as "en", or "" where unknown.
        name, split: the corpus and the part of it that this is, or "" for the user's own files.

    Raises:
        CourseError: when the two sides are not equally long.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    source_language: str = ""
    target_language: str = ""
    name: str = ""
    split: str = ""

    def __post_init__(self) -> None:
        if len(self.source) != len(self.target):
            raise CourseError(
                f"Parallel text needs one target per source, but there are {len(self.source)} source and "
                f"{len(self.target)} target sentences."
            )

    def __len__(self) -> int:
        return len(self.source)

    def reversed(self) -> "ParallelText":
        """Return the same pairs in the other direction: target becomes source."""
        return ParallelText(self.target, self.source, self.target_language, self.source_language, self.name, self.split)

    def without_empty(self) -> "ParallelText":
        """Return the pairs that have text on both sides: what training wants.

        Evaluation keeps every line, so that scores stay comparable with others' on the same file.

        Raises:
            CourseError: when no pair is left.
        """
        kept = [(s, t) for s, t in zip(self.source, self.target, strict=True) if s.strip() and t.strip()]
        if not kept:
            raise CourseError(
                f"None of the {len(self)} sentence pairs has text on both sides; check that the two files "
                "belong together and are not blank."
            )
        source, target = zip(*kept, strict=True)
        return ParallelText(source, target, self.source_language, self.target_language, self.name, self.split)


def nearest(word: str, choices: Sequence[str]) -> str:
    """Return ' Did you mean "..."?' for the closest choice, or "" when none is close."""
    lowered = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.5)
    return f' Did you mean "{lowered[close[0]]}"?' if close else ""


def _read_bytes(path: Path) -> bytes:
    """Return a file's bytes, unpacked when the first two say gzip (the name does not matter)."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CourseError(f"There is no file {path}; check the name and the folder.") from None
    except OSError as error:
        reason = "it is a folder" if path.is_dir() else (error.strerror or str(error))
        raise CourseError(f"{path} cannot be read: {reason}. Give the path of a text file.") from None
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise CourseError(f"{path} is a damaged gzip file ({error}); fetch or copy it again.") from None


def _split_lines(text: str) -> tuple[str, ...]:
    r"""Split on "\n" only, drop one "\r" at a line's end, and NFC-normalize each line."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()  # what follows the last line's own "\n" is no line
    return tuple(unicodedata.normalize("NFC", line.removesuffix("\r")) for line in lines)


def read_lines(path: Path | str) -> tuple[str, ...]:
    r"""Read a UTF-8 text file, plain or gzip, as NFC-normalized lines (Unicode Standard Annex 15).

    Lines end with "\n" or "\r\n"; a byte order mark at the start is dropped. Empty lines are kept.

    Raises:
        CourseError: for a missing, unreadable or empty file, a damaged gzip file, or bytes that are not
            UTF-8.
    """
    path = Path(path)
    data = _read_bytes(path)
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        bad = data[error.start : error.end].hex(" ")
        raise CourseError(
            f"{path}, line {line}: the bytes {bad} are not UTF-8; save the file as UTF-8 and try again."
        ) from None
    if not text:
        raise CourseError(f"{path} is empty; give a text file with one sentence per line.")
    return _split_lines(text)


def read_parallel(
    source_path: Path | str,
    target_path: Path | str,
    *,
    source_language: str = "",
    target_language: str = "",
    name: str = "",
    split: str = "",
) -> ParallelText:
    """Read two aligned text files, plain or gzip, one sentence per line; every line is kept.

    Raises:
        CourseError: as `read_lines`, and when the files have different numbers of lines.
    """
    source, target = read_lines(source_path), read_lines(target_path)
    if len(source) != len(target):
        raise CourseError(
            f"The two files must have equally many lines, but {source_path} has {len(source)} and "
            f"{target_path} has {len(target)}; line n of one must be the translation of line n of the other."
        )
    return ParallelText(source, target, source_language, target_language, name, split)


def corpus_names() -> tuple[str, ...]:
    """Return the names that `load_corpus` knows, in the order in which help texts show them."""
    from course.data.embedded import EMBEDDED_NAMES  # here, because it builds on this file

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
    from course.data.embedded import EMBEDDED_NAMES, SPLITS

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


def _find_pair(names: tuple[str, str], split: str) -> tuple[Path, Path]:
    """Return the paths of two verified files from the first folder that has both."""
    for folder in _candidate_folders():
        source, target = folder / names[0], folder / names[1]
        if source.is_file() and target.is_file():
            for path in (source, target):
                _verify(path)
            return source, target
    where = " or ".join(str(folder) for folder in _candidate_folders())
    raise CourseError(
        f'The Multi30k split "{split}" ({names[0]}, {names[1]}) is not in {where}; run `{FETCH_COMMAND}` '
        f"once, or `{FETCH_COMMAND} --from DIR` with a folder that holds the files."
    )


def _verify(path: Path) -> None:
    """Refuse a file that differs from the pinned one: its score could be compared with nobody's."""
    if sha256_of(path) != FILES[path.name].sha256:
        raise CourseError(
            f"{path} is not the Multi30k file of the pinned version (its SHA-256 differs); "
            f"delete it and run `{FETCH_COMMAND}` again."
        )


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
    from course.data.embedded import EMBEDDED_NAMES, embedded_text

    splits = split_names(name)
    if split not in splits:
        raise CourseError(f'{name} has no split "{split}".{nearest(split, splits)} Known: {", ".join(splits)}.')
    if name in EMBEDDED_NAMES:
        return embedded_text(name, split)
    languages = _PAIRS[name]
    stem = _SPLITS[split]
    source, target = _find_pair((f"{stem}.{languages[0]}.gz", f"{stem}.{languages[1]}.gz"), split)
    return read_parallel(
        source, target, source_language=languages[0], target_language=languages[1], name=name, split=split
    )

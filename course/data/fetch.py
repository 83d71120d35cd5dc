"""Fetch Multi30k on request: verified, resumable, from several places or from a folder.

A file appears under its final name only when its size and SHA-256 are right: it grows as `NAME.part` and is
renamed by `Path.replace`, which is atomic on every system. A cut download leaves the `.part`, and the next
try asks the server for the rest only (HTTP Range, RFC 9110 section 14). Because the content is pinned by
checksum, it does not matter which place answers.
"""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

from course.data.stream import Head, Pace, TooSlow, stream
from course.errors import CourseError
from course.folders import user_folder

if TYPE_CHECKING:
    from http.client import HTTPResponse

FETCH_COMMAND = "course data fetch multi30k"
COMMIT = "a3d2e0d"  # of the repository multi30k/dataset
PLACES = (
    f"https://raw.githubusercontent.com/multi30k/dataset/{COMMIT}/data/task1/raw/",
    f"https://github.com/multi30k/dataset/raw/{COMMIT}/data/task1/raw/",
    f"https://cdn.jsdelivr.net/gh/multi30k/dataset@{COMMIT}/data/task1/raw/",
    "https://cdn.jsdelivr.net/gh/multi30k/dataset@master/data/task1/raw/",
)
TERMS = """\
Multi30k: image captions in English, German and French, task 1, raw text, from github.com/multi30k/dataset.
The data are for non-commercial research and education. They are no part of this course; their own terms hold.
Please cite, when you publish results:
  Elliott, Frank, Sima'an, Specia (2016). Multi30K: Multilingual English-German Image Descriptions. W16-3210.
  Elliott, Frank, Barrault, Bougares, Specia (2017). Findings of the Second Shared Task on Multimodal Machine
  Translation and Multilingual Image Description (French, test 2017, ambiguous COCO). W17-4718."""

_TIMEOUT_SECONDS = 10
_PACE = Pace()
_TRIES_PER_PLACE = 3
_LARGEST_BYTES = 8 << 20  # no file of the corpus comes near it: a wrong answer must not fill the disk


@dataclass(frozen=True)
class PinnedFile:
    """What a file must be: its SHA-256, its bytes (None where unknown), and whether it is required.

    text_sha256: of the text in it, so that an unpacked file is known too; None where unknown.
    """

    sha256: str
    size: int | None = None
    required: bool = True
    text_sha256: str | None = None


FILES: dict[str, PinnedFile] = {
    "train.en.gz": PinnedFile(
        "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        568929,
        text_sha256="460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
    ),
    "train.de.gz": PinnedFile(
        "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        637044,
        text_sha256="2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
    ),
    "train.fr.gz": PinnedFile(
        "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
        604242,
        text_sha256="5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d",
    ),
    "val.en.gz": PinnedFile(
        "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        21650,
        text_sha256="1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
    ),
    "val.de.gz": PinnedFile(
        "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        24681,
        text_sha256="660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
    ),
    "val.fr.gz": PinnedFile(
        "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
        23001,
        text_sha256="5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc",
    ),
    "test_2016_flickr.en.gz": PinnedFile(
        "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        21077,
        text_sha256="399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
    ),
    "test_2016_flickr.de.gz": PinnedFile(
        "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
        22890,
        text_sha256="4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
    ),
    "test_2016_flickr.fr.gz": PinnedFile(
        "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
        22310,
        text_sha256="cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6",
    ),
    "test_2017_flickr.en.gz": PinnedFile(
        "76a444ee25172e72695cddb13ae4a3bda59430617be88e0bb46b60504f054074", required=False
    ),
    "test_2017_flickr.de.gz": PinnedFile(
        "a2c89666db00c495cd8513b9d708d5a3acc205d7de312ef2bf5fb7ebc1540aee", required=False
    ),
    "test_2017_flickr.fr.gz": PinnedFile(
        "3ba671ceb2299f3304ffafefea7a833d08632fbaf0ba18546f8a2ec2391af496", required=False
    ),
    "test_2017_mscoco.en.gz": PinnedFile(
        "aab300bfb4427697987e02cd0aacd44bfe8aa50456231b6474c08038bbed2b58", required=False
    ),
    "test_2017_mscoco.de.gz": PinnedFile(
        "799e4854c25d601cb6cb6be29eabe5667734c61ace2f495e03e429031a0bc338", required=False
    ),
    "test_2017_mscoco.fr.gz": PinnedFile(
        "754f3072ba9f124569ba5258b32730fc1d214bbf8e0c6dfb2b74401676220db0", required=False
    ),
}


class _PlaceError(Exception):
    """One place could not give one file; `reached` says whether a server answered at all."""

    def __init__(self, reason: str, *, reached: bool) -> None:
        super().__init__(reason)
        self.reached = reached


def data_folder() -> Path:
    """Return the folder that holds fetched corpora; it need not exist yet.

    The environment variable COURSE_DATA names it; otherwise it lies in this user's cache folder. Raises `CourseError`
    where neither is known.
    """
    return user_folder("COURSE_DATA", "cache", "attention-course")


def find_file(folder: Path, name: str) -> Path | None:
    """Return the path of a pinned file in a folder, under its name or unpacked; None unless its content is right."""
    return next((path for path in _places_of(folder, name) if _right_bytes(path, FILES[name]) is not None), None)


def wrong_files(folder: Path, name: str) -> list[Path]:
    """Return the files that have a pinned file's name, or its name unpacked, and not its content."""
    return [p for p in _places_of(folder, name) if _is_there(p) and _right_bytes(p, FILES[name]) is None]


def _is_there(path: Path) -> bool:
    """Whether there is such a file, as far as one may look: a folder that may not be entered has none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _places_of(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / name, folder / name.removesuffix(".gz")


def _right_bytes(path: Path, pinned: PinnedFile) -> bytes | None:
    """Return the pinned file's own bytes, or its text where it was unpacked or packed anew; None for all else.

    Line ends of Windows, which some programs write while they unpack, are no other content.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= _LARGEST_BYTES else b""
        if _sha256(data) == pinned.sha256:
            return data
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).replace(b"\r\n", b"\n")
    except (OSError, EOFError, zlib.error):  # not there, unreadable, or damaged
        return None
    return text if _sha256(text) == pinned.text_sha256 else None


def _sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _is_right(path: Path, pinned: PinnedFile) -> bool:
    """Say whether a file exists with the pinned size and checksum."""
    if not path.is_file() or pinned.size not in (None, path.stat().st_size):
        return False
    return _sha256(path.read_bytes()) == pinned.sha256


def fetch_multi30k(
    *,
    from_dir: Path | str | None = None,
    report: Callable[[str], object] = print,
    places: Sequence[str] = PLACES,
) -> Path:
    """Bring Multi30k into the data folder and return the folder `data_folder()/multi30k`.

    Files that are already there and right are kept, so a second call is quick. Train, val and test 2016 in
    English, German and French are required; test 2017 and ambiguous COCO are taken where they can be had.

    Args:
        from_dir: a folder with the same files, packed or unpacked, for classes without a network; None fetches them.
        report: called with each line of progress, and with terms and citations when anything is fetched.
        places: base addresses to try in turn; a file's name is appended.

    Raises:
        CourseError: when a required file cannot be had or is not the pinned one, or the folder cannot be
            written.
    """
    folder = data_folder() / "multi30k"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = _missing(folder)
        if any(FILES[name].required for name in missing):
            report(TERMS)
        report(f"{len(FILES) - len(missing)} of {len(FILES)} files are already in {folder}.")
        if from_dir is not None:
            _copy_all(Path(from_dir).expanduser(), folder, missing, report)
        else:
            _download_all(places, folder, missing, report)
    except OSError as error:
        raise CourseError(
            f"Multi30k cannot be written to {folder}: {error.strerror or error}. Free space there, or name "
            "another folder in the environment variable COURSE_DATA."
        ) from None
    return folder


def _missing(folder: Path) -> list[str]:
    """Return the files that a folder lacks or has in a wrong version, the required ones first."""
    names = [name for name in FILES if find_file(folder, name) is None]
    return sorted(names, key=lambda name: not FILES[name].required)


def _copy_all(source: Path, folder: Path, missing: Iterable[str], report: Callable[[str], object]) -> None:
    """Copy the missing files from a folder; optional ones may be absent."""
    if not source.is_dir():
        raise CourseError(f"{source} is no folder: name the one that holds the Multi30k files.")
    given = {name: path for name in missing for path in reversed(_places_of(source, name)) if _is_there(path)}
    absent = [name for name in missing if name not in given]
    required = [name for name in absent if FILES[name].required]
    if required:
        raise CourseError(
            f"{source} lacks {', '.join(required)}; copy the missing files there, or run `{FETCH_COMMAND}` "
            "with a network."
        )
    unknown = [name for name, path in given.items() if path.name != name and FILES[name].text_sha256 is None]
    for name in [name for name in given if name not in unknown]:
        path = find_file(source, name) or given[name]
        _copy_one(path, folder, name)
        report(f"{path.name}: copied, checksum right")
    if unknown:
        report(f"Optional and only verified where they are packed, skipped: {', '.join(unknown)}")
    if absent:
        report(f"Optional and not in {source}, skipped: {', '.join(absent)}")


def _copy_one(source: Path, folder: Path, name: str) -> None:
    """Copy one file through `.part`, as it was published or else its text; refuse it when it is not the pinned one."""
    data = _right_bytes(source, FILES[name])
    if data is None:
        _refuse(source, name)
    as_published = _sha256(data) == FILES[name].sha256
    final = folder / (name if as_published else name.removesuffix(".gz"))
    part = _part_of(final)
    part.write_bytes(data)
    part.replace(final)


def _refuse(source: Path, name: str) -> NoReturn:
    try:
        found = _sha256(source.read_bytes())
    except OSError as error:
        raise CourseError(f"{source} cannot be read: {error.strerror or error}.") from None
    expected = FILES[name].sha256 if source.name == name else FILES[name].text_sha256
    raise CourseError(
        f"{source} is not the Multi30k file of commit {COMMIT}: its SHA-256 is {found}, expected {expected}; get the "
        "file again."
    )


def _part_of(final: Path) -> Path:
    """Return where a file grows until it is verified."""
    return final.with_name(final.name + ".part")


def _download_all(places: Sequence[str], folder: Path, missing: Iterable[str], report: Callable[[str], object]) -> None:
    """Download the missing files; an optional file that cannot be had is reported and skipped."""
    skipped: list[str] = []
    reachable, reasons = True, ""
    for name in missing:
        if not reachable:  # then only optional files are left to ask for, and asking takes long
            skipped.append(name)
            continue
        failures = _download_one(places, folder / name)
        if failures is None:
            report(f"{name}: fetched, {(folder / name).stat().st_size:,} bytes, checksum right")
            continue
        reasons = "; ".join(dict.fromkeys(str(failure) for failure in failures))
        if FILES[name].required:
            raise CourseError(
                f"{name} of Multi30k could not be fetched ({reasons}); try again with a network, or copy the "
                f".gz files from a computer that has them and run `{FETCH_COMMAND} --from DIR`."
            )
        reachable = any(failure.reached for failure in failures)
        skipped.append(name)
    if skipped:
        report(f"Optional and not available, skipped: {', '.join(skipped)} ({reasons})")


def _download_one(places: Sequence[str], final: Path) -> list[_PlaceError] | None:
    """Try the places in turn. Return None on success, else what each place answered."""
    failures = []
    for place in places:
        try:
            _download_from(place + final.name, final)
        except _PlaceError as failure:
            failures.append(failure)
        else:
            return None
    return failures


def _download_from(url: str, final: Path) -> None:
    """Fetch one file from one place, resuming after a cut; rename it once it is verified.

    A wrong checksum after a resume may be the old part's fault, so the place gets another try from byte 0.
    """
    part, pinned = _part_of(final), FILES[final.name]
    failure = _PlaceError(f"{_host(url)}: no answer", reached=False)
    for _ in range(_TRIES_PER_PLACE):
        resumed = part.exists()
        complete = True
        if not _is_right(part, pinned):  # an earlier run may have ended just before the rename
            complete = _append(url, part, pinned)
        if not complete:
            failure = _PlaceError(f"{_host(url)}: the connection was cut", reached=True)
        elif _is_right(part, pinned):
            part.replace(final)
            return
        else:
            part.unlink(missing_ok=True)
            failure = _PlaceError(f"{_host(url)}: wrong size or checksum", reached=True)
            if not resumed:
                break
    raise failure


def _host(url: str) -> str:
    """Return the host of an address, for messages."""
    from urllib.parse import urlsplit

    return urlsplit(url).netloc


def _append(url: str, part: Path, pinned: PinnedFile) -> bool:
    """Add the bytes that `part` lacks. Return False when the connection ended before the announced length."""
    have = part.stat().st_size if part.exists() else 0
    if have and have >= (pinned.size or _LARGEST_BYTES):
        part.unlink()  # too long or wrong: nothing to resume
        have = 0
    with closing(stream(partial(_open, url, have), _PACE)) as answer:
        head = _next(answer, url)
        assert isinstance(head, Head)
        # 206 is the requested rest; a server that ignores Range answers 200 with the whole file.
        resumes = head.status == 206 and head.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if have and head.status == 206 and not resumes:
            part.unlink()
            return False
        length = head.headers.get("Content-Length")
        expected = int(length) if length and length.isdigit() else None
        with part.open("ab" if resumes else "wb") as out:
            limit = (pinned.size or _LARGEST_BYTES) - (have if resumes else 0)
            got = _pour(partial(_next, answer, url), out, limit)
    return expected is None or got >= expected or got > limit


def _next(answer: Iterator[Head | bytes], url: str) -> Head | bytes:
    """Return what comes next, b"" at the end. A server that drips is given up: the next place may be faster."""
    try:
        return next(answer, b"")
    except TooSlow as failure:
        raise _PlaceError(f"{_host(url)}: {failure}", reached=False) from None


def _open(url: str, have: int) -> "HTTPResponse":
    """Ask for a file from byte `have` on; any refusal becomes a `_PlaceError`."""
    import http.client
    import urllib.error
    import urllib.request

    headers = {"User-Agent": "attention-course", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        answer: HTTPResponse = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_SECONDS
        )
        return answer
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # the server's file ends before our part does: start again
            return _open(url, 0)
        raise _PlaceError(f"{_host(url)}: HTTP {error.code}", reached=True) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise _PlaceError(f"{_host(url)}: {reason}", reached=False) from None


def _pour(next_block: Callable[[], Head | bytes], out: IO[bytes], limit: int) -> int:
    """Copy the answer until its end, a cut, or one block beyond `limit`; return the number of bytes."""
    import http.client

    got = 0
    while got <= limit:
        try:
            block = next_block()
        except http.client.IncompleteRead as error:
            block = error.partial
        except (OSError, http.client.HTTPException):
            break  # a cut: the caller sees that bytes are missing
        if not isinstance(block, bytes) or not block:
            break
        out.write(block)
        got += len(block)
    return got

"""Fetch Multi30k on request: verified, resumable, from several places or from a folder.

A file appears under its final name only when its size and SHA-256 are right: it grows as `NAME.part` and is
renamed by `Path.replace`, which is atomic on every system. A cut download leaves the `.part`, and the next
try asks the server for the rest only (HTTP Range, RFC 9110 section 14). Because the content is pinned by
checksum, it does not matter which place answers.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

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

_BLOCK = 1 << 16
_TIMEOUT_SECONDS = 10
_TRIES_PER_PLACE = 3
_LARGEST_BYTES = 8 << 20  # no file of the corpus comes near it: a wrong answer must not fill the disk


@dataclass(frozen=True)
class PinnedFile:
    """What a file must be: its SHA-256, its bytes (None where unknown), and whether it is required."""

    sha256: str
    size: int | None = None
    required: bool = True


FILES: dict[str, PinnedFile] = {
    "train.en.gz": PinnedFile("d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f", 568929),
    "train.de.gz": PinnedFile("726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6", 637044),
    "train.fr.gz": PinnedFile("622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c", 604242),
    "val.en.gz": PinnedFile("14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28", 21650),
    "val.de.gz": PinnedFile("f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a", 24681),
    "val.fr.gz": PinnedFile("ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9", 23001),
    "test_2016_flickr.en.gz": PinnedFile("611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9", 21077),
    "test_2016_flickr.de.gz": PinnedFile("9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8", 22890),
    "test_2016_flickr.fr.gz": PinnedFile("6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90", 22310),
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


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_right(path: Path, pinned: PinnedFile) -> bool:
    """Say whether a file exists with the pinned size and checksum."""
    if not path.is_file() or pinned.size not in (None, path.stat().st_size):
        return False
    return sha256_of(path) == pinned.sha256


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
        from_dir: a folder with the same .gz files, for classes without a network; None fetches them.
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
    names = [name for name, pinned in FILES.items() if not _is_right(folder / name, pinned)]
    return sorted(names, key=lambda name: not FILES[name].required)


def _copy_all(source: Path, folder: Path, missing: Iterable[str], report: Callable[[str], object]) -> None:
    """Copy the missing files from a folder; optional ones may be absent."""
    if not source.is_dir():
        raise CourseError(f"--from needs a folder that holds the Multi30k .gz files, but {source} is no folder.")
    absent = [name for name in missing if not (source / name).is_file()]
    required = [name for name in absent if FILES[name].required]
    if required:
        raise CourseError(
            f"{source} lacks {', '.join(required)}; copy the missing files there, or run `{FETCH_COMMAND}` "
            "with a network."
        )
    for name in missing:
        if name not in absent:
            _copy_one(source / name, folder / name)
            report(f"{name}: copied, checksum right")
    if absent:
        report(f"Optional and not in {source}, skipped: {', '.join(absent)}")


def _copy_one(source: Path, final: Path) -> None:
    """Copy one file through `.part`; refuse it when it is not the pinned one."""
    part = _part_of(final)
    try:
        data = source.read_bytes()
    except OSError as error:
        raise CourseError(f"{source} cannot be read: {error.strerror or error}.") from None
    part.write_bytes(data)
    if not _is_right(part, FILES[final.name]):
        found = sha256_of(part)
        part.unlink()
        raise CourseError(
            f"{source} is not the Multi30k file of commit {COMMIT}: its SHA-256 is {found}, expected "
            f"{FILES[final.name].sha256}; get the file again."
        )
    part.replace(final)


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
    response = _open(url, have)
    with response:
        # 206 is the requested rest; a server that ignores Range answers 200 with the whole file.
        resumes = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if have and response.status == 206 and not resumes:
            part.unlink()
            return False
        length = response.headers.get("Content-Length")
        expected = int(length) if length and length.isdigit() else None
        with part.open("ab" if resumes else "wb") as out:
            limit = (pinned.size or _LARGEST_BYTES) - (have if resumes else 0)
            got = _pour(response, out, limit)
    return expected is None or got >= expected or got > limit


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


def _pour(response: "HTTPResponse", out: IO[bytes], limit: int) -> int:
    """Copy the answer until its end, a cut, or one block beyond `limit`; return the number of bytes."""
    import http.client

    got = 0
    while got <= limit:
        try:
            block = response.read(_BLOCK)
        except http.client.IncompleteRead as error:
            block = error.partial
        except (OSError, http.client.HTTPException):
            break  # a cut: the caller sees that bytes are missing
        if not block:
            break
        out.write(block)
        got += len(block)
    return got

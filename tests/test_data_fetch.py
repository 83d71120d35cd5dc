import contextlib
import gzip
import hashlib
import http.server
import io
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import course.data.fetch as fetch
from course.cli import main
from course.data import data_folder, fetch_multi30k, load_corpus
from course.data.stream import Pace, stream
from course.errors import CourseError

ALL_NAMES = tuple(fetch.FILES)
CONTENT = {
    "train.en.gz": bytes(range(256)) * 1200,
    "train.de.gz": b"deutsch" * 20000,
    "test_2017_flickr.en.gz": b"optional" * 500,
}


@pytest.fixture(autouse=True)
def _small_corpus(monkeypatch):
    """Pin three small files instead of the corpus; the optional one has no known size, like the real ones."""
    pinned = {
        name: fetch.PinnedFile(
            hashlib.sha256(data).hexdigest(), None if "2017" in name else len(data), "2017" not in name
        )
        for name, data in CONTENT.items()
    }
    monkeypatch.setattr(fetch, "FILES", pinned)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


class Place:
    """A web server on loopback that logs requests and can cut, corrupt, refuse, or ignore ranges."""

    def __init__(self):
        self.files = dict(CONTENT)
        self.cut_after = {}  # name -> bytes sent before the connection is cut, once
        self.ranges = True
        self.log = []
        place = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                place.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/raw/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request):
        name, wanted = request.path.rsplit("/", 1)[1], request.headers.get("Range")
        self.log.append((name, wanted))
        if name not in self.files:
            request.send_error(404)
            return
        data, start = self.files[name], 0
        if wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                request.send_error(416)
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        request.wfile.write(data[start:][: self.cut_after.pop(name, None)])


@pytest.fixture
def place():
    server = Place()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def other(place):
    server = Place()
    yield server
    server.server.shutdown()
    server.server.server_close()


def run(*places, **options):
    lines = []
    try:
        folder = fetch_multi30k(
            places=[p if isinstance(p, str) else p.url for p in places], report=lines.append, **options
        )
    finally:
        run.lines = "\n".join(lines)
    return folder


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_everything_is_fetched_once_with_terms_and_then_kept(place):
    folder = run(place)
    assert folder == data_folder() / "multi30k"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    for needed in ("non-commercial", "W16-3210", "W17-4718"):
        assert needed in run.lines
    requests = len(place.log)
    run(place)
    assert len(place.log) == requests
    assert "W16-3210" not in run.lines


def test_a_file_damaged_later_is_fetched_again(place):
    folder = run(place)
    (folder / "train.en.gz").write_bytes(b"x" * len(CONTENT["train.en.gz"]))
    run(place)
    assert (folder / "train.en.gz").read_bytes() == CONTENT["train.en.gz"]
    assert [name for name, _ in place.log].count("train.de.gz") == 1


def test_a_cut_connection_is_resumed_from_the_byte_where_it_ended(place):
    place.cut_after["train.en.gz"] = 100_000
    folder = run(place)
    assert (folder / "train.en.gz").read_bytes() == CONTENT["train.en.gz"]
    assert place.log[:2] == [("train.en.gz", None), ("train.en.gz", "bytes=100000-")]


def test_a_part_left_by_an_earlier_run_is_resumed(place):
    folder = data_folder() / "multi30k"
    folder.mkdir(parents=True)
    (folder / "train.en.gz.part").write_bytes(CONTENT["train.en.gz"][:777])
    run(place)
    assert place.log[0] == ("train.en.gz", "bytes=777-")
    assert names_in(folder) == sorted(CONTENT)


def test_a_wrong_part_is_thrown_away_and_the_file_fetched_from_the_start(place):
    folder = data_folder() / "multi30k"
    folder.mkdir(parents=True)
    (folder / "train.en.gz.part").write_bytes(b"from something else")
    (folder / "test_2017_flickr.en.gz.part").write_bytes(b"longer than the file" * 1000)  # the server answers 416
    run(place)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    assert place.log[:2] == [("train.en.gz", "bytes=19-"), ("train.en.gz", None)]


def test_a_server_that_ignores_ranges_still_gives_the_right_file(place):
    place.ranges = False
    place.cut_after["train.en.gz"] = 1000
    folder = run(place)
    assert (folder / "train.en.gz").read_bytes() == CONTENT["train.en.gz"]
    assert [name for name, _ in place.log].count("train.en.gz") == 2  # the second answer was taken whole


@pytest.mark.parametrize("wrong", [b"<html>sign in to this network</html>", b"y" * 307200, b"z" * 400_000])
def test_a_wrong_checksum_is_refused_and_nothing_is_left(place, wrong):
    place.files["train.en.gz"] = wrong
    with pytest.raises(CourseError, match="train.en.gz.*wrong size or checksum.*--from DIR"):
        run(place)
    assert names_in(data_folder() / "multi30k") == []


@pytest.mark.parametrize("first_fails_by", ["404", "wrong content", "no server"])
def test_the_second_place_is_used_when_the_first_fails(place, other, first_fails_by):
    first = place
    if first_fails_by == "404":
        place.files.clear()
    elif first_fails_by == "wrong content":
        place.files = {name: data[::-1] for name, data in CONTENT.items()}
    else:
        first = f"http://127.0.0.1:{unused_port()}/"
    folder = run(first, other)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    assert len(other.log) == 3


def test_the_second_place_continues_what_the_first_began(place, other):
    size = len(CONTENT["train.en.gz"])
    answers = iter([10_000, 20_000, 30_000])
    plain = place.answer

    def always_cut(request):
        place.cut_after["train.en.gz"] = next(answers, 1)
        plain(request)

    place.answer = always_cut
    folder = run(place, other)
    assert (folder / "train.en.gz").read_bytes() == CONTENT["train.en.gz"]
    assert ("train.en.gz", "bytes=60000-") in other.log
    assert size > 60_000


def test_offline_gives_one_sentence_that_says_what_to_do():
    with pytest.raises(CourseError, match="could not be fetched.*--from DIR") as caught:
        run(f"http://127.0.0.1:{unused_port()}/", f"http://127.0.0.1:{unused_port()}/")
    assert "\n" not in str(caught.value)


def test_optional_files_may_be_missing(place):
    del place.files["test_2017_flickr.en.gz"]
    folder = run(place)
    assert names_in(folder) == ["train.de.gz", "train.en.gz"]
    assert "not available, skipped: test_2017_flickr.en.gz (127.0.0.1" in run.lines
    assert "HTTP 404" in run.lines


def test_without_a_network_the_optional_files_are_given_up_after_one_try(tmp_path, monkeypatch):
    monkeypatch.setattr(
        fetch, "FILES", {name: fetch.PinnedFile("0" * 64, required=False) for name in ("a.gz", "b.gz", "c.gz")}
    )
    asked = []
    original = fetch._download_one
    monkeypatch.setattr(fetch, "_download_one", lambda p, final: asked.append(final.name) or original(p, final))
    run(f"http://127.0.0.1:{unused_port()}/")
    assert asked == ["a.gz"]
    assert "skipped: a.gz, b.gz, c.gz" in run.lines


def test_a_folder_instead_of_the_network(tmp_path):
    for name in ("train.en.gz", "train.de.gz"):
        (tmp_path / name).write_bytes(CONTENT[name])
    folder = run("http://127.0.0.1:1/", from_dir=tmp_path)
    assert names_in(folder) == ["train.de.gz", "train.en.gz"]
    assert (folder / "train.en.gz").read_bytes() == CONTENT["train.en.gz"]
    assert f"not in {tmp_path}, skipped: test_2017_flickr.en.gz" in run.lines
    assert run(from_dir=folder) == folder  # the data folder itself is harmless


def test_a_folder_with_a_wrong_or_missing_file_is_refused(tmp_path):
    (tmp_path / "train.en.gz").write_bytes(b"?" * len(CONTENT["train.en.gz"]))
    with pytest.raises(CourseError, match=r"lacks train\.de\.gz;"):
        run(from_dir=tmp_path)
    (tmp_path / "train.de.gz").write_bytes(CONTENT["train.de.gz"])
    with pytest.raises(CourseError, match="is not the Multi30k file.*SHA-256"):
        run(from_dir=tmp_path)
    assert names_in(data_folder() / "multi30k") == []
    with pytest.raises(CourseError, match="is no folder"):
        run(from_dir=tmp_path / "nowhere")


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file"))
    with pytest.raises(CourseError, match="cannot be written to.*COURSE_DATA"):
        run(place)


def test_a_full_disk_is_named(monkeypatch, place):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch, "_pour", full)
    with pytest.raises(CourseError, match="No space left on device"):
        run(place)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/c"}, "/c/attention-course"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/attention-course"),
        ("linux", {"COURSE_DATA": "/here", "XDG_CACHE_HOME": "/c"}, "/here"),
    ],
)
def test_data_folder(monkeypatch, platform, variables, expected):
    monkeypatch.delenv("COURSE_DATA")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert data_folder() == Path(expected)


def test_a_relative_data_folder_would_be_another_one_in_each_place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA", "data")
    with pytest.raises(CourseError) as told:
        data_folder()
    assert str(told.value).endswith(f"write the whole path, such as {tmp_path / 'data'}.")


def test_the_pinned_list_agrees_with_the_published_checksums(monkeypatch, multi30k_folder):
    monkeypatch.undo()
    published = (multi30k_folder / "SHA256SUMS").read_text(encoding="utf-8").split()
    for checksum, name in zip(published[::2], published[1::2], strict=True):
        assert fetch.FILES[name].sha256 == checksum
        assert fetch.FILES[name].size == (multi30k_folder / name).stat().st_size
        assert fetch.FILES[name].required
    stems = ("train", "val", "test_2016_flickr", "test_2017_flickr", "test_2017_mscoco")
    assert set(fetch.FILES) == {f"{stem}.{language}.gz" for stem in stems for language in ("en", "de", "fr")}


def test_importing_the_room_loads_no_heavy_module():
    heavy = "('torch', 'tokenizers', 'matplotlib', 'urllib.request', 'http.client')"
    code = f"import sys, course.data; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_several_places_each_pinned_or_verified_are_listed():
    assert len({place.split("/")[2] for place in fetch.PLACES}) >= 2
    assert all(place.startswith("https://") and place.endswith("/") for place in fetch.PLACES)


# --- files that are unpacked, damaged, or in a folder that belongs to others

TEXT = b"one\ntwo\n"


@pytest.fixture
def pinned_text(monkeypatch):
    """Pin one split whose text is known, as that of the required files is."""
    packed = gzip.compress(TEXT, mtime=0)
    pin = fetch.PinnedFile(
        hashlib.sha256(packed).hexdigest(), len(packed), text_sha256=hashlib.sha256(TEXT).hexdigest()
    )
    others = dict.fromkeys(ALL_NAMES, fetch.PinnedFile("0" * 64, required=False))
    monkeypatch.setattr(fetch, "FILES", others | {"val.en.gz": pin, "val.de.gz": pin})
    return packed


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("val.{}", TEXT),
        ("val.{}", TEXT.replace(b"\n", b"\r\n")),  # unpacked on Windows
        ("val.{}.gz", gzip.compress(TEXT, 1, mtime=7)),  # packed anew
    ],
)
def test_files_are_known_by_their_text(tmp_path, pinned_text, name, data):
    for language in ("en", "de"):
        (tmp_path / name.format(language)).write_bytes(data)
    folder = run(from_dir=tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"val.en": TEXT, "val.de": TEXT}
    assert load_corpus("multi30k-en-de", "val").source == ("one", "two")
    run(from_dir=tmp_path)
    assert "2 of 15 files are already" in run.lines


def test_unpacked_files_with_another_text_are_refused(tmp_path, pinned_text):
    for language in ("en", "de"):
        (tmp_path / f"val.{language}").write_bytes(TEXT + b"three\n")
    with pytest.raises(CourseError, match=r"val\.en is not the Multi30k file.*SHA-256"):
        run(from_dir=tmp_path)
    assert names_in(data_folder() / "multi30k") == []


def test_an_unpacked_file_whose_text_is_not_known_is_skipped_and_named(tmp_path):
    for name in ("train.en.gz", "train.de.gz", "test_2017_flickr.en"):
        (tmp_path / name).write_bytes(CONTENT.get(name, b"x"))
    assert names_in(run(from_dir=tmp_path)) == ["train.de.gz", "train.en.gz"]
    assert "only verified where they are packed, skipped: test_2017_flickr.en.gz" in run.lines


def test_a_folder_that_may_not_be_entered_has_no_files(tmp_path, pinned_text, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("COURSE_MULTI30K", str(tmp_path))
    monkeypatch.setattr(Path, "is_file", forbidden)
    monkeypatch.setattr(Path, "stat", forbidden)
    with pytest.raises(CourseError, match=r"\(val\.en\.gz, val\.de\.gz\) is not in"):
        load_corpus("multi30k-en-de", "val")


def test_a_damaged_file_is_named_with_what_helps_where_it_lies(tmp_path, pinned_text, monkeypatch, capsys):
    ours, shared = data_folder() / "multi30k", tmp_path / "shared"
    for folder in (ours, shared):
        folder.mkdir(parents=True)
        for language in ("en", "de"):
            (folder / f"val.{language}.gz").write_bytes(pinned_text)
    (ours / "val.en.gz").write_bytes(b"damaged")
    with pytest.raises(CourseError, match=r"val\.en\.gz is not .*; `course data fetch multi30k` puts the right one in"):
        load_corpus("multi30k-en-de", "val")
    assert main(["data", "list"]) == 0
    listing = capsys.readouterr().out
    assert "multi30k-en-de    val (damaged: val.en.gz)\n" in listing
    assert f"{ours / 'val.en.gz'}; `course data fetch multi30k` puts the right one in its place." in listing

    monkeypatch.setenv("COURSE_MULTI30K", str(shared))
    assert len(load_corpus("multi30k-en-de", "val")) == 2  # the right one elsewhere serves
    assert main(["data", "list"]) == 0
    assert "amaged:" not in capsys.readouterr().out.replace("Damaged, or other files:", "damaged:")

    for path in ours.iterdir():
        path.unlink()
    (shared / "val.en.gz").write_bytes(b"damaged")
    with pytest.raises(CourseError, match="leave it there, and `course data fetch multi30k` puts a right copy into"):
        load_corpus("multi30k-en-de", "val")


def test_the_texts_of_the_pinned_files_are_what_is_pinned(monkeypatch, multi30k_folder):
    monkeypatch.undo()
    known = {name: pin.text_sha256 for name, pin in fetch.FILES.items() if pin.required}
    assert known == {
        name: hashlib.sha256(gzip.decompress((multi30k_folder / name).read_bytes())).hexdigest() for name in known
    }


# --- servers that drip


def drip(request, *, headers):
    """Send a byte every now and then, in the headers or after them, and never come to an end."""
    request.server.dripping = True
    if not headers:
        request.send_response(200)
        request.send_header("Content-Length", "307200")
        request.end_headers()
    with contextlib.suppress(OSError):
        while request.server.dripping:
            request.wfile.write(b"H")
            request.wfile.flush()
            time.sleep(0.02)


@pytest.mark.parametrize("headers", [True, False])
def test_a_server_that_drips_is_given_up_and_the_next_one_asked(place, other, monkeypatch, headers):
    def impatient_here(ask, pace):  # the other server has all the time that a busy machine may need
        return stream(ask, Pace(patience=0.3) if ask.args[0].startswith(place.url) else pace)

    monkeypatch.setattr(fetch, "stream", impatient_here)
    place.answer = lambda request: drip(request, headers=headers)
    try:
        folder = run(place, other)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
        (folder / "train.en.gz").unlink()
        with pytest.raises(CourseError, match=r"not be fetched \(127.0.0.1:\d+: too slow, \d+ bytes in 0.3") as said:
            run(place)
        assert "\n" not in str(said.value)
    finally:
        place.server.dripping = False


def test_a_server_has_more_time_the_more_it_has_sent():
    blocks = [b"x" * 100] * 12

    class Answer(io.BytesIO):
        status, headers = 200, {}

        def read1(self, _):
            time.sleep(0.15)
            return blocks.pop() if blocks else b""

    head, *got = stream(Answer, Pace(patience=1.5, rate=50))  # 1.8 seconds in all, and 25 are allowed
    assert (head.status, b"".join(got)) == (200, b"x" * 1200)


def test_what_goes_wrong_while_asking_is_raised_to_who_waits():
    def ask():
        raise ConnectionResetError("no")

    with pytest.raises(ConnectionResetError, match="no"):
        list(stream(ask, Pace()))

import gzip
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.data import ParallelText, corpus_names, fetch_multi30k, load_corpus, read_lines, read_parallel
from course.errors import CourseError


@pytest.fixture
def write(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
        return path

    return write


def test_only_newlines_end_a_line(write):
    inside = "a\x85b\u2028c\u2029d\x0be\x0cf\x1cg\rh"
    assert read_lines(write("t", f"{inside}\n\nsecond\r\nlast")) == (inside, "", "second", "last")


def test_line_ends_at_the_end_of_the_file(write):
    assert read_lines(write("a", "one\n")) == ("one",)
    assert read_lines(write("b", "one\n\n")) == ("one", "")
    assert read_lines(write("c", "\n")) == ("",)
    assert read_lines(write("d", "one\r\n")) == ("one",)


def test_text_is_composed(write):
    decomposed = unicodedata.normalize("NFD", "Ein Mädchen über Bäumen, été")
    assert read_lines(write("t", decomposed)) == ("Ein Mädchen über Bäumen, été",)


def test_a_byte_order_mark_is_no_text(write):
    assert read_lines(write("t", b"\xef\xbb\xbfEin Hund\n")) == ("Ein Hund",)


def test_gzip_is_known_by_its_bytes_not_by_its_name(write):
    assert read_lines(write("packed.txt", gzip.compress(b"eins\nzwei\n"))) == ("eins", "zwei")
    assert read_lines(write("plain.gz", "eins\n")) == ("eins",)


def test_bytes_that_are_not_utf8_are_named_with_file_and_line(write):
    path = write("latin1.txt", b"gut\n\nM\xe4dchen\n")
    with pytest.raises(CourseError, match=r"latin1\.txt, line 3: the bytes e4 are not UTF-8"):
        read_lines(path)


@pytest.mark.parametrize("data", [b"", gzip.compress(b""), b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(write, data):
    with pytest.raises(CourseError, match=r"e\.txt is empty"):
        read_lines(write("e.txt", data))


def test_missing_folder_and_damaged_files_are_named(write, tmp_path):
    with pytest.raises(CourseError, match=r"no file .*nothing\.txt"):
        read_lines(tmp_path / "nothing.txt")
    with pytest.raises(CourseError, match="it is a folder"):
        read_lines(tmp_path)
    whole = gzip.compress(b"eins\n" * 1000)
    flipped = bytearray(whole)
    flipped[-6] ^= 1  # inside the stored CRC
    for damaged in (whole[:-10], bytes(flipped), b"\x1f\x8b"):
        with pytest.raises(CourseError, match="damaged gzip"):
            read_lines(write("d.gz", damaged))


def test_unequal_files_give_both_counts(write):
    with pytest.raises(CourseError, match=r"s\.txt has 3 and .*t\.txt has 2;"):
        read_parallel(write("s.txt", "a\nb\nc\n"), write("t.txt", "x\ny\n"))
    with pytest.raises(CourseError, match="2 source and 1 target"):
        ParallelText(("a", "b"), ("c",))


def test_empty_sides_are_kept_until_asked(write):
    text = read_parallel(
        write("s", "a\n\n  \nd\n"),
        write("t", "x\ny\nz\n\n"),
        source_language="en",
        target_language="de",
        split="val",
    )
    assert len(text) == 4
    kept = text.without_empty()
    assert (kept.source, kept.target, kept.source_language, kept.split) == (("a",), ("x",), "en", "val")
    with pytest.raises(CourseError, match="None of the 2"):
        ParallelText(("", "a"), ("b", " ")).without_empty()


def test_the_other_direction():
    text = ParallelText(("a",), ("b",), "en", "de", "name", "val").reversed()
    assert text == ParallelText(("b",), ("a",), "de", "en", "name", "val")


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\ufeff", exclude_categories=["Cs"])), min_size=1))
def test_what_was_written_is_read(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("lines") / "t"
    path.write_bytes(("\n".join(lines) + "\n").encode("utf-8"))
    assert read_lines(path) == tuple(unicodedata.normalize("NFC", line) for line in lines)


@pytest.mark.parametrize(
    ("wrong", "meant"), [("multi30-en-de", "multi30k-en-de"), ("Multi30K-FR-EN", "multi30k-fr-en")]
)
def test_an_unknown_corpus_names_the_nearest(wrong, meant):
    with pytest.raises(CourseError, match=f'no corpus "{wrong}".*"{meant}"'):
        load_corpus(wrong, "val")
    with pytest.raises(CourseError, match="Known: embedded-en-de, .*multi30k-en-de"):
        load_corpus("xyzzy", "val")


def test_an_unknown_split_names_the_nearest():
    with pytest.raises(CourseError, match='no split "test16".*"test2016"'):
        load_corpus("multi30k-en-de", "test16")


def test_a_corpus_that_is_not_here_names_the_command():
    for split in ("train", "test2017"):
        with pytest.raises(CourseError, match="course data fetch multi30k"):
            load_corpus("multi30k-en-de", split)


def test_every_direction_and_split_is_loaded(multi30k_folder, monkeypatch):
    monkeypatch.setenv("COURSE_MULTI30K", str(multi30k_folder))
    sizes = {"train": 29000, "val": 1014, "test2016": 1000}
    for name in (name for name in corpus_names() if name.startswith("multi30k")):
        for split, size in sizes.items():
            if split == "train" and name != "multi30k-en-de":
                continue
            text = load_corpus(name, split)
            assert (len(text), text.name, text.split) == (size, name, split)
            assert f"multi30k-{text.source_language}-{text.target_language}" == name


def test_pairs_are_the_pairs_of_the_files(multi30k_folder, monkeypatch):
    monkeypatch.setenv("COURSE_MULTI30K", str(multi30k_folder))
    there, back = load_corpus("multi30k-en-de", "val"), load_corpus("multi30k-de-en", "val")
    assert (there.source, there.target) == (back.target, back.source)
    first = (there.source[0], there.target[0])
    assert first == (
        "A group of men are loading cotton onto a truck",
        "Eine Gruppe von Männern lädt Baumwolle auf einen Lastwagen",
    )


def test_a_fetched_corpus_comes_before_the_named_folder(multi30k_folder, monkeypatch, tmp_path):
    folder = fetch_multi30k(from_dir=multi30k_folder, report=lambda _: None)
    monkeypatch.setenv("COURSE_MULTI30K", str(tmp_path))
    assert len(load_corpus("multi30k-en-fr", "test2016")) == 1000
    (folder / "val.en.gz").write_bytes(gzip.compress(b"one line\n"))
    with pytest.raises(CourseError, match=r"val\.en\.gz is not the Multi30k file"):
        load_corpus("multi30k-en-de", "val")

import gzip
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.data import ParallelText, read_lines, read_parallel
from course.data.sentence import as_sentence
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


@pytest.mark.parametrize("data", [b"", gzip.compress(b"", mtime=0), b"\xef\xbb\xbf"])
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


def test_chosen_rows_stay_pairs_in_the_order_asked_for():
    text = ParallelText(("a", "b", "c"), ("x", "y", "z"), "en", "de", "name", "train")
    assert text.chosen([2, 0], split="val") == ParallelText(("c", "a"), ("z", "x"), "en", "de", "name", "val")
    assert len(text.chosen([], split="val")) == 0


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\ufeff\0", exclude_categories=["Cs"])), min_size=1))
def test_what_was_written_is_read(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("lines") / "t"
    path.write_bytes(("\n".join(lines) + "\n").encode("utf-8"))
    assert read_lines(path) == tuple(map(as_sentence, lines))


def test_sides_may_be_generators():
    text = ParallelText((s for s in ("a", "b")), iter(["c", "d"]))
    assert (text.source, text.target) == (("a", "b"), ("c", "d"))
    with pytest.raises(CourseError, match="2 source and 1 target"):
        ParallelText((s for s in ("a", "b")), iter(["c"]))


def test_a_name_that_is_too_long_is_no_traceback():
    with pytest.raises(CourseError, match="cannot be read: File name too long"):
        read_lines("x" * 400)

"""The files that people have: of other programs, joined, packed, with columns."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest

from course.data import read_lines, read_parallel
from course.data.table import read_pairs
from course.data.text_file import counted, read_text_file, some_lines, text_lines
from course.errors import CourseError


@pytest.fixture
def write(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
        return path

    return write


def zipped():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.en", "a dog\n")
    return packed.getvalue()


def tarred():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo("a.en")
        info.size = 6
        archive.addfile(info, io.BytesIO(b"a dog\n"))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("notepad.txt", "\ufeffa dog\r\n".encode("utf-16-le"), "UTF-16.*save it as UTF-8"),
        ("other.txt", "\ufeffa dog\n".encode("utf-16-be"), "UTF-16.*save it as UTF-8"),
        ("bare.txt", "a dog\r\n".encode("utf-16-le"), "NUL bytes.*save it as UTF-8"),
        ("wide.txt", "\ufeffa dog\n".encode("utf-32-le"), "UTF-32"),
        ("opus.zip", zipped(), "ZIP archive.*unpack it"),
        ("wmt.tgz", tarred(), "tar archive.*unpack it"),
        ("page.html", "\n<!DOCTYPE html>\n<html>", "web page.*download"),
        ("memory.tmx", '<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx>', "TMX.*tab-separated"),
        ("wmt.sgm", '<refset setid="x">', "XML or SGML"),
        ("data.jsonl", json.dumps({"en": "a", "de": "b"}) + "\n", "JSON.*two columns"),
        ("data.json", json.dumps([{"en": "a"}], indent=1), "JSON"),
        ("data.csv", 'en,de\n"a","b"\n', "comma-separated.*tab-separated"),
        ("text.pdf", b"%PDF-1.7\n", "PDF"),
        ("table.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "office document"),
        ("pointer.txt", "version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_a_file_that_is_no_text_is_named_with_what_helps(write, name, data, what):
    with pytest.raises(CourseError, match=f"{name} .*{what}") as caught:
        read_lines(write(name, data))
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize("line", ["[Music]", "{yes}", "<3 you", "BZh", "PKs", "a\0 dog and a cat run", "{}", "a,b"])
def test_sentences_that_begin_like_other_formats_are_sentences(write, line):
    assert read_lines(write("t.txt", f"{line}\nmore\n")) == (line, "more")


def test_carriage_returns_alone_end_no_line_and_are_named(write):
    with pytest.raises(CourseError, match=r"mac\.txt ends its lines with CR alone \(2 times\).*Unix or Windows"):
        read_lines(write("mac.txt", "one\rtwo\rthree\r"))
    assert read_lines(write("a", "one\r")) == ("one",)
    assert read_lines(write("b", "one\r\r\ntwo\r\r\n")) == ("one", "two")  # converted twice
    found = read_text_file(write("mixed", "one\rtwo\nthree\nfour\n"))
    assert found.lines == ("one\rtwo", "three", "four")
    assert "1 carriage return (CR) inside lines" in found.notes[0]


def test_byte_order_marks_of_joined_files_are_dropped_and_counted(write):
    path = write("joined.en", "\ufeffone\n\ufefftwo\n\ufeffthree\ufefffour\n")
    assert read_lines(path) == ("one", "two", "three\ufefffour")
    joined, lost = read_text_file(path).notes
    assert joined == "joined.en: 2 byte order marks of joined files dropped"
    assert lost == "joined.en: a byte order mark inside line 3, where two lines may be joined"
    with pytest.raises(CourseError, match="has 3 and .*has 4;.*inside line 3, where two lines may be joined"):
        read_parallel(path, write("joined.de", "eins\nzwei\ndrei\nvier\n"))


def test_bytes_are_read_as_files_are():
    assert text_lines(gzip.compress(b"one\n\ntwo"), "standard input").lines == ("one", "", "two")
    with pytest.raises(CourseError, match="standard input is a damaged gzip"):
        text_lines(gzip.compress(b"one" * 100)[:-9], "standard input")


@pytest.mark.parametrize("more", ["\n\n", "\x1a", "\u200b\n \n"])
def test_empty_lines_at_the_end_of_one_file_are_dropped_and_said(write, more):
    text = read_parallel(write("a.en", "one\ntwo\n" + more), write("a.de", "eins\nzwei\n"))
    assert (text.source, text.target) == (("one", "two"), ("eins", "zwei"))
    assert text.notes[0].startswith("a.en: ")
    assert text.notes[0].endswith("at its end dropped")
    with pytest.raises(CourseError, match=r"a\.en has 3 and .*a\.de has 2"):
        read_parallel(write("a.en", "one\n\ntwo\n"), write("a.de", "eins\nzwei\n"))


# --- two columns in one file


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_two_columns_are_pairs_packed_or_not(write, pack):
    text = read_pairs(write("pairs.tsv", pack("\ufeffone\teins\r\n two \t zwei\r\n".encode())), split="train")
    assert (text.source, text.target, text.split, text.notes) == (("one", "two"), ("eins", "zwei"), "train", ())


def test_all_that_is_odd_about_a_table_is_noted(write):
    rows = ["Source\tTarget", "one\teins", "two", "", "a\tb\tc", '"say ""a"""\tb', "three\tdrei"]
    text = read_pairs(write("t.tsv", "\n".join(rows)))
    assert text.source == ("one", "two", "", "a", '"say ""a"""', "three")
    assert text.target == ("eins", "", "", "b", "b", "drei")
    assert text.notes == (
        "t.tsv: no tab in line 3, so no translation there",
        "t.tsv: only the first two columns are read, in line 5",
        "t.tsv: cells in quotation marks, as of a spreadsheet, kept as they are in line 6",
        "t.tsv: the heading in line 1 left out",
    )
    with pytest.raises(CourseError, match=r"t\.tsv, line 3: no tab stands between"):
        read_pairs(write("t.tsv", "\n".join(rows)), every_row=True)


def test_tables_of_other_columns_are_named(write):
    with pytest.raises(CourseError, match=r"p\.txt has one column in 3 of its 3 lines.*give it with --target"):
        read_pairs(write("p.txt", "one\ntwo\nthree\n"), partner="--target")
    with pytest.raises(CourseError, match=r"Column 1 of .*ids\.tsv holds numbers.*cut"):
        read_pairs(write("ids.tsv", "1\tone\t7\teins\n2\ttwo\t8\tzwei\n"))
    wide = read_pairs(write("w.tsv", "one\teins\tCC-BY\ntwo\tzwei\tCC-BY\n"))
    assert wide.notes == ("w.tsv: only the first two columns are read, in all 2 lines",)


def test_a_table_beside_a_second_file_is_refused(write):
    with pytest.raises(CourseError, match=r"p\.tsv is a table: 2 of its 2 lines hold a tab; give it alone"):
        read_parallel(write("p.tsv", "one\teins\ntwo\tzwei\n"), write("p.de", "eins\nzwei\n"))


def test_numbers_of_lines_and_things():
    assert some_lines([4]) == "line 4"
    assert some_lines([4, 7]) == "lines 4 and 7"
    assert some_lines([4, 7, 9]) == "lines 4, 7 and 9"
    assert some_lines(range(1, 2004)) == "lines 1, 2, 3 and 2,000 more"
    assert (counted(1, "line"), counted(1200, "line")) == ("1 line", "1,200 lines")

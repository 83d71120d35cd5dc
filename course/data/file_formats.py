"""Files that are no plain text, known by cheap signs: what each is, and what a person can do with it."""

import json
import re

_COLUMNS = "tab-separated text in UTF-8 (.tsv), sentence and translation side by side"
_TABLE = f"save it as {_COLUMNS}"
_UNPACK = "unpack it, and give the text files that are in it"
_UTF8 = "save it as UTF-8, which editors offer as the encoding, and try again"

# What a file begins with, what it is then, and what helps. Longer signs stand before the shorter ones in them.
_SIGNS = (
    (b"\xff\xfe\x00\x00", "is text in UTF-32", _UTF8),
    (b"\xff\xfe", 'is text in UTF-16, which Windows programs call "Unicode"', _UTF8),
    (b"\xfe\xff", "is text in UTF-16", _UTF8),
    (b"PK\x03\x04", "is a ZIP archive or an office document (.zip, .xlsx, .docx)", f"{_UNPACK}, or {_TABLE}"),
    (b"\xd0\xcf\x11\xe0", "is an office document (.xls, .doc)", _TABLE),
    (b"%PDF-", "is a PDF", "copy its text into a text file, one sentence a line"),
    (b"{\\rtf", "is formatted text (RTF)", "save it as plain text in UTF-8"),
    (b"\xfd7zXZ\x00", "is packed with xz", _UNPACK),
    (b"BZh91AY&SY", "is packed with bzip2", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "is a RAR archive", _UNPACK),
    (b"PAR1\x15", "is a Parquet table", _TABLE),
    (b"SQLite format 3", "is a database", _TABLE),
    (b"version https://git-lfs", "is the placeholder of a file in Git LFS", "fetch the file with `git lfs pull`"),
)  # fmt: skip
_MARKUP = (
    (rb"(<!doctype html|<html)", "is a web page", "download the file that the page shows"),
    (rb"(<\?xml[^>]*>\s*)?(<!doctype tmx[^>]*>\s*)?<tmx", "is a translation memory (TMX)", f"export it as {_COLUMNS}"),
    (rb"<(\?xml|!doctype|refset|srcset|tstset|mteval|xliff)", "is XML or SGML", "take the sentences out, one a line"),
)
_BEGINNING = 4096  # bytes that are looked at


def other_format(data: bytes, name: str) -> tuple[str, str] | None:
    """What a file is instead of text, and what helps, as "is a PDF", "copy its text ..."; None for a text.

    data: the file's bytes, unpacked where it was gzip. name: the file's name; only .csv in it counts, and only where
    no tab separates columns.
    """
    for sign, what, remedy in _SIGNS:
        if data.startswith(sign):
            return what, remedy
    if data[257:262] == b"ustar":
        return "is a tar archive", _UNPACK
    beginning = data[:_BEGINNING].removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, what, remedy in _MARKUP:
        if re.match(pattern, beginning, re.IGNORECASE):
            return what, remedy
    if _is_json(beginning):
        return "is JSON", "write sentence and translation into two columns of a text file, with a tab between them"
    if data.count(b"\0") > len(data) / 20:
        return "holds many NUL bytes, as text in UTF-16 or a program does", _UTF8
    if re.search(r"\.csv(\.gz)?$", name, re.IGNORECASE) and b"\t" not in beginning:
        return "is a table of comma-separated values", f"{_TABLE}, or end its name in .txt if each line is one sentence"
    return None


def _is_json(beginning: bytes) -> bool:
    """Whether a file begins as a list of objects, or with an object on its first line, or on many."""
    if re.match(rb'\[\s*\{\s*"|\{\s*\n\s*"[^"\n]*"\s*:', beginning):
        return True
    try:
        return beginning.startswith(b"{") and bool(json.loads(beginning.partition(b"\n")[0]))
    except (ValueError, RecursionError):
        return False

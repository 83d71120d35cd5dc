"""Byte-level byte-pair encoding, joint over both languages.

Source: Sennrich et al. 2016 (BPE for translation, section 3.2); Radford et al. 2019, section 2.2 (on bytes).
The base alphabet is the 256 bytes of UTF-8, so nothing is ever unknown and every string comes back unchanged.
The library `tokenizers` does the counting and merging; a tokenizer is no more than its ordered list of
merges:

    ids 0..3    the special tokens, which no text can produce
    ids 4..259  the 256 bytes: id = 4 + byte
    ids 260..   one per merge, in the order in which training found them
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from course.errors import CourseError
from course.special import SPECIAL_TOKENS
from course.whole_files import put

_SMALLEST_VOCAB = len(SPECIAL_TOKENS) + 256
_FORMAT = "attention-course byte-level BPE"
_VERSION = 1


def _byte_letters() -> list[str]:
    """Return the printable letter by which byte-level BPE writes each of the 256 bytes.

    Visible Latin-1 characters stand for themselves, all others for the letters from U+0100 on, in order: the
    table that Radford et al. 2019 published with GPT-2, and that `tokenizers` uses.
    """
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    letters, spare = [], 0x100
    for byte in range(256):
        if byte in visible:
            letters.append(chr(byte))
        else:
            letters.append(chr(spare))
            spare += 1
    return letters


def _readable(piece: bytes) -> str:
    r"""Show a piece: spaces as "▁", bytes of half a character as "\xc3", control characters escaped."""
    text = piece.decode("utf-8", errors="backslashreplace").replace(" ", "▁")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _vocabulary(merges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return piece -> id. Two merges that spell the same piece share one id.

    The special tokens' entries hold a space. No piece can: byte-level pieces write it as another letter. So
    merges that spell "<pad>" make a piece of their own and never the special id.
    """
    names = [f" {name}" for name in SPECIAL_TOKENS] + _byte_letters()
    vocabulary = {name: i for i, name in enumerate(names)}
    for left, right in merges:
        if left not in vocabulary or right not in vocabulary or " " in left + right:
            raise ValueError(f"the merge {left!r} + {right!r} uses a piece that does not exist yet")
        vocabulary.setdefault(left + right, len(vocabulary))
    return vocabulary


def _check_text(text: object) -> str:
    """Return the text, or refuse what UTF-8 cannot write."""
    if not isinstance(text, str):
        raise CourseError(f"A tokenizer encodes text, but it was given {type(text).__name__}; pass a str.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = f"U+{ord(text[error.start]):04X}"
        raise CourseError(
            f"Character {error.start + 1} of the text is half of a surrogate pair ({code}), which is no "
            "Unicode character; read the text with the right encoding."
        ) from None
    return text


def _check_texts(texts: Iterable[str]) -> list[str]:
    """Return many texts, or refuse a single one: it would count as a text a letter."""
    if isinstance(texts, str):
        raise CourseError("A list of texts is needed here, but there is one string; put it in [ ].")
    return [_check_text(text) for text in texts]


class Tokenizer:
    """Text to ids and back; `decode(encode(text)) == text` for every Unicode string.

    Args:
        merges: pairs of pieces in the order of training, written in byte letters (a space is "Ġ").

    Raises:
        CourseError: when a merge uses a piece that no earlier merge made.
    """

    def __init__(self, merges: Iterable[tuple[str, str]]) -> None:
        from tokenizers import Tokenizer as Library
        from tokenizers import models, pre_tokenizers

        self.merges = tuple((left, right) for left, right in merges)
        try:
            vocabulary = _vocabulary(self.merges)
        except ValueError as error:
            raise CourseError(f"These merges make no tokenizer: {error}.") from None
        self._library = Library(models.BPE(vocab=vocabulary, merges=list(self.merges)))
        self._library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        byte_of = {letter: byte for byte, letter in enumerate(_byte_letters())}
        # The special ids stand for no text at all, hence the empty bytes.
        self._pieces = [b""] * len(SPECIAL_TOKENS) + [
            bytes(byte_of[letter] for letter in piece) for piece in list(vocabulary)[len(SPECIAL_TOKENS) :]
        ]

    @classmethod
    def train(cls, lines: Iterable[str], *, vocab_size: int = 4000) -> "Tokenizer":
        """Learn the merges from lines of text, usually source and target together.

        The result depends on how often each word occurs, not on the order of the lines. It can be smaller
        than asked for: a pair that occurs only once is not merged. The time grows with the square of the longest
        word's length: a line of a megabyte without a blank takes minutes (`ParallelText.without_endless`).

        Args:
            lines: sentences.
            vocab_size: the wanted number of ids, special tokens included; at least 260.

        Raises:
            CourseError: for a vocab_size below 260 or lines without any text.
        """
        from tokenizers import Tokenizer as Library
        from tokenizers import models, pre_tokenizers, trainers

        if isinstance(vocab_size, bool) or not isinstance(vocab_size, int) or vocab_size < _SMALLEST_VOCAB:
            raise CourseError(
                f"vocab_size must be a whole number of at least {_SMALLEST_VOCAB} (256 bytes and "
                f"{len(SPECIAL_TOKENS)} special tokens), but it is {vocab_size!r}."
            )
        checked = _check_texts(lines)
        if not any(checked):
            raise CourseError("A tokenizer needs text to learn from, but all lines are empty; pass sentences.")
        library = Library(models.BPE())
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            # The library sets aside room for as many pieces as are asked for; no text has more than bytes to merge.
            vocab_size=min(vocab_size - len(SPECIAL_TOKENS), 256 + sum(len(line.encode()) for line in checked)),
            min_frequency=2,
            show_progress=False,
            initial_alphabet=_byte_letters(),
        )
        library.train_from_iterator(checked, trainer)
        merges = json.loads(library.to_str())["model"]["merges"]
        return cls((left, right) for left, right in merges)

    @property
    def vocab_size(self) -> int:
        """How many ids there are, the four special ones included."""
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """Return the ids of one text, without BOS and EOS; an empty text has none.

        Raises:
            CourseError: for text with lone surrogates, or something that is not text.
        """
        ids: list[int] = self._library.encode(_check_text(text)).ids
        return ids

    def encode_all(self, texts: Iterable[str]) -> list[list[int]]:
        """Return the ids of many texts at once: the same as `encode` on each, but faster.

        Raises:
            CourseError: as `encode`.
        """
        return [e.ids for e in self._library.encode_batch_fast(_check_texts(texts))]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids; special ids are skipped.

        A model can end in the middle of a character: such bytes become U+FFFD.

        Raises:
            CourseError: for an id outside 0..vocab_size-1.
        """
        return b"".join(self._piece(i) for i in ids).decode("utf-8", errors="replace")

    def tokens(self, ids: Iterable[int]) -> list[str]:
        r"""Return one readable label per id, for figures.

        A space is shown as "▁", a special id by its name, a byte that is half of a character as "\xc3".

        Raises:
            CourseError: for an id outside 0..vocab_size-1.
        """
        return [SPECIAL_TOKENS[i] if 0 <= i < len(SPECIAL_TOKENS) else _readable(self._piece(i)) for i in ids]

    def byte_lengths(self, ids: Iterable[int]) -> list[int]:
        """Return how many bytes of UTF-8 each id stands for; 0 for special ids."""
        return [len(self._piece(i)) for i in ids]

    def _piece(self, i: int) -> bytes:
        """Return the bytes of one id."""
        if not 0 <= i < len(self._pieces):
            raise CourseError(
                f"There is no token id {int(i)}: this tokenizer has ids 0 to {self.vocab_size - 1}; "
                "use the tokenizer that the ids come from."
            )
        return self._pieces[i]

    def save(self, path: Path | str) -> None:
        """Write the merges as JSON, atomically: the file is the old one or the new one, never half of one.

        Raises:
            CourseError: when the file cannot be written.
        """
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "special_tokens": list(SPECIAL_TOKENS),
            "sha256": _checksum(self.merges),
            "merges": [f"{left} {right}" for left, right in self.merges],
        }
        text = json.dumps(content, ensure_ascii=False, indent=0) + "\n"
        try:
            put(Path(path), text.encode("utf-8"))
        except OSError as error:
            raise CourseError(
                f"The tokenizer cannot be written to {path}: {error.strerror or error}; choose a folder that "
                "exists and has space."
            ) from None

    @classmethod
    def load(cls, path: Path | str) -> "Tokenizer":
        """Read what `save` wrote.

        Raises:
            CourseError: when the file is missing, is something else, or is damaged.
        """
        path = Path(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CourseError(f"There is no tokenizer file {path}; check the folder, or train again.") from None
        except OSError as error:
            raise CourseError(f"The tokenizer file {path} cannot be read: {error.strerror or error}.") from None
        except (ValueError, RecursionError):
            content = None  # neither UTF-8 nor JSON
        return cls(_checked_merges(content, path))


def _checksum(merges: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 of the merges, one per line."""
    return hashlib.sha256("\n".join(f"{left} {right}" for left, right in merges).encode("utf-8")).hexdigest()


def _checked_merges(content: object, path: Path) -> list[tuple[str, str]]:
    """Return the merges of a saved tokenizer, or say that the file is damaged."""
    damaged = CourseError(
        f"{path} is damaged or is no tokenizer of this course; restore it from a copy, or train again."
    )
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise damaged
    if content.get("version") != _VERSION or content.get("special_tokens") != list(SPECIAL_TOKENS):
        raise CourseError(
            f"{path} was written by another version of this course (format {content.get('version')!r}, this "
            f"one reads {_VERSION}); use that version, or train again."
        )
    try:
        merges = [_split_merge(line) for line in content["merges"]]
        _vocabulary(merges)
        if _checksum(merges) != content["sha256"]:
            raise damaged
    except CourseError:
        raise
    except (KeyError, TypeError, ValueError):  # a part is missing, of another type, or not sensible
        raise damaged from None
    return merges


def _split_merge(line: object) -> tuple[str, str]:
    """Return the two pieces of a saved merge."""
    if not isinstance(line, str):
        raise TypeError("a merge must be text")
    left, right = line.split(" ")
    return left, right

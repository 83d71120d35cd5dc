import json
import random
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from course.data import Tokenizer
from course.errors import CourseError
from course.special import BOS, EOS, PAD, SPECIAL_TOKENS, UNK

LINES = [
    "A man is riding a bicycle.",
    "Ein Mann fährt Fahrrad.",
    "Two men are riding <pad> <pad> <pad> bicycles.",
    "Zwei Männer fahren <bos>Fahrrad<eos>, größer als das Mädchen.",
] * 5


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(LINES, vocab_size=400)


@pytest.fixture(scope="module")
def plain():
    """A tokenizer with no merge at all: bytes only."""
    return Tokenizer([])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
@example("")
@example("  leading, trailing and   multiple spaces  ")
@example("\n\tlines\r\n\u2028and\x00controls\x7f\u00a0\u00ad")
@example("👩‍👩‍👧‍👦 flags 🇩🇪 and e\u0301 a\u0308 (decomposed)")
@example("<pad><bos><eos><unk>")
@example("Ġ Ċ ▁ · are letters too")
@example("中文 العربية हिन्दी 𝒳 \U0010ffff")
def test_every_unicode_string_comes_back(tokenizer, plain, text):
    for t in (tokenizer, plain):
        ids = t.encode(text)
        assert t.decode(ids) == text
        assert all(len(SPECIAL_TOKENS) <= i < t.vocab_size for i in ids)
    assert [i - 4 for i in plain.encode(text)] == list(text.encode("utf-8"))


@given(st.lists(TEXTS))
def test_many_at_once_is_one_by_one(tokenizer, texts):
    assert tokenizer.encode_all(texts) == [tokenizer.encode(text) for text in texts]


@given(st.lists(st.sampled_from([f"<{w}>" for w in ("pad", "bos", "eos", "unk")] + [" ", "a", "pad"])))
def test_text_that_spells_a_special_token_stays_text(tokenizer, parts):
    text = "".join(parts)
    ids = tokenizer.encode(text)
    assert min(ids, default=4) > UNK
    assert tokenizer.decode(ids) == text


def test_merges_that_spell_a_special_token_make_a_piece_of_their_own():
    t = Tokenizer([("<", "p"), ("<p", "a"), ("<pa", "d"), ("<pad", ">")])
    assert t.vocab_size == 264
    assert t.decode([263, PAD]) == "<pad>"


def test_special_ids_decode_to_nothing_and_have_names(tokenizer):
    ids = tokenizer.encode("Ein Mann")
    assert tokenizer.decode([BOS, *ids, EOS, PAD, PAD, UNK]) == "Ein Mann"
    assert tokenizer.tokens([PAD, BOS, EOS, UNK]) == list(SPECIAL_TOKENS)


def test_frequent_words_become_single_ids_and_sizes_are_kept(tokenizer):
    assert len(tokenizer.encode(" Fahrrad")) == 1
    assert 260 < tokenizer.vocab_size <= 400
    assert Tokenizer.train(LINES, vocab_size=270).vocab_size == 270
    assert Tokenizer.train(LINES, vocab_size=260).vocab_size == 260


def test_the_first_merges_are_those_counted_by_hand():
    # "abab" five times and "ab" once: a+b occurs 11 times, ab+ab 5 times; nothing else repeats.
    assert Tokenizer.train(["abab"] * 5 + ["ab"]).merges == (("a", "b"), ("ab", "ab"))
    assert Tokenizer.train(["ab", "cd"]).merges == ()


def test_training_depends_on_counts_and_not_on_order():
    shuffled = list(LINES)
    random.Random(3).shuffle(shuffled)
    assert Tokenizer.train(shuffled, vocab_size=350).merges == Tokenizer.train(LINES, vocab_size=350).merges


def test_lone_surrogates_are_refused(tokenizer):
    for call in (tokenizer.encode, lambda t: tokenizer.encode_all(["ok", t]), lambda t: Tokenizer.train([t])):
        with pytest.raises(CourseError, match=r"Character 3 .*surrogate.*U\+D800"):
            call("ab\ud800")


def test_what_is_not_text_is_refused(tokenizer):
    with pytest.raises(CourseError, match="given bytes"):
        tokenizer.encode(b"abc")


@pytest.mark.parametrize("size", [259, 0, -1, 300.0, True])
def test_a_vocabulary_too_small_is_refused(size):
    with pytest.raises(CourseError, match=f"at least 260 .*{size}"):
        Tokenizer.train(LINES, vocab_size=size)


@pytest.mark.parametrize("lines", [[], ["", ""]])
def test_nothing_to_learn_from_is_refused(lines):
    with pytest.raises(CourseError, match="needs text"):
        Tokenizer.train(lines)


@pytest.mark.parametrize("ids", [[-1], [4000], [5, 400]])
def test_unknown_ids_are_refused(tokenizer, ids):
    for call in (tokenizer.decode, tokenizer.tokens):
        with pytest.raises(CourseError, match="no token id"):
            call(ids)


def test_half_a_character_is_shown_and_never_raises(plain):
    ids = plain.encode("é")
    assert plain.tokens(ids) == ["\\xc3", "\\xa9"]
    assert plain.decode(ids[:1]) == "\ufffd"


def test_labels_are_readable(tokenizer, plain):
    labels = tokenizer.tokens(tokenizer.encode("Zwei Männer fahren Fahrrad."))
    assert "".join(labels) == "Zwei▁Männer▁fahren▁Fahrrad."
    assert "▁Fahrrad" in labels
    assert plain.tokens(plain.encode("a\n\t\x00 ")) == ["a", "\\n", "\\t", "\\x00", "▁"]


def test_saved_and_loaded_is_the_same(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    again = Tokenizer.load(path)
    assert again.merges == tokenizer.merges
    assert again.encode_all(LINES) == tokenizer.encode_all(LINES)
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]
    assert b"\r" not in path.read_bytes()
    again.save(path)  # over the old one
    assert Tokenizer.load(str(path)).vocab_size == tokenizer.vocab_size


def saved(tokenizer, path):
    tokenizer.save(path)
    return path.read_bytes()


def test_a_file_cut_anywhere_is_refused(tokenizer, tmp_path):
    path = tmp_path / "t.json"
    whole = saved(tokenizer, path)
    for end in range(0, len(whole) - 3, 97):
        path.write_bytes(whole[:end])
        with pytest.raises(CourseError, match=r"t\.json is damaged"):
            Tokenizer.load(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c["merges"].pop(),
        lambda c: c["merges"].reverse(),
        lambda c: c["merges"].append("nowhere land"),
        lambda c: c["merges"].append("one two three"),
        lambda c: c["merges"].append(7),
        lambda c: c["merges"].append("\ud800 a"),
        lambda c: c.update(merges=None),
        lambda c: c.pop("merges"),
        lambda c: c.pop("sha256"),
        lambda c: c.update(sha256=5),
        lambda c: c.pop("format"),
    ],
)
def test_a_changed_file_is_refused(tokenizer, tmp_path, damage):
    path = tmp_path / "t.json"
    content = json.loads(saved(tokenizer, path))
    damage(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CourseError, match="damaged"):
        Tokenizer.load(path)


@pytest.mark.parametrize("text", ["[]", "null", "{}", "\xff", "[" * 100_000])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "t.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(CourseError, match="no tokenizer of this course"):
        Tokenizer.load(path)


def test_missing_files_other_versions_and_wrong_merges_are_named(tokenizer, tmp_path):
    with pytest.raises(CourseError, match="There is no tokenizer file"):
        Tokenizer.load(tmp_path / "t.json")
    with pytest.raises(CourseError, match="cannot be read"):
        Tokenizer.load(tmp_path)
    with pytest.raises(CourseError, match="cannot be written"):
        tokenizer.save(tmp_path / "nowhere" / "t.json")
    content = json.loads(saved(tokenizer, tmp_path / "t.json"))
    (tmp_path / "t.json").write_text(json.dumps(content | {"version": 2}), encoding="utf-8")
    with pytest.raises(CourseError, match="another version"):
        Tokenizer.load(tmp_path / "t.json")
    with pytest.raises(CourseError, match="'ab' . 'c'"):
        Tokenizer([("a", "c"), ("ab", "c")])


def test_a_failed_save_keeps_the_old_file(tokenizer, tmp_path, monkeypatch):
    path = tmp_path / "t.json"
    before = saved(tokenizer, path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CourseError, match="No space left"):
        Tokenizer([]).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.json"]


def test_one_string_is_no_list_of_texts():
    for function in (Tokenizer.train, Tokenizer(()).encode_all):
        with pytest.raises(CourseError, match=r"there is one string; put it in \[ \]"):
            function("a b")


def test_two_threads_that_save_do_not_write_into_one_anothers_half(tmp_path, monkeypatch):
    """Both use the same process id: the name of the unfinished file must not be made of that alone."""
    parts, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: (parts.append(self.name), replace(self, to))[1])
    for _ in range(2):
        Tokenizer(()).save(tmp_path / "tokenizer.json")
    assert len(set(parts)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]


def test_an_interrupted_save_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(self, to):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Tokenizer(()).save(tmp_path / "tokenizer.json")
    assert not list(tmp_path.iterdir())

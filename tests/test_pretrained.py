"""The shipped translators: they are whole, small, and score what their card says; the recipe still learns."""

import json
from dataclasses import replace

import pytest

from course.data import load_corpus
from course.data.embedded import embedded_pairs
from course.errors import CourseError
from course.evaluation import score_split
from course.pretrained import PAIRS, known_words, pretrained_translator, run_folder, unknown_words, words_of
from course.pretrained.__main__ import CARD, HERE, SCORES_FILE, recipe, ship
from course.training import train
from course.training.checkpoint import read_tensors
from course.translator import Translator


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("split", ["test_iid", "longer"])
def test_the_shipped_model_scores_what_its_card_says(pair, split):
    said = {row["split"]: row for row in json.loads((HERE / pair / SCORES_FILE).read_text(encoding="utf-8"))}
    n = 400
    found = score_split(pretrained_translator(pair), f"embedded-{pair}", split, limit=n)
    # The card counts the whole split, this test a part: four standard errors, and half a point for other processors.
    share = said[split]["exact_match"] / 100
    slack = 4 * 100 * (share * (1 - share) / n) ** 0.5 + 0.5
    assert found.exact_match == pytest.approx(said[split]["exact_match"], abs=slack)
    assert f"{said[split]['exact_match']:.1f}%" in (HERE / CARD).read_text(encoding="utf-8")


def test_both_together_take_at_most_8_megabytes():
    assert sum((run_folder(pair) / "best.safetensors").stat().st_size for pair in PAIRS) <= 8e6


@pytest.mark.slow
def test_the_recipe_still_learns(tmp_path):
    preset, training = recipe(150)
    text = load_corpus("embedded-en-de", "dev")
    part = replace(text, source=text.source[:900], target=text.target[:900])
    held_out = replace(text, source=text.source[900:], target=text.target[900:])
    short = replace(training, warmup_steps=50, validations=1, validation_sentences=20)
    result = train(
        tmp_path / "run", part, held_out, model_options=preset.model, training=short, vocab_size=preset.vocab_size
    )
    assert result.loss < 3.3  # nats a token; 2.9 is usual, and ln V = 7.6 before the first step

    ship(tmp_path / "run", tmp_path / "shipped")
    weights, _ = read_tensors(tmp_path / "shipped" / "best.safetensors")
    assert {str(tensor.dtype) for tensor in weights.values()} == {"torch.float16"}
    sentences = list(part.source[:20])
    whole, halved = (Translator.load(tmp_path / name).translate(sentences, beam=1) for name in ("run", "shipped"))
    same = sum(a.text == b.text for a, b in zip(whole, halved, strict=True))
    assert same >= 18


def test_an_unknown_pair_is_named_with_the_nearest():
    for ask in (run_folder, pretrained_translator):
        with pytest.raises(CourseError, match='"en-es".*en-de'):
            ask("en-es")


def test_the_word_list_is_that_of_the_training_sentences():
    assert "needle" in known_words()
    for pair in embedded_pairs("embedded-en-de", "test_iid")[:200]:
        assert not unknown_words(pair.source)


def test_unknown_words_are_named_once_with_words_that_look_alike():
    found = unknown_words("The elephent opens the dore, and the elephent sleeps.")
    assert [word.word for word in found] == ["elephent", "dore"]
    assert "door" in found[1].near
    assert str(found[1]).startswith('"dore" (do you mean "')
    assert str(unknown_words("Xqzt!")[0]) == '"Xqzt"'


def test_words_of_a_sentence():
    assert words_of("Anna's dog, isn't it: 12 o'clock!") == ["Anna's", "dog", "isn't", "it", "12", "o'clock"]

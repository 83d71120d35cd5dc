"""Lesson 13, words in context and how alignment is born: planted cases, gold by hand, and figures beside the logs."""

import json
import re

import numpy as np
import pytest

from course.alignment import WordAttention
from course.data import embedded_pairs, gold
from course.lab import explore
from course.lessons.lesson_13 import birth, birth_figures, referents, sense_figures, sense_swaps, senses
from course.pretrained import pretrained_translator
from tests.test_lab_figures import collisions, drawn


@pytest.fixture(scope="module")
def translator():
    return pretrained_translator("en-de")


def pair_of(text):
    splits = ("senses", "anaphora", "dev", "test_iid", "train")
    return next(pair for split in splits for pair in embedded_pairs("embedded-en-de", split) if pair.source == text)


# ---- Probes, on planted vectors ----------------------------------------------------------------------------------


def planted(n=80, d=20, apart=0.0, seed=0):
    """Vectors of two classes whose means are so many standard deviations apart, and labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    vectors = rng.normal(size=(n, d))
    vectors[:, 3] += apart * labels
    return vectors, labels


@pytest.mark.parametrize("name", ["nearest mean", "linear probe"])
def test_a_probe_finds_what_is_there_and_nothing_where_nothing_is(name):
    guess = senses.GUESSES[name]
    for apart, least, most in ((8.0, 0.97, 1.0), (0.0, 0.3, 0.7)):
        vectors, labels = planted(n=200, apart=apart)
        right = (senses.out_of_fold(guess, vectors, labels, senses.random_folds(200)) == labels).mean()
        assert least <= right <= most


def test_a_probe_has_the_weights_with_the_smallest_loss():
    vectors, labels = planted(apart=2.0)
    x = np.concatenate([vectors, np.ones((len(vectors), 1))], axis=1)

    def loss(weights):
        scores = x @ weights
        return (np.logaddexp(0, scores) - labels * scores).sum() + 0.5 * (weights[:-1] ** 2).sum()

    weights = senses.logistic_weights(x, labels, penalty=1.0)
    rng = np.random.default_rng(1)
    assert all(loss(weights) < loss(weights + 0.01 * rng.normal(size=21)) for _ in range(50))


def test_vectors_that_are_all_one_tell_no_probe_anything():
    vectors, labels = np.ones((30, 8)), (np.arange(30) % 3 == 0).astype(int)
    for guess in senses.GUESSES.values():
        assert (guess(vectors, labels, vectors[:5]) == 0).all()


def test_a_probe_that_saw_one_class_says_that_one():
    vectors, _ = planted(n=10)
    for guess in senses.GUESSES.values():
        assert (guess(vectors, np.ones(10, dtype=int), vectors) == 1).all()


def test_a_control_is_a_function_of_the_word_before_and_as_hard_to_guess_as_the_senses():
    before = ["the"] * 40 + ["a"] * 25 + ["my", "two", "that", "your"] * 10
    thrown = [senses.coins(before, share=0.6, seed=seed) for seed in range(4)]
    for labels in thrown:
        assert len({(word, label) for word, label in zip(before, labels, strict=True)}) == len(set(before))
        assert 0.5 <= max(labels.mean(), 1 - labels.mean()) <= 0.68
    assert len({tuple(labels) for labels in thrown}) > 1


def test_where_vectors_hold_only_the_word_before_the_control_is_learned_and_new_neighbors_are_not():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(12)]
    before = [words[i % 12] for i in range(240)]
    own = {word: rng.normal(size=24) for word in words}
    vectors = np.array([own[word] for word in before]) + 0.1 * rng.normal(size=(240, 24))
    labels = senses.coins(before, share=0.5, seed=0)
    seen = senses.out_of_fold(senses.linear_probe, vectors, labels, senses.random_folds(240))
    new = senses.out_of_fold(senses.linear_probe, vectors, labels, senses.neighbor_folds(before))
    assert (seen == labels).mean() > 0.95
    assert (new == labels).mean() < 0.75  # a coin of a word that it never met


def test_folds_by_neighbor_share_no_neighbor():
    before = ["the", "a", "my", "the", "two", "that", "a", "the", "every", "your", "our", "to"]
    folds = senses.neighbor_folds(before, folds=4)
    for fold in set(folds.tolist()):
        held = {word for word, at in zip(before, folds, strict=True) if at == fold}
        assert held.isdisjoint(word for word, at in zip(before, folds, strict=True) if at != fold)


def test_the_plane_is_the_same_whatever_sign_the_directions_have():
    vectors, _ = planted(n=40, apart=3.0)
    places, share = senses.plane(vectors)
    assert 0 < share < 1
    np.testing.assert_allclose(np.cov(places.T)[0, 1], 0, atol=1e-9)
    assert places[:, 0].var() >= places[:, 1].var()
    again, _ = senses.plane(vectors[::-1])
    np.testing.assert_allclose(again[::-1], places, atol=1e-8)
    mirrored, _ = senses.plane(-vectors)  # the same directions, so the places are mirrored, not their axes
    np.testing.assert_allclose(mirrored, -places, atol=1e-8)
    assert senses.plane(np.ones((5, 3)))[1] == 0


# ---- Senses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("That knife has a sharp point.", [("point", "tip", "sharp")]),
        ("The small fly flies slowly.", [("fly", "insect", "small"), ("flies", "in the air", "fly")]),
        ("Anna sells watches.", [("watches", "clock", "sells")]),
        ("Paul sang in that bank.", [("bank", "money", "that")]),
        ("Paul slept on the bank.", [("bank", "river", "the")]),
        ("Five women carry the bag because it is light.", [("light", "not heavy", "is")]),
    ],
)
def test_senses_are_those_of_the_sentence(text, wanted):
    assert [(each.form, each.sense, each.before) for each in senses.occurrences_in(pair_of(text))] == wanted


def test_the_reference_says_the_right_word_wherever_a_form_occurs():
    found = senses.occurrences(("senses", "dev"))
    assert len(found) > 600
    assert all(senses.right_word(each, each.pair.target) for each in found)
    (point,) = senses.occurrences_in(pair_of("That knife has a sharp point."))
    assert not senses.right_word(point, "Dieses Messer zeigt.")
    assert not senses.right_word(point, "Dieses Messer hat ein Licht.")


def test_at_the_embedding_a_form_is_one_vector_and_in_the_encoder_many(translator):
    found = [each for text in ("Paul sang in that bank.", "Paul slept on the bank.")
             for each in senses.occurrences_in(pair_of(text))]  # fmt: skip
    vectors = senses.word_vectors(translator, found)
    assert vectors.shape == (2, len(senses.LAYERS), translator.model.config.d_model)
    np.testing.assert_allclose(vectors[0, 0], vectors[1, 0], atol=1e-6)
    assert np.abs(vectors[0, 1:] - vectors[1, 1:]).max() > 0.1


def test_the_last_states_are_what_the_decoder_reads(translator):
    import torch

    states = senses.encoder_states(translator, "Paul slept on the bank.")
    with torch.inference_mode():
        memory = translator.model.encode(torch.tensor(translator.source_ids(["Paul slept on the bank."])))
    np.testing.assert_allclose(states[-1], memory[0].numpy(), atol=1e-5)
    assert not translator.model.encoder.layers[0]._forward_pre_hooks


def test_the_kept_probes_are_those_of_these_vectors(translator):
    kept = {row["form"]: row for row in senses.read_senses()["by_form"]}
    found = [each for each in senses.occurrences() if each.form == "point"]
    vectors = senses.word_vectors(translator, found)
    row = senses.by_form(found, vectors)[0]
    assert row["n"] == kept["point"]["n"] == len(found)
    assert row["majority"] == kept["point"]["majority"]
    assert np.abs(np.array(row["right"]) - kept["point"]["right"]).max() <= 2


def test_a_moved_vector_is_moved_and_only_that_one(translator):
    import torch

    (bank,) = senses.occurrences_in(pair_of("Paul slept on the bank."))
    src = torch.tensor(translator.source_ids([bank.pair.source]))
    places = sense_swaps.places(translator, bank)
    shift = torch.zeros(1, src.shape[1], translator.model.config.d_model)
    shift[0, places] = 1.0
    with torch.inference_mode():
        before = translator.model.encode(src)
        with sense_swaps.moved(translator.model, shift):
            after = translator.model.encode(src)
        torch.testing.assert_close(translator.model.encode(src), before)
    torch.testing.assert_close(after - before, shift, atol=1e-5, rtol=0)
    assert translator.tokenizer.tokens(src[0, places].tolist())[-1].endswith("bank")


def test_shifts_lead_from_one_mean_to_the_other():
    texts = ("Paul sang in that bank.", "Paul slept on the bank.")
    found = [each for text in texts for each in senses.occurrences_in(pair_of(text))]
    vectors = np.array([[1.0, 2.0, 0.0], [4.0, 6.0, 0.0]])
    shifts = sense_swaps.shifts_of(found, vectors, "to the other sense")
    np.testing.assert_allclose(shifts, [[3, 4, 0], [-3, -4, 0]])
    away = np.linalg.norm(sense_swaps.shifts_of(found, vectors, "random, three times as far"), axis=1)
    np.testing.assert_allclose(away, 15)
    assert not sense_swaps.shifts_of(found, vectors, "none").any()


def test_without_a_move_it_writes_what_it_writes(translator):
    found = senses.occurrences(("senses",))[:6]
    plain = [each.text for each in translator.translate([each.pair.source for each in found], beam=1)]
    assert sense_swaps.translations(translator, found, np.zeros((6, 128))) == plain


def test_what_was_written_is_named():
    (point,) = senses.occurrences_in(pair_of("That knife has a sharp point."))
    said = ("eine Spitze", "er zeigt", "er zeigt die Spitze", "ein Hut")
    assert [sense_swaps.outcome(point, text) for text in said] == ["own", "other", "both", "neither"]


# ---- Referents -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "noun", "nouns", "german", "distance"),
    [
        ("The box is big, but it is empty.", "box", ["box"], ("sie", "Kiste"), 4),
        ("The queen buys the boat that my mother built because it is beautiful.", "boat", ["queen", "boat", "mother"],
         ("es", "Boot"), 6),
        ("Because the kitchen is not clean, the boy cleans it up.", "kitchen", ["kitchen", "boy"], ("sie", "Küche"), 7),
        ("The students give Anna their coat because it is beautiful.", "coat", ["students", "Anna", "coat"],
         ("er", "Mantel"), 2),
        ("Today the lion on the mountain runs, but Anna does not see it.", "lion", ["lion", "mountain", "Anna"],
         ("ihn", "Löwe"), 10),
    ],
)  # fmt: skip
def test_gold_antecedents_are_those_of_the_sentence(text, noun, nouns, german, distance):
    (found,) = referents.references(pair_of(text))
    source, target = ([token.text for token in side] for side in (found.pair.source_tokens, found.pair.target_tokens))
    assert source[found.asking] == "it"
    assert source[found.noun] == noun
    assert [source[i] for i in found.nouns] == nouns
    assert (target[found.german[0]], target[found.german[1]]) == german
    assert found.distance == distance


def test_that_country_is_the_one_that_was_named():
    pair = next(p for p in embedded_pairs("embedded-en-de", "test_iid")
                if p.source == "Anna loves Germany, and the king of that country works.")  # fmt: skip
    (found,) = referents.references(pair, "country")
    words = [token.text for token in pair.source_tokens]
    assert (words[found.asking], words[found.noun], found.distance) == ("country", "Germany", 6)
    assert not found.nearest  # "king" stands between
    assert referents.references(pair_of("The president of that country did not arrive."), "country") == []


def test_looks_are_rows_of_the_attention(translator):
    (found,) = referents.references(pair_of("The box is big, but it is empty."))
    looked = referents.looks(translator, found)
    assert set(looked) == set(referents.VIEWS)
    for each in looked.values():
        assert each.weights.shape[-1] == 1
        assert (each.weights.sum(-1) + each.itself <= 1 + 1e-5).all()
    assert looked["cross"].itself.max() > 0.1  # some head looks at "it" while it writes "sie"


def test_wrong_pronouns_are_told_apart():
    (box,) = referents.references(pair_of("The box is big, but it is empty."))
    (lion,) = referents.references(pair_of("Today the lion on the mountain runs, but Anna does not see it."))
    assert (box.word, lion.word) == ("sie", "ihn")
    said = ["sie", "er", "ihr", "leer", "ihn", "er", "ihm", "es"]
    counts = referents.what_went_wrong(said, [box] * 4 + [lion] * 4)
    assert counts == {"right": 2, "gender": 2, "case": 3, "no pronoun": 1}


def test_a_planted_head_that_looks_at_the_noun_is_found():
    weights = np.full((1, 2, 3), 0.1)
    weights[0, 1, 1] = 0.7
    rows = referents.heads_table([referents.Looks(weights, 1, np.zeros((1, 2)))] * 5, list("abcde"))
    assert [row["weight"][0] for row in rows] == [10.0, 70.0]
    assert [row["first"][0] for row in rows] == [0.0, 100.0]


def test_pronouns_are_right_as_the_log_says_and_wrong_without_the_encoder(translator):
    from course.lessons.lesson_13.editing import Edits, Head

    found = [each for each in referents.all_references(("dev",)) if each.german[0] is not None]
    right = referents.pronouns_right(translator, found)
    assert len(found) > 30
    assert abs(100 * right.mean() - referents.read_referents()["it"]["right"][0]) < 8
    blind = Edits(frozenset(Head(kind, i, h) for kind in ("encoder", "cross") for i in range(2) for h in range(4)))
    assert referents.pronouns_right(translator, found, blind).mean() < right.mean() - 0.3
    np.testing.assert_array_equal(referents.pronouns_right(translator, found), right)  # nothing stays switched off


# ---- Birth ---------------------------------------------------------------------------------------------------------


def test_alignment_errors_of_planted_maps():
    pair = pair_of(birth.MAPPED[0])
    links = set(gold(pair))
    weights = np.zeros((1, 2, len(pair.target_tokens), len(pair.source_tokens) + 1))
    weights[0, 1, :, -1] = 1.0  # head 2 looks at the end only
    linked = {}
    for i, j in sorted(links):
        linked.setdefault(j, i)
    for j in range(len(pair.target_tokens)):
        weights[0, 0, j, linked.get(j, -1)] = 1.0  # head 1 looks at the first word that the gold links name
    words = [tuple(t.text for t in side) for side in (pair.source_tokens, pair.target_tokens)]
    counts = birth.counts_of(WordAttention(*words, weights), links)
    rates = birth.error_rates(np.array([counts, counts]))
    missed = len(links) - len(linked)
    assert rates.shape == (1, 3, 3)
    assert rates[0, 0, 0] == pytest.approx(1 - 2 * len(linked) / (2 * len(links) - missed))
    assert rates[0, 1].tolist() == [1, 1, 1]


def test_other_sources_belong_to_other_targets_of_about_the_same_length():
    examples = [([i] * (1 + i // 10), [i]) for i in range(40)]
    mixed = birth.other_sources(examples)
    assert [target for _, target in mixed] == [target for _, target in examples]
    assert all(a[0] != b[0] for a, b in zip(mixed, examples, strict=True))
    assert sorted(source for source, _ in mixed) == sorted(source for source, _ in examples)
    assert sum(abs(len(a[0]) - len(b[0])) for a, b in zip(mixed, examples, strict=True)) <= 6


def test_the_diagonal_is_right_where_two_languages_go_in_step():
    pair = pair_of("Anna sells watches.")
    assert birth.diagonal_error([pair]) == pytest.approx(1 - 2 * 3 / (4 + 3))  # the full stops have no gold link
    assert birth.diagonal_error([pair_of(birth.MAPPED[0])]) > 0.2


def test_weights_survive_the_log():
    weights = np.random.default_rng(0).random((2, 4, 3, 5))
    again = birth.unpacked(birth.packed(weights), weights.shape)
    assert np.abs(again - weights).max() <= 0.5 / 255 + 1e-9


def test_the_log_is_small_and_whole():
    path = birth.LOGS / birth.FILE
    assert path.stat().st_size < 400_000
    kept = birth.read_birth()
    assert tuple(moment.step for moment in kept.moments) == birth.MOMENTS
    assert [each.text for each in kept.sentences] == list(birth.MAPPED)
    for moment in kept.moments:
        assert (moment.errors[..., 1] <= moment.errors[..., 0] + 1e-6).all()
        for mapped, weights in zip(kept.sentences, moment.maps, strict=True):
            assert weights.shape == (2, 4, len(mapped.target), len(mapped.source) + 1)
            np.testing.assert_allclose(weights.sum(-1), 1, atol=0.05)
    for pair, mapped in zip(birth.mapped_pairs(), kept.sentences, strict=True):
        assert set(mapped.gold) == set(gold(pair))


def test_what_the_text_says_of_the_birth_holds_for_the_log():
    kept = birth.read_birth()
    first, last = kept.moments[0], kept.moments[-1]
    assert first.errors[..., 0].min() > kept.diagonal  # untrained heads know less than the diagonal
    assert last.errors[:, :-1, 0].min() < kept.diagonal / 2
    assert abs(first.loss - first.other_loss) < 0.05
    assert last.other_loss > 10 * last.loss
    assert last.exact[0] / last.exact[1] > 0.8


# ---- What the text may say, held to the logs -----------------------------------------------------------------------


def test_what_the_text_says_of_senses_holds_for_the_log():
    kept = senses.read_senses()
    rows = {(row["layer"], row["folds"], row["guess"]): row for row in kept["rows"]}
    first, last = (rows[layer, "sentence", "linear probe"] for layer in senses.LAYERS[1:])
    assert rows["embedding", "sentence", "linear probe"] == rows["embedding", "sentence", "majority"] | {
        "guess": "linear probe"
    }
    assert first["sense"][1] > 95
    assert last["sense"][1] > first["sense"][0]
    assert last["selectivity"][2] < first["selectivity"][1]  # it falls, though the probe gets better
    assert rows["after layer 2", "neighbor", "linear probe"]["sense"][1] > 85
    moves = sense_swaps.read_swaps()["all"]
    assert moves["to the other sense"]["own"][1] > 85
    past, random = (moves[name]["other"] for name in list(moves)[:2:-1])
    assert past[1] > random[2] + 30


def test_what_the_text_says_of_it_holds_for_the_log():
    kept = referents.read_referents()["it"]
    layer, head = kept["best"]["encoder"]
    finder = next(row for row in kept["heads"]["encoder"] if (row["layer"], row["head"]) == (layer, head))
    assert finder["weight"][1] > 95
    assert finder["first"][1] > 99
    assert max(row["weight"][2] for view in ("decoder", "cross") for row in kept["heads"][view]) < 15
    off = {tuple(row["off"]): row["right"] for row in kept["off"]}
    assert off["encoder", layer, head][2] < 50 < kept["right"][1]
    assert all(right[0] > 99 for (kind, _, h), right in off.items() if kind == "cross" and h >= 0)
    assert off["cross", 1, -1][2] < 30
    errors = kept["without_best"]["wrong"], kept["without_second"]["wrong"]
    assert errors[0]["gender"] > 400
    assert errors[0]["case"] + errors[0]["no pronoun"] < 5
    assert errors[1]["gender"] == errors[1]["case"] == 0
    assert errors[1]["no pronoun"] > 200


def test_what_the_text_says_of_layers_holds_for_the_log():
    kept = birth.read_birth()
    first_layer = np.array([moment.errors[0, -1, 0] for moment in kept.moments])
    at = int(first_layer.argmin())
    assert 150 <= kept.moments[at].step <= 250
    assert kept.moments[-1].errors[0, -1, 1] > kept.moments[at].errors[0, -1, 2]  # beyond the interval
    apart = next(m.step for m in kept.moments if m.other_loss > 1.2 * m.loss)
    below = next(m.step for m in kept.moments if m.errors[:, :-1, 0].min() < kept.diagonal)
    half = next(m.step for m in kept.moments if m.exact[0] > m.exact[1] / 2)
    assert apart < below < half


# ---- Figures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checkpoint", [0, 7, 14, 29])
@pytest.mark.parametrize("sentence", [0, 3])
def test_the_birth_is_drawn_as_it_is_kept(checkpoint, sentence):
    figure, alt = drawn(birth_figures.draw_birth, {"checkpoint": checkpoint, "sentence": sentence})
    assert collisions(figure) == []
    kept = birth.read_birth()
    moment, (layer, head) = kept.moments[checkpoint], kept.best_head()
    assert f"After {moment.step} updates: validation loss {moment.loss:.2f}" in alt
    assert f"{moment.errors[layer, head, 0]:.2f} (" in alt
    assert moment.said[0] in alt


def test_every_moment_of_the_slider_draws():
    panel = explore(birth_figures.draw_birth, checkpoint=(0, len(birth.MOMENTS) - 1))
    for checkpoint in range(len(birth.MOMENTS)):
        panel.set(checkpoint=checkpoint)
        assert panel.error == ""


@pytest.mark.parametrize("form", list(senses.FORMS))
def test_clouds_are_drawn_as_they_are_kept(form):
    figure, alt = drawn(sense_figures.draw_clouds, {"form": form})
    assert collisions(figure) == []
    (row,) = [row for row in senses.read_senses()["by_form"] if row["form"] == form]
    assert [int(n) for n in re.findall(rf"probe right (\d+) of {row['n']}", alt)] == row["right"]


def test_tables_show_what_the_logs_keep():
    kept = senses.read_senses()
    wanted = ("after layer 2", "linear probe", "sentence")
    (row,) = [row for row in kept["rows"] if (row["layer"], row["guess"], row["folds"]) == wanted]
    assert f"{row['selectivity'][0]:.1f} ({row['selectivity'][1]:.1f} to" in sense_figures.probe_table().alt
    (row,) = [row for row in kept["rows"]
              if (row["layer"], row["guess"], row["folds"]) == (*wanted[:2], "neighbor")]  # fmt: skip
    assert f"{row['sense'][0]:.1f} ({row['sense'][1]:.1f} to" in sense_figures.neighbor_table().alt
    assert str(kept["written"]["probe_by_word"][0][0]) in sense_figures.written_table().alt
    assert "point" in sense_figures.forms_table().alt
    assert f"{sense_swaps.read_swaps()['all']['random']['own'][0]:.1f} (" in sense_figures.swaps_table().alt
    it = referents.read_referents()["it"]
    assert f"{it['off'][0]['right'][0]:.1f} (" in sense_figures.off_table().alt
    assert f"{it['right'][0]:.1f} (" in sense_figures.off_table().alt
    assert f"{it['by_distance'][0]['right'][0]:.1f} (" in sense_figures.distance_table().alt
    assert f"{it['baselines']['nearest'][0]:.1f} (" in sense_figures.choice_table().alt
    assert [str(n) for n in it["without_best"]["wrong"].values()] == sense_figures.errors_table().alt.split("\n")[
        1
    ].split()[-4:]
    assert "Germany" not in sense_figures.choice_table(word="country").alt
    assert f"{birth.read_birth().moments[-1].loss:.2f}" in birth_figures.birth_table().alt


def test_the_logs_are_plain_json():
    for module in (birth, senses, sense_swaps, referents):
        text = (module.LOGS / module.FILE).read_text(encoding="utf-8")
        assert json.loads(text)
        assert "NaN" not in text

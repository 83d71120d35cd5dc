"""Lesson 09: what its text says of numbers, its figures, its kept measurements, and the course's package beside it."""

import itertools
import json
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from course.data import ParallelText, Tokenizer, embedded_text, encode_pairs, length_bucketed_batches, padding_report
from course.errors import CourseError
from course.lab import explore
from course.lab.drawing.picture import new_figure, render
from course.lessons.lesson_09 import experiments, figures, reference
from course.lessons.lesson_09.exercises import counted
from course.lessons.lesson_09.mistakes.aligning import apart
from course.lessons.lesson_09.quiz import QUIZ
from course.lessons.lesson_09.reference import bpe_encode, bpe_train, buckets, clean_pairs, make_batch
from course.pretrained import run_folder
from course.special import BOS, EOS, PAD
from tests.test_lab_figures import collisions, drawn

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "solutions" / "09_from_text_to_batches.py"
SEWING = {"sew": 2, "sews": 1, "sewn": 1, "new": 3, "news": 2}


def said():
    """The text of the lesson without the marks of comments, in one line."""
    return " ".join(SOURCE.read_text(encoding="utf-8").replace("\n#", " ").split())


@pytest.fixture(scope="module")
def text():
    return embedded_text("embedded-en-de", "dev")


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.load(run_folder("en-de") / "tokenizer.json")


@pytest.fixture(scope="module")
def pairs(text, tokenizer):
    return encode_pairs(text, tokenizer)


@pytest.fixture(scope="module")
def merges(text):
    return bpe_train(experiments.count_words(text.source), 600)


# --- by hand ------------------------------------------------------------------------------------------------------


def neighbors(words, merges):
    counts = Counter()
    for word, n in words.items():
        pieces = bpe_encode(word, merges)
        for pair in zip(pieces, pieces[1:], strict=False):
            counts[pair] += n
    return counts


@pytest.mark.parametrize("known", [[], [("e", "w")]])
def test_the_tables_of_both_rounds(known):
    counts = neighbors(SEWING, known)
    ranked = sorted(counts.values(), reverse=True)
    heads = [" | ".join(f"`{left} {right}`" for left, right in order) for order in orders(counts)]
    assert any(head in said() for head in heads)
    assert "| " + " | ".join(map(str, ranked[:7])) in said()


def orders(counts):
    """All orders of the pairs with falling counts, as far as the lesson shows them."""
    groups = [
        [pair for pair, n in counts.items() if n == count] for count in sorted(set(counts.values()), reverse=True)
    ]
    for ordered in itertools.product(*(itertools.permutations(group) for group in groups)):
        yield [pair for group in ordered for pair in group]


def test_the_merges_by_hand():
    assert bpe_train(SEWING, 5) == [("e", "w"), ("ew", "</w>"), ("ew", "s"), ("ews", "</w>"), ("n", "ew</w>")]
    assert "So the second merge is `ew </w>`" in said()


def test_the_library_breaks_the_tie_of_the_second_round_the_other_way():
    assert experiments.library_merges(SEWING, 2) == [("e", "w"), ("n", "ew")]
    assert experiments.learn(SEWING, 2, "oldest").merges == [("e", "w"), ("n", "ew")]


# --- the library ----------------------------------------------------------------------------------------------------


def test_the_librarys_rule_gives_the_librarys_merges_and_the_others_do_not(text):
    words = experiments.count_words(text.source)
    library = experiments.library_merges(words, 400)
    learned = {rule: experiments.learn(words, 400, rule) for rule in experiments.RULES}
    assert learned["oldest"].merges == library
    assert learned["smallest"].merges == bpe_train(words, 400)
    first = experiments.first_difference(learned["smallest"].merges, library)
    assert f"the first difference comes at merge {first}" in said()
    assert f"Of 400, {learned['oldest'].ties()} were decided" in said()
    assert 0.07 < len(set(learned["smallest"].merges) - set(library)) / 400 < 0.13  # "a tenth"
    fresh = experiments.count_words(embedded_text("embedded-en-de", "test_iid").source)
    assert 0 < experiments.cut_otherwise(fresh, learned["smallest"].merges, library) < 15


@pytest.mark.parametrize("seed", range(25))
def test_the_librarys_rule_holds_on_random_texts(seed):
    draw = random.Random(seed)
    words = {"".join(draw.choices("abcd", k=draw.randint(1, 7))): draw.randint(1, 4) for _ in range(40)}
    assert experiments.learn(words, 60, "oldest").merges == experiments.library_merges(words, 60)


def test_the_largest_pair_is_subword_nmts_rule():
    """In our own words, as subword-nmt is no dependency: of equals max(counts, key=lambda pair: (count, pair))."""
    words = counted("to sew is to join and to sew on is to sew too")
    learned = experiments.learn(words, 12, "largest")
    known = []
    for pair in learned.merges:
        counts = neighbors(words, known)
        assert pair == max(counts, key=lambda pair: (counts[pair], pair))  # noqa: B023
        known.append(pair)


def test_rules_part_at_the_first_difference_and_not_before():
    assert experiments.first_difference([("a", "b"), ("c", "d")], [("a", "b"), ("c", "e")]) == 2
    assert experiments.first_difference([("a", "b")], [("a", "b"), ("c", "e")]) is None


def test_words_are_cut_as_bpe_encode_cuts_them(merges):
    cut = experiments.cut_words(["needle", "the", "xylophone"], merges)
    assert cut == {word: bpe_encode(word, merges) for word in cut}


def test_the_curve_counts_pieces(text, merges):
    words = experiments.count_words(text.source)
    means = experiments.pieces_a_word(words, merges)
    assert len(means) == 601
    assert means == sorted(means, reverse=True)
    for n in (0, 10, 600):
        total = sum(len(bpe_encode(word, merges[:n])) * times for word, times in words.items())
        assert means[n] == pytest.approx(total / sum(words.values()))


def test_what_a_tokenizer_without_an_alphabet_does_not_know_is_dropped(text):
    few, whole = (experiments.byte_level(text.source, whole_alphabet=each) for each in (False, True))
    assert few.encode("🙂").ids == []
    assert few.decode(few.encode("Straße").ids) == "Strae"
    assert few.decode(few.encode("needle").ids) == "needle"
    for word in ("🙂", "Straße", "日本"):
        assert whole.decode(whole.encode(word).ids) == word


def test_the_package_knows_every_character(tokenizer):
    for word in ("🙂", "Straße", "日本"):
        assert tokenizer.decode(tokenizer.encode(word)) == word
        assert min(tokenizer.encode(word)) >= 4


# --- batches --------------------------------------------------------------------------------------------------------


def test_batches_are_the_packages_with_their_masks(pairs):
    torch = pytest.importorskip("torch")
    from course.model.masks import decoder_mask, padding_mask

    for batch in length_bucketed_batches(pairs, max_tokens=700, seed=3, epoch=2):
        src, tgt_in, labels, src_mask, tgt_mask = make_batch([pairs[i] for i in batch.indices], PAD, BOS, EOS)
        for mine, theirs in ((src, batch.src), (tgt_in, batch.tgt_in), (labels, batch.labels)):
            assert mine.dtype == theirs.dtype
            assert torch.equal(mine, theirs)
        assert torch.equal(src_mask, padding_mask(batch.src, pad=PAD))
        assert torch.equal(tgt_mask, decoder_mask(batch.tgt_in, pad=PAD))


def test_padding_is_counted_as_the_package_counts_it(pairs):
    packed = length_bucketed_batches(pairs, max_tokens=500, seed=1, epoch=0)
    lengths = experiments.lengths_of(pairs)
    mine = experiments.padding(lengths, [batch.indices for batch in packed])
    assert mine == pytest.approx(100 * padding_report(packed).both)


def test_in_turn_keeps_the_order_and_the_budget():
    lengths = [(2, 3), (9, 1), (1, 1), (4, 4), (30, 2), (1, 2)]
    groups = experiments.in_turn(lengths, 18)
    assert [i for group in groups for i in group] == list(range(6))
    for group in groups:
        assert len(group) == 1 or len(group) * max(max(lengths[i]) for i in group) <= 18
    assert experiments.in_turn([], 10) == []
    assert buckets([], 10) == []


def test_rounded_up_to_one_is_as_it_was():
    lengths = [(3, 7), (8, 8)]
    assert experiments.rounded_up(lengths, 1) == lengths
    assert experiments.rounded_up(lengths, 4) == [(4, 8), (8, 8)]


def test_the_last_batch_has_the_loss_that_the_package_computes(pairs):
    torch = pytest.importorskip("torch")
    from course.pretrained import pretrained_translator
    from course.training.validation import mean_loss

    model = pretrained_translator("en-de").model.eval()
    some = pairs[:64]
    src, tgt_in, labels, src_mask, tgt_mask = make_batch(some, PAD, BOS, EOS)
    with torch.no_grad():
        logits = model(src, tgt_in, src_mask=src_mask, tgt_mask=tgt_mask)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=PAD)
    assert loss.item() == pytest.approx(mean_loss(model, some), abs=1e-4)


def test_pairs_that_do_not_belong_together_are_seen_by_a_trained_translator(pairs):
    torch = pytest.importorskip("torch")
    from course.pretrained import pretrained_translator
    from course.training.validation import mean_loss

    model = pretrained_translator("en-de").model.eval()
    sides = [list(side) for side in zip(*pairs, strict=True)]
    with torch.no_grad():
        good, bad = (mean_loss(model, clean(*sides, 14)[300:364]) for clean in (clean_pairs, apart))
    assert good < 0.2
    assert bad > 5


def test_his_three_tests_hold(pairs):
    sides = [list(side) for side in zip(*pairs, strict=True)]
    his = apart(*sides, longest=14)
    assert all(0 < len(side) <= 14 for pair in his for side in pair)
    assert all(max(map(len, a)) <= max(map(len, b)) for a, b in itertools.pairwise(his))
    right = {tuple(map(tuple, pair)) for pair in zip(*sides, strict=True)}
    assert sum(tuple(map(tuple, pair)) in right for pair in his) < 0.05 * len(his)


# --- figures --------------------------------------------------------------------------------------------------------

SENTENCE = "Because the story that Leo read is interesting, Max listens to it."
STRANGE = "The seamstress sharpened her needles overnight."


def pieces_values(merges, sentence=SENTENCE, n=10, encode=bpe_encode):
    means = list(np.linspace(5, 1.5, len(merges) + 1))
    return {"bpe_encode": encode, "merges": merges, "means": means, "sentence": sentence, "number_of_merges": n}


def test_every_stop_of_the_pieces_draws(merges):
    figure, seen = new_figure(), set()
    for n in figures.MERGES.stops:
        for sentence in (SENTENCE, STRANGE):
            made = render(figure, figures.draw_pieces, pieces_values(merges, sentence, n))
            assert not made.error, made.error
            seen.add(made.alt)
    assert len(seen) == 2 * len(figures.MERGES.stops)
    assert figures.MERGES.stops[-1] == 600
    assert figures.MERGES.stops[figures.MERGES.start] == 80


@pytest.mark.parametrize("n", [0, 10, 600])
def test_the_pieces_can_be_read(merges, n):
    figure, alt = drawn(figures.draw_pieces, pieces_values(merges, n=n))
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert f"After {n} merges" in alt


def test_the_pieces_are_those_of_the_function_under_study(merges):
    def letters(word, merges):
        return [*word, "</w>"]

    panel = explore(
        figures.draw_pieces, **(pieces_values(merges, encode=letters) | {"number_of_merges": figures.MERGES})
    )
    assert not panel.error
    assert panel.runs_on == "your bpe_encode"
    assert "B|e|c|a|u|s|e|·" in panel.alt


def test_the_answers_below_the_pieces(merges):
    (question,) = re.findall(r"After (\d+)\. \*The\* needs (\d+)", said())
    for word, n in zip(("the", "The"), map(int, question), strict=True):
        assert bpe_encode(word, merges[:n]) == [f"{word}</w>"]
        assert len(bpe_encode(word, merges[: n - 1])) > 1
    assert (
        "".join(itertools.chain(*(bpe_encode(word, merges) for word in STRANGE.split()))).replace("</w>", " ").strip()
        == STRANGE
    )


def padding_values(pairs, width=16, max_tokens=300, function=buckets):
    return {"buckets": function, "lengths": experiments.lengths_of(pairs), "width": width, "max_tokens": max_tokens}


def test_every_stop_of_the_rectangles_draws(pairs):
    figure, seen = new_figure(), set()
    for width in figures.WIDTHS.stops:
        for budget in figures.BUDGETS.stops:
            made = render(figure, figures.draw_padding, padding_values(pairs, width, budget))
            assert not made.error, made.error
            seen.add(made.alt)
    assert len(seen) == len(figures.WIDTHS.stops) * len(figures.BUDGETS.stops)


@pytest.mark.parametrize(("width", "budget"), [(24, 300), (1, 300), (1, 40), (24, 800), (1, 800), (24, 40)])
def test_the_rectangles_can_be_read(pairs, width, budget):
    figure, alt = drawn(figures.draw_padding, padding_values(pairs, width, budget))
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert f"Width {width}, at most {budget} positions a side" in alt


def waste(pairs, width, budget):
    return float(
        re.search(r"padding ([\d.]+) %\.", drawn(figures.draw_padding, padding_values(pairs, width, budget))[1])[1]
    )


def test_the_answers_below_the_rectangles(pairs):
    by_width = [waste(pairs, width, 300) for width in (24, 16, 8, 4, 1)]
    assert by_width == sorted(by_width, reverse=True)
    assert by_width[1] - by_width[3] > 0.5 * (by_width[0] - by_width[4])  # "more than half of it goes between 16 and 4"
    assert waste(pairs, 24, 100) < waste(pairs, 24, 300) < waste(pairs, 24, 800)
    assert waste(pairs, 1, 200) < waste(pairs, 1, 800)
    longest = max(max(pair) for pair in experiments.lengths_of(pairs))
    assert longest <= 24  # "at 24 all are alike"


def test_at_width_24_the_order_of_the_text_stays(pairs):
    groups = buckets(experiments.rounded_up(experiments.lengths_of(pairs), 24), 300)
    assert [i for group in groups for i in group] == list(range(1000))


def test_what_the_text_says_of_padding(pairs):
    lengths = experiments.lengths_of(pairs)
    in_order = experiments.padding(lengths, experiments.in_turn(lengths, 500))
    mine = experiments.padding(lengths, buckets(lengths, 500))
    packed = 100 * padding_report(length_bucketed_batches(pairs, max_tokens=500, seed=1, epoch=0)).both
    assert f"{in_order:.1f} %" in said()
    assert f"{mine:.1f} %" in said()
    assert f"{packed:.1f} %" in said()
    assert packed < mine < in_order


def test_the_batch_can_be_read(pairs, tokenizer):
    pytest.importorskip("torch")
    three = make_batch([pairs[i] for i in (68, 104, 102)], PAD, BOS, EOS)
    rows = {name: [tokenizer.tokens(row) for row in each.tolist()] for name, each in
            zip(("src", "tgt_in", "labels"), three, strict=False)}  # fmt: skip
    figure, alt = drawn(figures.draw_batch, {"rows": rows})
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert "tgt_in: <bos>" in alt


def test_the_summary_can_be_read(text, pairs, tokenizer):
    pytest.importorskip("torch")
    values = figures.whole_way(text, tokenizer, pairs, buckets=buckets, make_batch=make_batch, number=114)
    figure, alt = drawn(figures.draw_summary, values)
    assert collisions(figure) == []
    assert figure.get_size_inches()[0] <= 12
    assert f"source, text: {text.source[114]}" in alt


def test_pictures_come_within_a_tenth_of_a_second(merges, pairs):
    import time

    figure = new_figure()
    for draw, values in (
        (figures.draw_pieces, [pieces_values(merges, n=n) for n in figures.MERGES.stops[:12]]),
        (figures.draw_padding, [padding_values(pairs, width=width) for width in figures.WIDTHS.stops]),
    ):
        times = []
        for each in values:
            begun = time.process_time()
            assert not render(figure, draw, each).error
            times.append(time.process_time() - begun)
        assert sorted(times)[len(times) // 2] < 0.2  # 0.1 on a quiet core


# --- kept measurements ------------------------------------------------------------------------------------------------


def toy(n=60):
    draw = random.Random(1)
    lines = [
        " ".join(draw.choices(["sew", "sews", "new", "news", "sail", "needle"], k=draw.randint(1, 6))) for _ in range(n)
    ]
    return ParallelText(tuple(lines), tuple(line.upper() for line in lines), "en", "de", "toy", "train")


def test_what_was_kept_is_read_and_what_was_not_is_asked_for(tmp_path, monkeypatch):
    experiments.keep("throughput", [{"a": 1}], tmp_path)
    monkeypatch.setattr(experiments, "LOGS", tmp_path)
    assert experiments.read("throughput") == [{"a": 1}]
    with pytest.raises(CourseError, match=r"run `python -m course.lessons.lesson_09.experiments --only misaligned`"):
        experiments.read("misaligned")


def test_vocabularies_of_a_toy():
    kept = experiments.measure_vocabulary(toy(), toy(20), sizes=(262, 300))
    assert (kept["pairs"], kept["new_pairs"], kept["kinds_of_words"]) == (60, 20, 12)
    first, second = kept["sizes"]
    assert first["pieces_a_word"] > second["pieces_a_word"]
    assert first["unknown_words"] == second["unknown_words"] == 0
    table = experiments.vocabulary_table({"toy": kept}).alt.splitlines()
    assert table[2].startswith("toy, pieces as ids: pieces a word")
    assert experiments.unknown(["a b", "a"], {"a"}) == (pytest.approx(100 / 3), 50)


def test_ties_of_a_toy():
    kept = experiments.measure_ties(toy().source, n=10)
    assert kept["merges"] == 10
    assert kept["first_difference"]["oldest"] is None
    assert kept["other_merges"]["oldest"] == 0


def test_texts_are_spoiled_as_the_lesson_says():
    text = ParallelText(tuple("abcdefghij"), tuple("ABCDEFGHIJ"), "en", "de")
    assert experiments.misaligned(text, "right pairs") == text
    lost = experiments.misaligned(text, "one line lost")
    assert (len(lost), lost.source[0], lost.target[0]) == (9, "a", "A")
    assert [s.upper() == t for s, t in zip(lost.source, lost.target, strict=True)] == [True] + [False] * 8
    both = ParallelText(("one two", "three"), ("eins", "zwei drei"), "en", "de")
    assert experiments.misaligned(both, "sides apart").source == ("three", "one two")
    with pytest.raises(CourseError, match="no kind of text called 'upside down'"):
        experiments.misaligned(both, "upside down")


@pytest.mark.slow
def test_a_misaligned_training_and_timing_of_a_toy(monkeypatch, tmp_path, capsys):
    pytest.importorskip("torch")
    from course.training import PRESETS, Preset
    from tests.training_toys import SMALL, backward_corpus, short_training

    monkeypatch.setitem(
        PRESETS, "3min", Preset("toy", short_training(max_steps=None, minutes=1), SMALL, vocab_size=280)
    )
    train, val = backward_corpus()
    run = experiments.train_on(train, val, "sides apart", steps=30)
    assert run["kind"] == "sides apart"
    assert run["losses"][-1]["step"] == 30
    assert run["val_loss"] > 0
    tokenizer = Tokenizer.train((*train.source, *train.target), vocab_size=280)
    monkeypatch.setattr(experiments, "BUDGETS", (40, 80))
    rows = experiments.measure_throughput(encode_pairs(train, tokenizer), rounds=1, timed=300)
    assert [(row["arrangement"], row["max_tokens"]) for row in rows] == [
        (name, budget) for budget in (40, 80) for name in experiments.ARRANGEMENTS
    ]
    assert all(row["tokens_per_second"] > 0 for row in rows)
    monkeypatch.setitem(experiments.MEASURE, "throughput", lambda: rows)
    experiments.main(["--only", "throughput", "--to", str(tmp_path)])
    assert json.loads((tmp_path / "throughput.json").read_text(encoding="utf-8")) == rows
    assert "throughput: " in capsys.readouterr().out


def test_the_kept_figures_are_complete():
    for kind, count in (("vocabulary", 24000), ("multi30k", 29000)):
        kept = experiments.read(kind)
        assert kept["pairs"] == count
        assert [row["size"] for row in kept["sizes"]] == list(experiments.SIZES)
        assert kept["ties"]["first_difference"]["oldest"] is None
    timed = experiments.read("throughput")
    assert {(row["arrangement"], row["max_tokens"]) for row in timed} == set(
        itertools.product(experiments.ARRANGEMENTS, experiments.BUDGETS)
    )
    runs = experiments.read("misaligned")
    assert [run["kind"] for run in runs] == list(experiments.MISALIGNED)
    assert {run["steps"] for run in runs} == {experiments.STEPS}


def test_what_the_text_says_of_ties_on_multi30k():
    ties = experiments.read("multi30k")["ties"]
    assert f"of 1500 merges of 8000 English lines of Multi30k (lesson 14) {ties['ties']} are ties" in said()
    assert f"the first difference by the alphabet comes at merge {ties['first_difference']['smallest']}" in said()


def test_the_kept_pictures_can_be_read():
    for draw, values in (
        (figures.draw_throughput, {"rows": experiments.read("throughput")}),
        (figures.draw_misaligned, {"runs": experiments.read("misaligned")}),
    ):
        figure, _ = drawn(draw, values)
        assert collisions(figure) == []
        assert figure.get_size_inches()[0] <= 12


def test_there_are_three_questions():
    assert len(QUIZ) == 3


def test_the_notebooks_joined_is_the_references():
    for pieces, pair in (([*"banana"], ("a", "n")), ([*"zzz"], ("z", "z")), ([], ("a", "b"))):
        assert reference.joined(pieces, pair) == joined_of_the_lesson()(pieces, pair)


def joined_of_the_lesson():
    source = SOURCE.read_text(encoding="utf-8")
    code = source[source.index("def joined(") : source.index("print(joined(")]
    space = {}
    exec(code, space)
    return space["joined"]


def test_the_greatest_surprise_of_the_last_batch_is_a_word_of_two_times(pairs, tokenizer):
    torch = pytest.importorskip("torch")
    from course.pretrained import pretrained_translator

    good = clean_pairs(*(list(side) for side in zip(*pairs, strict=True)), 14)
    group = buckets(experiments.lengths_of(good), 300)[18]
    src, tgt_in, labels, src_mask, tgt_mask = make_batch([good[i] for i in group], PAD, BOS, EOS)
    with torch.no_grad():
        model = pretrained_translator("en-de").model.eval()
        shares = model(src, tgt_in, src_mask=src_mask, tgt_mask=tgt_mask).softmax(-1)
    of_label = shares.gather(-1, labels[..., None])[..., 0].masked_fill(labels == PAD, 1.0)
    row, at = divmod(int(of_label.argmin()), labels.shape[1])
    assert tokenizer.decode(src[row].tolist()) == "Anna tells Max the story that we read."
    assert tokenizer.tokens([int(labels[row, at])]) == ["▁lesen"]
    assert tokenizer.tokens([int(shares[row, at].argmax())]) == ["▁gelesen"]
    assert of_label[row].sort().values[1] > 0.9


def test_what_the_text_says_of_speed():
    rows = {(row["arrangement"], row["max_tokens"]): row for row in experiments.read("throughput")}
    speed = {key: row["tokens_per_second"] for key, row in rows.items()}
    times = [speed[f"width {width}", 1000] / speed["as they come", 1000] for width in (1, 4, 8)]
    assert [f"{each:.2f}" for each in times] == ["1.44", "1.32", "1.19"]
    assert (
        "train on 1.44 times as many real tokens in a second; a width of 4 gives 1.32 and one of 8 gives 1.19" in said()
    )
    real = [1 - rows[name, 1000]["padding"] / 100 for name in ("as they come", "width 1")]
    assert [round(100 * each) for each in real] == [60, 95]
    assert f"{real[1] / real[0]:.2f}" == "1.59"
    assert f"{speed['width 1', 1000] / speed['width 1', 250]:.2f}" == "1.25"
    assert 0.28 < 1 - 1 / times[0] < 0.32  # "three tenths of the time"


def test_what_the_text_says_of_vocabularies():
    kept, small = experiments.read("multi30k"), experiments.read("vocabulary")
    by_size = {row["size"]: row for row in kept["sizes"]}
    assert f"a word is cut into {by_size[8000]['pieces_a_word']:.2f} pieces" in said()
    assert by_size[8000]["sentences_with_one"] > 50
    assert by_size[8000]["pieces_a_word"] / by_size[1000]["pieces_a_word"] == pytest.approx(2 / 3, abs=0.04)
    assert 0.9 <= by_size[8000]["pieces_a_word"] / by_size[4000]["pieces_a_word"] < 0.92  # "hardly a tenth"
    assert f"after {small['sizes'][-1]['real_size']} pieces no pair occurs twice" in said()
    assert f"some {round(small['kinds_of_words'], -2)} kinds of words" in said()


def test_what_the_text_says_of_pairs_that_do_not_belong_together(pairs):
    right, lost, apart_ = experiments.read("misaligned")
    assert f"BLEU, lesson 11: {lost['bleu']:.1f} and {apart_['bleu']:.1f} out of 100" in said()
    assert f"the pairs as they are give {right['bleu']:.1f}" in said()
    for run in (lost, apart_):
        assert run["losses"][0]["loss"] == pytest.approx(6.6, abs=0.05)
        assert run["losses"][-1]["loss"] == pytest.approx(2.2, abs=0.06)
        assert run["val_loss"] > 2
    assert right["losses"][-1]["loss"] == pytest.approx(0.3, abs=0.05)
    sides = [list(side) for side in zip(*pairs, strict=True)]
    his, belong = apart(*sides, longest=14), {tuple(map(tuple, pair)) for pair in pairs}
    stay = sum(tuple(map(tuple, pair)) in belong for pair in his)
    assert f"Of his {len(his)} pairs {stay} are pairs of the text, by chance." in said()


def test_exchanged_ends_cost_where_they_stand(pairs):
    torch = pytest.importorskip("torch")
    from course.pretrained import pretrained_translator

    model = pretrained_translator("en-de").model.eval()
    src, tgt_in, labels, src_mask, tgt_mask = make_batch(pairs[:64], PAD, EOS, BOS)
    with torch.no_grad():
        logits = model(src, tgt_in, src_mask=src_mask, tgt_mask=tgt_mask)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(
        labels.shape
    )
    last, first = labels == BOS, torch.zeros_like(labels, dtype=torch.bool)
    first[:, 0] = True
    assert loss[last].mean().item() == pytest.approx(11, abs=0.6)
    assert loss[first].mean().item() == pytest.approx(11, abs=0.6)
    assert loss[(labels != PAD) & ~last & ~first].mean().item() < 0.6


@pytest.mark.parametrize("threads", ["true", "false"])
def test_what_the_package_learns_depends_on_counts_alone(text, threads, monkeypatch):
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", threads)
    lines = [*text.source, *text.target]
    mixed = random.Random(1).sample(lines, len(lines))
    assert Tokenizer.train(lines, vocab_size=700).merges == Tokenizer.train(mixed, vocab_size=700).merges

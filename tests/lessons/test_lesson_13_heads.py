"""Lesson 13, heads: what each is worth, who aligns, and when weights explain nothing."""

import json
import math
import re
from dataclasses import asdict

import numpy as np
import pytest
import torch

from course.alignment import error_rates, word_attention
from course.data.embedded import embedded_pairs, gold
from course.errors import CourseError
from course.lab.drawing.picture import still
from course.lessons.lesson_13 import head_experiments, head_figures
from course.lessons.lesson_13.counterexample_search import (
    Case,
    case_of,
    flips,
    groups_of,
    needs_the_source,
    repairs,
    unmoved,
)
from course.lessons.lesson_13.counterexamples import (
    FAR,
    NEAR,
    SAME,
    as_cells,
    distance,
    even,
    moments,
    moved,
    one_hot,
    permuted,
    pushed,
    replaced,
)
from course.lessons.lesson_13.editing import Cell, Edits, Head, attention_of, heads_of, write
from course.lessons.lesson_13.head_alignment import LAYER, VIEWS, WHENS, contributions, head_errors, value_norms
from course.lessons.lesson_13.head_costs import offsets, word_costs
from course.lessons.lesson_13.heads import (
    ablation,
    effects,
    evened,
    layers_of,
    loss_without,
    losses,
    measured,
    outcome,
    removal,
    removal_in_order,
    running_on,
    share,
    token_losses,
    without,
)
from course.model import padding_mask
from course.pretrained import pretrained_translator
from course.scoring import alignment_error_rate, bootstrap_interval
from course.special import BOS, EOS, PAD

SENTENCE = "The needle has a sharp point."


@pytest.fixture(scope="module")
def translator():
    return pretrained_translator("en-de")


@pytest.fixture(scope="module")
def pairs():
    return embedded_pairs("embedded-en-de", "test_iid")[:12]


@pytest.fixture(scope="module")
def log():
    return head_experiments.read_heads()


@pytest.fixture(scope="module")
def cases(log):
    return head_experiments.kept_cases(log)


# ---- Intervals -------------------------------------------------------------------------------------------------------


def test_an_interval_holds_the_figure_and_is_that_of_a_mean():
    rng = np.random.default_rng(0)
    values = rng.normal(3.0, 2.0, size=400)
    middle, low, high = measured(share, np.stack([values, np.ones(400)], axis=1))
    assert middle == pytest.approx(values.mean())
    half = 1.96 * values.std() / math.sqrt(400)
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=0.1 * half)
    for wrong in (np.ones(3), np.ones((0, 2))):
        with pytest.raises(CourseError, match="a row for each sentence"):
            bootstrap_interval(share, wrong)
    with pytest.raises(CourseError, match="between 0 and 1"):
        bootstrap_interval(share, np.ones((2, 2)), level=95)


# ---- Heads off -------------------------------------------------------------------------------------------------------


def test_losses_are_those_of_each_sentence_by_itself(translator, pairs):
    nats, tokens = losses(translator, pairs[:4])
    for pair, had, n in zip(pairs[:4], nats, tokens, strict=True):
        labels = [*translator.tokenizer.encode(pair.target), EOS]
        src, tgt = torch.tensor(translator.source_ids([pair.source])), torch.tensor([[BOS, *labels[:-1]]])
        with torch.inference_mode():
            log_p = translator.model(src, tgt, src_mask=padding_mask(src, pad=PAD)).log_softmax(-1)[0]
        assert n == len(labels)
        assert had == pytest.approx(-float(log_p[range(len(labels)), labels].sum()), abs=1e-4)


def test_without_no_head_the_model_is_untouched(translator, pairs):
    (found,) = effects(translator, pairs, [()])
    untouched = outcome(translator, pairs)
    assert found.loss == pytest.approx(untouched.loss, abs=1e-6)
    assert found.rise == pytest.approx((0, 0, 0), abs=1e-6)
    assert (found.exact, found.change) == (untouched.exact, (0, 0, 0))
    assert all(attention_of(translator.model, h.kind, h.layer).function is None for h in heads_of(translator.model))


def test_ablation_asks_for_every_head_and_every_layer(translator, pairs):
    found = ablation(translator, pairs[:3])
    assert [each.heads for each in found.heads] == [(head,) for head in heads_of(translator.model)]
    assert [each.heads for each in found.layers] == layers_of(translator.model)
    assert len(found.layers) == 6
    for each in (*found.heads, *found.layers):
        assert each.rise[1] <= each.rise[0] <= each.rise[2]
        assert each.rise[0] == pytest.approx(each.loss - found.loss, abs=1e-9)
        assert each.change[0] == pytest.approx(each.exact - found.exact)


def test_a_planted_head_that_does_nothing_is_the_first_to_go(translator, pairs):
    """A head whose part of the output matrix is zero costs nothing, so it is removed first and adds no loss."""
    part = attention_of(translator.model, "encoder", 1)
    kept = part.out_proj.weight.detach().clone()
    try:
        with torch.no_grad():
            part.out_proj.weight[:, 96:] = 0  # head 3 of 4, the dearest of the untouched model
        planted = Head("encoder", 1, 3)
        (nothing,) = effects(translator, pairs[:4], [(planted,)])
        steps = removal_in_order(translator, pairs[:4], [planted], fallen=1)
    finally:
        with torch.no_grad():
            part.out_proj.weight.copy_(kept)
    assert nothing.rise == pytest.approx((0, 0, 0), abs=1e-6)
    assert [step.head for step in steps] == [planted]
    assert loss_without(translator, pairs[:4], [planted]) > loss_without(translator, pairs[:4], []) + 0.05


def test_removal_takes_the_cheapest_and_ends_where_exact_match_has_fallen(translator, pairs):
    few = pairs[:2]
    steps = removal(translator, few, fallen=0)
    assert len(steps) == 1  # it has fallen by nothing at once
    costs = {head: loss_without(translator, few, [head]) for head in heads_of(translator.model)}
    assert steps[0].head == min(costs, key=costs.get)
    assert steps[0].loss == pytest.approx(costs[steps[0].head])


def test_even_heads_look_everywhere_alike_in_the_whole_pass_and_step_by_step(translator):
    every = [head for head in heads_of(translator.model) if head.kind == "decoder"]
    with evened(translator, every):
        (found,) = translator.translate([SENTENCE], beam=1)
        seen = translator.every_attention(SENTENCE, found.text)
        with torch.inference_mode():
            (again,) = translator.translate([SENTENCE], beam=1)
    T = seen.decoder.shape[-1]
    wanted = torch.ones(T, T).tril() / torch.arange(1, T + 1)[:, None]
    torch.testing.assert_close(seen.decoder, wanted.expand_as(seen.decoder))
    assert again.text == found.text
    assert attention_of(translator.model, "decoder", 0).function is None


def test_functions_are_put_back_whatever_happens(translator):
    with pytest.raises(RuntimeError), running_on(translator.model, {("cross", 0): lambda *a, **k: None}):
        raise RuntimeError
    assert attention_of(translator.model, "cross", 0).function is None


def test_what_words_cost_adds_up_to_what_the_head_costs(translator, pairs):
    head = Head("encoder", 1, 3)
    costs = word_costs(translator, pairs, [head])
    assert sum(cost.times for cost in costs) == sum(len(pair.target_tokens) for pair in pairs)
    before = token_losses(translator, pairs)
    with without(translator, [head]):
        after = token_losses(translator, pairs)
    ends = sum(b[-1] - a[-1] for a, b in zip(before, after, strict=True))
    total = sum(float((b - a).sum()) for a, b in zip(before, after, strict=True))
    assert sum(cost.nats for cost in costs) + ends == pytest.approx(total, abs=1e-6)
    assert {cost.word for cost in costs[:4]} & {"der", "die", "das", "den"}
    looks = offsets(translator, pairs, head, {"the", "a", "an"})
    assert looks[1] + looks[2] > 0.8  # an article looks to the right, at its noun


# ---- Who aligns ------------------------------------------------------------------------------------------------------


def test_contributions_add_up_to_what_the_attention_puts_out(translator):
    model = translator.model
    src, tgt = torch.tensor([[5, 60, 7, 300, EOS]]), torch.tensor([[BOS, 8, 90]])
    out = {}
    hooks = [
        attention_of(model, "cross", layer).out_proj.register_forward_hook(
            lambda _, __, result, layer=layer: out.setdefault(layer, result)
        )
        for layer in range(2)
    ]
    found = contributions(model, src, tgt)
    for hook in hooks:
        hook.remove()
    for layer in range(2):
        torch.testing.assert_close(found.vectors[layer].sum((0, 2)), out[layer][0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.weights.sum(-1), torch.ones(2, 4, 3))
    assert (found.together <= found.norms.sum(1) + 1e-4).all()  # the triangle inequality


def test_word_maps_are_those_of_the_explorer_and_their_errors_those_of_the_course(translator, pairs):
    for pair in pairs[:3]:
        own = word_attention(translator, pair.source_tokens, pair.target_tokens)
        found = value_norms(translator, pair).weights
        np.testing.assert_allclose(found.weights[:, :4], own.weights, atol=1e-5)
        np.testing.assert_allclose(found.weights[:, 4], own.weights.mean(1), atol=1e-5)
    errors = head_errors(translator, pairs)
    layers = [errors.of("weights", "written")[layer, LAYER][0] for layer in range(2)]
    assert layers == pytest.approx(error_rates(translator, pairs))
    links = [value_norms(translator, pair).links("norms", 1, 2) for pair in pairs]
    wanted = alignment_error_rate(links, [set(gold(pair)) for pair in pairs])
    assert errors.of("norms", "written")[1, 2][0] == pytest.approx(wanted)
    assert len(errors.errors) == len(VIEWS) * len(WHENS) * 2 * 5
    for each in errors.errors:
        assert each.error[1] <= each.error[0] <= each.error[2]


def test_a_word_is_read_one_row_after_it_is_written(translator, pairs):
    """For words of one piece each, the rows of "read" are those of "written" of the word behind."""
    pair = next(p for p in pairs if len(translator.tokenizer.encode(p.target)) == len(p.target_tokens))
    written, read = (value_norms(translator, pair, when=when).weights.weights for when in WHENS)
    np.testing.assert_allclose(read[:, :, :-1], written[:, :, 1:])


# ---- Other weights ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def steps(translator):
    return list(moments(translator, SENTENCE))


def test_moments_are_those_of_the_untouched_translation(translator, steps):
    untouched = write(translator, SENTENCE)
    assert [translator.tokenizer.tokens([step.chosen])[0] for step in steps] == list(untouched.pieces)
    for step in steps:
        nothing = torch.full((2, *step.weights.shape), torch.nan)
        torch.testing.assert_close(step.probabilities, untouched.probabilities[step.row], atol=1e-5, rtol=1e-3)
        torch.testing.assert_close(step.under(nothing)[1], step.probabilities, atol=1e-5, rtol=1e-3)


def test_replaced_rows_do_what_cells_do(translator, steps):
    step, group = steps[3], ((1, 0), (1, 1), (1, 2), (1, 3))
    found = step.under(replaced(step, group, one_hot(step)))
    for column in (0, 5):
        cells = tuple(Cell(layer, head, step.row, column, 1.0) for layer, head in group)
        changed = write(translator, SENTENCE, Edits(cells=cells))
        torch.testing.assert_close(found[column], changed.probabilities[step.row], atol=1e-5, rtol=1e-3)
    rows = pushed(step, group)
    wanted = write(translator, SENTENCE, Edits(cells=as_cells(1, 2, step.row, rows[4, 2].tolist())))
    alone = step.under(replaced(step, ((1, 2),), rows[4:5, 2]))
    torch.testing.assert_close(wanted.cross[1, 2, step.row], rows[4, 2], atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(wanted.probabilities[step.row], alone[0], atol=1e-5, rtol=1e-3)


def test_rows_are_as_far_as_they_say(steps):
    group = ((0, 1), (1, 2))
    for step in steps:
        rows = pushed(step, group)
        own = torch.stack([step.weights[place] for place in group])
        torch.testing.assert_close(rows.sum(-1), torch.ones(len(rows), 2), atol=1e-5, rtol=1e-5)
        assert rows.min() >= -1e-6
        torch.testing.assert_close(distance(rows, own), torch.full((len(rows), 2), NEAR), atol=1e-4, rtol=1e-3)
        mixed = permuted(step, group, torch.Generator().manual_seed(0))
        torch.testing.assert_close(mixed[0].sort(-1).values, own.sort(-1).values)
        assert moved(step, group, even(step))[0] == pytest.approx(
            min(float(distance(even(step)[0], row)) for row in own)
        )
    assert float(distance(torch.tensor([1.0, 0.0]), torch.tensor([0.25, 0.75]))) == 0.75


def test_counts_find_a_planted_head_that_explains_nothing(translator, pairs):
    """A head that adds nothing may look anywhere: its weights never matter, and no push makes another word."""
    part = attention_of(translator.model, "cross", 1)
    kept = part.out_proj.weight.detach().clone()
    try:
        with torch.no_grad():
            part.out_proj.weight[:, 32:64] = 0
        counts, pushes = unmoved(translator, pairs[:3]), flips(translator, "test_iid", pairs[:3], unsure=1.0)
    finally:
        with torch.no_grad():
            part.out_proj.weight.copy_(kept)
    assert [row.group for row in counts.rows] == groups_of(translator.model)
    planted = counts.rows[5]
    assert planted.group == ((1, 1),)
    assert planted.found == planted.needed == (1, 1, 1)
    assert pushes.rows[5].pieces == 0
    assert pushes.asked == pushes.pieces == counts.pieces
    assert counts.rows[-1].found[0] < 1  # where all heads look elsewhere, something changes


# ---- What is kept ----------------------------------------------------------------------------------------------------


def test_the_kept_effects_are_made_again(translator, log):
    """Two of the kept heads, on the kept sentences: teacher-forced loss alone, which is quick."""
    found = log["ablations"]["off"]
    pairs = embedded_pairs("embedded-en-de", "test_iid")[: found["sentences"]]
    assert loss_without(translator, pairs, []) == pytest.approx(found["loss"], abs=2e-4)
    each = max(found["heads"], key=lambda each: each["rise"][0])
    assert loss_without(translator, pairs, [Head(**h) for h in each["heads"]]) == pytest.approx(each["loss"], abs=5e-4)


def test_the_kept_cases_happen_as_they_are_told(translator, cases):
    pairs = {pair.source: pair for pair in embedded_pairs("embedded-en-de", "dev")}
    assert {case.kind for case in cases} == {"same word", "another word"}
    for case in cases:
        again = case_of(translator, case.kind, case.split, pairs[case.sentence], case.cells)
        assert (again.texts, again.pieces, again.looked) == (case.texts, case.pieces, case.looked)
        assert (again.moved, again.next) == pytest.approx((case.moved, case.next), abs=2e-3)
        if case.kind == "same word":
            assert case.moved >= FAR
            assert case.next <= SAME
            assert case.texts[0] == case.texts[1]
            (step,) = (m for m in moments(translator, case.sentence) if m.row == case.row)
            assert needs_the_source(step)
        else:
            assert case.moved <= NEAR
            assert case.pieces[0] != case.pieces[1]
            assert case.texts[0] != case.texts[1]
    assert any(repairs(case) for case in cases)


def test_a_log_is_rounded_kept_and_read_again(tmp_path, cases):
    path = tmp_path / "logs" / "heads.json"
    with pytest.raises(CourseError, match="head_experiments"):
        head_experiments.read_heads(path)
    log = head_experiments.rounded({"pairs": {"most": [{"both": 0.123456}]}, "cases": [asdict(cases[0])]})
    head_experiments.keep(log, path)
    assert json.loads(path.read_text(encoding="utf-8"))["pairs"] == {"most": [{"both": 0.1235}]}
    (again,) = head_experiments.kept_cases(head_experiments.read_heads(path))
    assert isinstance(again, Case)
    assert (again.cells, again.texts) == (cases[0].cells, cases[0].texts)


def figures(log, cases):
    return {
        "ranking": still(head_figures.draw_ranking, log=log),
        "even": still(head_figures.draw_ranking, log=log, doing="even"),
        "layers": head_figures.layers_table(log),
        "costs": head_figures.costs_table(log),
        "removal": still(head_figures.draw_removal, log=log),
        "errors": head_figures.errors_table(log),
        "alignment": still(head_figures.draw_alignment, log=log),
        "unmoved": head_figures.unmoved_table(log),
        "flips": head_figures.flips_table(log),
        "cases": head_figures.cases_table(cases),
    }


def test_figures_tell_what_is_kept(log, cases):
    made = figures(log, cases)
    for each in log["ablations"]["off"]["heads"]:
        told = f"{head_figures.name_of(each['heads'][0])} {each['rise'][0]:.3f} ({each['rise'][1]:.3f} to"
        assert told in made["ranking"].alt
    ranked = sorted(log["ablations"]["off"]["heads"], key=lambda each: -each["rise"][0])
    told = [made["ranking"].alt.index(head_figures.name_of(each["heads"][0])) for each in ranked]
    assert told == sorted(told)
    for each in log["alignment"]["errors"]:
        if each["when"] == "written":
            assert head_figures.span(each["error"]) in made["errors"].alt
    for step in (*log["removal"]["asked again"], *log["removal"]["in order"]):
        assert f"{step['exact']:.1f}" in made["removal"].alt
    for each in log["unmoved"]["rows"]:
        assert f"{100 * each['found'][0]:.1f} (" in made["unmoved"].alt
    for case in cases:
        assert case.sentence in made["cases"].alt
    for figure in made.values():
        assert figure.html
        assert not re.search(r"\bnan\b", figure.alt)


def test_norms_stand_beside_weights(translator, pairs):
    found = value_norms(translator, pairs[0])
    made = head_figures.norms_beside(found=found, layer=1, head=2)
    assert made.html.count("<table") == 2
    assert made.alt.startswith("Layer 2, head 3;")
    assert "all heads" in head_figures.norms_beside(found=found).alt

"""Lesson 11: answers as learners write them, right ones and wrong ones. They share nothing with the bank."""

import heapq
import itertools
import math
import statistics
import time
from collections import Counter, defaultdict

import pytest
import torch
import torch.nn.functional as F

from course.lab.exercises import diagnose, get
from course.lessons.lesson_11.exercises import EXERCISES
from course.special import BOS, EOS, PAD


@pytest.fixture(autouse=True)
def _own_workbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKBOOK", str(tmp_path / "workbook"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def defined(name, arguments, body):
    """A function from its lines, as a learner would have them in a cell."""
    text = "\n".join([f"def {name}({arguments}):", *(f"    {line}" for line in body)])
    space = {"torch": torch, "math": math, "Counter": Counter, "F": F, "PAD": PAD, "BOS": BOS, "EOS": EOS}
    exec(text, space)
    return space[name]


# --- right answers: greedy ------------------------------------------------------------------------------------------


def greedy_by_lists(step, prompts, max_len):
    rows = [row.tolist() for row in prompts]
    over = [False] * len(rows)
    for _ in range(max_len):
        logits = step(torch.tensor(rows))
        for b, row in enumerate(rows):
            row.append(PAD if over[b] else int(logits[b, -1].argmax()))
            over[b] = over[b] or row[-1] == EOS
        if all(over):
            break
    return torch.tensor(rows)


def greedy_by_where(step, prompts, max_len):
    ids = prompts.clone()
    alive = torch.ones(ids.shape[0], dtype=torch.bool)
    while max_len > 0 and alive.any():
        word = step(ids)[:, -1, :].max(dim=-1).indices
        word = torch.where(alive, word, torch.full_like(word, PAD))
        ids = torch.hstack([ids, word.unsqueeze(1)])
        alive &= word != EOS
        max_len -= 1
    return ids


def greedy_with_room(step, prompts, max_len):
    B, P = prompts.shape
    ids = torch.full((B, P + max_len), PAD)
    ids[:, :P] = prompts
    done = torch.zeros(B, dtype=torch.bool)
    n = P
    for n in range(P, P + max_len):
        ids[~done, n] = step(ids[:, :n])[~done, -1].argmax(-1)
        done = done | (ids[:, n] == EOS)
        if torch.all(done):
            return ids[:, : n + 1]
    return ids


def greedy_by_probabilities(step, prompts, max_len):
    ids = prompts
    for _ in range(max_len):
        ended = (ids == EOS).any(dim=1)
        if ended.all():
            break
        token = F.softmax(step(ids)[:, -1], dim=-1).topk(1).indices
        token[ended] = PAD
        ids = torch.cat((ids, token), 1)
    return ids


def greedy_only_the_living(step, prompts, max_len):
    columns = [prompts[:, i] for i in range(prompts.shape[1])]
    done = torch.zeros(len(prompts)).bool()
    for _ in range(max_len):
        token = torch.zeros(len(prompts), dtype=torch.long)
        token[~done] = step(torch.stack(columns, dim=1)[~done])[:, -1].argmax(dim=1)
        columns.append(token)
        done |= token == EOS
        if done.sum() == len(done):
            break
    return torch.stack(columns, dim=1)


# --- right answers: beam --------------------------------------------------------------------------------------------


def beam_by_lists(step, k, max_len, alpha=0.6):
    alive, ended = [(0.0, [BOS])], []
    for _ in range(max_len):
        grown = []
        for total, ids in alive:
            log_p = F.log_softmax(step(torch.tensor([ids]))[0, -1], dim=-1).tolist()
            grown += [(total + p, [*ids, w]) for w, p in enumerate(log_p)]
        grown.sort(key=lambda pair: pair[0], reverse=True)
        kept = grown[: k - len(ended)]
        ended += [pair for pair in kept if pair[1][-1] == EOS]
        alive = [pair for pair in kept if pair[1][-1] != EOS]
        if not alive:
            break
    best = max(alive + ended, key=lambda pair: pair[0] / (len(pair[1]) - 1) ** alpha)
    return best[0] / (len(best[1]) - 1) ** alpha, torch.tensor(best[1])


def beam_with_a_heap(step, k, max_len, alpha=0.6):
    places = [(0.0, (BOS,))]
    for _ in range(max_len):
        over = [p for p in places if p[1][-1] == EOS]
        growing = [p for p in places if p[1][-1] != EOS]
        if not growing:
            break
        log_p = step(torch.tensor([list(ids) for _, ids in growing]))[:, -1].log_softmax(-1)
        made = (
            (total + float(log_p[i, w]), (*ids, w))
            for i, (total, ids) in enumerate(growing)
            for w in range(log_p.shape[1])
        )
        places = over + heapq.nlargest(k - len(over), made)
    score, ids = max((total / math.pow(len(ids) - 1, alpha), ids) for total, ids in places)
    return score, list(ids)


def beam_of_k_rows(step, k, max_len, alpha=0.6):
    """k rows from the start, of which one counts; ended ones are set aside."""
    V = step(torch.tensor([[BOS]])).shape[-1]
    seqs, score = torch.full((k, 1), BOS), torch.full((k,), -torch.inf, dtype=torch.float64)
    score[0] = 0.0
    done = []
    for _ in range(max_len):
        log_p = step(seqs)[:, -1].log_softmax(-1)
        total, index = (score[:, None] + log_p).flatten().topk(min(k - len(done), log_p.numel()))
        rows, words = index.div(V, rounding_mode="floor"), index.remainder(V)
        new = torch.cat([seqs[rows], words.unsqueeze(1)], 1)
        for s, row in zip(total.tolist(), new, strict=True):
            if row[-1] == EOS and s > -math.inf:
                done.append((s, row))
        going = (words != EOS) & (total > -torch.inf)
        seqs, score = new[going], total[going]
        if len(seqs) == 0:
            break
    everyone = done + list(zip(score.tolist(), seqs, strict=True))
    scored = [(s / (len(row) - 1) ** alpha, i, row) for i, (s, row) in enumerate(everyone)]
    best, _, row = max(scored)
    return torch.tensor(best), row


def beam_with_padding(step, k, max_len, alpha=0.6):
    """All k in one tensor to the end, ended ones filled with padding."""
    ids, total = torch.tensor([[BOS]]), torch.zeros(1).double()
    for _ in range(max_len):
        over = (ids == EOS).any(1)
        if over.all():
            break
        sums = total[~over, None] + step(ids[~over])[:, -1].log_softmax(-1)
        m = min(k - int(over.sum()), sums.numel())
        values, flat = torch.topk(sums.view(-1), m)
        row, token = torch.unravel_index(flat, sums.shape)
        old = torch.cat([ids[over], torch.full((int(over.sum()), 1), PAD)], 1)
        new = torch.cat([ids[~over][row], token[:, None]], 1)
        ids, total = torch.cat([old, new]), torch.cat([total[over], values])
    length = ((ids != PAD).sum(1) - 1).double()
    best = (total / length**alpha).argmax()
    return (total / length**alpha)[best].item(), ids[best][ids[best] != PAD]


def beam_that_looks_ahead(step, k, max_len, alpha=0.6):
    """Stop as soon as nothing that grows can win any more, as the package does."""
    alive, ended, best = {(BOS,): 0.0}, 0, (-math.inf, None)
    for t in range(1, max_len + 1):
        log_p = step(torch.tensor([list(ids) for ids in alive]))[:, -1].log_softmax(-1)
        sums = (torch.tensor(list(alive.values()))[:, None] + log_p).flatten()
        rows = list(alive)
        top = sums.topk(min(k - ended, len(sums)))
        alive = {}
        for s, i in zip(top.values.tolist(), top.indices.tolist(), strict=True):
            ids = (*rows[i // log_p.shape[1]], i % log_p.shape[1])
            if ids[-1] == EOS:
                ended += 1
            else:
                alive[ids] = s
            if ids[-1] == EOS or t == max_len:
                best = max(best, (s / t**alpha, ids))
        if not alive or max(alive.values()) / max_len**alpha < best[0]:
            break
    return best[0], torch.tensor(best[1])


# --- right answers: incremental -------------------------------------------------------------------------------------


def incremental_by_lists(x, W, table):
    keys, values, out = [], [], []
    for t in range(x.shape[1]):
        word = x[:, t] + table[t]
        keys.append(word @ W["k"])
        values.append(word @ W["v"])
        K, V = torch.stack(keys, 1), torch.stack(values, 1)
        scores = torch.einsum("bd,btd->bt", word @ W["q"], K) / x.shape[2] ** 0.5
        out.append(torch.einsum("bt,btd->bd", scores.softmax(-1), V))
    return torch.stack(out, 1)


def incremental_with_room(x, W, table):
    """Caches of full length from the start; what is not there yet is masked."""
    B, T, d = x.shape
    K, V, out = torch.zeros(B, T, d).double(), torch.zeros(B, T, d).double(), torch.zeros_like(x)
    for t in range(T):
        word = x[:, t : t + 1] + table[t : t + 1]
        K[:, t : t + 1], V[:, t : t + 1] = word @ W["k"], word @ W["v"]
        scores = (word @ W["q"]) @ K.mT / d**0.5
        scores[..., t + 1 :] = -torch.inf
        out[:, t : t + 1] = torch.softmax(scores, -1) @ V
    return out


def incremental_with_none(x, W, table):
    K = V = None
    outs = []
    for t in range(x.size(1)):
        h = x[:, t : t + 1] + table[t : t + 1]
        q, k, v = h @ W["q"], h @ W["k"], h @ W["v"]
        K = k if K is None else torch.cat([K, k], 1)
        V = v if V is None else torch.cat([V, v], 1)
        outs.append(F.scaled_dot_product_attention(q, K, V))
    return torch.cat(outs, 1)


def incremental_from_the_front(x, W, table):
    """Newest first: attention does not mind the order of its keys."""
    B, T, d = x.shape
    K, V = torch.empty(B, 0, d).double(), torch.empty(B, 0, d).double()
    out = []
    for t in range(T):
        word = x[:, [t]] + table[t]
        K, V = torch.cat([word @ W["k"], K], 1), torch.cat([word @ W["v"], V], 1)
        out.append((word @ W["q"] @ K.transpose(-2, -1) / math.sqrt(d)).softmax(-1) @ V)
    return torch.cat(out, dim=1)


def incremental_by_running_sums(x, W, table):
    """Weights by hand: powers and their sum."""
    out = []
    K, V = x[:, :0], x[:, :0]
    for t, place in enumerate(table[: x.shape[1]]):
        word = x[:, t] + place
        K = torch.cat([K, (word @ W["k"])[:, None]], dim=1)
        V = torch.cat([V, (word @ W["v"])[:, None]], dim=1)
        s = ((word @ W["q"])[:, None] * K).sum(-1) / x.shape[-1] ** 0.5
        e = (s - s.max(1, keepdim=True).values).exp()
        out.append(((e / e.sum(1, keepdim=True))[..., None] * V).sum(1))
    return torch.stack(out, dim=1)


# --- right answers: repair_beam -------------------------------------------------------------------------------------


def repaired(cache_line, before=""):
    return defined(
        "repair_beam",
        "step, cache, k, max_len",
        [
            "ids = torch.full((k, 1), BOS)",
            "total = torch.tensor([0.0] + [-torch.inf] * (k - 1), dtype=torch.float64)",
            "ended = []",
            "for _ in range(max_len):",
            "    sums = total[:, None] + step(ids[:, -1], cache).log_softmax(dim=-1)",
            "    best = sums.flatten().topk(k - len(ended))",
            "    row, token = best.indices // sums.shape[1], best.indices % sums.shape[1]",
            *([f"    {before}"] if before else []),
            "    ids, total = torch.cat([ids[row], token[:, None]], dim=1), best.values",
            "    over = token == EOS",
            "    ended += zip(total[over].tolist(), ids[over])",
            "    ids, total = ids[~over], total[~over]",
            "    if len(ids) == 0:",
            "        break",
            f"    {cache_line}",
            "return max([*ended, *zip(total.tolist(), ids)], key=lambda pair: pair[0])",
        ],
    )


def cached_by_lists(step, cache, k, max_len):
    alive, ended = [(0.0, [BOS])], []
    cache = cache.select(torch.zeros(1, dtype=torch.long))
    for _ in range(max_len):
        log_p = step(torch.tensor([ids[-1] for _, ids in alive]), cache).log_softmax(-1).tolist()
        made = [(total + p, i, [*ids, w]) for i, (total, ids) in enumerate(alive) for w, p in enumerate(log_p[i])]
        kept = sorted(made, key=lambda each: -each[0])[: k - len(ended)]
        ended += [(s, ids) for s, _, ids in kept if ids[-1] == EOS]
        going = [each for each in kept if each[2][-1] != EOS]
        if not going:
            alive = []
            break
        alive = [(s, ids) for s, _, ids in going]
        cache = cache.select(torch.tensor([i for _, i, _ in going]))
    return max(ended + alive, key=lambda pair: pair[0])


# --- right answers: sample ------------------------------------------------------------------------------------------


def sample_by_loops(logits, temperature, top_k, top_p):
    p = [math.exp(x / temperature) for x in logits.tolist()]
    order = sorted(range(len(p)), key=lambda i: -p[i])
    kept = order if top_k is None else order[:top_k]
    total = sum(p[i] for i in kept)
    p = [p[i] / total if i in kept else 0.0 for i in range(len(p))]
    if top_p is not None:
        nucleus, held = [], 0.0
        for i in kept:
            if held >= top_p:
                break
            nucleus.append(i)
            held += p[i]
        p = [p[i] / held if i in nucleus else 0.0 for i in range(len(p))]
    return torch.tensor(p, dtype=torch.float64)


def sample_by_threshold(logits, temperature, top_k, top_p):
    scaled = logits / temperature
    if top_k is not None:
        smallest = scaled.topk(min(top_k, len(scaled))).values[-1]
        scaled = scaled.masked_fill(scaled < smallest, float("-inf"))
    p = scaled.softmax(0)
    if top_p is not None:
        order = p.argsort(descending=True)
        n = int((p[order].cumsum(0) < top_p - 1e-12).sum()) + 1
        mask = torch.zeros_like(p)
        mask[order[:n]] = 1
        p = p * mask / (p * mask).sum()
    return p


def sample_by_two_softmaxes(logits, temperature, top_k, top_p):
    out = logits.clone() / temperature
    rank = out.argsort(descending=True).argsort()
    if top_k is not None:
        out[rank >= top_k] = -1e9
    p = torch.softmax(out, dim=-1)
    if top_p is not None:
        above = torch.stack([p[rank < r].sum() for r in rank])
        out[above >= top_p] = -torch.inf
        p = torch.softmax(out, dim=-1)
    return p


def sample_in_place(logits, temperature, top_k, top_p):
    values, where = torch.sort(logits.div(temperature), descending=True)
    p = F.softmax(values, dim=0)
    if top_k is not None:
        p[top_k:] = 0
        p /= p.sum()
    if top_p is not None:
        cut = torch.roll(p.cumsum(0), 1)
        cut[0] = 0
        p[cut >= top_p] = 0
        p /= p.sum()
    result = torch.empty_like(p)
    result[where] = p
    return result


def sample_by_matrix(logits, temperature, top_k, top_p):
    """Who is likelier than whom, as a matrix."""
    p = (logits / temperature).softmax(-1)
    likelier = p[None, :] > p[:, None]
    if top_k is not None:
        p = torch.where(likelier.sum(1) < top_k, p, 0.0)
        p = p / p.sum()
    if top_p is not None:
        p = torch.where((likelier * p[None, :]).sum(1) < top_p, p, 0.0)
    return p / p.sum()


# --- right answers: bleu --------------------------------------------------------------------------------------------


def bleu_by_intersection(hyps, refs, N=4):
    right, all_ = Counter(), Counter()
    for hyp, ref in zip(hyps, refs, strict=True):
        for n in range(1, N + 1):
            h = Counter(zip(*(hyp[i:] for i in range(n)), strict=False))
            r = Counter(zip(*(ref[i:] for i in range(n)), strict=False))
            right[n] += (h & r).total()
            all_[n] += h.total()
    if not all(right[n] for n in range(1, N + 1)):
        return 0.0
    c, r = sum(len(h) for h in hyps), sum(len(r) for r in refs)
    product = math.prod(right[n] / all_[n] for n in range(1, N + 1))
    return (1.0 if c > r else math.exp(1 - r / c)) * product ** (1 / N)


def bleu_by_crossing_off(hyps, refs, N=4):
    logs = 0.0
    for n in range(1, N + 1):
        m = t = 0
        for hyp, ref in zip(hyps, refs, strict=True):
            left = [ref[i : i + n] for i in range(len(ref) - n + 1)]
            for i in range(len(hyp) - n + 1):
                t += 1
                if hyp[i : i + n] in left:
                    left.remove(hyp[i : i + n])
                    m += 1
        if m == 0:
            return 0
        logs += math.log(m / t)
    c, r = len(list(itertools.chain(*hyps))), len(list(itertools.chain(*refs)))
    return math.exp(logs / N) * min(1, math.exp(1 - r / c))


def bleu_with_dicts(hyps, refs, N=4):
    def count(words, n):
        found = defaultdict(int)
        for i in range(len(words)):
            if i + n <= len(words):
                found[" ".join(words[i : i + n])] += 1
        return found

    precisions = []
    for n in range(1, N + 1):
        top, bottom = 0, 0
        for hyp, ref in zip(hyps, refs, strict=True):
            ours, theirs = count(hyp, n), count(ref, n)
            top += sum(min(ours[g], theirs[g]) for g in list(ours))
            bottom += sum(ours.values())
        precisions.append(top / bottom if bottom else 0.0)
    if 0.0 in precisions:
        return 0.0
    c, r = sum(map(len, hyps)), sum(map(len, refs))
    bp = 1 if c >= r else math.e ** (1 - r / c)
    return bp * statistics.geometric_mean(precisions)


def bleu_with_torch(hyps, refs, N=4):
    import numpy as np

    m, t = np.zeros(N), np.zeros(N)
    for h, r in zip(hyps, refs, strict=True):
        for n in range(N):
            H = Counter(tuple(h[i : i + n + 1]) for i in range(len(h) - n))
            R = Counter(tuple(r[i : i + n + 1]) for i in range(len(r) - n))
            m[n] += sum(min(v, R[k]) for k, v in H.items())
            t[n] += max(len(h) - n, 0)
    if (m == 0).any():
        return 0.0
    c, r = sum(len(h) for h in hyps), sum(len(r) for r in refs)
    return np.exp(min(0, 1 - r / c) + np.log(m / t).mean())


def bleu_with_the_library(hyps, refs, N=4):
    from sacrebleu.metrics import BLEU

    lines = [" ".join(hyp) for hyp in hyps], [[" ".join(ref) for ref in refs]]
    return BLEU(tokenize="none", smooth_method="none", max_ngram_order=N).corpus_score(*lines).score / 100


RIGHT = {
    "greedy": (
        greedy_by_lists,
        greedy_by_where,
        greedy_with_room,
        greedy_by_probabilities,
        greedy_only_the_living,
    ),
    "beam": (beam_by_lists, beam_with_a_heap, beam_of_k_rows, beam_with_padding, beam_that_looks_ahead),
    "incremental": (
        incremental_by_lists,
        incremental_with_room,
        incremental_with_none,
        incremental_from_the_front,
        incremental_by_running_sums,
    ),
    "repair_beam": (
        cached_by_lists,
        repaired("cache = cache.select(row[~over])"),
        repaired("cache = cache.select(row[token != EOS])"),
        repaired("cache = cache.select(torch.tensor([r for r, o in zip(row.tolist(), over.tolist()) if not o]))"),
        repaired("cache = cache.select((~over).nonzero()[:, 0])", before="cache = cache.select(row)"),
        repaired("cache = cache.select(torch.masked_select(row, ~over))"),
    ),
    "sample": (
        sample_by_loops,
        sample_by_threshold,
        sample_by_two_softmaxes,
        sample_in_place,
        sample_by_matrix,
    ),
    "bleu": (
        bleu_by_intersection,
        bleu_by_crossing_off,
        bleu_with_dicts,
        bleu_with_torch,
        bleu_with_the_library,
    ),
}


@pytest.mark.parametrize(("id", "right"), [(id, right) for id, rights in RIGHT.items() for right in rights])
def test_right_answers_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


# --- wrong answers ------------------------------------------------------------------------------------------------


def greedily(start="prompts", token="step(ids)[:, -1].argmax(-1)", fill="torch.where(done, PAD, token)",
             joined="torch.cat([ids, token[:, None]], 1)", note="done = done | (token == EOS)", stop="done.all()",
             rounds="max_len", returned="ids"):  # fmt: skip
    return defined(
        "greedy",
        "step, prompts, max_len",
        [
            f"ids = {start}",
            "done = torch.zeros(len(ids), dtype=torch.bool)",
            f"for i in range({rounds}):",
            f"    token = {token}",
            f"    token = {fill}",
            f"    ids = {joined}",
            f"    {note}",
            f"    if {stop}:",
            "        break",
            f"return {returned}",
        ],
    )


def beaming(said="step(ids)[:, -1].log_softmax(-1)", start="torch.full((1, 1), BOS)", sums="total[:, None] + said",
            room="k - len(ended)", row="best.indices // V", token="best.indices % V", over="token == EOS",
            after="pass", length="len(y) - 1", penalty="s / length ** alpha", found="ended + alive",
            pick="max(scored, key=lambda pair: pair[0])", rounds="max_len"):  # fmt: skip
    return defined(
        "beam",
        "step, k, max_len, alpha=0.6",
        [
            f"ids = {start}",
            "total = torch.zeros(len(ids), dtype=torch.float64)",
            "ended = []",
            f"for i in range({rounds}):",
            f"    said = {said}",
            "    V = said.shape[1]",
            f"    sums = {sums}",
            f"    best = sums.flatten().topk(min({room}, sums.numel()))",
            f"    row, token = {row}, {token}",
            "    ids, total = torch.cat([ids[row], token[:, None]], 1), best.values",
            f"    over = {over}",
            "    for s, y in zip(total[over].tolist(), ids[over]):",
            "        ended.append((s, y))",
            "    ids, total = ids[~over], total[~over]",
            f"    {after}",
            "    if len(ids) == 0:",
            "        break",
            "alive = list(zip(total.tolist(), ids))",
            "scored = []",
            f"for s, y in {found}:",
            f"    length = {length}",
            f"    scored.append(({penalty}, y))",
            f"return {pick}",
        ],
    )


def attending(word="x[:, t : t + 1] + table[t]", q="word @ W['q']", k="word @ W['k']", v="word @ W['v']",
              keys="torch.cat([keys, k], 1)", values="torch.cat([values, v], 1)", scale="math.sqrt(d)",
              softmax="s.softmax(-1)", returned="torch.cat(out, 1)"):  # fmt: skip
    return defined(
        "incremental",
        "x, W, table",
        [
            "B, T, d = x.shape",
            "keys = values = x.new_zeros(B, 0, d)",
            "out = []",
            "for t in range(T):",
            f"    word = {word}",
            f"    q, k, v = {q}, {k}, {v}",
            f"    keys, values = {keys}, {values}",
            f"    s = q @ keys.transpose(1, 2) / ({scale})",
            f"    out.append({softmax} @ values)",
            f"return {returned}",
        ],
    )


def drawing(scaled="logits / temperature", k="x[top_k:] = -torch.inf", keep="p.cumsum(0) - p < top_p",
            normal="p = p / p.sum()", returned="torch.zeros_like(p).scatter(0, i, p)"):  # fmt: skip
    return defined(
        "sample",
        "logits, temperature, top_k, top_p",
        [
            f"x, i = ({scaled}).sort(descending=True)",
            "if top_k is not None:",
            f"    {k}",
            "p = x.softmax(0)",
            "if top_p is not None:",
            f"    p = torch.where({keep}, p, 0.0)",
            f"    {normal}",
            f"return {returned}",
        ],
    )


def scoring(grams="Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))", orders="range(1, N + 1)",
            match="sum(min(c, r[g]) for g, c in h.items())", below="sum(h.values())",
            penalty="min(0, 1 - wanted / length)", mean="sum(math.log(m[n] / t[n]) for n in m) / len(m)",
            times="1", zero="min(m.values()) == 0"):  # fmt: skip
    return defined(
        "bleu",
        "hyps, refs, N=4",
        [
            f"orders = {orders}",
            "m, t = {n: 0 for n in orders}, {n: 0 for n in orders}",
            "for hyp, ref in zip(hyps, refs):",
            "    for n in orders:",
            f"        h, r = [{grams} for words in (hyp, ref)]",
            f"        m[n] += {match}",
            f"        t[n] += {below}",
            f"if {zero}:",
            "    return 0.0",
            "length, wanted = sum(map(len, hyps)), sum(map(len, refs))",
            f"return {times} * math.exp({penalty} + {mean})",
        ],
    )


def mean_of_sentences(hyps, refs, N=4):
    return statistics.mean(bleu_by_intersection([h], [r], N) for h, r in zip(hyps, refs, strict=True))


def merged_counts(hyps, refs, N=4):
    logs = 0
    for n in range(1, N + 1):
        ours, theirs = Counter(), Counter()
        for words, other in zip(hyps, refs, strict=True):
            ours.update(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
            theirs.update(tuple(other[i : i + n]) for i in range(len(other) - n + 1))
        right = (ours & theirs).total()
        if right == 0:
            return 0.0
        logs += math.log(right / ours.total())
    c, r = sum(map(len, hyps)), sum(map(len, refs))
    return math.exp(min(0, 1 - r / c) + logs / N)


def two_pools(step, k, max_len, alpha=0.6):
    """As in transformers: 2k candidates, k of them go on, and those that end do not take a place."""
    ids, total, pool = torch.tensor([[BOS]]), torch.zeros(1).double(), []
    for _ in range(max_len):
        sums = total[:, None] + step(ids)[:, -1].log_softmax(-1)
        values, flat = sums.flatten().topk(min(2 * k, sums.numel()))
        rows, new = [], []
        for s, i in zip(values.tolist(), flat.tolist(), strict=True):
            y = torch.cat([ids[i // sums.shape[1]], torch.tensor([i % sums.shape[1]])])
            if y[-1] == EOS:
                pool.append((s / (len(y) - 1) ** alpha, y))
            elif len(rows) < k:
                rows.append(y)
                new.append(s)
        ids, total = torch.stack(rows), torch.tensor(new).double()
    pool += [(s / (len(y) - 1) ** alpha, y) for s, y in zip(total.tolist(), ids, strict=True)]
    return max(pool, key=lambda pair: pair[0])


def first_of_each(step, k, max_len, alpha=0.6):
    ids, total = torch.full((k, 1), BOS), torch.zeros(k).double()
    for _ in range(max_len):
        best = step(ids)[:, -1].log_softmax(-1).max(-1)
        ids, total = torch.cat([ids, best.indices[:, None]], 1), total + best.values
        if (ids[:, -1] == EOS).all():
            break
    return float(total[0]) / (ids.shape[1] - 1) ** alpha, ids[0]


def whole_attention(x, W, table, causal):
    h = x + table[: x.shape[1]]
    return F.scaled_dot_product_attention(h @ W["q"], h @ W["k"], h @ W["v"], is_causal=causal)


def attention_again(x, W, table):
    return torch.stack([whole_attention(x[:, : t + 1], W, table, False)[:, t] for t in range(x.shape[1])], 1)


WRONG = [
    ("greedy", "J01", greedily(fill="token")),
    ("greedy", "J01b", greedily(stop="False")),
    ("greedy", "J01b", greedily(note="done = done | (token == PAD)", fill="token")),
    ("greedy", "J03", greedily("prompts", "step(ids)[:, -1].argmax(0)[: len(ids)]")),
    ("greedy", "J05", greedily(stop="done.any()")),
    ("greedy", "J05", greedily(stop="EOS in token")),
    ("greedy", "first-row-decides", greedily(stop="token[0] == EOS", note="done = done | (token == EOS)")),
    ("greedy", "J07", greedily(start="torch.full((len(prompts), 1), BOS)")),
    ("greedy", "J07", greedily(start="prompts[:, :1]")),
    ("greedy", "from-padding", greedily(start="torch.full((len(prompts), 1), PAD)")),
    ("greedy", "begin-token-twice", greedily(start="F.pad(prompts, (1, 0), value=BOS)")),
    ("greedy", "J09", greedily(joined="torch.cat([token[:, None], ids], 1)")),
    ("greedy", "first-place", greedily(token="step(ids)[:, 0].argmax(-1)")),
    ("greedy", "mean-of-places", greedily(token="step(ids).sum(1).argmax(-1)")),
    ("greedy", "argmin", greedily(token="step(ids)[:, -1].argmin(-1)")),
    ("greedy", "newest-only", greedily(token="step(ids[:, -1:])[:, -1].argmax(-1)")),
    ("greedy", "not-fed-back", greedily(token="step(prompts)[:, -1].argmax(-1)")),
    ("greedy", "end-as-filler", greedily(fill="torch.where(done, EOS, token)")),
    ("greedy", "end-filled-over", greedily(fill="torch.where(done | (token == EOS), PAD, token)",
                                           note="done = done | (token == PAD)")),
    ("greedy", "forgets-who-is-done", greedily(note="done = token == EOS")),
    ("greedy", "limit-with-prompts", greedily(rounds="max_len - prompts.shape[1]")),
    ("greedy", "one-too-few", greedily(rounds="1, max_len")),
    ("greedy", "one-too-many", greedily(rounds="max_len + 1")),
    ("greedy", "without-prompts", greedily(returned="ids[:, prompts.shape[1]:]")),
    ("greedy", "without-prompts", greedily(returned="ids[:, 1:]")),
    ("greedy", "last-words-only", greedily(returned="token")),
    ("greedy", "first-sentence-only", lambda step, prompts, max_len: greedily()(step, prompts[:1], max_len)),
    ("beam", "J10", beaming(penalty="s")),
    ("beam", "J12", beaming(row="best.indices % V % len(ids)", token="best.indices // V")),
    ("beam", "J14", beaming(said="step(ids)[:, -1].softmax(-1)")),
    ("beam", "adds-logits", beaming(said="step(ids)[:, -1]")),
    ("beam", "over-all-hypotheses", beaming(said="step(ids)[:, -1].log_softmax(0)")),
    ("beam", "other-logarithm", beaming(said="step(ids)[:, -1].softmax(-1).log2()")),
    ("beam", "first-place", beaming(said="step(ids)[:, 0].log_softmax(-1)")),
    ("beam", "newest-only", beaming(said="step(ids[:, -1:])[:, -1].log_softmax(-1)")),
    ("beam", "last-word-counts", beaming(sums="said")),
    ("beam", "J16", beaming(after="if ended: break", found="ended or alive")),
    ("beam", "J16", beaming(after="if ended: return max((s / (len(y) - 1) ** alpha, y) for s, y in ended)")),
    ("beam", "J18", beaming(over="torch.zeros(len(token)).bool()")),
    ("beam", "J20", beaming(after="total = total / (ids.shape[1] - 1) ** alpha")),
    ("beam", "begin-token-counts", beaming(length="len(y)")),
    ("beam", "end-token-does-not-count", beaming(length="max(len(y) - 2, 1)")),
    ("beam", "gnmt", beaming(penalty="s / ((5 + length) / 6) ** alpha")),
    ("beam", "always-the-mean", beaming(penalty="s / length")),
    ("beam", "multiplies", beaming(penalty="s * length ** alpha")),
    ("beam", "alpha-off", beaming(penalty="s / length ** 0.6")),
    ("beam", "k-times-the-same", beaming(start="torch.full((k, 1), BOS)")),
    ("beam", "k-times-the-same", first_of_each),
    ("beam", "gives-places-back", beaming(room="k")),
    ("beam", "pool", two_pools),
    ("beam", "ended-are-lost", beaming(found="alive or ended")),
    ("beam", "cut-off-are-lost", beaming(found="ended or alive")),
    ("beam", "worst", beaming(pick="min(scored, key=lambda pair: pair[0])")),
    ("beam", "one-place-more", beaming(room="k - len(ended) + 1")),
    ("beam", "limit-off-by-one", beaming(rounds="max_len - 1")),
    ("beam", "limit-off-by-one", beaming(rounds="max_len + 1")),
    ("beam", "too-many-after-an-end", beaming(room="k - max(len(ended) - 1, 0)")),
    ("beam", "first-row-only", beaming(sums="(total[:, None] + said)[:1]")),
    ("beam", "one-length-for-all", beaming(length="max_len")),
    ("beam", "one-length-for-all", beaming(length="ids.shape[1] - 1")),
    ("beam", "end-appended", beaming(found="ended + [(s, F.pad(y, (0, 1), value=EOS)) for s, y in alive]")),
    ("beam", "divided-afterwards", beaming(
        found="[max(ended + alive, key=lambda pair: pair[0])]")),
    ("beam", "score-not-divided", beaming(
        penalty="s", pick="max(scored, key=lambda p: p[0] / (len(p[1]) - 1) ** alpha)")),
    ("beam", "cut-off-not-divided", beaming(penalty="s / length ** alpha if y[-1] == EOS else s")),
    ("beam", "ended-not-divided", beaming(penalty="s if y[-1] == EOS else s / length ** alpha")),
    ("beam", "rows-beyond", beaming(row="best.indices % V", token="best.indices // V")),
    ("beam", "rows-beyond", beaming(row="best.indices // len(ids)", token="best.indices % len(ids)")),
    ("beam", "parts-by-rows", beaming(row="best.indices % len(ids)", token="best.indices // len(ids)")),
    ("beam", "ids-cut", lambda *a: (beam_by_lists(*a)[0], beam_by_lists(*a)[1][1:])),
    ("incremental", "V01", attending(word="x[:, t : t + 1] + table[0]")),
    ("incremental", "V01", attending(word="x[:, t : t + 1] + table[: k.shape[1] if t else 1]")),
    ("incremental", "position-off-by-one", attending(word="x[:, t : t + 1] + table[t - 1]")),
    ("incremental", "positions-backwards", attending(word="x[:, t : t + 1] + table[T - 1 - t]")),
    ("incremental", "no-positions", attending(word="x[:, t : t + 1]")),
    ("incremental", "V05", attending(keys="k", values="v")),
    ("incremental", "V07", attending(k="x[:, t : t + 1] @ W['k']")),
    ("incremental", "values-without-position", attending(v="x[:, t : t + 1] @ W['v']")),
    ("incremental", "query-without-position", attending(q="x[:, t : t + 1] @ W['q']")),
    ("incremental", "kept-apart", attending(values="torch.cat([v, values], 1)")),
    ("incremental", "no-scale", attending(scale="1")),
    ("incremental", "another-scale", attending(scale="d")),
    ("incremental", "another-scale", attending(scale="math.sqrt(T)")),
    ("incremental", "divided-after-softmax", attending(scale="1", softmax="(s.softmax(-1) / math.sqrt(d))")),
    ("incremental", "softmax-over-one", attending(softmax="s.softmax(1)")),
    ("incremental", "softmax-over-batch", attending(softmax="s.softmax(0)")),
    ("incremental", "no-softmax", attending(softmax="s")),
    ("incremental", "keys-as-values", attending(v="word @ W['k']")),
    ("incremental", "keys-as-values", attending(k="word @ W['v']", v="word @ W['k']")),
    ("incremental", "sees-the-future", lambda x, W, table: whole_attention(x, W, table, False)),
    ("incremental", "a-window", attending(keys="torch.cat([keys, k], 1)[:, -2:]",
                                          values="torch.cat([values, v], 1)[:, -2:]")),
    ("incremental", "last-only", attending(returned="out[-1]")),
    ("incremental", "stacked", attending(returned="torch.stack(out, 1)")),
    ("incremental", "stacked", attending(returned="out")),
    ("incremental", "computes-again", attention_again),
    ("incremental", "all-at-once", lambda x, W, table: whole_attention(x, W, table, True)),
    ("repair_beam", "only-when-one-ends", repaired(
        "cache = cache.select(row[~over]) if over.any() else cache.select((~over).nonzero()[:, 0])")),
    ("repair_beam", "not-selected", repaired("pass")),
    ("repair_beam", "best-row-only", repaired("cache = cache.select(torch.zeros(len(ids), dtype=torch.long))")),
    ("repair_beam", "sorted-rows", repaired("cache = cache.select(row[~over].sort().values)")),
    ("sample", "times-temperature", drawing(scaled="logits * temperature")),
    ("sample", "no-temperature", drawing(scaled="logits")),
    ("sample", "probabilities-divided", drawing(scaled="logits.softmax(0) / temperature")),
    ("sample", "no-top-k", drawing(k="pass")),
    ("sample", "k-off-by-one", drawing(k="x[top_k + 1 :] = -torch.inf")),
    ("sample", "zeros-for-k", drawing(k="x[top_k:] = 0")),
    ("sample", "not-renormalized", drawing(normal="pass")),
    ("sample", "no-top-p", drawing(keep="p > -1")),
    ("sample", "nucleus-too-small", drawing(keep="p.cumsum(0) <= top_p")),
    ("sample", "one-minus-top-p", drawing(keep="p.cumsum(0) - p < 1 - top_p")),
    ("sample", "no-softmax", lambda logits, t, k, p: (logits / t) / (logits / t).sum()),
    ("sample", "share-of-each", drawing(keep="p >= top_p")),
    ("sample", "share-of-the-best", drawing(keep="p >= top_p * p.max()")),
    ("sample", "sorted", drawing(returned="p")),
    ("sample", "logarithms", drawing(returned="torch.zeros_like(p).scatter(0, i, p).log()")),
    ("bleu", "T07", scoring(match="sum(c for g, c in h.items() if g in r)")),
    ("bleu", "each-n-gram-once", scoring(
        grams="Counter({tuple(words[i : i + n]) for i in range(len(words) - n + 1)})")),
    ("bleu", "T09", scoring(penalty="min(0, 1 - length / wanted)")),
    ("bleu", "penalty-both-ways", scoring(penalty="1 - wanted / length")),
    ("bleu", "no-brevity-penalty", scoring(penalty="0")),
    ("bleu", "plain-ratio", scoring(penalty="math.log(min(1, length / wanted))")),
    ("bleu", "T11", mean_of_sentences),
    ("bleu", "one-text", lambda hyps, refs, N=4: bleu_by_crossing_off([sum(hyps, [])], [sum(refs, [])], N)),
    ("bleu", "T13", lambda hyps, refs, N=4: bleu_with_dicts(
        [["<bos>", *h, "<eos>"] for h in hyps], [["<bos>", *r, "<eos>"] for r in refs], N)),
    ("bleu", "arithmetic-mean", scoring(mean="math.log(sum(m[n] / t[n] for n in m) / N)")),
    ("bleu", "no-root", scoring(mean="sum(math.log(m[n] / t[n]) for n in m)")),
    ("bleu", "only-the-longest", scoring(orders="[N]")),
    ("bleu", "orders-off-by-one", scoring(orders="range(1, max(N, 2))")),
    ("bleu", "always-four", scoring(orders="range(1, 5)")),
    ("bleu", "recall", scoring(below="sum(r.values())")),
    ("bleu", "exchanged", lambda hyps, refs, N=4: bleu_with_dicts(refs, hyps, N)),
    ("bleu", "last-n-gram-missing", scoring(grams="Counter(tuple(words[i : i + n]) for i in range(len(words) - n))")),
    ("bleu", "stumps", scoring(grams="Counter(tuple(words[i : i + n]) for i in range(len(words)))")),
    ("bleu", "no-order", scoring(grams="Counter(tuple(sorted(words[i : i + n])) for i in range(len(words) - n + 1))")),
    ("bleu", "clipped-over-corpus", merged_counts),
    ("bleu", "other-logarithm", scoring(mean="sum(math.log10(m[n] / t[n]) for n in m) / len(m)")),
    ("bleu", "penalty-added", lambda hyps, refs, N=4: scoring(penalty="0")(hyps, refs, N) + min(
        1, math.exp(1 - sum(map(len, refs)) / sum(map(len, hyps))))),
    ("bleu", "larger-count", scoring(match="sum(max(c, r[g]) for g, c in h.items())")),
    ("bleu", "sentences-as-length", scoring(penalty="min(0, 1 - wanted / len(hyps))")),
    ("bleu", "orders-off-by-one", scoring(orders="range(1, N)")),
    ("bleu", "hundred", scoring(times="100")),
    ("bleu", "characters", lambda hyps, refs, N=4: bleu_by_crossing_off(
        [list(" ".join(h)) for h in hyps], [list(" ".join(r)) for r in refs], N)),
    ("bleu", "case-folded", lambda hyps, refs, N=4: bleu_with_dicts(
        [[w.lower() for w in h] for h in hyps], [[w.lower() for w in r] for r in refs], N)),
]  # fmt: skip


@pytest.mark.parametrize(("id", "mistake", "wrong"), WRONG)
def test_wrong_answers_are_named(id, mistake, wrong):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message


PLAIN = [  # wrong, and no mistake of the bank: rejected, and nothing is guessed
    ("greedy", greedily(token="step(ids)[:, -1].argmax(-1, keepdim=True)")),
    ("greedy", greedily(returned="ids.tolist()")),
    ("greedy", greedily(returned="ids.float()")),
    ("greedy", lambda step, prompts, max_len: step(prompts)),
    ("beam", lambda step, k, max_len, alpha=0.6: beam_by_lists(step, k, max_len, alpha)[::-1]),
    ("beam", lambda step, k, max_len, alpha=0.6: beam_by_lists(step, k, max_len, alpha)[1]),
    ("beam", beaming(row="best.indices // 3")),
    ("beam", beaming(found="alive")),
    ("incremental", attending(keys="torch.cat([keys, k], 0)", values="torch.cat([values, v], 0)")),
    ("repair_beam", repaired("cache = cache.select(row)")),
    ("repair_beam", repaired("cache = cache.select(row[: len(ids)])")),
    (
        "repair_beam",
        repaired("goes_on = (~over).nonzero()[:, 0]; cache = cache.select(goes_on if over.any() else row)"),
    ),
    ("repair_beam", repaired("cache = cache.select(token[~over])")),
    ("sample", lambda logits, temperature, top_k, top_p: torch.multinomial(logits.softmax(0), 1)),
    ("bleu", lambda hyps, refs, N=4: "good"),
    ("bleu", scoring(match="len(h)")),
]


@pytest.mark.parametrize(("id", "wrong"), PLAIN)
def test_other_wrong_answers_fail_without_a_guess(id, wrong):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", None), found.message
    assert found.message.rstrip().endswith("?"), found.message


# --- the bank itself ------------------------------------------------------------------------------------------------

VERSIONS = [(e, m, v) for e in EXERCISES for m in e.mistakes for v in m.versions]


def test_every_known_mistake_is_rejected_under_its_own_name():
    unnamed = []
    for exercise, mistake, version in VERSIONS:
        found = diagnose(exercise.id, version)
        assert found.status == "failed", (exercise.id, mistake.id)
        if found.mistake != mistake.id:
            unnamed.append((exercise.id, mistake.id, found.mistake))
    assert len(unnamed) <= 0.05 * len(VERSIONS), unnamed


def test_there_are_twelve_mistakes_and_more_for_each_main_exercise():
    for exercise in EXERCISES:
        assert len(exercise.mistakes) >= 12, exercise.id


def test_the_handed_out_search_counts_as_not_attempted():
    exercise = get("repair_beam")
    assert diagnose("repair_beam", exercise.handed_out).status == "not attempted"
    assert diagnose("repair_beam", repaired("cache = cache.select((~over).nonzero()[:, 0])")).status == "not attempted"


def test_a_check_answers_within_a_second():
    for exercise in EXERCISES:
        diagnose(exercise.id, exercise.reference)  # what is made once
        times = []
        for version in (exercise.reference, *(m.versions[0] for m in exercise.mistakes)):
            begun = time.process_time()
            diagnose(exercise.id, version)
            times.append(time.process_time() - begun)
        assert statistics.median(times) < 0.3
        assert max(times) < 1

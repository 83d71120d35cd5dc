"""Lesson 09: answers as learners write them, right ones and wrong ones. They share nothing with the bank."""

import collections
import heapq
import itertools

import pytest

from course.lab.exercises import diagnose, get
from course.lessons.lesson_09.exercises import EXERCISES, TEXT, counted
from course.lessons.lesson_09.mistakes.aligning import apart
from course.lessons.lesson_09.reference import bpe_train, joined

torch = pytest.importorskip("torch")

# --- right answers ------------------------------------------------------------------------------------------------


def train_by_counter(words, n):
    cut = {w: tuple(w) + ("</w>",) for w in words}
    merges = []
    while len(merges) < n:
        counts = collections.Counter()
        for w, p in cut.items():
            for i in range(len(p) - 1):
                counts[p[i], p[i + 1]] += words[w]
        if len(counts) == 0:
            return merges
        top = max(counts.values())
        best = sorted(pair for pair in counts if counts[pair] == top)[0]
        merges.append(best)
        for w, p in cut.items():
            new, i = [], 0
            while i < len(p):
                if p[i : i + 2] == best:
                    new.append(best[0] + best[1])
                    i += 2
                else:
                    new.append(p[i])
                    i += 1
            cut[w] = tuple(new)
    return merges


def train_by_sorting(words, n):
    vocab = [([*w, "</w>"], c) for w, c in words.items()]
    merges = []
    for _ in range(n):
        stats = collections.defaultdict(int)
        for pieces, c in vocab:
            for pair in itertools.pairwise(pieces):
                stats[pair] += c
        if not stats:
            break
        ranked = sorted(stats.items(), key=lambda item: (-item[1], item[0]))
        merges += [ranked[0][0]]
        vocab = [(joined(pieces, ranked[0][0]), c) for pieces, c in vocab]
    return merges


def train_by_heap(words, n):
    cut, merges = {w: list(w) + ["</w>"] for w in words}, []
    for _ in range(n):
        counts = {}
        for w in words:
            for a, b in zip(cut[w], cut[w][1:], strict=False):
                counts[(a, b)] = counts.get((a, b), 0) + words[w]
        heap = [(-c, pair) for pair, c in counts.items()]
        if not heap:
            break
        heapq.heapify(heap)
        pair = heapq.heappop(heap)[1]
        merges.append(pair)
        cut = {w: joined(cut[w], pair) for w in words}
    return merges


def train_word_by_word(words, n):
    """Every word as often as it occurs."""
    text = [[*w, "</w>"] for w, c in words.items() for _ in range(c)]
    merges = []
    for _ in range(n):
        counts = collections.Counter(pair for pieces in text for pair in zip(pieces, pieces[1:], strict=False))
        try:
            best = min(counts, key=lambda pair: (-counts[pair], *pair))
        except ValueError:
            return merges
        merges.append(best)
        text = [joined(pieces, best) for pieces in text]
    return merges


def train_in_place(words, n):
    cut, merges = [[*w, "</w>"] for w in words], []
    times = list(words.values())
    for _ in range(n):
        counts = collections.Counter()
        for pieces, c in zip(cut, times, strict=True):
            for i in range(1, len(pieces)):
                counts.update({(pieces[i - 1], pieces[i]): c})
        if not counts:
            break
        best = None
        for pair, count in counts.items():
            if best is None or count > counts[best] or (count == counts[best] and pair < best):
                best = pair
        merges.append(best)
        for pieces in cut:
            i = 0
            while i < len(pieces) - 1:
                if (pieces[i], pieces[i + 1]) == best:
                    pieces[i : i + 2] = ["".join(best)]
                i += 1
    return merges


def train_recursively(words, n):
    def go(cut, n):
        counts = collections.Counter()
        for w, p in cut.items():
            for pair in zip(p, p[1:], strict=False):
                counts[pair] += words[w]
        if n == 0 or not counts:
            return []
        best = max(counts, key=lambda pair: (counts[pair], [-ord(c) for c in "".join(pair)]))
        best = min(pair for pair in counts if counts[pair] == counts[best])
        return [best, *go({w: joined(p, best) for w, p in cut.items()}, n - 1)]

    return go({w: [*w, "</w>"] for w in words}, n)


def encode_by_rank(word, merges):
    rank = {pair: i for i, pair in enumerate(merges)}
    pieces = list(word) + ["</w>"]
    while len(pieces) > 1:
        pairs = list(zip(pieces, pieces[1:], strict=False))
        best = min(pairs, key=lambda pair: rank.get(pair, len(rank)))
        if best not in rank:
            break
        pieces = joined(pieces, best)
    return pieces


def encode_leftmost_of_the_best(word, merges):
    pieces = [*word, "</w>"]
    while True:
        found = [
            (merges.index(pair), i) for i, pair in enumerate(zip(pieces, pieces[1:], strict=False)) if pair in merges
        ]
        if not found:
            return pieces
        _, i = min(found)
        pieces = pieces[:i] + [pieces[i] + pieces[i + 1]] + pieces[i + 2 :]


def encode_in_place(word, merges):
    pieces = [*word, "</w>"]
    for left, right in merges:
        i = 0
        while i < len(pieces) - 1:
            if pieces[i] == left and pieces[i + 1] == right:
                pieces[i] += pieces.pop(i + 1)
            i += 1
    return pieces


def encode_recursively(word, merges):
    def go(pieces, rest):
        return go(joined(pieces, rest[0]), rest[1:]) if rest else pieces

    return go([*word, "</w>"], list(merges))


def encode_with_copies(word, merges):
    pieces = [letter for letter in word]  # noqa: C416
    pieces.append("</w>")
    for pair in list(merges):
        new, skip = [], False
        for i, piece in enumerate(pieces):
            if skip:
                skip = False
            elif i + 1 < len(pieces) and (piece, pieces[i + 1]) == tuple(pair):
                new.append("".join(pair))
                skip = True
            else:
                new.append(piece)
        pieces = new
    return pieces


def batch_by_filling(pairs, pad, bos, eos):
    B = len(pairs)
    S, T = max(len(s) for s, _ in pairs) + 1, max(len(t) for _, t in pairs) + 1
    src = torch.full((B, S), pad)
    tgt_in, labels = torch.full((B, T), pad), torch.full((B, T), pad)
    for b, (s, t) in enumerate(pairs):
        src[b, : len(s) + 1] = torch.tensor([*s, eos])
        tgt_in[b, : len(t) + 1] = torch.tensor([bos, *t])
        labels[b, : len(t) + 1] = torch.tensor([*t, eos])
    causal = torch.arange(T)[:, None] >= torch.arange(T)
    return src, tgt_in, labels, src.ne(pad)[:, None, None], tgt_in.ne(pad)[:, None, None] & causal


def batch_by_pad_sequence(pairs, pad, bos, eos):
    from torch.nn.utils.rnn import pad_sequence

    def rows(lists):
        return pad_sequence([torch.tensor(each) for each in lists], batch_first=True, padding_value=pad)

    src = rows([s + [eos] for s, _ in pairs])
    both = rows([[bos] + t + [eos] for _, t in pairs])
    tgt_in = torch.where(both == eos, pad, both)[:, :-1]
    labels = both[:, 1:]
    T = labels.size(1)
    return (
        src, tgt_in, labels, (src != pad).view(len(pairs), 1, 1, -1),
        (tgt_in != pad).unsqueeze(1).unsqueeze(1) & ~torch.triu(torch.ones(T, T), diagonal=1).bool(),
    )  # fmt: skip


def batch_by_lengths(pairs, pad, bos, eos):
    sources, targets = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    S, T = max(map(len, sources)) + 1, max(map(len, targets)) + 1
    src = torch.tensor([s + [eos] + [pad] * (S - len(s) - 1) for s in sources])
    tgt_in = torch.tensor([[bos] + t + [pad] * (T - len(t) - 1) for t in targets])
    labels = torch.tensor([t + [eos] + [pad] * (T - len(t) - 1) for t in targets])
    n, m = torch.tensor([len(s) + 1 for s in sources]), torch.tensor([len(t) + 1 for t in targets])
    src_mask = (torch.arange(S) < n[:, None])[:, None, None, :]
    real = (torch.arange(T) < m[:, None])[:, None, None, :]
    return src, tgt_in, labels, src_mask, torch.logical_and(real, torch.tril(torch.ones(T, T)) > 0)


def batch_by_shifting(pairs, pad, bos, eos):
    T = max(len(t) for _, t in pairs) + 2
    S = max(len(s) for s, _ in pairs) + 1
    src = torch.stack([torch.tensor((s + [eos] + [pad] * S)[:S]) for s, _ in pairs])
    labels = torch.stack([torch.tensor((t + [eos] + [pad] * T)[: T - 1]) for _, t in pairs])
    tgt_in = torch.cat([torch.full((len(pairs), 1), bos), labels[:, :-1]], dim=1)
    tgt_in = tgt_in.masked_fill(labels == pad, pad)
    keep = (labels != pad)[:, None, None, :]  # as many real ones as in tgt_in
    return src, tgt_in, labels, (src != pad)[:, None, None, :], keep & torch.ones(T - 1, T - 1).tril().bool()


def batch_by_loops(pairs, pad, bos, eos):
    rows = [[], [], []]
    for source, target in pairs:
        for kind, row in enumerate((list(source) + [eos], [bos] + list(target), list(target) + [eos])):
            rows[kind].append(row)
    for kind in rows:
        width = max(len(row) for row in kind)
        for row in kind:
            while len(row) < width:
                row.append(pad)
    src, tgt_in, labels = map(torch.LongTensor, rows)
    B, T = tgt_in.shape
    mask = torch.zeros(B, 1, T, T, dtype=torch.bool)
    for b in range(B):
        for i in range(T):
            for j in range(i + 1):
                mask[b, 0, i, j] = tgt_in[b, j] != pad
    return src, tgt_in, labels, (src != pad).reshape(B, 1, 1, src.shape[1]), mask


def batch_as_a_list(pairs, pad, bos, eos):
    return list(batch_by_filling(pairs, pad, bos, eos))


def buckets_of_lists(lengths, max_tokens):
    order = sorted(enumerate(lengths), key=lambda item: max(item[1]))
    done = [[]]
    for i, pair in order:
        if done[-1] and (len(done[-1]) + 1) * max(pair) > max_tokens:
            done.append([])
        done[-1].append(i)
    return [bucket for bucket in done if bucket]


def buckets_by_argsort(lengths, max_tokens):
    import numpy as np

    longer = np.array(lengths).max(axis=1)
    done, bucket = [], []
    for i in np.argsort(longer, kind="stable"):
        if len(bucket) and (len(bucket) + 1) * longer[i] > max_tokens:
            done.append(bucket)
            bucket = []
        bucket = [*bucket, i]
    done.append(bucket)
    return done


def buckets_by_slices(lengths, max_tokens):
    order = list(range(len(lengths)))
    order.sort(key=lambda i: (max(lengths[i]), i))
    done, start = [], 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * max(lengths[order[end]]) <= max_tokens:
            end += 1
        done.append(order[start:end])
        start = end
    return done


def buckets_recursively(lengths, max_tokens):
    def go(order):
        if not order:
            return []
        n = 1
        while n < len(order) and (n + 1) * max(max(lengths[i]) for i in order[: n + 1]) <= max_tokens:
            n += 1
        return [order[:n]] + go(order[n:])

    return go(sorted(range(len(lengths)), key=lambda i: max(lengths[i][0], lengths[i][1])))


def buckets_with_size(lengths, max_tokens):
    done, bucket, widest = [], [], 0
    for longest, i in sorted((max(s, t), i) for i, (s, t) in enumerate(lengths)):
        widest = max(widest, longest)
        if bucket and widest * (1 + len(bucket)) > max_tokens:
            done, bucket, widest = done + [bucket], [], longest
        bucket.append(i)
    return done + ([bucket] if bucket else [])


def pairs_by_loop(sources, targets, longest):
    if len(sources) != len(targets):
        raise ValueError("the two sides must be equally many")
    kept = []
    for source, target in zip(sources, targets, strict=False):
        if not source or not target:
            continue
        if len(source) > longest or len(target) > longest:
            continue
        kept.append((source, target))
    kept.sort(key=lambda pair: max(len(pair[0]), len(pair[1])))
    return kept


def pairs_by_index(sources, targets, longest):
    if len(sources) != len(targets):
        raise ValueError
    longer = [max(len(s), len(t)) for s, t in zip(sources, targets, strict=True)]
    shorter = [min(len(s), len(t)) for s, t in zip(sources, targets, strict=True)]
    rows = [i for i in range(len(sources)) if shorter[i] > 0 and longer[i] <= longest]
    return [(sources[i], targets[i]) for i in sorted(rows, key=longer.__getitem__)]


def pairs_by_filter(sources, targets, longest):
    pairs = zip(sources, targets, strict=True)
    pairs = filter(lambda pair: all(pair) and max(map(len, pair)) <= longest, pairs)
    return sorted(pairs, key=lambda pair: len(max(pair, key=len)))


def pairs_sorted_first(sources, targets, longest):
    pairs = sorted(zip(sources, targets, strict=True), key=lambda pair: max(map(len, pair)))
    return [(s, t) for s, t in pairs if 1 <= len(s) <= longest and 1 <= len(t) <= longest]


def pairs_in_shelves(sources, targets, longest):
    shelves = [[] for _ in range(longest + 1)]
    for s, t in zip(sources, targets, strict=True):
        if s and t and max(len(s), len(t)) <= longest:
            shelves[max(len(s), len(t))].append((s, t))
    return [pair for shelf in shelves for pair in shelf]


RIGHT = {
    "bpe_train": (
        train_by_counter, train_by_sorting, train_by_heap, train_word_by_word, train_in_place, train_recursively,
    ),
    "bpe_encode": (
        encode_by_rank, encode_leftmost_of_the_best, encode_in_place, encode_recursively, encode_with_copies,
    ),
    "make_batch": (
        batch_by_filling, batch_by_pad_sequence, batch_by_lengths, batch_by_shifting, batch_by_loops,
    ),
    "buckets": (
        buckets_of_lists, buckets_by_argsort, buckets_by_slices, buckets_recursively, buckets_with_size,
    ),
    "repair_pairs": (pairs_by_loop, pairs_by_index, pairs_by_filter, pairs_sorted_first, pairs_in_shelves),
}  # fmt: skip


@pytest.mark.parametrize(("id", "right"), [(id, right) for id, rights in RIGHT.items() for right in rights])
def test_right_answers_pass(id, right):
    found = diagnose(id, right)
    assert found.status == "passed", found.message


# --- wrong answers ------------------------------------------------------------------------------------------------


def defined(name, arguments, body):
    text = "\n".join([f"def {name}({arguments}):", *(f"    {line}" for line in body)])
    space = {"torch": torch, "joined": joined, "collections": collections, "Counter": collections.Counter}
    exec(text, space)
    return space[name]


def train(
    begin='[*w, "</w>"]', loop="range(n)", times="words[w]", neighbors="zip(p, p[1:])", key="(-counts[q], q)",
    best=None, append="merges.append(best)", join="joined(p, best)", counts="counts = {}", outside="", returned=None,
    stop="if not counts: break",
):  # fmt: skip
    return defined(
        "bpe_train",
        "words, n",
        [
            f"cut = {{w: {begin} for w in words}}",
            "merges = []",
            outside or "pass",
            f"for _ in {loop}:",
            f"    {counts}",
            "    for w, p in cut.items():",
            f"        for q in {neighbors}:",
            f"            counts[q] = counts.get(q, 0) + {times}",
            f"    {stop}",
            f"    best = {best or f'min(counts, key=lambda q: {key})'}",
            f"    {append}",
            f"    cut = {{w: {join} for w, p in cut.items()}}",
            f"    {returned}" if returned else "    pass",
            "return merges",
        ],
    )


def encode(begin='[*word, "</w>"]', loop="merges", line="pieces = joined(pieces, pair)", returned="return pieces"):
    return defined("bpe_encode", "word, merges", [f"pieces = {begin}", f"for pair in {loop}:", f"    {line}", returned])


def batch(
    src="s + [eos]", tgt="[bos] + t", labels="t + [eos]", row="r + [pad] * (n - len(r))", width="max",
    src_mask="(src != pad)[:, None, None, :]", tgt_mask="(tgt_in != pad)[:, None, None, :] & causal",
    causal="torch.ones(T, T, dtype=torch.bool).tril()", pairs="pairs", dtype="torch.int64",
    returned="src, tgt_in, labels, src_mask, tgt_mask",
):  # fmt: skip
    return defined(
        "make_batch",
        "pairs, pad, bos, eos",
        [
            "def padded(rows):",
            f"    n = {width}(len(r) for r in rows)",
            f"    return torch.tensor([{row} for r in rows], dtype={dtype})",
            f"pairs = {pairs}",
            f"src = padded([{src} for s, t in pairs])",
            f"tgt_in = padded([{tgt} for s, t in pairs])",
            f"labels = padded([{labels} for s, t in pairs])",
            "T = tgt_in.shape[1]",
            f"causal = {causal}",
            f"src_mask = {src_mask}",
            f"tgt_mask = {tgt_mask}",
            f"return {returned}",
        ],
    )


def bucket(
    order="sorted(range(len(lengths)), key=lambda i: max(lengths[i]))", full="bucket and (len(bucket) + 1) * L > m",
    L="max(lengths[i])", item="i", last="return done + [bucket]", empty="bucket = []",
):  # fmt: skip
    return defined(
        "buckets",
        "lengths, m",
        [
            "done, bucket = [], []",
            f"for i in {order}:",
            f"    L = {L}",
            f"    if {full}:",
            "        done.append(bucket)",
            f"        {empty}",
            f"    bucket.append({item})",
            last,
        ],
    )


def pairs(
    made="list(zip(sources, targets, strict=True))", kept="0 < len(s) <= longest and 0 < len(t) <= longest",
    returned="sorted(kept, key=lambda p: max(len(p[0]), len(p[1])))", before="pass",
):  # fmt: skip
    return defined(
        "repair_pairs",
        "sources, targets, longest",
        [before, f"pairs = {made}", f"kept = [(s, t) for s, t in pairs if {kept}]", f"return {returned}"],
    )


def joined_by_text(pieces, pair):
    text = " ".join(pieces)
    return text.replace(pair[0] + " " + pair[1], pair[0] + pair[1]).split()


WRONG = {
    "bpe_train": [
        (train(times="1"), "T01"),
        (train(times="words.get(q, 1)"), "T01"),
        (train(neighbors="set(zip(p, p[1:]))"), "once_a_word"),
        (train(neighbors="[tuple(sorted(q)) for q in zip(p, p[1:])]"), "either_order"),
        (train(best="max(counts, key=counts.get)"), "ties_first_met"),
        (train(best="Counter(counts).most_common(1)[0][0]"), "ties_first_met"),
        (train(best="max(counts, key=lambda q: (counts[q], q))"), "ties_largest"),
        (train(best="sorted(counts, key=lambda q: (counts[q], q))[-1]"), "ties_largest"),
        (train(key="(-counts[q], q[0] + q[1])"), "ties_by_other_rules"),
        (train(key="(-counts[q], q[1], q[0])"), "ties_by_other_rules"),
        (train(key="(counts[q], q)"), "T03"),
        (train(best="min(counts)"), "smallest_of_all"),
        (train(begin="list(w)"), "no_end_mark"),
        (train(neighbors="zip(p[:-1], p[1:-1])"), "no_end_mark"),
        (train(begin='list(w[:-1]) + [w[-1] + "</w>"]'), "mark_on_the_last_letter"),
        (train(begin='list(w + "</w>")'), "mark_in_letters"),
        (train(begin='["</w>"] + list(w)'), "mark_in_front"),
        (train(join="p"), "never_kept"),
        (train(join='[*w, "</w>"]'), "never_kept"),
        (train(join='joined([*w, "</w>"], best)'), "starting_anew"),
        (train(loop="range(n + 1)"), "one_too_many"),
        (train(loop="range(1, n)"), "one_too_many"),
        (train(returned="return merges"), "one_round"),
        (train(append='merges.append("".join(best))'), "made_pieces"),
        (train(append="merges.insert(0, best)"), "reversed"),
        (train(counts="pass", outside="counts = {}"), "added_up"),
        (train(stop="if not counts or max(counts.values()) == 1: break"), "stops_at_one"),
        (train(append="merges.append(list(best))"), None),
        (train(stop="pass"), None),  # raises when nothing is left
        (train(append="merges.append(counts[best])"), None),
    ],
    "bpe_encode": [
        (encode(begin="list(word)"), "no_end_mark"),
        (encode(begin='list(word + "</w>")'), "mark_in_letters"),
        (encode(begin='list(word[:-1]) + [word[-1] + "</w>"]'), "mark_on_the_last_letter"),
        (encode(loop="merges[::-1]"), "reversed"),
        (encode(loop="sorted(merges)"), "sorted"),
        (encode(loop="merges[:-1]"), "one_left_out"),
        (encode(loop="merges[1:]"), "one_left_out"),
        (encode(line='pieces = joined([*word, "</w>"], pair)'), "each_on_letters"),
        (encode(returned='return " ".join(pieces)'), "one_string"),
        (encode(returned='return [p.replace("</w>", "") for p in pieces]'), "mark_taken_off"),
        (encode(returned='return [p for p in pieces if p != "</w>"]'), "mark_taken_off"),
        (encode(returned="return tuple(pieces)"), None),
        (encode(line='pieces = " ".join(pieces).replace(" ".join(pair), "".join(pair)).split()'), "by_replacing"),
    ],
    "make_batch": [
        (batch(row="[pad] * (n - len(r)) + r"), "padded_left"),
        (batch(row="r + [0] * (n - len(r))"), "fill_zero"),
        (batch(src="s"), "source_without_end"),
        (batch(src="[bos] + s + [eos]"), "source_begins"),
        (batch(labels="t"), "labels_without_end"),
        (batch(labels="[bos] + t"), "no_shift"),
        (batch(tgt="t + [eos]"), "no_shift"),
        (batch(tgt="[bos] + t + [eos]"), "end_goes_in"),
        (batch(tgt="[bos] + t + [eos]", labels="[bos] + t + [eos]"), "no_shift"),
        (batch(tgt="t"), "input_without_begin"),
        (batch(tgt="t + [eos]", labels="[bos] + t"), "shifted_the_other_way"),
        (batch(width="min", row="r[:n]"), "cut_to_the_shortest"),
        (batch(src="s + [bos]", tgt="[eos] + t", labels="t + [bos]"), "begin_and_end_exchanged"),
        (batch(pairs="sorted(pairs, key=lambda p: len(p[0]))"), "rows_in_another_order"),
        (batch(src="t + [eos]", tgt="[bos] + s", labels="s + [eos]"), "sides_exchanged"),
        (batch(src_mask="(src == pad)[:, None, None, :]", tgt_mask="~((tgt_in != pad)[:, None, None, :] & causal)"),
         "masks_inverted"),
        (batch(src_mask="(src == pad)[:, None, None, :]"), "masks_inverted"),
        (batch(tgt_mask="(tgt_in != pad)[:, None, None, :]"), "target_sees_ahead"),
        (batch(tgt_mask="causal"), "target_sees_padding"),
        (batch(tgt_mask="causal[None, None]"), "target_sees_padding"),
        (batch(causal="torch.ones(T, T, dtype=torch.bool).tril(-1)"), "not_oneself"),
        (batch(causal="torch.ones(T, T, dtype=torch.bool).triu()"), "backward"),
        (batch(tgt_mask="(tgt_in != pad)[:, None, None, :] | causal"), "or_for_and"),
        (batch(src_mask="src != pad"), "no_room_for_heads"),
        (batch(src_mask="(src != pad)[:, None, :]", tgt_mask="(tgt_in != pad)[:, None, :] & causal"),
         "no_room_for_heads"),
        (batch(src_mask="(tgt_in != pad)[:, None, None, :]"), "mask_of_the_other_side"),
        (batch(src_mask="((src != pad) & (src != eos))[:, None, None, :]"), "end_hidden"),
        (batch(dtype="torch.float32"), None),
        (batch(dtype="torch.float64"), None),
        (batch(dtype="torch.int32"), None),
        (batch(returned="src, tgt_in, labels"), None),
        (batch(src_mask="(src != pad)[:, None, None, :].long()"), None),
        (batch(row="r + [pad] * (n + 1 - len(r))"), "one_column_too_many"),
    ],
    "buckets": [
        (bucket(order="range(len(lengths))"), "unsorted"),
        (bucket(order="sorted(range(len(lengths)), key=lambda i: lengths[i][0])"), "by_one_side"),
        (bucket(order="sorted(range(len(lengths)), key=lambda i: sum(lengths[i]))"), "by_shorter_or_sum"),
        (bucket(order="sorted(range(len(lengths)), key=lambda i: -max(lengths[i]))"), "longest_first"),
        (bucket(order="sorted(range(len(lengths)), key=lambda i: max(lengths[i]), reverse=True)"), "longest_first"),
        (bucket(order="sorted(range(len(lengths)), key=lambda i: (max(lengths[i]), lengths[i]))"), "equals_sorted"),
        (bucket(full="bucket and len(bucket) + 1 > m"), "number_of_pairs"),
        (bucket(full="bucket and len(bucket) * L > m"), "one_too_many"),
        (bucket(full="bucket and (len(bucket) + 1) * L >= m"), "never_exactly_full"),
        (bucket(full="(len(bucket) + 1) * L > m"), "empty_bucket"),
        (bucket(last="return done"), "last_bucket_lost"),
        (bucket(L="lengths[i][0]"), "size_of_one_side"),
        (bucket(L="sum(lengths[i])"), "both_sides_together"),
        (bucket(item="lengths[i]"), "lengths_for_indices"),
        (bucket(empty="pass"), "never_emptied"),
        (bucket(empty="bucket.clear()"), "cleared"),
        (bucket(empty="bucket = list(bucket)"), "never_emptied"),
        (bucket(last="return sum(done + [bucket], [])"), "one_flat_list"),
        (bucket(last="return [tuple(b) for b in done + [bucket]]"), None),
    ],
    "repair_pairs": [
        (pairs(before="sources = sorted(sources, key=len); targets = sorted(targets, key=len)"), "sorted_apart"),
        (pairs(made="list(zip([s for s in sources if 0 < len(s) <= longest], "
                    "[t for t in targets if 0 < len(t) <= longest]))"), "filtered_apart"),
        (pairs(kept="0 < len(s) <= longest"), "one_side_filtered"),
        (pairs(kept="0 < len(t) <= longest"), "one_side_filtered"),
        (pairs(kept="0 < len(s) <= longest or 0 < len(t) <= longest"), "any_side_fits"),
        (pairs(kept="len(s) <= longest and len(t) <= longest"), "empty_ones_stay"),
        (pairs(kept="s and t"), "long_ones_stay"),
        (pairs(kept="0 < len(s) < longest and 0 < len(t) < longest"), "one_shorter"),
        (pairs(returned="kept"), "unsorted"),
        (pairs(returned="sorted(kept, key=lambda p: len(p[0]))"), "by_one_side"),
        (pairs(returned="sorted(kept, key=lambda p: len(p[0]) + len(p[1]))"), "by_shorter_or_sum"),
        (pairs(returned="sorted(kept)"), "sorted_by_ids"),
        (pairs(returned="sorted(kept, key=lambda p: max(len(p[0]), len(p[1])), reverse=True)"), "longest_first"),
        (pairs(made="list(zip(sources, targets))"), "silent_zip"),
        (pairs(returned="[(t, s) for s, t in sorted(kept, key=lambda p: max(len(p[0]), len(p[1])))]"),
         "sides_exchanged"),
        (pairs(returned="[list(p) for p in sorted(kept, key=lambda p: max(len(p[0]), len(p[1])))]"), None),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("id", "wrong", "mistake"),
    [pytest.param(id, *each, id=f"{id}-{n}") for id, many in WRONG.items() for n, each in enumerate(many)],
)
def test_wrong_answers_are_refused_and_named(id, wrong, mistake):
    found = diagnose(id, wrong)
    assert (found.status, found.mistake) == ("failed", mistake), found.message


def test_nearly_all_wrong_answers_have_a_name():
    named = [mistake for many in WRONG.values() for _, mistake in many]
    plain = [mistake for mistake in named if mistake is None]
    assert len(named) >= 100
    assert len(plain) <= 0.16 * len(
        named
    )  # those that raise, or return something of another type, speak for themselves


# --- what is said -------------------------------------------------------------------------------------------------


def said(id, wrong):
    return diagnose(id, wrong).message


def test_a_wrong_merge_is_shown_with_the_right_one():
    text = said("bpe_train", lambda words, n: bpe_train(words, n)[:-1] + [("q", "z")] if n else [])
    assert "merges[0] should be ('o', 'r'), and yours is ('q', 'z')." in text
    assert "words = {'or': 3, 'orb': 2" in text


def test_other_types_are_named_in_plain_words():
    assert "pieces should be a list, and yours is of type tuple." in said(
        "bpe_encode", encode(returned="return tuple(pieces)")
    )
    assert "merges[0] should be ('o', 'r'), and yours is ['o', 'r']." in said(
        "bpe_train", train(append="merges.append(list(best))")
    )
    assert "pairs should be a list, and yours is of type zip." in said(
        "repair_pairs", lambda sources, targets, longest: zip(sources, targets, strict=True)
    )
    assert "src should be int64, and yours is float32." in said("make_batch", batch(dtype="torch.float32"))
    assert "src_mask should be bool, and yours is int64." in said(
        "make_batch", batch(src_mask="(src != pad)[:, None, None, :].long()")
    )


def test_too_few_entries_are_counted():
    assert "buckets should have 2 entries, and yours has 3." in said(
        "buckets", lambda lengths, m: [*get("buckets").reference(lengths, m), []]
    )


def test_an_argument_that_was_changed_is_seen():
    def emptied(words, n):
        merges = bpe_train(words, n)
        words["pin"] = 0
        return merges

    def longer(lengths, m):
        done = get("buckets").reference(lengths, m)
        lengths.append((1, 1))
        return done

    assert diagnose("bpe_train", emptied).mistake == "changes_words"
    assert "The function changed its own argument lengths: the caller's list is different" in said("buckets", longer)


def test_what_was_handed_out_counts_as_not_attempted():
    assert diagnose("repair_pairs", apart).status == "not attempted"
    assert get("repair_pairs").handed_out is apart


def test_a_text_of_our_own_has_68_words():
    assert len(TEXT.split()) == 68
    assert sum(counted(TEXT).values()) == 68


@pytest.mark.usefixtures("no_collector")
def test_a_check_answers_at_once():
    import time

    for exercise in EXERCISES:
        diagnose(exercise.id, exercise.reference)  # torch is loaded, and the bank has run
        diagnose(exercise.id, exercise.mistakes[0].versions[0])
        begun = time.process_time()
        diagnose(exercise.id, exercise.mistakes[1].versions[0])
        assert time.process_time() - begun < 1.0

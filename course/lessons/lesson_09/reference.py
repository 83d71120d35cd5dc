"""The reference functions of lesson 09: what checks compare with, drawings fall back to and solutions show.

Written to be read. Words, pieces and ids are plain Python values; torch begins with the padded batch.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from course.lab.exercises.later import Later

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Later("torch")

Merge = tuple[str, str]
Ids = list[int]
Pair = tuple[Ids, Ids]


def joined(pieces: Sequence[str], pair: Merge) -> list[str]:
    """Join a pair of neighbors wherever it stands, from left to right.

    Args:
        pieces: a word, cut.
        pair: the two pieces to join.

    Returns:
        The word in fewer pieces, or in as many where the pair does not occur. "aaa" with ("a", "a") is "aa", "a".
    """
    done, i = [], 0
    while i < len(pieces):
        if tuple(pieces[i : i + 2]) == tuple(pair):
            done.append(pieces[i] + pieces[i + 1])
            i += 2
        else:
            done.append(pieces[i])
            i += 1
    return done


def bpe_train(words: Mapping[str, int], n: int) -> list[Merge]:
    """Learn merges: again and again the pair of neighbors that is most frequent (Sennrich et al., 2016, section 3.2).

    Args:
        words: how often each word occurs. A word begins as its letters and the mark "</w>".
        n: how many merges, at most.

    Returns:
        Pairs of pieces in the order in which they were learned. Of several most frequent pairs the smallest is taken,
        as Python compares tuples of strings. Fewer than n where every word has become one piece.
    """
    cut = {word: [*word, "</w>"] for word in words}
    merges = []
    for _ in range(n):
        counts: dict[tuple[str, str], int] = {}
        for word, pieces in cut.items():
            for pair in zip(pieces, pieces[1:], strict=False):
                counts[pair] = counts.get(pair, 0) + words[word]  # it occurs as often as its word
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))  # the most frequent; of equals the smallest
        merges.append(best)
        cut = {word: joined(pieces, best) for word, pieces in cut.items()}
    return merges


def bpe_encode(word: str, merges: Sequence[Merge]) -> list[str]:
    """Cut a word with merges that were learned elsewhere, in the order in which they were learned.

    Args:
        word: any word, also one that training never saw.
        merges: as `bpe_train` returns them.

    Returns:
        Its pieces. Joined they are the word and "</w>".
    """
    pieces = [*word, "</w>"]
    for pair in merges:
        pieces = joined(pieces, pair)
    return pieces


def padded(rows: Sequence[Ids], pad: int) -> "Tensor":
    """Fill up rows of ids on the right: (number of rows, length of the longest), int64."""
    width = max(len(row) for row in rows)
    return torch.tensor([row + [pad] * (width - len(row)) for row in rows])


def make_batch(pairs: Sequence[Pair], pad: int, bos: int, eos: int) -> "tuple[Tensor, Tensor, Tensor, Tensor, Tensor]":
    """Pad pairs of sentences into one batch with its masks (Vaswani et al., 2017, section 3.1, on the shift by one).

    Args:
        pairs: B of (source ids, target ids), without special ids.
        pad: the id that fills up.
        bos: the id before every target that goes in.
        eos: the id behind every sentence.

    Returns:
        src (B, S): the source ids, then EOS. tgt_in (B, T): BOS, then the target ids. labels (B, T): the target ids,
        then EOS. All int64, each as wide as its longest row, filled up on the right with PAD. src_mask (B, 1, 1, S):
        True where src is not PAD. tgt_mask (B, 1, T, T): the causal rule, and True where tgt_in is not PAD.
    """
    src = padded([source + [eos] for source, _ in pairs], pad)
    tgt_in = padded([[bos] + target for _, target in pairs], pad)
    labels = padded([target + [eos] for _, target in pairs], pad)
    T = tgt_in.shape[1]
    causal = torch.ones(T, T, dtype=torch.bool).tril()
    src_mask = (src != pad)[:, None, None, :]
    tgt_mask = (tgt_in != pad)[:, None, None, :] & causal
    return src, tgt_in, labels, src_mask, tgt_mask


def buckets(lengths: Sequence[tuple[int, int]], max_tokens: int) -> list[list[int]]:
    """Put pairs of like lengths together, as many as the budget allows.

    Args:
        lengths: for each pair the length of its source and of its target, special ids included.
        max_tokens: the most positions that either side of a bucket may have once it is padded.

    Returns:
        Lists of indices into `lengths`. Sorted by the longer side, equal ones in the order in which they came; a
        bucket is full when one more pair would make its number of pairs times its longest side larger than max_tokens.
        A pair that is too long by itself has a bucket of its own.
    """
    full: list[list[int]] = []
    bucket: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: max(lengths[i])):
        longest = max(lengths[i])  # the newcomer is the longest so far: they come sorted
        if bucket and (len(bucket) + 1) * longest > max_tokens:
            full.append(bucket)
            bucket = []
        bucket.append(i)
    return [*full, bucket] if bucket else full


def clean_pairs(sources: Sequence[Ids], targets: Sequence[Ids], longest: int) -> list[Pair]:
    """Pairs of sentences without the empty and the long ones, short ones first.

    Args:
        sources: sentences as lists of ids.
        targets: as many, `targets[i]` the translation of `sources[i]`.
        longest: the most ids that either side may have.

    Returns:
        The pairs of which both sides have 1 to `longest` ids, sorted by the longer side; equal ones in the order in
        which they came.

    Raises:
        ValueError: if there are not as many targets as sources.
    """
    pairs = list(zip(sources, targets, strict=True))
    kept = [pair for pair in pairs if all(0 < len(side) <= longest for side in pair)]
    return sorted(kept, key=lambda pair: max(len(side) for side in pair))

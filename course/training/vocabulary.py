"""The pieces that a run's tokenizer learns: from the pairs that the run can train on, and from no others."""

from course.data import ParallelText, Tokenizer, encode_pairs
from course.errors import CourseError


def fits(pair: tuple[list[int], list[int]], max_len: int) -> bool:
    """Whether a model has a position for each token of both sides, BOS or EOS included, and neither is empty."""
    return all(pair) and max(map(len, pair)) < max_len


def learn_tokenizer(text: ParallelText, *, vocab_size: int, max_len: int) -> Tokenizer:
    """Learn a joint tokenizer from the pairs that a model with `max_len` positions can be trained on.

    Which pairs fit shows when they are in pieces. So pairs that do not are dropped, and the pieces learned again from
    the rest, until all that was learned from fits; nearly always that is at once, or after one more round.

    Raises:
        CourseError: when no pair fits, and as `Tokenizer.train`.
    """
    text = text.without_empty().without_endless(max_len)
    while True:
        if not len(text):
            raise CourseError(f"no sentence pair fits into max_len {max_len}: use a larger max_len.")
        tokenizer = Tokenizer.train([*text.source, *text.target], vocab_size=vocab_size)
        misfits = _misfits(text, tokenizer, max_len)
        if not misfits:
            return tokenizer
        text = text.chosen([i for i in range(len(text)) if i not in misfits], split=text.split)


def _misfits(text: ParallelText, tokenizer: Tokenizer, max_len: int) -> set[int]:
    """Which pairs do not fit. Only those with many bytes are cut into pieces, each of which is a byte at least."""
    sides = zip(text.source, text.target, strict=True)
    doubtful = [i for i, pair in enumerate(sides) if max(len(side.encode("utf-8")) for side in pair) >= max_len]
    pairs = encode_pairs(text.chosen(doubtful, split=text.split), tokenizer)
    return {i for i, pair in zip(doubtful, pairs, strict=True) if not fits(pair, max_len)}

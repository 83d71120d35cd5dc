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
        kept = [i for i, pair in enumerate(encode_pairs(text, tokenizer)) if fits(pair, max_len)]
        if len(kept) == len(text):
            return tokenizer
        text = text.chosen(kept, split=text.split)

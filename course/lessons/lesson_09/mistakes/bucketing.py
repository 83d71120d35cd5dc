"""Known wrong versions of buckets, and the question that leads out of each."""

from collections.abc import Callable, Sequence
from typing import Any

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_09.reference import buckets

Lengths = Sequence[tuple[int, int]]


def _longer(pair: tuple[int, int]) -> Any:  # noqa: ANN401
    return max(pair)


def _padded(bucket: list[int], i: int, lengths: Lengths) -> int:
    """How many positions a side has, at most, once pair i has come in."""
    return (len(bucket) + 1) * max(max(lengths[j]) for j in [*bucket, i])


def _packer(
    key: Callable[[tuple[int, int]], Any] | None = _longer,
    size: Callable[[list[int], int, Lengths], int] = _padded,
    full: Callable[[int, int], bool] = lambda size, max_tokens: size > max_tokens,
    descending: bool = False,
    last: bool = True,
    keep: Callable[[tuple[int, int], int], bool] = lambda pair, max_tokens: True,
    again: bool = True,
    empty: bool = False,
) -> Function:
    """Return buckets with a step of another kind.

    last: whether the last bucket is kept. keep: which pairs come into any. again: whether a full bucket is replaced by
    an empty one. empty: whether a pair that is too long for an empty bucket leaves that one behind.
    """

    def buckets(lengths: Lengths, max_tokens: int) -> list[list[int]]:
        order = [i for i in range(len(lengths)) if keep(lengths[i], max_tokens)]
        if key is not None:
            order.sort(key=lambda i: key(lengths[i]), reverse=descending)
        done: list[list[int]] = []
        bucket: list[int] = []
        for i in order:
            if (bucket or empty) and full(size(bucket, i, lengths), max_tokens):
                done.append(bucket)
                bucket = [] if again else list(bucket)
            bucket.append(i)
        return [*done, bucket] if last and bucket else done

    return buckets


def _newcomer_alone(bucket: list[int], i: int, lengths: Lengths) -> int:
    """The rectangle if the newcomer were the longest, which it is only where pairs come sorted by their longer side."""
    return (len(bucket) + 1) * max(lengths[i])


def _both_ways(**changes: Any) -> tuple[Function, Function]:  # noqa: ANN401
    """A version that is not sorted as it should be, which looks at all in the bucket, or at the newcomer alone."""
    return _packer(**changes), _packer(**changes, size=_newcomer_alone)


def _before_the_newcomer(bucket: list[int], i: int, lengths: Lengths) -> int:
    return (len(bucket) + 1) * max((max(lengths[j]) for j in bucket), default=0)


def _one_row_too_few(bucket: list[int], i: int, lengths: Lengths) -> int:
    return len(bucket) * max(max(lengths[j]) for j in [*bucket, i])


def _real_tokens(bucket: list[int], i: int, lengths: Lengths) -> int:
    return sum(max(lengths[j]) for j in [*bucket, i])


def _both_sides(bucket: list[int], i: int, lengths: Lengths) -> int:
    chosen = [*bucket, i]
    return len(chosen) * (max(lengths[j][0] for j in chosen) + max(lengths[j][1] for j in chosen))


def _both_sides_of_the_newcomer(bucket: list[int], i: int, lengths: Lengths) -> int:
    return (len(bucket) + 1) * sum(lengths[i])


def _one_list_for_all(lengths: Lengths, max_tokens: int) -> list[list[int]]:
    """Append the same list again and again."""
    done: list[list[int]] = []
    bucket: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: max(lengths[i])):
        if bucket and (len(bucket) + 1) * max(lengths[i]) > max_tokens:
            done.append(bucket)
        bucket.append(i)
    return [*done, bucket]


def _cleared(lengths: Lengths, max_tokens: int) -> list[list[int]]:
    """Empty the list that has just been appended, instead of making a new one."""
    done: list[list[int]] = []
    bucket: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: max(lengths[i])):
        if bucket and (len(bucket) + 1) * max(lengths[i]) > max_tokens:
            done.append(bucket)
            bucket.clear()
        bucket.append(i)
    return [*done, bucket]


def _side(side: int) -> Callable[[list[int], int, Lengths], int]:
    return lambda bucket, i, lengths: (len(bucket) + 1) * max(lengths[j][side] for j in [*bucket, i])


def _rows(bucket: list[int], i: int, lengths: Lengths) -> int:
    return len(bucket) + 1


def _filled_beyond(lengths: Lengths, max_tokens: int) -> list[list[int]]:
    """Look whether a bucket is full only when the pair is in it."""
    done: list[list[int]] = []
    bucket: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: max(lengths[i])):
        bucket.append(i)
        if len(bucket) * max(lengths[i]) >= max_tokens:
            done.append(bucket)
            bucket = []
    return [*done, bucket] if bucket else done


def _newcomer_lost(lengths: Lengths, max_tokens: int) -> list[list[int]]:
    """Begin a new bucket without the pair that did not fit into the old one."""
    done: list[list[int]] = []
    bucket: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: max(lengths[i])):
        if bucket and (len(bucket) + 1) * max(lengths[i]) > max_tokens:
            done.append(bucket)
            bucket = []
        else:
            bucket.append(i)
    return [*done, bucket] if bucket else done


def _by_length_alone(lengths: Lengths, max_tokens: int) -> list[list[int]]:
    """Never put two lengths into one bucket."""
    done: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: max(lengths[i])):
        longest = max(lengths[i])
        same = done and max(lengths[done[-1][0]]) == longest
        if same and (len(done[-1]) + 1) * longest <= max_tokens:
            done[-1].append(i)
        else:
            done.append([i])
    return done


def _equal_numbers(lengths: Lengths, max_tokens: int) -> list[list[int]]:
    """As many pairs in each bucket as the longest of all allows."""
    order = sorted(range(len(lengths)), key=lambda i: max(lengths[i]))
    n = max(1, max_tokens // max(max(pair) for pair in lengths)) if lengths else 1
    return [order[at : at + n] for at in range(0, len(order), n)]


def _places_in_the_order(lengths: Lengths, max_tokens: int) -> list[list[int]]:
    """Sort the lengths and hand back where they stand now, instead of where they stood."""
    return buckets(sorted(lengths, key=max), max_tokens)


def _sorted_in_place(lengths: list[tuple[int, int]], max_tokens: int) -> list[list[int]]:
    lengths.sort(key=max)
    return buckets(lengths, max_tokens)


def _after(change: Callable[[list[list[int]], Lengths], Any]) -> Function:
    return lambda lengths, max_tokens: change(buckets(lengths, max_tokens), lengths)


BUCKETS = (
    Mistake(
        "unsorted",
        "nothing is sorted",
        "Short and long sentences stand side by side in your buckets. In which order do you go through them?",
        _both_ways(key=None),
    ),
    Mistake(
        "by_one_side",
        "sorted by one side only",
        "A short source can have a long target. Which of the two lengths makes the wider rectangle?",
        (*_both_ways(key=lambda pair: pair[0]), *_both_ways(key=lambda pair: pair[1])),
    ),
    Mistake(
        "by_shorter_or_sum",
        "sorted by the shorter side or by the sum",
        "Take a pair of lengths 2 and 9. By which number should it be sorted?",
        (*_both_ways(key=min), *_both_ways(key=sum)),
    ),
    Mistake(
        "longest_first",
        "the long ones first",
        "Which bucket comes first, the one of the shortest pairs or that of the longest?",
        (
            *_both_ways(descending=True),
            *_both_ways(key=lambda pair: -max(pair)),
        ),
    ),
    Mistake(
        "equals_sorted",
        "equals in another order",
        "Pairs whose longer sides are equal should stay in the order in which they came. By what do you sort those?",
        (
            _packer(key=lambda pair: (max(pair), pair)),
            _packer(key=lambda pair: (max(pair), min(pair))),
            _packer(key=lambda pair: (max(pair), pair[1])),
        ),
    ),
    Mistake(
        "places_in_the_order",
        "places in the sorted list instead of indices",
        "Look up your indices in the list that came in. Are the lengths there those of your bucket?",
        (_places_in_the_order, _sorted_in_place),
    ),
    Mistake(
        "number_of_pairs",
        "max_tokens counts pairs",
        "max_tokens is a number of positions. Of what do you let that many into a bucket?",
        (_packer(size=_rows),),
    ),
    Mistake(
        "real_tokens",
        "padding is not counted",
        "A bucket becomes a rectangle. How many positions has one of three rows of which the longest has 9?",
        (_packer(size=_real_tokens),),
    ),
    Mistake(
        "both_sides_together",
        "both sides are counted together",
        "max_tokens is the most that either side may have. Which number do you compare with it?",
        (_packer(size=_both_sides), _packer(size=_both_sides_of_the_newcomer)),
    ),
    Mistake(
        "size_of_one_side",
        "only one side is counted",
        "The budget holds for either side. In which pair of yours is the other side the longer one?",
        (_packer(size=_side(0)), _packer(size=_side(1))),
    ),
    Mistake(
        "before_the_newcomer",
        "the newcomer's length is not counted",
        "The pair that comes in is longer than all that are there. With which length do you compute the rectangle?",
        (_packer(size=_before_the_newcomer),),
    ),
    Mistake(
        "one_too_many",
        "one pair too many",
        "Compute the rectangle with the newcomer in it. How many rows has it?",
        (_packer(size=_one_row_too_few), _filled_beyond),
    ),
    Mistake(
        "never_exactly_full",
        "a bucket is never exactly full",
        "A rectangle of exactly max_tokens positions is allowed. How do you compare?",
        (_packer(full=lambda size, max_tokens: size >= max_tokens),),
    ),
    Mistake(
        "last_bucket_lost",
        "the last bucket gets lost",
        "When the loop is over, there is one bucket that was never full. Where does it go?",
        (_packer(last=False),),
    ),
    Mistake(
        "newcomer_lost",
        "the pair that did not fit gets lost",
        "Count the indices of all buckets. Where does the pair go for which there was no room?",
        (_newcomer_lost,),
    ),
    Mistake(
        "too_long_dropped",
        "pairs that are too long are left out",
        "A pair that is longer than the budget is to have a bucket of its own. Where is it in yours?",
        (_packer(keep=lambda pair, max_tokens: max(pair) <= max_tokens),),
    ),
    Mistake(
        "empty_bucket",
        "an empty bucket before a pair that is too long",
        "One of your buckets is empty. What do you do when a pair does not fit and there is nothing in the bucket yet?",
        (_packer(empty=True),),
    ),
    Mistake(
        "never_emptied",
        "a full bucket goes on",
        "The second bucket begins with the pairs of the first. What should be in it at the beginning?",
        (_packer(again=False), _one_list_for_all),
    ),
    Mistake(
        "cleared",
        "one list, emptied again and again",
        "All of your buckets are one and the same list. What does clear do to the one that you have just put away?",
        (_cleared,),
    ),
    Mistake(
        "by_length_alone",
        "never two lengths in one bucket",
        "There is room for a pair that is one word longer, and you begin a new bucket. What makes a bucket full?",
        (_by_length_alone,),
    ),
    Mistake(
        "equal_numbers",
        "as many pairs in each bucket",
        "More short pairs than long ones fit into a budget. Why have your buckets the same number of each?",
        (_equal_numbers,),
    ),
    Mistake(
        "lengths_for_indices",
        "lengths instead of indices",
        "With lengths alone nobody can tell which pairs are meant. What does your inner list hold?",
        (
            _after(lambda groups, lengths: [[lengths[i] for i in group] for group in groups]),
            _after(lambda groups, lengths: [[max(lengths[i]) for i in group] for group in groups]),
        ),
    ),
    Mistake(
        "one_flat_list",
        "one list without buckets",
        "Where does one bucket end and the next begin in what you return?",
        (_after(lambda groups, lengths: [i for group in groups for i in group]),),
    ),
)

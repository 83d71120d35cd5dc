"""Known wrong versions of clean_pairs, and the question that leads out of each. The bank of repair_pairs."""

from collections.abc import Callable, Sequence
from typing import Any

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_09.reference import Ids, Pair, clean_pairs

Sides = Sequence[Ids]


def _longer(pair: Pair) -> Any:  # noqa: ANN401
    return max(map(len, pair))


def _fits(side: Ids, longest: int) -> bool:
    return 0 < len(side) <= longest


def _both_fit(pair: Pair, longest: int) -> bool:
    return all(_fits(side, longest) for side in pair)


def _cleaner(
    keep: Callable[[Pair, int], bool] = _both_fit,
    key: Callable[[Pair], Any] | None = _longer,
    descending: bool = False,
    strict: bool = True,
) -> Function:
    """Return clean_pairs with a step of another kind."""

    def clean_pairs(sources: Sides, targets: Sides, longest: int) -> list[Pair]:
        pairs = [pair for pair in zip(sources, targets, strict=strict) if keep(pair, longest)]
        return pairs if key is None else sorted(pairs, key=key, reverse=descending)

    return clean_pairs


def apart(sources: Sides, targets: Sides, longest: int) -> list[Pair]:
    """Filter and sort each side by itself: what the lesson hands out."""
    sources = [source for source in sources if 0 < len(source) <= longest]
    targets = [target for target in targets if 0 < len(target) <= longest]
    sources = sorted(sources, key=len)
    targets = sorted(targets, key=len)
    return list(zip(sources, targets, strict=False))


def _filtered_apart(sources: Sides, targets: Sides, longest: int) -> list[Pair]:
    sources = [source for source in sources if _fits(source, longest)]
    targets = [target for target in targets if _fits(target, longest)]
    return sorted(zip(sources, targets, strict=False), key=_longer)


def _sorted_apart(sources: Sides, targets: Sides, longest: int) -> list[Pair]:
    kept = clean_pairs(sources, targets, longest)
    return list(zip(*(sorted((pair[side] for pair in kept), key=len) for side in (0, 1)), strict=True))


def _sorted_apart_before(sources: Sides, targets: Sides, longest: int) -> list[Pair]:
    return clean_pairs(sorted(sources, key=len), sorted(targets, key=len), longest)


def _one_side_sorted(side: int) -> Function:
    def clean(sources: Sides, targets: Sides, longest: int) -> list[Pair]:
        kept = clean_pairs(sources, targets, longest)
        sides = [[pair[i] for pair in kept] for i in (0, 1)]
        in_order = [pair for pair in zip(sources, targets, strict=True) if pair in kept]
        sides[1 - side] = [pair[1 - side] for pair in in_order]
        return list(zip(*sides, strict=True))

    return clean


def _cut_off(sources: Sides, targets: Sides, longest: int) -> list[Pair]:
    pairs = [(s[:longest], t[:longest]) for s, t in zip(sources, targets, strict=True) if s and t]
    return sorted(pairs, key=_longer)


def _each_once(sources: Sides, targets: Sides, longest: int) -> list[Pair]:
    kept = []
    for pair in clean_pairs(sources, targets, longest):
        if pair not in kept:
            kept.append(pair)
    return kept


def _right_but_silent(function: Function) -> bool:
    """Whether it does all that is asked, but takes two sides of different lengths without a word."""
    sources, targets = [[5, 6, 7], [8], [], [4, 4]], [[7], [6, 5], [9], [8, 8, 8, 8]]
    try:
        fine = function(sources, targets, 3) == clean_pairs(sources, targets, 3)
        function([[5], [6]], [[7]], 3)
    except Exception:  # a learner's function may raise anything: then it is not silent
        return False
    return bool(fine)


def _sorted_in_place(sources: list[Ids], targets: list[Ids], longest: int) -> list[Pair]:
    pairs = clean_pairs(sources, targets, longest)
    sources.sort(key=len)
    targets.sort(key=len)
    return pairs


REPAIR_PAIRS = (
    Mistake(
        "filtered_apart",
        "each side is filtered by itself",
        "A source is dropped because it is too long. What happens to its translation, which is not?",
        (_filtered_apart,),
    ),
    Mistake(
        "sorted_apart",
        "each side is sorted by itself",
        "After sorting, is the third target still the translation of the third source?",
        (_sorted_apart, _sorted_apart_before),
    ),
    Mistake(
        "one_side_sorted",
        "one side is sorted and the other is not",
        "You move the sentences of one side. What moves those of the other?",
        (_one_side_sorted(0), _one_side_sorted(1)),
    ),
    Mistake(
        "one_side_filtered",
        "only one side decides",
        "A pair can be too long on either side. Which one do you look at?",
        (
            _cleaner(keep=lambda pair, longest: _fits(pair[0], longest)),
            _cleaner(keep=lambda pair, longest: _fits(pair[1], longest)),
        ),
    ),
    Mistake(
        "any_side_fits",
        "one good side is enough",
        "A pair is of use if both its sides are. Have you asked for both or for either?",
        (_cleaner(keep=lambda pair, longest: any(_fits(side, longest) for side in pair)),),
    ),
    Mistake(
        "empty_ones_stay",
        "empty sentences stay",
        "What can a model learn from a sentence whose translation is empty?",
        (
            _cleaner(keep=lambda pair, longest: all(len(side) <= longest for side in pair)),
            _cleaner(keep=lambda pair, longest: any(pair) and all(len(side) <= longest for side in pair)),
        ),
    ),
    Mistake(
        "long_ones_stay",
        "long sentences stay",
        "What has become of longest?",
        (_cleaner(keep=lambda pair, longest: all(pair)),),
    ),
    Mistake(
        "one_shorter",
        "the limit itself is not allowed",
        "A sentence of exactly longest ids may stay. How do you compare?",
        (_cleaner(keep=lambda pair, longest: all(0 < len(side) < longest for side in pair)),),
    ),
    Mistake(
        "cut_off",
        "long sentences are cut off",
        "Half a sentence beside a whole translation: what would the model learn from that?",
        (_cut_off,),
    ),
    Mistake(
        "unsorted",
        "nothing is sorted",
        "Short ones first was the wish. What puts your pairs in order?",
        (_cleaner(key=None),),
    ),
    Mistake(
        "by_one_side",
        "sorted by one side",
        "Which side is the longer one is different from pair to pair. Which do you sort by?",
        (_cleaner(key=lambda pair: len(pair[0])), _cleaner(key=lambda pair: len(pair[1]))),
    ),
    Mistake(
        "by_shorter_or_sum",
        "sorted by the shorter side or by the sum",
        "Take sides of 2 and 9 ids. By which number should this pair be sorted?",
        (_cleaner(key=lambda pair: min(map(len, pair))), _cleaner(key=lambda pair: sum(map(len, pair)))),
    ),
    Mistake(
        "sorted_by_ids",
        "equals are sorted by their ids",
        "Pairs whose longer sides are equal should stay in the order in which they came. By what do you sort those?",
        (
            _cleaner(key=lambda pair: (_longer(pair), pair)),
            _cleaner(key=lambda pair: (_longer(pair), len(pair[0]))),
            _cleaner(key=lambda pair: (_longer(pair), len(pair[1]))),
            _cleaner(key=lambda pair: pair),
        ),
    ),
    Mistake(
        "longest_first",
        "the long ones first",
        "Which pair is to come first, the shortest or the longest?",
        (_cleaner(descending=True),),
    ),
    Mistake(
        "sides_exchanged",
        "source and target are exchanged",
        "Which half of a pair came from sources?",
        (lambda sources, targets, longest: [(t, s) for s, t in clean_pairs(sources, targets, longest)],),
    ),
    Mistake(
        "each_once",
        "a pair that occurs twice is kept once",
        "Who asked for every pair to occur only once?",
        (_each_once,),
    ),
    Mistake(
        "two_lists",
        "two lists instead of pairs",
        "As long as the two sides are lists of their own, they can be sorted apart again. What should one entry of "
        "your list hold?",
        (lambda sources, targets, longest: list(zip(*clean_pairs(sources, targets, longest), strict=True)),),
    ),
    Mistake(
        "sorted_in_place",
        "the caller's lists are sorted as well",
        "The lists that came in have another order afterwards. Which of your lines writes into them?",
        (_sorted_in_place,),
    ),
    Mistake(
        "silent_zip",
        "sides of different lengths are cut off without a word",
        "Hand over two sources and one target. What becomes of the source that is left over, and who is told?",
        (_cleaner(strict=False),),
        recognize=_right_but_silent,
    ),
)

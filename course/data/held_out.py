"""Which pairs of a text are held out for validation, so that no sentence of theirs is trained on."""

from collections.abc import Sequence

from course.data.parallel_text import ParallelText
from course.errors import CourseError

LARGEST_HELD_OUT = 1000  # pairs


def hold_out(text: ParallelText) -> tuple[ParallelText, ParallelText]:
    """Part a text into what is trained on and one pair in twenty, at most 1,000, evenly spread, to validate on.

    Pairs with the same source stay on one side, whatever their targets: whoever has seen the sentence in training has
    seen an answer to it. Sentences that stand only once are held out first, so a validation text has few repetitions.
    A target that answers two different sources may be on both sides: it has to be found for each.

    Raises:
        CourseError: when there are no two different sources.
    """
    rows: dict[str, list[int]] = {}
    for i, source in enumerate(text.source):
        rows.setdefault(source, []).append(i)
    if len(rows) < 2:
        what = "one sentence pair" if len(text) < 2 else f"{len(text):,} pairs with one and the same source"
        raise CourseError(
            f"{what} cannot be trained on and validated on: give files with at least two different sentences."
        )
    held = set(_held_rows(list(rows.values()), min(max(len(text) // 20, 1), LARGEST_HELD_OUT)))
    rest = [i for i in range(len(text)) if i not in held]
    return text.chosen(rest, split="train"), text.chosen(sorted(held), split="val")


def _held_rows(groups: Sequence[Sequence[int]], count: int) -> list[int]:
    """About `count` rows of whole groups, evenly spread over the smallest that hold so many; never all groups."""
    sizes = sorted({len(group) for group in groups})
    most = next((size for size in sizes if sum(len(g) for g in groups if len(g) <= size) >= count), sizes[-1])
    small = [group for group in groups if len(group) <= max(sizes[0], min(most, count))]
    wanted = max(1, count * len(small) // sum(map(len, small)))
    wanted = min(wanted, len(small), len(groups) - 1)
    return [i for k in range(wanted) for i in small[k * len(small) // wanted]]

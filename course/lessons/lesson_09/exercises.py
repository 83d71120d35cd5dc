"""The exercises of lesson 09: bpe_train, bpe_encode, make_batch, buckets, repair_pairs."""

import random
from collections.abc import Sequence

from course.lab.exercises.exercise import Case, Exercise, Function, Property
from course.lessons.lesson_09 import mistakes as bank
from course.lessons.lesson_09 import reference
from course.lessons.lesson_09.mistakes.aligning import apart

# A little text of our own, for cases that are too long for a pencil.
TEXT = (
    "the needle has a point and the pin has one too but a pin has no eye so nobody can sew with pins the one who sews "
    "the sails points at the needle and then at the sail the wind has torn the sail and it needs mending at once the "
    "sailor mends the torn sail with the needle and the thread ends before the sail is mended"
)


def counted(text: str) -> dict[str, int]:
    """How often each word of a text occurs, in the order in which they first occur."""
    words = text.split()
    return {word: words.count(word) for word in dict.fromkeys(words)}


def _merges(n: int, text: str = TEXT) -> list[tuple[str, str]]:
    return reference.bpe_train(counted(text), n)


# --- bpe_train --------------------------------------------------------------------------------------------------


def _longer_list_begins_alike(function: Function) -> str | None:
    words = counted("to sew is to join and to sew on is to sew too")
    few, many = (list(function(dict(words), n)) for n in (4, 9))
    if many[:4] == few:
        return None
    return (
        "The first four of nine merges are others than four merges. What does your function do with n before its end?"
    )


BPE_TRAIN = Exercise(
    id="bpe_train",
    lesson=9,
    title="Learn merges",
    signature="(words, n) -> merges, a list of pairs",
    reference=reference.bpe_train,
    cases=(
        Case(
            "five words and one merge",
            lambda: ({"or": 3, "orb": 2, "wed": 1, "wet": 1, "web": 1}, 1),
            "Write down how often each pair of neighbors stands in the text. Which one leads?",
            by_hand=True,
        ),
        Case(
            "four words and two merges",
            lambda: ({"pin": 3, "pins": 1, "tin": 5, "thin": 1}, 2),
            "After the first merge there is a new piece. Which neighbors has it?",
            by_hand=True,
        ),
        Case(
            "four words and four merges",
            lambda: ({"ten": 3, "pen": 4, "tens": 5, "pins": 4}, 4),
            "Write down the words, cut, after each merge. At which merge do you and yours part?",
            by_hand=True,
        ),
        Case(
            "five words with pairs that occur equally often",
            lambda: ({"sew": 2, "sews": 1, "sewn": 1, "new": 3, "news": 2}, 5),
            "In the second round two pairs occur five times. Which of them is the smaller one?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "words in which a pair stands twice",
            lambda: ({"onion": 3, "anna": 2, "noon": 1}, 5),
            "Where does the pair stand in the word, and in how many places?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "words with three equal letters in a row",
            lambda: ({"zzz": 2, "zzzz": 1, "buzzz": 3}, 4),
            "Three equal letters: two pairs that overlap. What is left after the first of them is joined?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "words in which two pieces read like a pair and are none",
            lambda: ({"at": 9, "hat": 4, "ath": 3, "th": 5, "the": 4, "bath": 3}, 6),
            "A piece that ends in t before an h is not the pair of t and h. What do you look for, and in what?",
            tier=4,
            by_hand=True,
        ),
        Case(
            "more merges than there are pairs",
            lambda: ({"a": 2, "on": 1, "no": 1}, 20),
            "When every word is one piece, there is no pair left. How does your function end then?",
            tier=5,
            by_hand=True,
        ),
        Case("no merges", lambda: ({"pin": 2, "tin": 1}, 0), "How many merges are asked for?", tier=5, by_hand=True),
        Case(
            "a text of 68 words and 60 merges",
            lambda: (counted(TEXT), 60),
            "The rule is the same in a longer text. At which merge do you and yours part, and is it a tie?",
            tier=6,
        ),
    ),
    properties=(Property("more merges begin like fewer", _longer_list_begins_alike),),
    mistakes=bank.BPE_TRAIN,
    hints=(
        "Take the five words of the text. Which numbers stand in the first table, which pair leads, and what do the "
        "words look like before you count again? What of this happens n times?",
        'Begin with a dictionary from each word to its pieces, [*word, "</w>"]. In every round: count into a new '
        "dictionary, counts.get(pair, 0) + words[word] for every pair of neighbors in zip(pieces, pieces[1:]); take "
        "min with a key that puts large counts first and then small pairs; append; join it in every word with joined.",
        "    for _ in range(n):\n        counts = {}\n        for word, pieces in cut.items():\n"
        "            for pair in zip(...):\n                counts[pair] = counts.get(pair, 0) + ...\n"
        "        if not counts:\n            break\n        best = min(counts, key=lambda pair: (-counts[pair], ...))\n"
        "        merges.append(best)\n        cut = {word: joined(..., best) for word, pieces in cut.items()}",
    ),
    shown=(reference.joined, reference.bpe_train),
    argument_names=("words", "n"),
    result_names=("merges",),
    result_kind="plain",
    difficulty=3,
    importance=5,
    minutes=20,
)


# --- bpe_encode -------------------------------------------------------------------------------------------------

SEWN = [("e", "w"), ("ew", "</w>"), ("ew", "s"), ("n", "ew</w>"), ("ews", "</w>"), ("s", "ew")]


def _something_lost(function: Function) -> str | None:
    merges = _merges(40)
    for word in ("pinpoint", "z", "the", "mended", "threadneedle"):
        pieces = list(function(word, list(merges)))
        if "".join(pieces) != word + "</w>":
            return f'Put together, your pieces of "{word}" read "{"".join(pieces)}". What should they read?'
    return None


BPE_ENCODE = Exercise(
    id="bpe_encode",
    lesson=9,
    title="Cut a word",
    signature="(word, merges) -> pieces, a list of strings",
    reference=reference.bpe_encode,
    cases=(
        Case(
            "a word of training",
            lambda: ("new", list(SEWN)),
            "Begin with letters and the mark, and take one merge after the other. Which of them fit?",
            by_hand=True,
        ),
        Case(
            "a word that does not become one piece",
            lambda: ("sewn", list(SEWN)),
            "Some merges fit and others do not. What is left when all of them have had their turn?",
            by_hand=True,
        ),
        Case(
            "no merges at all",
            lambda: ("pin", []),
            "Nothing has been learned. What is a word at the beginning?",
            by_hand=True,
        ),
        Case(
            "a word that training never saw",
            lambda: ("chews", list(SEWN)),
            "c and h are in no merge. What becomes of them?",
            by_hand=True,
        ),
        Case(
            "merges that compete for a letter",
            lambda: ("then", [("h", "e"), ("t", "h"), ("he", "n"), ("th", "e"), ("n", "</w>")]),
            "The h can go with the t or with the e. Which of the two merges was learned first?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "a long piece that no merge reaches",
            lambda: ("stone", [("o", "n"), ("s", "t"), ("t", "o"), ("s", "to")]),
            'There is a merge that makes "sto". Are its two pieces neighbors when its turn comes?',
            tier=2,
            by_hand=True,
        ),
        Case(
            "a short merge before a long one",
            lambda: ("tent", [("e", "n"), ("t", "</w>"), ("t", "e"), ("te", "nt"), ("n", "t"), ("en", "t</w>")]),
            "A longer piece could be made if another pair were joined first. Who decides which comes first?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "a pair that stands twice",
            lambda: ("banana", [("a", "n"), ("an", "a"), ("b", "an")]),
            "The pair stands in two places. What does each of them become?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "equal letters in a row",
            lambda: ("zzzzz", [("z", "z"), ("zz", "zz")]),
            "Five equal letters. Which of them are joined by the first merge, and which one is left?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "two pieces that read like a pair and are none",
            lambda: ("cathedral", [("a", "t"), ("t", "h"), ("c", "at"), ("h", "e"), ("d", "r")]),
            "A piece that ends in t before an h is not the pair of t and h. What do you look for, and in what?",
            tier=4,
            by_hand=True,
        ),
        Case(
            "a word of letters that no merge knows",
            lambda: ("jazz", list(SEWN)),
            "No merge fits. Is the word lost?",
            tier=5,
            by_hand=True,
        ),
        Case(
            "a long word and 60 merges",
            lambda: ("pointedneedlesandthesailors", _merges(60)),
            "The rule is the same for 60 merges. After which one do you and yours part?",
            tier=6,
        ),
    ),
    properties=(Property("nothing gets lost", _something_lost),),
    mistakes=bank.BPE_ENCODE,
    hints=(
        "Training has done this with its own words, one merge after the other. What did it begin with, and what did "
        "each merge do to a word?",
        'Begin with [*word, "</w>"]. Go through merges in the order in which they stand there, and let joined(pieces, '
        "pair) do each of them.",
        "    pieces = [*word, ...]\n    for pair in merges:\n        pieces = ...\n    return pieces",
    ),
    shown=(reference.joined, reference.bpe_encode),
    argument_names=("word", "merges"),
    result_names=("pieces",),
    result_kind="plain",
    difficulty=1,
    importance=4,
    minutes=5,
)


# --- make_batch -------------------------------------------------------------------------------------------------

Sides = list[tuple[list[int], list[int]]]


def sentences(lengths: Sequence[tuple[int, int]], seed: int) -> Sides:
    """Pairs of random ids (4 to 49) with these lengths."""
    draw = random.Random(seed)
    return [tuple([draw.randrange(4, 50) for _ in range(n)] for n in pair) for pair in lengths]  # type: ignore[misc]


def _depends_on_the_others(function: Function) -> str | None:
    pairs = sentences([(3, 5), (6, 2), (1, 4)], seed=1)
    together, alone = function(pairs, 0, 1, 2), function(pairs[1:2], 0, 1, 2)
    if together[0][1, :7].tolist() == alone[0][0].tolist() and together[2][1, :3].tolist() == alone[2][0].tolist():
        return None
    return (
        "A pair alone and the same pair in a batch have other ids. What do the other pairs change besides the padding?"
    )


MAKE_BATCH = Exercise(
    id="make_batch",
    lesson=9,
    title="A padded batch with its masks",
    signature="(pairs, pad, bos, eos) -> (src, tgt_in, labels, src_mask, tgt_mask)",
    reference=reference.make_batch,
    cases=(
        Case(
            "one pair",
            lambda: ([([7, 8], [9])], 0, 1, 2),
            "The source is 7, 8 and its end. What goes into the decoder, and what is to come out?",
            by_hand=True,
        ),
        Case(
            "two pairs of different lengths",
            lambda: ([([7, 8, 9], [4]), ([5], [6, 7])], 0, 1, 2),
            "Each row is filled up to the longest row of its own side. With what, and where?",
            by_hand=True,
        ),
        Case(
            "special ids of another kind",
            lambda: ([([7, 8, 6], [4]), ([5], [6, 7, 4])], 11, 12, 13),
            "The special ids are arguments. Which of your lines takes one for granted?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "four pairs",
            lambda: (sentences([(5, 3), (2, 6), (4, 4), (1, 1)], seed=2), 0, 1, 2),
            "B, S and T all differ. Take the second row and write it down, id by id: where do you and yours part?",
            tier=3,
        ),
        Case(
            "three pairs of three words each",
            lambda: (sentences([(3, 3), (3, 3), (3, 3)], seed=3), 0, 1, 2),
            "B, S and T are nearly equal here. Which of your axes is the wrong one?",
            tier=3,
        ),
        Case(
            "a pair without words",
            lambda: ([([], []), ([5, 6], [7])], 3, 4, 9),
            "Without any words there is still an end. What is each of the three rows then?",
            tier=4,
            by_hand=True,
        ),
    ),
    properties=(Property("a pair does not depend on the others", _depends_on_the_others),),
    mistakes=bank.MAKE_BATCH,
    hints=(
        "Write down the three rows of one pair, ids 7, 8 and ids 9: which special ids stand where? And what makes two "
        "rows of different lengths a rectangle?",
        "Make three lists of rows: source + [eos], [bos] + target, target + [eos]. Fill each row up with "
        "[pad] * (width - len(row)), where width belongs to that list of rows, and hand them to torch.tensor. Masks "
        "as in lesson 05: ids != pad with [:, None, None, :], and & the triangle for the decoder.",
        "    src = padded([source + ... for source, _ in pairs], pad)\n"
        "    tgt_in = padded([... + target for _, target in pairs], pad)\n    labels = padded(..., pad)\n"
        "    T = tgt_in.shape[1]\n    causal = torch.ones(T, T, dtype=torch.bool).tril()\n"
        "    src_mask = (src != ...)[:, None, None, :]\n    tgt_mask = (...)[:, None, None, :] & ...",
    ),
    shown=(reference.padded, reference.make_batch),
    tensors=True,
    result_kind="array",
    argument_names=("pairs", "pad", "bos", "eos"),
    result_names=("src", "tgt_in", "labels", "src_mask", "tgt_mask"),
    result_dims={"src": "B S", "tgt_in": "B T", "labels": "B T", "src_mask": "B 1 1 S", "tgt_mask": "B 1 T T"},
    difficulty=3,
    importance=5,
    minutes=20,
)


# --- buckets ----------------------------------------------------------------------------------------------------


def random_lengths(n: int, seed: int, longest: int = 14) -> list[tuple[int, int]]:
    """Lengths of n pairs whose sides are of like lengths, mostly."""
    draw = random.Random(seed)
    first = [draw.randrange(2, longest) for _ in range(n)]
    return [(length, max(2, length + draw.randrange(-3, 4))) for length in first]


def _every_pair_once(function: Function) -> str | None:
    lengths = random_lengths(90, seed=4)
    indices = [i for bucket in function(list(lengths), 60) for i in bucket]
    if sorted(indices) == list(range(90)):
        return None
    return f"90 pairs came in, and {len(indices)} indices come out. Which one is missing, or which one comes twice?"


BUCKETS = Exercise(
    id="buckets",
    lesson=9,
    title="Buckets of like lengths",
    signature="(lengths, max_tokens) -> buckets, a list of lists of indices",
    reference=reference.buckets,
    cases=(
        Case(
            "four pairs that need two buckets",
            lambda: ([(3, 3), (2, 2), (5, 5), (4, 4)], 10),
            "Which of the four is the shortest, and what is its index? How many fit into 10 positions with it?",
            by_hand=True,
        ),
        Case(
            "a longest side that changes sides",
            lambda: ([(6, 2), (1, 3), (2, 5), (4, 1)], 12),
            "Each pair has a longer side. Write the four down: in which order do the pairs come?",
            by_hand=True,
        ),
        Case(
            "pairs whose longer sides are equal",
            lambda: ([(4, 3), (4, 4), (2, 4), (3, 4), (4, 1)], 12),
            "All longer sides are 4. In which order should they come?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "a rectangle that is exactly full",
            lambda: ([(3, 3), (3, 3), (3, 3), (4, 4)], 9),
            "Three rows of 3 are 9 positions. Is that too many?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "a pair that is too long for any bucket",
            lambda: ([(2, 2), (30, 4), (3, 3), (25, 2)], 10),
            "Nothing gets lost. Where does a pair of 30 go, if a bucket has 10 positions?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "nothing but pairs that are too long",
            lambda: ([(7, 7), (9, 2), (8, 8)], 5),
            "How many pairs are in each bucket, and is any bucket empty?",
            tier=3,
            by_hand=True,
        ),
        Case("one pair", lambda: ([(3, 4)], 10), "One pair. How many buckets?", tier=3, by_hand=True),
        Case(
            "sixty pairs",
            lambda: (random_lengths(60, seed=5), 50),
            "The rule is the same for sixty. In which bucket do you and yours part, and what comes in there?",
            tier=4,
        ),
    ),
    properties=(Property("every pair is in one bucket", _every_pair_once),),
    mistakes=bank.BUCKETS,
    hints=(
        "Imagine the pairs in a queue, the shortest first, and a box that becomes a rectangle. When do you close the "
        "box and take a new one: before or after the pair that no longer fits?",
        "sorted(range(len(lengths)), key=...) puts indices into order, and leaves equal ones as they are. The newcomer "
        "is the longest so far, so the rectangle with it has (len(bucket) + 1) * max(lengths[i]) positions. Close the "
        "bucket before the newcomer, unless it is empty; and do not forget the last one.",
        "    for i in sorted(range(len(lengths)), key=lambda i: ...):\n        longest = max(lengths[i])\n"
        "        if bucket and ... * longest > max_tokens:\n            full.append(bucket)\n            bucket = ...\n"
        "        bucket.append(i)",
    ),
    argument_names=("lengths", "max_tokens"),
    result_names=("buckets",),
    result_kind="plain",
    difficulty=2,
    importance=4,
    minutes=15,
)


# --- repair_pairs -----------------------------------------------------------------------------------------------


def _lengths_unequal(function: Function) -> str | None:
    try:
        function([[5], [6]], [[7]], 3)
    except ValueError:
        return None
    return (
        "Two sources and one target came in, and nothing was said. Which argument of zip makes it refuse sides of "
        "different lengths?"
    )


def _ids(lengths: Sequence[int], first: int) -> list[list[int]]:
    """Sentences of these lengths whose ids all differ, so that each can be told from all others."""
    made, at = [], first
    for n in lengths:
        made.append(list(range(at, at + n)))
        at += n
    return made


def _sides(pairs: Sequence[tuple[int, int]], longest: int) -> tuple[list[list[int]], list[list[int]], int]:
    return _ids([n for n, _ in pairs], 100), _ids([n for _, n in pairs], 500), longest


REPAIR_PAIRS = Exercise(
    id="repair_pairs",
    lesson=9,
    title="Find the bug",
    signature="(sources, targets, longest) -> pairs, a list of (source, target)",
    reference=reference.clean_pairs,
    cases=(
        Case(
            "three pairs, short ones first already",
            lambda: _sides([(1, 1), (2, 2), (3, 3)], 5),
            "Nothing is to be done here but to make pairs. What does one entry hold?",
            by_hand=True,
        ),
        Case(
            "three pairs, the longest first",
            lambda: _sides([(3, 3), (2, 2), (1, 1)], 5),
            "Short ones first. Which pair is that?",
            by_hand=True,
        ),
        Case(
            "three pairs of sides that differ in length",
            lambda: _sides([(1, 4), (3, 1), (2, 2)], 5),
            "The longer sides are 4, 3 and 2. Does every target still stand beside its own source?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "four pairs, one of them too long on one side",
            lambda: _sides([(2, 2), (6, 3), (1, 1), (3, 3)], 5),
            "The second source goes. What goes with it?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "four pairs, two of them empty on one side",
            lambda: _sides([(2, 2), (0, 3), (3, 0), (1, 1)], 5),
            "A side is empty. What becomes of the other?",
            tier=2,
            by_hand=True,
        ),
        Case(
            "pairs of exactly the limit",
            lambda: _sides([(4, 4), (5, 4), (4, 5), (1, 4)], 4),
            "A sentence of exactly longest ids may stay. Which of the four do?",
            tier=3,
            by_hand=True,
        ),
        Case(
            "pairs whose longer sides are equal, and one that comes twice",
            lambda: ([[9, 8], [7, 6], [5], [9, 8]], [[3], [2, 1], [4, 4], [3]], 3),
            "All longer sides are 2. In which order did they come, and how many were there?",
            tier=4,
            by_hand=True,
        ),
        Case(
            "forty pairs",
            lambda: _sides([(n % 7, (3 * n) % 8) for n in range(40)], 6),
            "The rule is the same for forty. Which is the first pair that is not one of those that came in?",
            tier=5,
        ),
    ),
    properties=(Property("sides of different lengths are refused", _lengths_unequal),),
    mistakes=bank.REPAIR_PAIRS,
    hints=(
        "After his first line, how many sources are there, and how many targets? Is the number that you see all there "
        "is to know about them?",
        "Make pairs first: list(zip(sources, targets, strict=True)). From there on there is one list, and whatever is "
        "dropped or moved is a pair.",
        "    pairs = list(zip(sources, targets, strict=True))\n"
        "    kept = [pair for pair in pairs if all(0 < len(side) <= ... for side in pair)]\n"
        "    return sorted(kept, key=lambda pair: max(... for side in pair))",
    ),
    handed_out=apart,
    argument_names=("sources", "targets", "longest"),
    result_names=("pairs",),
    result_kind="plain",
    difficulty=2,
    importance=5,
    minutes=10,
)


EXERCISES: tuple[Exercise, ...] = (BPE_TRAIN, BPE_ENCODE, MAKE_BATCH, BUCKETS, REPAIR_PAIRS)

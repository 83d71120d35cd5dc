"""Known wrong versions of bpe_train, and the question that leads out of each.

Ids T01, T03 and T05 are those of the project's catalog of mistakes. `_trainer` is the right one with a step replaced.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_09.reference import Merge, bpe_train, joined

Cut = dict[str, list[str]]  # word -> its pieces so far
Counts = Mapping[Merge, int]


def letters(word: str) -> list[str]:
    """A word at the beginning: its letters and the mark of its end."""
    return [*word, "</w>"]


def _counted(cut: Cut, words: Mapping[str, int]) -> Counter[Merge]:
    counts: Counter[Merge] = Counter()
    for word, pieces in cut.items():
        for pair in zip(pieces, pieces[1:], strict=False):
            counts[pair] += words[word]
    return counts


def _smallest_of_the_most_frequent(counts: Counts) -> Merge:
    return min(counts, key=lambda pair: (-counts[pair], pair))


def _trainer(
    begin: Callable[[str], list[str]] = letters,
    count: Callable[[Cut, Mapping[str, int]], Counts] = _counted,
    choose: Callable[[Counts], Merge] = _smallest_of_the_most_frequent,
    join: Callable[[list[str], Merge], list[str]] = joined,
    rounds: Callable[[int], int] = lambda n: n,
    enough: Callable[[Counts, Merge], bool] = lambda counts, best: False,
) -> Function:
    """Return bpe_train with a step of another kind."""

    def bpe_train(words: Mapping[str, int], n: int) -> list[Merge]:
        cut = {word: begin(word) for word in words}
        merges: list[Merge] = []
        for _ in range(rounds(n)):
            counts = count(cut, words)
            if not counts:
                break
            best = choose(counts)
            if enough(counts, best):
                break
            merges.append(best)
            cut = {word: join(pieces, best) for word, pieces in cut.items()}
        return merges

    return bpe_train


# --- how pairs are counted --------------------------------------------------------------------------------------


def _each_word_once(cut: Cut, words: Mapping[str, int]) -> Counts:
    return _counted(cut, dict.fromkeys(words, 1))


def _once_a_word(cut: Cut, words: Mapping[str, int]) -> Counts:
    counts: Counter[Merge] = Counter()
    for word, pieces in cut.items():
        for pair in set(zip(pieces, pieces[1:], strict=False)):
            counts[pair] += words[word]
    return counts


def _in_either_order(cut: Cut, words: Mapping[str, int]) -> Counts:
    counts: Counter[Merge] = Counter()
    for (left, right), n in _counted(cut, words).items():
        counts[min((left, right), (right, left))] += n
    return counts


def _across_words(cut: Cut, words: Mapping[str, int]) -> Counts:
    counts = _counted(cut, words)
    names = list(cut)
    for this, following in zip(names, names[1:], strict=False):
        counts[cut[this][-1], cut[following][0]] += words[this]
    return counts


def _weighted_by_length(cut: Cut, words: Mapping[str, int]) -> Counts:
    return {pair: n * len("".join(pair)) for pair, n in _counted(cut, words).items()}


def _first_and_last_only(cut: Cut, words: Mapping[str, int]) -> Counts:
    """Step by two, so that every second pair of neighbors is left out."""
    counts: Counter[Merge] = Counter()
    for word, pieces in cut.items():
        for i in range(0, len(pieces) - 1, 2):
            counts[pieces[i], pieces[i + 1]] += words[word]
    return counts


def _without_the_last(cut: Cut, words: Mapping[str, int]) -> Counts:
    counts: Counter[Merge] = Counter()
    for word, pieces in cut.items():
        for i in range(len(pieces) - 2):
            counts[pieces[i], pieces[i + 1]] += words[word]
    return counts


def _added_up(words: Mapping[str, int], n: int) -> list[Merge]:
    """Keep the counts of earlier rounds."""
    cut, merges, counts = {word: letters(word) for word in words}, [], Counter[Merge]()
    for _ in range(n):
        counts.update(_counted(cut, words))
        if not counts:
            break
        best = _smallest_of_the_most_frequent(counts)
        merges.append(best)
        cut = {word: joined(pieces, best) for word, pieces in cut.items()}
    return merges


def _counted_once(words: Mapping[str, int], n: int) -> list[Merge]:
    """Take the n most frequent pairs of letters: nothing is ever joined."""
    counts = _counted({word: letters(word) for word in words}, words)
    return sorted(counts, key=lambda pair: (-counts[pair], pair))[:n]


# --- which pair is taken ----------------------------------------------------------------------------------------


def _first_met(counts: Counts) -> Merge:
    return max(counts, key=lambda pair: counts[pair])


def _last_met(counts: Counts) -> Merge:
    return max(reversed(list(counts)), key=lambda pair: counts[pair])


def _largest(counts: Counts) -> Merge:
    return max(counts, key=lambda pair: (counts[pair], pair))


def _by_what_they_make(counts: Counts) -> Merge:
    return min(counts, key=lambda pair: (-counts[pair], "".join(pair)))


def _shortest(counts: Counts) -> Merge:
    return min(counts, key=lambda pair: (-counts[pair], len("".join(pair)), pair))


def _right_first(counts: Counts) -> Merge:
    return min(counts, key=lambda pair: (-counts[pair], pair[::-1]))


def _rarest(counts: Counts) -> Merge:
    return min(counts, key=lambda pair: (counts[pair], pair))


def _smallest_of_all(counts: Counts) -> Merge:
    return min(counts)


# --- how a pair is joined ---------------------------------------------------------------------------------------


def by_replacing(pieces: list[str], pair: Merge) -> list[str]:
    """Join in the text of the pieces with blanks between them, which also finds the pair across borders of pieces."""
    return " ".join(pieces).replace(" ".join(pair), "".join(pair)).split(" ")


def first_place_only(pieces: list[str], pair: Merge) -> list[str]:
    """Join the first occurrence and leave the others."""
    for i in range(len(pieces) - 1):
        if (pieces[i], pieces[i + 1]) == pair:
            return [*pieces[:i], "".join(pair), *pieces[i + 2 :]]
    return pieces


def without_a_step(pieces: list[str], pair: Merge) -> list[str]:
    """Go on by one piece after a pair was joined, so that its second piece stands there again."""
    done = []
    for i, piece in enumerate(pieces):
        here = i + 1 < len(pieces) and (piece, pieces[i + 1]) == pair
        done.append("".join(pair) if here else piece)
    return done


def last_piece_lost(pieces: list[str], pair: Merge) -> list[str]:
    """Stop one piece before the end unless that one was joined."""
    done, i = [], 0
    while i < len(pieces) - 1:
        here = (pieces[i], pieces[i + 1]) == pair
        done.append(pieces[i] + pieces[i + 1] if here else pieces[i])
        i += 2 if here else 1
    return done


def _starting_anew(words: Mapping[str, int], n: int) -> list[Merge]:
    """Cut every word into letters again in every round, and join the newest pair alone."""
    begun = {word: letters(word) for word in words}
    cut, merges = begun, []
    for _ in range(n):
        counts = _counted(cut, words)
        if not counts:
            break
        merges.append(_smallest_of_the_most_frequent(counts))
        cut = {word: joined(pieces, merges[-1]) for word, pieces in begun.items()}
    return merges


def _first_word_only(words: Mapping[str, int], n: int) -> list[Merge]:
    """Join in the first word that has the pair."""
    cut, merges = {word: letters(word) for word in words}, []
    for _ in range(n):
        counts = _counted(cut, words)
        if not counts:
            break
        best = _smallest_of_the_most_frequent(counts)
        merges.append(best)
        for word, pieces in cut.items():
            if joined(pieces, best) != pieces:
                cut[word] = joined(pieces, best)
                break
    return merges


# --- plain mistakes ---------------------------------------------------------------------------------------------


def _after(change: Callable[[list[Merge]], Any]) -> Function:
    return lambda words, n: change(bpe_train(words, n))


def _emptied(words: dict[str, int], n: int) -> list[Merge]:
    merges = bpe_train(words, n)
    words.clear()
    return merges


def _cut_in_place(words: dict[str, Any], n: int) -> list[Merge]:
    merges = bpe_train(words, n)
    for word in list(words):
        words[word] = letters(word)
    return merges


BPE_TRAIN = (
    Mistake(
        "T01",
        "how often a word occurs is ignored",
        "A pair inside a word that stands in the text five times stands there five times. Which number says how often "
        "a word occurs, and where do you use it?",
        (_trainer(count=_each_word_once),),
    ),
    Mistake(
        "once_a_word",
        "a pair counts once a word",
        "Some words hold the same pair twice. How often do you count it there?",
        (_trainer(count=_once_a_word),),
    ),
    Mistake(
        "either_order",
        "the order of a pair is ignored",
        'Is "on" the same piece as "no"? Then why do both add to one count?',
        (_trainer(count=_in_either_order),),
    ),
    Mistake(
        "across_words",
        "pairs across the borders of words",
        "The end of one word and the beginning of the next are counted as neighbors. What is the mark there for?",
        (_trainer(count=_across_words),),
    ),
    Mistake(
        "by_length",
        "long pairs count more",
        "Your counts grow with the length of what would be made. Did anybody ask for that, or only how often a pair "
        "occurs?",
        (_trainer(count=_weighted_by_length),),
    ),
    Mistake(
        "every_second",
        "every second pair of neighbors is left out",
        "A word of four pieces has three pairs of neighbors, and they overlap. How far does your index move?",
        (_trainer(count=_first_and_last_only),),
    ),
    Mistake(
        "added_up",
        "the counts of earlier rounds stay",
        "A pair that has been joined everywhere occurs no more. Where are your counts set back to nothing?",
        (_added_up,),
    ),
    Mistake(
        "never_kept",
        "what was joined is not kept",
        "Your first merge comes again and again. Where do the words go that it has been joined in?",
        (_trainer(join=lambda pieces, pair: pieces),),
    ),
    Mistake(
        "counted_once",
        "nothing is ever joined",
        "After the first merge there is a new piece, which has neighbors of its own. In which of your merges does a "
        "piece of more than one letter occur?",
        (_counted_once,),
    ),
    Mistake(
        "ties_first_met",
        "of equals the first or the last one met",
        "Two pairs occur equally often, and yours takes the one that it met first, or last. Which of the two did the "
        "text ask for?",
        (_trainer(choose=_first_met), _trainer(choose=_last_met)),
    ),
    Mistake(
        "ties_largest",
        "of equals the largest",
        "Two pairs occur equally often, and yours takes the larger one. Larger counts come first, smaller pairs come "
        "first: how can one key of min or max want both?",
        (_trainer(choose=_largest),),
    ),
    Mistake(
        "ties_by_other_rules",
        "of equals by another rule",
        "Two pairs occur equally often. You compare them by what they would make, by length or by their right halves. "
        "What does Python compare when it compares two tuples?",
        (_trainer(choose=_by_what_they_make), _trainer(choose=_shortest), _trainer(choose=_right_first)),
    ),
    Mistake(
        "T03",
        "the rarest pair",
        "Which pair saves the most pieces when it is joined: the one that occurs once, or the one that occurs often?",
        (_trainer(choose=_rarest),),
    ),
    Mistake(
        "smallest_of_all",
        "the smallest pair whatever its count",
        "You take the first pair of the alphabet. Where do the counts come in?",
        (_trainer(choose=_smallest_of_all),),
    ),
    Mistake(
        "T05",
        "joined in the text, across borders of pieces",
        'Write a word with blanks between its pieces, "at h e", and look for "t h" in it. Is that a pair of pieces?',
        (_trainer(join=by_replacing),),
    ),
    Mistake(
        "first_place_only",
        "joined in one place a word",
        "A pair may stand twice in a word. What does your function do after it has joined the first one?",
        (_trainer(join=first_place_only),),
    ),
    Mistake(
        "without_a_step",
        "the second piece of a joined pair stays",
        "Two pieces become one. After joining, how far must the index go, so that the second piece does not come once "
        "more?",
        (_trainer(join=without_a_step),),
    ),
    Mistake(
        "last_piece_lost",
        "the last piece of a word gets lost",
        "Join the pieces of a word after one merge: is the whole word there, with its end?",
        (_trainer(join=last_piece_lost),),
    ),
    Mistake(
        "starting_anew",
        "every round begins with letters",
        "A merge works on what earlier merges have made. What do your words look like at the beginning of the third "
        "round?",
        (_starting_anew,),
    ),
    Mistake(
        "first_word_only",
        "joined in one word only",
        "The pair occurs in several words. In how many of them do you join it?",
        (_first_word_only,),
    ),
    Mistake(
        "no_end_mark",
        "the mark is nobody's neighbor",
        'The last letter of a word and the mark "</w>" are neighbors, too. Which of your merges has the mark?',
        (_trainer(begin=lambda word: [*word]), _trainer(count=_without_the_last)),
    ),
    Mistake(
        "mark_on_the_last_letter",
        "the mark is glued to the last letter",
        "The mark is a piece of its own at the beginning, a neighbor like any other. Which pair would join it to its "
        "letter?",
        (_trainer(begin=lambda word: [*word[:-1], word[-1] + "</w>"]),),
    ),
    Mistake(
        "mark_in_front",
        "the mark stands in front",
        "Yours has the mark before the first letter. Where does a word end?",
        (_trainer(begin=lambda word: ["</w>", *word]),),
    ),
    Mistake(
        "mark_in_letters",
        "the mark is cut into characters",
        'Is "</w>" one piece for you, or four? What does a plus between two strings make?',
        (_trainer(begin=lambda word: [*(word + "</w>")]),),
    ),
    Mistake(
        "one_too_many",
        "one merge more or fewer than n",
        "Count your merges. How often does your loop run for n = 1?",
        (_trainer(rounds=lambda n: n + 1), _trainer(rounds=lambda n: n - 1)),
    ),
    Mistake(
        "one_round",
        "it ends after the first merge",
        "How far to the right does your return stand: inside the loop or behind it?",
        (_trainer(rounds=lambda n: min(n, 1)),),
    ),
    Mistake(
        "stops_at_one",
        "pairs that occur once are not merged",
        "There are pairs left, and you stop because they are rare. After which merge does the text let you stop?",
        (_trainer(enough=lambda counts, best: counts[best] < 2),),
    ),
    Mistake(
        "reversed",
        "the last merge comes first",
        "Whoever cuts a word must begin with your first merge. Which one stands first in your list?",
        (_after(lambda merges: merges[::-1]),),
    ),
    Mistake(
        "made_pieces",
        "what a merge makes instead of its pair",
        'From "ew" alone nobody can tell which two pieces were joined. What does your list hold?',
        (_after(lambda merges: ["".join(pair) for pair in merges]), _after(lambda merges: list(map(" ".join, merges)))),
    ),
    Mistake(
        "changes_words",
        "the dictionary that was handed in is changed",
        "The caller's dictionary is another one afterwards. Which of your lines writes into it?",
        (_emptied, _cut_in_place),
    ),
)

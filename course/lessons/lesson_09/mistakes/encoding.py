"""Known wrong versions of bpe_encode, and the question that leads out of each."""

from collections.abc import Callable, Sequence
from typing import Any

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_09.mistakes.training import (
    by_replacing,
    first_place_only,
    last_piece_lost,
    letters,
    without_a_step,
)
from course.lessons.lesson_09.reference import Merge, bpe_encode, joined

Merges = Sequence[Merge]


def _encoder(
    begin: Callable[[str], list[str]] = letters,
    join: Callable[[list[str], Merge], list[str]] = joined,
    order: Callable[[Merges], Merges] = lambda merges: merges,
) -> Function:
    """Return bpe_encode with a step of another kind."""

    def bpe_encode(word: str, merges: Merges) -> list[str]:
        pieces = begin(word)
        for pair in order(merges):
            pieces = join(pieces, pair)
        return pieces

    return bpe_encode


def _after(change: Callable[[list[str]], Any]) -> Function:
    return lambda word, merges: change(bpe_encode(word, merges))


def _longest_first(word: str, merges: Merges) -> list[str]:
    """Take the longest known piece from the left, again and again, as WordPiece does."""
    known = {left + right for left, right in merges}
    rest, pieces = letters(word), []
    while rest:
        for n in range(len(rest), 0, -1):
            piece = "".join(rest[:n])
            if n == 1 or piece in known:
                pieces.append(piece)
                rest = rest[n:]
                break
    return pieces


def _from_the_left(word: str, merges: Merges) -> list[str]:
    """Join the leftmost neighbors that any merge knows, whatever its number."""
    known, pieces = set(merges), letters(word)
    i = 0
    while i < len(pieces) - 1:
        if (pieces[i], pieces[i + 1]) in known:
            pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
            i = 0
        else:
            i += 1
    return pieces


def _one_way(word: str, merges: Merges) -> list[str]:
    """Go through the word once and join whatever can be joined to the last piece."""
    known = set(merges)
    pieces: list[str] = []
    for piece in letters(word):
        if pieces and (pieces[-1], piece) in known:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces


def _first_that_fits(word: str, merges: Merges) -> list[str]:
    pieces = letters(word)
    for pair in merges:
        if joined(pieces, pair) != pieces:
            return joined(pieces, pair)
    return pieces


def _until_one_fails(word: str, merges: Merges) -> list[str]:
    pieces = letters(word)
    for pair in merges:
        if joined(pieces, pair) == pieces:
            break
        pieces = joined(pieces, pair)
    return pieces


def _each_on_letters(word: str, merges: Merges) -> list[str]:
    pieces = letters(word)
    for pair in merges:
        pieces = joined(letters(word), pair)
    return pieces


def _whole_or_letters(word: str, merges: Merges) -> list[str]:
    whole = bpe_encode(word, merges)
    return whole if len(whole) == 1 else letters(word)


def _known_letters_only(word: str, merges: Merges) -> list[str]:
    known = {piece for pair in merges for piece in pair}
    pieces = [piece for piece in letters(word) if piece in known]
    for pair in merges:
        pieces = joined(pieces, pair)
    return pieces


def _unknown_letters(word: str, merges: Merges) -> list[str]:
    known = {piece for pair in merges for piece in pair}
    pieces = [piece if piece in known else "<unk>" for piece in letters(word)]
    for pair in merges:
        pieces = joined(pieces, pair)
    return pieces


def _used_up(word: str, merges: list[Merge]) -> list[str]:
    pieces = letters(word)
    while merges:
        pieces = joined(pieces, merges.pop(0))
    return pieces


BPE_ENCODE = (
    Mistake(
        "longest_first",
        "the longest known piece from the left",
        "You look for the longest piece that you know. That is another way to cut (WordPiece). What is the order of "
        "the merges for?",
        (_longest_first,),
    ),
    Mistake(
        "from_the_left",
        "the leftmost pair first, whatever its number",
        "Two pairs of the word are known, and yours joins the one on the left first. Which of the two did training "
        "join first?",
        (_from_the_left, _one_way),
    ),
    Mistake(
        "reversed",
        "the last merge first",
        "A late merge joins pieces that early ones have made. With which one do you begin?",
        (_encoder(order=lambda merges: list(reversed(merges))),),
    ),
    Mistake(
        "sorted",
        "merges in the order of the alphabet",
        "The list that comes in has an order, the one of training. Which of your lines gives it another?",
        (_encoder(order=sorted),),
    ),
    Mistake(
        "first_that_fits",
        "one merge only",
        "After the first merge that fits there may be others. What does your function do after it?",
        (_first_that_fits,),
    ),
    Mistake(
        "until_one_fails",
        "it stops at the first merge that does not occur",
        "Most merges do not occur in most words. Is one that does not occur a reason to stop?",
        (_until_one_fails,),
    ),
    Mistake(
        "each_on_letters",
        "every merge begins with letters",
        "What an earlier merge has joined is to stay joined. What does each round of yours begin with?",
        (_each_on_letters,),
    ),
    Mistake(
        "one_left_out",
        "the first or the last merge is left out",
        "How many merges are in the list, and how many of them do you use?",
        (_encoder(order=lambda merges: merges[1:]), _encoder(order=lambda merges: merges[:-1])),
    ),
    Mistake(
        "whole_or_letters",
        "letters where the word is not one piece",
        "Between a whole word and its letters there are pieces. Which merges fit although they do not make the whole?",
        (_whole_or_letters,),
    ),
    Mistake(
        "by_replacing",
        "joined in the text, across borders of pieces",
        'Look for "t h" in the pieces "at h e", written with blanks. Is what you find a pair of pieces?',
        (_encoder(join=by_replacing),),
    ),
    Mistake(
        "first_place_only",
        "joined in one place",
        "A pair may stand twice in a word. What happens to the second one?",
        (_encoder(join=first_place_only),),
    ),
    Mistake(
        "without_a_step",
        "the second piece of a joined pair stays",
        "Put your pieces together again. Is it the word, or has it grown?",
        (_encoder(join=without_a_step),),
    ),
    Mistake(
        "last_piece_lost",
        "the last piece gets lost",
        "Put your pieces together again. What is missing at the end?",
        (_encoder(join=last_piece_lost),),
    ),
    Mistake(
        "no_end_mark",
        "no mark at the end",
        "The merges were learned on words that ended in a mark. Where does your word get its own?",
        (_encoder(begin=lambda word: [*word]),),
    ),
    Mistake(
        "mark_on_the_last_letter",
        "the mark is glued to the last letter",
        "In the merges the mark begins as a piece of its own. What is your last piece at the beginning?",
        (_encoder(begin=lambda word: [*word[:-1], word[-1] + "</w>"]),),
    ),
    Mistake(
        "mark_in_letters",
        "the mark is cut into characters",
        'How many pieces is "</w>" when your function begins?',
        (_encoder(begin=lambda word: [*(word + "</w>")]),),
    ),
    Mistake(
        "mark_taken_off",
        "the mark is taken off at the end",
        "Without the mark nobody can tell where one word ends and the next begins. Who asked you to take it off?",
        (
            _after(lambda pieces: [piece.removesuffix("</w>") for piece in pieces]),
            _after(lambda pieces: [piece.removesuffix("</w>") for piece in pieces if piece != "</w>"]),
            _after(lambda pieces: [piece for piece in pieces if piece != "</w>"]),
        ),
    ),
    Mistake(
        "known_letters_only",
        "letters without a merge are dropped",
        "A letter that no merge knows is still a letter of the word. Where is it in what you return?",
        (_known_letters_only,),
    ),
    Mistake(
        "unknown_letters",
        "letters without a merge become unknown",
        "A letter that no merge knows is a piece by itself. Why do you call it unknown?",
        (_unknown_letters,),
    ),
    Mistake(
        "one_string",
        "the pieces as one string",
        "A list of pieces is asked for. What does join do to it?",
        (_after(" ".join), _after("".join)),
    ),
    Mistake(
        "used_up",
        "the list of merges is used up",
        "After the first word the caller has no merges left. Which of your lines takes them out of the list?",
        (_used_up,),
    ),
)

"""Known wrong versions of beam, and the question that leads out of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from course.lab.exercises.exercise import Function, Mistake
from course.lab.exercises.later import Later
from course.special import BOS, EOS, PAD

if TYPE_CHECKING:
    import torch
else:
    torch = Later("torch")

Tensor = Any  # torch is not imported here
Found = tuple[float, Tensor]


def _log_p(logits: Tensor) -> Tensor:
    return logits[:, -1].log_softmax(dim=-1)


def _power(total: float, length: int, alpha: float) -> float:
    return float(total / length**alpha)


def _likeliest(scored: list[Found], ended: int) -> Found:
    """ended: how many of the list have ended; they stand first."""
    return max(scored, key=lambda pair: pair[0])


def _beam(
    said: Callable[[Tensor], Tensor] = _log_p,
    *,
    start: Literal["one", "k equal"] = "one",
    adds_up: bool = True,
    part: Callable[[Tensor, int], tuple[Tensor, Tensor]] = lambda flat, V: (flat // V, flat % V),
    ends: Literal["keep", "give back", "pool", "grow", "at once", "noted"] = "keep",
    penalty: Callable[[float, int, float], float] = _power,
    fed_back: bool = False,
    chosen: Callable[[list[Found], int], Found] = _likeliest,
    returned: Callable[[Tensor], Tensor] = lambda ids: ids,
    places: Callable[[int], int] = lambda k: k,
    width: Callable[[int, int], int] = lambda V, n: V,
    rows_wrap: bool = True,
    flat: Callable[[Tensor], Tensor] = lambda sums: sums.flatten(),
    length_of: Callable[[int, int, int], int] = lambda own, last, max_len: own,
    divided: Literal["all", "ended", "cut off", "the winner", "to choose"] = "all",
    room_after: Callable[[int, int], int] = lambda k, ended: k - ended,
    rounds: int = 0,
    fed: Callable[[Tensor], Tensor] = lambda ids: ids,
) -> Function:
    """Return beam with a step of another kind. ends: what happens to a hypothesis that has ended."""

    def beam(step: Function, k: int, max_len: int, alpha: float = 0.6) -> Found:
        k = places(k)
        n = k if start == "k equal" else 1
        ids, total = torch.full((n, 1), BOS), torch.zeros(n, dtype=torch.float64)
        ended: list[Found] = []
        for _ in range(max_len + rounds):
            old = total[:, None] if adds_up else 0.0
            sums = old + said(step(fed(ids)))
            left = room_after(k, len(ended))
            room = {"keep": left, "noted": left, "at once": left, "pool": 2 * k}.get(ends, k)
            candidates = flat(sums)
            best = candidates.topk(min(room, candidates.numel()))
            row, token = part(best.indices, width(sums.shape[1], len(ids)))
            row = row % len(ids) if rows_wrap else row
            ids, total = torch.cat([ids[row], token[:, None]], dim=1), best.values
            over = (token == EOS) if ends != "grow" else torch.zeros_like(token, dtype=torch.bool)
            ended += zip(total[over].tolist(), ids[over], strict=True)
            if ends != "noted":
                ids, total = ids[~over], total[~over]
                if ends in ("pool", "give back"):
                    ids, total = ids[:k], total[:k]
            if fed_back:
                total = total / (ids.shape[1] - 1) ** alpha
            if len(ids) == 0 or (ends == "at once" and ended):
                break
        alive = [] if ends == "at once" and ended else list(zip(total.tolist(), ids, strict=True))
        found = [*ended, *alive]

        def score_of(log_p: float, words: Tensor) -> float:
            return penalty(log_p, length_of(len(words) - 1, ids.shape[1] - 1, max_len), alpha)

        if divided == "the winner":
            log_p, words = chosen(found, len(ended))
            return score_of(log_p, words), returned(words)
        scored = [
            (log_p if divided == ("cut off" if i < len(ended) else "ended") else score_of(log_p, words), words)
            for i, (log_p, words) in enumerate(found)
        ]
        score, words = chosen(scored, len(ended))
        if divided == "to choose":
            score = next(log_p for log_p, each in found if each is words)
        return score, returned(words)

    return beam


def _grown(step: Function, k: int, max_len: int, alpha: float = 0.6) -> Found:
    """Let ended hypotheses go on, and cut them at their end token when all is over."""
    score, ids = _beam(ends="grow")(step, k, max_len, 0.0)
    words = ids.tolist()
    length = words.index(EOS) if EOS in words else len(words) - 1
    return score / length**alpha, ids[: length + 1]


def _each_for_itself(step: Function, k: int, max_len: int, alpha: float = 0.6) -> Found:
    """Extend every hypothesis by its own best word only, after k different first words."""
    log_p = step(torch.tensor([[BOS]]))[:, -1].log_softmax(dim=-1)[0]
    best = log_p.topk(min(k, len(log_p)))
    found = []
    for total, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        ids, sum_ = [BOS, token], total
        while ids[-1] != EOS and len(ids) - 1 < max_len:
            next_ = step(torch.tensor([ids]))[0, -1].log_softmax(dim=-1)
            sum_ += float(next_.max())
            ids.append(int(next_.argmax()))
        found.append((sum_ / (len(ids) - 1) ** alpha, torch.tensor(ids)))
    return max(found, key=lambda pair: pair[0])


def _only_ended(scored: list[Found], ended: int) -> Found:
    return _likeliest(scored[:ended] or scored, ended)


def _only_alive(scored: list[Found], ended: int) -> Found:
    return _likeliest(scored[ended:] or scored, ended)


def _gnmt(total: float, length: int, alpha: float) -> float:
    return float(total / ((5 + length) / 6) ** alpha)


def _ended(ids: Tensor) -> Tensor:
    return ids if ids[-1] == EOS else torch.cat([ids, torch.tensor([EOS])])


def _end_before_dividing(step: Function, k: int, max_len: int, alpha: float = 0.6) -> Found:
    """Append the end token to what was cut off, and count it in the length."""
    found: Found = _beam(length_of=lambda own, last, max_len: own + (own == max_len), returned=_ended)(
        step, k, max_len, alpha
    )
    return found


def _word_by_rows(step: Function, k: int, max_len: int, alpha: float = 0.6) -> Found:
    """Find the row by the width, and the word by the number of rows."""
    rows = [1]

    def width(V: int, n: int) -> int:
        rows[0] = n
        return V

    found: Found = _beam(part=lambda flat, V: (flat // V, flat % rows[0]), width=width)(step, k, max_len, alpha)
    return found


def _takes_words_for_rows(function: Function) -> bool:
    """Whether a row is asked for that one hypothesis does not have, with the number of the word it chose."""
    from course.lessons.lesson_11.toys import NEEDLE

    first = int(NEEDLE.table[BOS].argmax())
    try:
        function(NEEDLE, 1, 8, 0.0)
    except IndexError as error:
        return f"index {first} is out of bounds for dimension 0 with size 1" in str(error)
    except Exception:  # a learner's function may raise anything
        return False
    return False


BEAM = (
    Mistake(
        "J10",
        "no length penalty",
        "alpha changes nothing in your scores. Every word lowers a sum of logarithms: what makes long and short "
        "hypotheses comparable?",
        (_beam(penalty=lambda total, length, alpha: total),),
    ),
    Mistake(
        "J12",
        "row and word exchanged",
        "You take rows for words. In the flat list, place 0 to V - 1 belong to the first hypothesis: which of // and % "
        "by V gives the row?",
        (_beam(part=lambda flat, V: (flat % V, flat // V)),),
    ),
    Mistake(
        "parts-by-rows",
        "divides by the number of hypotheses",
        "Row and word come out of the flat list by dividing by its width. Is that the number of hypotheses or of "
        "words?",
        (
            lambda step, k, max_len, alpha=0.6: _beam(part=lambda flat, V: (flat % k, flat // k))(
                step, k, max_len, alpha
            ),
            lambda step, k, max_len, alpha=0.6: _beam(part=lambda flat, V: (flat // k, flat % k))(
                step, k, max_len, alpha
            ),
            _beam(part=lambda flat, n: (flat % n, flat // n), width=lambda V, n: n),
            _beam(part=lambda flat, n: (flat // n, flat % n), width=lambda V, n: n),
            _word_by_rows,
        ),
    ),
    Mistake(
        "rows-beyond",
        "row numbers that do not exist",
        "With one hypothesis there is row 0 and no other, and yours takes a word's number for the row's. The flat list "
        "has V sums of hypothesis 0, then V of hypothesis 1: index // V is the row, index % V the word. By what do you "
        "divide?",
        (_beam(part=lambda flat, V: (flat % V, flat // V), rows_wrap=False),),
        recognize=_takes_words_for_rows,
    ),
    Mistake(
        "first-row-only",
        "only the first hypothesis is continued",
        "Your search looks at the sums of the first hypothesis alone. Among how many sums are the best to be found, V "
        "or n times V?",
        (_beam(flat=lambda sums: sums[0]),),
    ),
    Mistake(
        "too-many-after-an-end",
        "a place too many after an end",
        "A hypothesis has ended, and the others have one place too many. How many places are free when one has ended?",
        (
            _beam(room_after=lambda k, ended: k - max(ended - 1, 0)),
            _beam(room_after=lambda k, ended: k - ended + bool(ended)),
        ),
    ),
    Mistake(
        "one-length-for-all",
        "all sums are divided by the same length",
        "You divide every sum by the same length, max_len or that of the last round. How long is each hypothesis "
        "itself?",
        (
            _beam(length_of=lambda own, last, max_len: max_len),
            _beam(length_of=lambda own, last, max_len: last),
        ),
    ),
    Mistake(
        "end-appended",
        "an end token that nobody chose",
        "Your ids end with an end token that your search has not chosen but appended. What are the ids of a hypothesis "
        "that was cut off at max_len?",
        (
            _beam(returned=_ended),
            _beam(returned=lambda ids: torch.cat([ids, torch.tensor([EOS])])),
            _end_before_dividing,
        ),
    ),
    Mistake(
        "divided-afterwards",
        "the winner is chosen by the undivided sum",
        "Your winner is the one with the highest sum, and only its sum is divided. What should be compared: sums, or "
        "sums that have been divided?",
        (_beam(divided="the winner"),),
    ),
    Mistake(
        "score-not-divided",
        "the score that comes back is not divided",
        "The right hypothesis wins, and its sum comes back as it was before the division. Which number is the score?",
        (_beam(divided="to choose"),),
    ),
    Mistake(
        "cut-off-not-divided",
        "hypotheses that were cut off are not divided",
        "The one that was cut off is not divided by its length. Which sums does step 5 divide?",
        (_beam(divided="ended"),),
    ),
    Mistake(
        "ended-not-divided",
        "hypotheses that have ended are not divided",
        "Those that have ended are not divided by their lengths. Which sums does step 5 divide?",
        (_beam(divided="cut off"),),
    ),
    Mistake(
        "J14",
        "adds probabilities",
        "You add probabilities, so that every word makes a sentence likelier. Which sum belongs to a product?",
        (_beam(lambda logits: logits[:, -1].softmax(dim=-1)),),
    ),
    Mistake(
        "adds-logits",
        "adds logits",
        "You add logits as they are. What has to be taken off them before they are logarithms of probabilities?",
        (_beam(lambda logits: logits[:, -1]),),
    ),
    Mistake(
        "over-all-hypotheses",
        "one softmax over all hypotheses",
        "Your probabilities add up to 1 over all hypotheses together, so that they compete before they are scored. "
        "Over which axis of (n, V) do the words of one hypothesis add up to 1?",
        (
            _beam(lambda logits: logits[:, -1].flatten().log_softmax(dim=0).reshape(logits[:, -1].shape)),
            _beam(lambda logits: logits[:, -1].log_softmax(dim=0)),
        ),
    ),
    Mistake(
        "other-logarithm",
        "another logarithm",
        "Your scores are right times a constant. To which base is your logarithm?",
        (
            _beam(lambda logits: _log_p(logits) / math.log(2)),
            _beam(lambda logits: _log_p(logits) / math.log(10)),
        ),
    ),
    Mistake(
        "first-place",
        "reads the logits behind the first word",
        "You always read what follows the first word. At which place of (n, t, V) stands what follows the last one?",
        (_beam(lambda logits: logits[:, 0].log_softmax(dim=-1)),),
    ),
    Mistake(
        "newest-only",
        "hands only the newest words to step",
        "step is asked about the newest words alone, as if nothing stood before them. What does it need to see as long "
        "as there is no cache?",
        (_beam(fed=lambda ids: ids[:, -1:]),),
    ),
    Mistake(
        "last-word-counts",
        "only the last word counts",
        "Only the newest word's log-probability counts in your sums. What has each hypothesis brought with it?",
        (_beam(adds_up=False),),
    ),
    Mistake(
        "J16",
        "stops at the first finished hypothesis",
        "Your search is over as soon as one hypothesis has ended. Can one that is still growing come out better after "
        "all?",
        (_beam(ends="at once"), _beam(chosen=lambda scored, ended: scored[0])),
    ),
    Mistake(
        "J18",
        "ended hypotheses keep growing",
        "A hypothesis of yours goes on behind its end token. What has to happen to its ids when it ends?",
        (
            _beam(ends="grow"),
            _grown,
            _beam(ends="noted"),
            _beam(ends="noted", room_after=lambda k, ended: max(k - ended, 0)),
            _beam(ends="noted", room_after=lambda k, ended: max(k - ended, 1)),
        ),
    ),
    Mistake(
        "J20",
        "the divided score is fed back",
        "You divide by the length in every round and go on adding to the quotient. When is the one moment to divide?",
        (_beam(fed_back=True), _beam(fed_back=True, penalty=lambda total, length, alpha: total)),
    ),
    Mistake(
        "begin-token-counts",
        "the begin token counts in the length",
        "Your lengths are too large by one. Which word of a hypothesis did nobody choose?",
        (_beam(penalty=lambda total, length, alpha: total / (length + 1) ** alpha),),
    ),
    Mistake(
        "end-token-does-not-count",
        "the end token does not count in the length",
        "Your lengths are too small by one where a hypothesis has ended. Its end has a probability too: does it count "
        "as a word?",
        (_beam(penalty=lambda total, length, alpha: total / max(length - 1, 1) ** alpha),),
    ),
    Mistake(
        "gnmt",
        "another length penalty",
        "You divide by ((5 + length) / 6) to the power of alpha, which is a penalty that many use. Which one does the "
        "exercise ask for?",
        (_beam(penalty=_gnmt),),
    ),
    Mistake(
        "always-the-mean",
        "divides by the length, whatever alpha is",
        "You divide by the length itself. Where does alpha come in?",
        (
            _beam(penalty=lambda total, length, alpha: total / length),
            _beam(penalty=lambda total, length, alpha: total / (length * alpha) if alpha else total),
        ),
    ),
    Mistake(
        "multiplies",
        "multiplies by the penalty",
        "You multiply by the penalty, so that long hypotheses lose twice over. What is a sum of negative numbers to be "
        "made smaller by?",
        (_beam(penalty=lambda total, length, alpha: total * length**alpha),),
    ),
    Mistake(
        "alpha-off",
        "alpha is 0.6 whatever comes in",
        "Your score is the same for every alpha. Is the argument used, or a number that you wrote there?",
        (_beam(penalty=lambda total, length, alpha: total / length**0.6),),
    ),
    Mistake(
        "k-times-the-same",
        "k equal hypotheses, or only one",
        "Your search is greedy search, whatever k is. Do you begin with k hypotheses that are all the same and go the "
        "same way, or does k not come in at all?",
        (_beam(start="k equal"), _beam(places=lambda k: 1)),
    ),
    Mistake(
        "each-for-itself",
        "each hypothesis is extended by its own best word",
        "After the first word, each hypothesis goes its own way and none is ever dropped. Among what do the k best "
        "have to be found in every round?",
        (_each_for_itself,),
    ),
    Mistake(
        "gives-places-back",
        "an ended hypothesis gives its place back",
        "A hypothesis ends, and the others still fill all k places. Who keeps that place, and how many are left?",
        (_beam(ends="give back"),),
    ),
    Mistake(
        "pool",
        "ended hypotheses in a pool, always k that grow",
        "You always keep k that grow, and put those that end into a pool of their own. That is a beam search too (it "
        "is "
        "how transformers does it); in this one an ended hypothesis keeps its place. How many places are left then?",
        (_beam(ends="pool"),),
    ),
    Mistake(
        "ended-are-lost",
        "ended hypotheses are lost",
        "Hypotheses that end vanish from your search. Where do you keep them until the best is chosen?",
        (_beam(chosen=_only_alive),),
    ),
    Mistake(
        "cut-off-are-lost",
        "hypotheses that are cut off are lost",
        "At max_len some hypotheses have not ended, and yours are forgotten. Could one of them be the best?",
        (_beam(chosen=_only_ended),),
    ),
    Mistake(
        "worst",
        "returns the worst",
        "You return the hypothesis with the lowest score. Scores are negative here: which is the best one?",
        (
            _beam(chosen=lambda scored, ended: min(scored, key=lambda pair: pair[0])),
            _beam(lambda logits: -_log_p(logits)),
        ),
    ),
    Mistake(
        "one-place-more",
        "one place too many or too few",
        "The number of your places is off by one. How many are free when e of k hypotheses have ended?",
        (_beam(places=lambda k: k + 1), _beam(places=lambda k: max(k - 1, 1))),
    ),
    Mistake(
        "limit-off-by-one",
        "max_len is off by one",
        "A hypothesis that is cut off has one word too many or too few. Does max_len count the begin token?",
        (_beam(rounds=1), _beam(rounds=-1)),
    ),
    Mistake(
        "ids-cut",
        "ids without their begin or end token",
        "The score is right, and the ids lack a token at one of their ends. Which tokens should they begin and end "
        "with?",
        (
            _beam(returned=lambda ids: ids[1:]),
            _beam(returned=lambda ids: ids[ids != EOS]),
            _beam(returned=lambda ids: ids[(ids != EOS) & (ids != BOS) & (ids != PAD)]),
        ),
    ),
)

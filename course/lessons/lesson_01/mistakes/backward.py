"""Known wrong versions of `bptt`, and the question that leads out of each.

Most of them are the right one with a step replaced: `_bptt` takes the steps.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_01.reference import bptt

Array = NDArray[Any]
Four = tuple[Array, Array, Array, Array]


def _forward(x: Array, h0: Array, W: Array, U: Array, b: Array) -> list[Array]:
    states = [h0]
    for t in range(x.shape[1]):
        states.append(np.tanh(x[:, t] @ W + states[t] @ U + b))
    return states


def _through(g: Array, states: list[Array], t: int) -> Array:
    return np.asarray(g * (1 - states[t + 1] ** 2))


def _backward_times(T: int) -> Iterable[int]:
    return reversed(range(T))


def _bptt(
    through: Callable[[Array, list[Array], int], Array] = _through,
    on: Callable[[Array, Array, Array, Array], Array] = lambda d, U, g, first: d @ U.T,
    times: Callable[[int], Iterable[int]] = _backward_times,
    state: Callable[[list[Array], int], Array] = lambda states, t: states[t],
    word: Callable[[Array, int], Array] = lambda x, t: x[:, t],
    forward: Callable[..., list[Array]] = _forward,
    add: Callable[[Array, Array], Array] = lambda old, new: old + new,
) -> Function:
    """Return `bptt` with a step of another kind.

    Args:
        through: g, states, t -> d, through tanh.
        on: d, U, g, the g that was handed in -> g for the step before.
        times: which steps, in which order.
        state: what dU takes from the states at t.
        word: what dW takes from the words at t.
        forward: the states.
        add: what becomes of the old and the new part of dW, dU and db.
    """

    def backward(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array) -> Four:
        states, first = forward(x, h0, W, U, b), g
        dW, dU, db = np.zeros(W.shape), np.zeros(U.shape), np.zeros(b.shape)
        for t in times(x.shape[1]):
            d = through(g, states, t)
            dW = add(dW, word(x, t).T @ d)
            dU = add(dU, state(states, t).T @ d)
            db = add(db, d.sum(axis=0))
            g = on(d, U, g, first)
        return dW, dU, db, g

    return backward


def _after(change: Callable[[Four, Array], Any]) -> Function:
    """Return a version that changes the four results; it also gets x."""
    return lambda x, h0, W, U, b, g: change(bptt(x, h0, W, U, b, g), x)


def _rows(rows: slice) -> Function:
    """Return a version that looks at some of the sentences only."""

    def backward(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array) -> Four:
        dW, dU, db, _ = bptt(x[rows], h0[rows], W, U, b, g[rows])
        return dW, dU, db, bptt(x, h0, W, U, b, g)[3]

    return backward


def _without_h0(x: Array, h0: Array, W: Array, U: Array, b: Array) -> list[Array]:
    return _forward(x, np.zeros_like(h0), W, U, b)


def _without_bias(x: Array, h0: Array, W: Array, U: Array, b: Array) -> list[Array]:
    return _forward(x, h0, W, U, np.zeros_like(b))


def _without_tanh(x: Array, h0: Array, W: Array, U: Array, b: Array) -> list[Array]:
    states = [h0]
    for t in range(x.shape[1]):
        states.append(x[:, t] @ W + states[t] @ U + b)
    return states


def _sums(x: Array, h0: Array, W: Array, U: Array, b: Array, states: list[Array], t: int) -> Array:
    return np.asarray(x[:, t] @ W + states[t] @ U + b)


def _with_sums(slope: Callable[[Array], Array]) -> Function:
    """Return a version whose slope is computed from the sums that tanh was taken of."""

    def backward(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array) -> Four:
        states = _forward(x, h0, W, U, b)
        through = lambda g, states, t: g * slope(_sums(x, h0, W, U, b, states, t))  # noqa: E731
        return _bptt(through=through, forward=lambda *_: states)(x, h0, W, U, b, g)

    return backward


def _in_place(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array) -> Four:
    states = _forward(x, h0, W, U, b)
    found = bptt(x, h0, W, U, b, g)
    g *= 1 - states[-1] ** 2
    return found


def _loop_over_sentences(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array) -> Four:
    """Take the axis of the sentences for that of the words."""
    turned: Four = bptt(x.swapaxes(0, 1), h0, W, U, b, g)
    return turned


def _bias_in_place(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array) -> Four:
    states, dW, dU, db = _forward(x, h0, W, U, b), np.zeros(W.shape), np.zeros(U.shape), np.zeros(b.shape)
    for t in reversed(range(x.shape[1])):
        d = _through(g, states, t)
        dW += x[:, t].T @ d
        dU += states[t].T @ d
        db += d
        g = d @ U.T
    return dW, dU, db, g


def _adds_rows_into_db(function: Function) -> bool:
    """Whether it raises where (B, d_h) is added into an array (d_h,): no other array of the exercise has that shape."""
    x, h0, W, U, b, g = (np.full(shape, 0.1) for shape in ((3, 2, 5), (3, 4), (5, 4), (4, 4), (4,), (3, 4)))
    try:
        function(x, h0, W, U, b, g)
    except ValueError as error:
        return all(part in str(error) for part in ("output operand with shape (4,)", "broadcast shape (3,4)"))
    except Exception:  # it is another mistake
        return False
    return False


def _whole_numbers(found: Four, x: Array) -> tuple[Array, ...]:
    return tuple(each.astype(int) for each in found)


BPTT = (
    Mistake(
        "bptt_no_slope",
        "the slope of tanh forgotten",
        "You pass the gradient through tanh as if it were not there. How steep is tanh where the state is 0.8?",
        (_bptt(through=lambda g, states, t: g),),
    ),
    Mistake(
        "bptt_slope_not_squared",
        "1 - h instead of 1 - h²",
        "Your slope of tanh is larger than 1 where h is negative. What is the square for?",
        (
            _bptt(through=lambda g, states, t: g * (1 - states[t + 1])),
            _bptt(through=lambda g, s, t: g * (1 - abs(s[t + 1]))),
        ),
    ),
    Mistake(
        "bptt_slope_is_the_square",
        "h² instead of 1 - h²",
        "Your slope is 0 where tanh is steepest. What is the slope at h = 0?",
        (
            _bptt(through=lambda g, states, t: g * states[t + 1] ** 2),
            _bptt(through=lambda g, states, t: g * (states[t + 1] ** 2 - 1)),
            _bptt(through=lambda g, states, t: g - states[t + 1] ** 2),
        ),
    ),
    Mistake(
        "bptt_slope_of_tanh_of_tanh",
        "tanh taken once more",
        "You take tanh of a state, and a state is a tanh already. What is the slope in terms of h alone?",
        (
            _bptt(through=lambda g, states, t: g * (1 - np.tanh(states[t + 1]) ** 2)),
            _bptt(through=lambda g, states, t: g * np.tanh(states[t + 1])),
        ),
    ),
    Mistake(
        "bptt_slope_of_a_sigmoid",
        "the slope of a sigmoid",
        "h (1 - h) is the slope of another function. What is that of tanh?",
        (_bptt(through=lambda g, states, t: g * states[t + 1] * (1 - states[t + 1])),),
    ),
    Mistake(
        "bptt_slope_of_the_sum",
        "the slope from the sum instead of the state",
        "You square what goes into tanh. Is it the sum or the state whose square belongs there?",
        (_with_sums(lambda a: 1 - a**2),),
    ),
    Mistake(
        "bptt_slope_one_step_off",
        "the slope of the state before",
        "Your slope is that of the state before the word. Which state came out of the tanh that you go through?",
        (_bptt(through=lambda g, states, t: g * (1 - states[t] ** 2)),),
    ),
    Mistake(
        "bptt_slope_of_the_last_state",
        "the slope of the last state at every step",
        "You use the last state at every step. Which state came out of the tanh that you go through now?",
        (_bptt(through=lambda g, states, t: g * (1 - states[-1] ** 2)),),
    ),
    Mistake(
        "bptt_U_not_turned",
        "U instead of its transpose",
        "On the way back you go through U the same way as on the way forward. Number i of h became part of number j of "
        "the sum: where has the slope of number j to go?",
        (_bptt(on=lambda d, U, g, first: d @ U),),
    ),
    Mistake(
        "bptt_not_through_U",
        "past U",
        "You hand the gradient to the state before without U. Through which matrix did that state come?",
        (_bptt(on=lambda d, U, g, first: d),),
    ),
    Mistake(
        "bptt_slope_skipped_on_the_way",
        "from state to state past tanh",
        "What you hand to the state before has not been through tanh. Is it g or d that goes through U?",
        (_bptt(on=lambda d, U, g, first: g @ U.T),),
    ),
    Mistake(
        "bptt_gradient_not_handed_on",
        "the same gradient at every step",
        "You use the last state's gradient at every step. What reaches the state before, if the later one moves?",
        (
            _bptt(on=lambda d, U, g, first: first),
            lambda x, h0, W, U, b, g: (
                *_bptt(on=lambda d, U, g, first: first)(x, h0, W, U, b, g)[:3],
                bptt(x, h0, W, U, b, g)[3],
            ),
        ),
    ),
    Mistake(
        "bptt_loss_at_every_step",
        "g added again at every step",
        "You add the loss's own gradient at every state. How many of the states does this loss look at?",
        (_bptt(on=lambda d, U, g, first: d @ U.T + first),),
    ),
    Mistake(
        "bptt_gradients_pile_up",
        "the gradient of later states is kept",
        "What reached a state stays in your g when it goes on to the state before. Is g what this state needs, or the "
        "sum of all?",
        (_bptt(on=lambda d, U, g, first: d @ U.T + g),),
    ),
    Mistake(
        "bptt_forward_in_time",
        "from the first word to the last",
        "You go through the words in the order of reading. At which state does the gradient come in?",
        (_bptt(times=range),),
    ),
    Mistake(
        "bptt_last_step_only",
        "only one step back",
        "Only the last word gets anything. How far back does a loss at the end reach?",
        (
            _bptt(times=lambda T: [T - 1]),
            lambda x, h0, W, U, b, g: (
                *_bptt(times=lambda T: [T - 1])(x, h0, W, U, b, g)[:3],
                bptt(x, h0, W, U, b, g)[3],
            ),
        ),
    ),
    Mistake(
        "bptt_loop_misses_the_first_word",
        "the loop ends before the first word",
        "The first word gets nothing. What is the last number of your range?",
        (_bptt(times=lambda T: range(T - 1, 0, -1)),),
    ),
    Mistake(
        "bptt_loop_misses_the_last_word",
        "the loop begins before the last word",
        "The last word gets nothing. What is the first number of your range?",
        (_bptt(times=lambda T: range(T - 2, -1, -1)),),
    ),
    Mistake(
        "bptt_five_steps",
        "a fixed number of words",
        "With five words you are right, and with more or fewer you are not. Which axis of x says how many there are?",
        (_bptt(times=lambda T: range(4, -1, -1)), _bptt(times=lambda T: range(T - 1, max(T - 6, -1), -1))),
        whole=True,  # the first version raises in most cases, as many another answer does
    ),
    Mistake(
        "bptt_overwritten",
        "each step overwrites the one before",
        "Only one step is left in your dW, dU and db. All steps used the same W: what becomes of their parts?",
        (_bptt(add=lambda old, new: new),),
    ),
    Mistake(
        "bptt_mean_over_steps",
        "the mean over the steps",
        "You divide by the number of words. If a matrix is used five times, does its change count once or five times?",
        (_after(lambda found, x: (*(each / x.shape[1] for each in found[:3]), found[3])),),
    ),
    Mistake(
        "bptt_mean_over_the_batch",
        "the mean over the sentences",
        "You divide by the number of sentences. If there is a mean in the loss, is it not in g already?",
        (
            _after(lambda found, x: (*(each / len(x) for each in found[:3]), found[3])),
            _after(lambda found, x: (found[0], found[1], found[2] / len(x), found[3])),
            _after(lambda found, x: tuple(each / len(x) for each in found)),
        ),
    ),
    Mistake(
        "bptt_bias_not_summed",
        "db keeps the axis of the sentences",
        "Your db has a row for each sentence, and b has one for all. What becomes of what each sentence wants?",
        (
            lambda x, h0, W, U, b, g: _db_by_sentence(x, h0, W, U, b, g, keep=True),
            lambda x, h0, W, U, b, g: _db_by_sentence(x, h0, W, U, b, g, keep=False),
        ),
    ),
    Mistake(
        "bptt_bias_added_by_sentence",
        "a row for each sentence is added into db",
        "You add an array with a row for each sentence into db, and b has one row for all. What becomes of what each "
        "sentence wants?",
        (_bias_in_place,),
        recognize=_adds_rows_into_db,
    ),
    Mistake(
        "bptt_bias_one_number",
        "db summed over all axes",
        "Your db is the same number in every place. Over which axis of d is the sum?",
        (_after(lambda found, x: (*found[:2], np.full(found[2].shape, found[2].sum()), found[3])),),
    ),
    Mistake(
        "bptt_bias_summed_over_the_state",
        "db summed over the numbers of the state",
        "Your db adds up the numbers of each sentence. Which axis of d counts the sentences?",
        (lambda x, h0, W, U, b, g: _db_summed_over_the_state(x, h0, W, U, b, g),),
    ),
    Mistake(
        "bptt_word_not_turned",
        "the word or the state not transposed",
        "d has a row for each sentence, and so has what you multiply it with. Which of the two has to be turned, so "
        "that the product adds up over the sentences?",
        (
            _bptt(word=lambda x, t: x[:, t].T),  # turned once more by _bptt
            _bptt(state=lambda states, t: states[t].T),
            _bptt(word=lambda x, t: x[:, t].T, state=lambda states, t: states[t].T),
        ),
        whole=True,  # all raise where the axes differ
    ),
    Mistake(
        "bptt_state_one_step_off",
        "dU with the state behind the step",
        "Your dU takes the state that came out of the step. Which state was multiplied with U?",
        (_bptt(state=lambda states, t: states[t + 1]),),
    ),
    Mistake(
        "bptt_dU_of_the_first_state",
        "dU with the same state at every step",
        "Your dU takes the same state at every step. Which state was multiplied with U at step t?",
        (_bptt(state=lambda states, t: states[0]), _bptt(state=lambda states, t: states[-1])),
    ),
    Mistake(
        "bptt_word_one_step_off",
        "dW with another word",
        "Your dW takes the wrong word at each step. With which word was state t + 1 made, if states[0] is h0?",
        (
            _bptt(word=lambda x, t: x[:, max(t - 1, 0)]),
            _bptt(word=lambda x, t: x[:, t - 1]),
            _bptt(word=lambda x, t: x[:, min(t + 1, x.shape[1] - 1)]),
            _bptt(word=lambda x, t: x[:, 0]),
            _bptt(word=lambda x, t: x[:, -1 - t]),
        ),
    ),
    Mistake(
        "bptt_turned",
        "dW and dU transposed",
        "Your dW or dU has its axes exchanged. In entry [i, j] of W, does i count a word's numbers or a state's?",
        (
            _after(lambda found, x: (found[0].T, found[1].T, *found[2:])),
            _after(lambda found, x: (found[0], found[1].T, *found[2:])),
            _after(lambda found, x: (found[0].T, *found[1:])),
        ),
    ),
    Mistake(
        "bptt_h0_gets_nothing",
        "zeros for h0",
        "Your h0 gets nothing, though it moves the first state. What is left in g when the loop is over?",
        (_after(lambda found, x: (*found[:3], np.zeros_like(found[3]))),),
    ),
    Mistake(
        "bptt_h0_before_U",
        "h0 before the last product",
        "What you return for h0 has not gone through U at the first word. Where does the last g come from?",
        (lambda x, h0, W, U, b, g: (*bptt(x, h0, W, U, b, g)[:3], _d_of_the_first(x, h0, W, U, b, g)),),
    ),
    Mistake(
        "bptt_returns_g_as_it_came",
        "the g that was handed in for h0",
        "What you return for h0 is the g that you were given. Did it travel through the words?",
        (lambda x, h0, W, U, b, g: (*bptt(x, h0, W, U, b, g)[:3], g),),
    ),
    Mistake(
        "bptt_h0_ignored",
        "begins with zeros",
        "Your states begin with zeros. Which argument says what was there before the first word?",
        (_bptt(forward=_without_h0),),
    ),
    Mistake(
        "bptt_forward_without_bias",
        "no bias on the way forward",
        "Your way forward does not use b. What is the formula of a step?",
        (_bptt(forward=_without_bias),),
    ),
    Mistake(
        "bptt_forward_without_tanh",
        "no tanh on the way forward",
        "Your way forward has no tanh. What is the formula of a step?",
        (_bptt(forward=_without_tanh),),
    ),
    Mistake(
        "bptt_sign",
        "the wrong sign",
        "All your numbers have the wrong sign. Is the gradient asked for, or the step that training takes?",
        (
            _after(lambda found, x: tuple(-each for each in found)),
            _after(lambda found, x: (*(-each for each in found[:3]), found[3])),
        ),
    ),
    Mistake(
        "bptt_one_sentence",
        "only some of the sentences",
        "One of the sentences is left out of dW, dU and db. Which index picks it, and which product would take all?",
        (_rows(slice(1)), _rows(slice(None, -1)), _rows(slice(1, None))),
    ),
    Mistake(
        "bptt_order",
        "another order of results",
        "Your four results are right and stand in another order. What does the text ask for first?",
        (
            _after(lambda found, x: (found[3], *found[:3])),
            _after(lambda found, x: (found[1], found[0], *found[2:])),
        ),
    ),
    Mistake(
        "bptt_three_results",
        "the gradient of h0 is not returned",
        "You return three things, or two. What is left in g when the loop is over?",
        (_after(lambda found, x: found[:3]), _after(lambda found, x: found[:2])),
    ),
    Mistake(
        "bptt_sentences_for_words",
        "the loop runs over the sentences",
        "Your x[t] is a sentence and not a word. Which axis of (B, T, d_in) counts the words?",
        (_loop_over_sentences, _bptt(word=lambda x, t: x[t], times=lambda T: range(T - 1, -1, -1))),
        whole=True,  # both raise in most cases
    ),
    Mistake(
        "bptt_writes_into_g",
        "writes into g",
        "Your function changes the g of its caller. Which line writes into an array that was handed in?",
        (_in_place,),
    ),
    Mistake(
        "bptt_cut_off",
        "cut off behind the point",
        "Your numbers are whole ones. Of which dtype are the arrays that you add into?",
        (_after(_whole_numbers),),
    ),
)


def _db_by_sentence(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array, *, keep: bool) -> Four:
    """Return a db (B, d_h), or (1, d_h) where ``keep`` is false."""
    dW, dU, _, dh0 = bptt(x, h0, W, U, b, g)
    each = np.concatenate([bptt(x[i : i + 1], h0[i : i + 1], W, U, b, g[i : i + 1])[2][None] for i in range(len(x))])
    return dW, dU, each if keep else each.sum(axis=0, keepdims=True), dh0


def _db_summed_over_the_state(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array) -> Four:
    dW, dU, db, dh0 = _db_by_sentence(x, h0, W, U, b, g, keep=True)
    return dW, dU, db.sum(axis=1), dh0


def _d_of_the_first(x: Array, h0: Array, W: Array, U: Array, b: Array, g: Array) -> Array:
    states = _forward(x, h0, W, U, b)
    for t in reversed(range(x.shape[1])):
        d = _through(g, states, t)
        g = d @ U.T
    return d

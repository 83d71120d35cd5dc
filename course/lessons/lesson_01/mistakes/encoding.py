"""Known wrong versions of `encode`, and the question that leads out of each.

Most of them differ in what happens to the state at a pad, or in what is returned as the last one.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course.lab.exercises.exercise import Function, Mistake
from course.lessons.lesson_01.reference import encode

Array = NDArray[Any]
Step = Callable[[Array, Array], Array]
Keep = Callable[[Array, Array, Array, Array], Array]


def _stop(real: Array, new: Array, old: Array, h0: Array) -> Array:
    return np.where(real[:, None], new, old)


def _run_on(real: Array, new: Array, old: Array, h0: Array) -> Array:
    return new


def _all(T: int) -> Iterable[int]:
    return range(T)


def _encode(
    keep: Keep = _stop,
    begin: Callable[[Array], Array] = lambda h0: h0,
    times: Callable[[int], Iterable[int]] = _all,
    word: Callable[[Array, Array, int], Array] = lambda x, real, t: x[:, t],
    before: Callable[[Array, Array], Array] = lambda h, h0: h,
    noted: Callable[[Array, Array, Array], Array] = lambda real, new, old: new,
    column: Callable[[Array, int], Array] = lambda real, t: real[:, t],
    last: Callable[[Array, Array, Array], Array] = lambda states, h, real: h,
) -> Function:
    """Return `encode` with a step of another kind.

    Args:
        keep: real (B,), the new and the old state, h0 -> the state.
        begin: h0 -> the state before the first word.
        times: which positions, in which order.
        word: x, real, t -> what the cell reads.
        before: the state so far, h0 -> what the cell starts from.
        noted: real (B,), the new and the old state -> what is written down.
        column: real (B, T), t -> real (B,).
        last: states (B, T, d_h), the last h, real -> what is returned as last.
    """

    def run(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
        h = begin(h0)
        states = np.zeros((x.shape[0], x.shape[1], h0.shape[1]))
        for t in times(x.shape[1]):
            old = h
            h = keep(column(real, t), step(word(x, real, t), before(h, h0)), old, h0)
            states[:, t] = noted(column(real, t), h, old)
        return states, last(states, h, real)

    return run


def _at(index: Callable[[Array], Array]) -> Callable[[Array, Array, Array], Array]:
    """Return a choice of the last state: that at a position of its own for each sentence."""
    return lambda states, h, real: states[np.arange(len(states)), np.clip(index(real), 0, states.shape[1] - 1)]


def _count(real: Array) -> Array:
    return np.asarray(real.sum(axis=1))


def _after(change: Callable[[Array, Array], Any]) -> Function:
    return lambda step, x, real, h0: change(*encode(step, x, real, h0))


def _until(ends: Callable[[Array], bool]) -> Function:
    """Return a version that leaves the loop at the first column for which ``ends`` says so."""

    def run(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
        h = h0
        states = np.zeros((x.shape[0], x.shape[1], h0.shape[1]))
        for t in range(x.shape[1]):
            if ends(real[:, t]):
                states[:, t:] = h[:, None]
                break
            h = step(x[:, t], h)
            states[:, t] = h
        return states, h

    return run


def _alias(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
    """Write the new states into the array of the old ones: h0 and all states are the same array."""
    h, states = h0, []
    for t in range(x.shape[1]):
        h[real[:, t]] = step(x[:, t], h)[real[:, t]]
        states.append(h)
    return np.stack(states, axis=1), h


def _alias_of_a_copy(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
    return _alias(step, x, real, h0.copy())


def _into_h0(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
    found = encode(step, x, real, h0)
    h0[:] = found[1]
    return found


def _return_in_the_loop(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
    h = _stop(real[:, 0], step(x[:, 0], h0), h0, h0)
    states = np.zeros((x.shape[0], x.shape[1], h0.shape[1]))
    states[:, 0] = h
    return states, h


def _only_those_read(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
    h = _stop(real[:, 0], step(x[:, 0], h0), h0, h0)
    return h[:, None], h


def _row_for_a_column(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
    """Choose with a row (B,), which lines up with the numbers of the state and not with the sentences."""
    h, states = h0, []
    for t in range(x.shape[1]):
        h = np.where(real[:, t], step(x[:, t], h), h)
        states.append(h)
    return np.stack(states, axis=1), h


def _sentences_for_words(step: Step, x: Array, real: Array, h0: Array) -> tuple[Array, Array]:
    """Go along the axis of the sentences."""
    return encode(step, x.swapaxes(0, 1), real.T, h0)


ENCODE = (
    Mistake(
        "encode_runs_on",
        "the state goes on over the pads",
        "Your cell goes on reading where a sentence has ended. What should a pad do to the state?",
        (
            _encode(_run_on),
            _encode(_run_on, last=lambda states, h, real: states[:, -1]),
        ),
    ),
    Mistake(
        "encode_pads_as_zeros",
        "pads are read as zeros",
        "You hand the cell zeros at a pad, and zeros move the state too: there is h @ U, and the bias. What should "
        "stay as it is, the word or the state?",
        (_encode(_run_on, word=lambda x, real, t: x[:, t] * real[:, t, None]),),
    ),
    Mistake(
        "encode_wiped",
        "a pad sets the state to zero",
        "At a pad your state becomes 0, and the sentence is forgotten. What should it be there?",
        (_encode(lambda real, new, old, h0: np.where(real[:, None], new, 0.0)),),
    ),
    Mistake(
        "encode_back_to_the_start",
        "a pad sets the state to h0",
        "At a pad your state goes back to h0. Which state did the sentence have before the pad?",
        (_encode(lambda real, new, old, h0: np.where(real[:, None], new, h0)),),
    ),
    Mistake(
        "encode_row_for_a_column",
        "real is a row where a column is needed",
        "Your condition is (B,), a row: numpy lines it up with the numbers of the state, d_h. What makes it a column?",
        (_row_for_a_column, _encode(lambda real, new, old, h0: np.where(real, new, old))),
        whole=True,  # the second version raises in most cases
    ),
    Mistake(
        "encode_inverted",
        "stops at words and reads pads",
        "Your state stays at words and moves at pads. Does True in real mean a word or a pad?",
        (_encode(lambda real, new, old, h0: np.where(real[:, None], old, new)),),
    ),
    Mistake(
        "encode_counts_from_the_left",
        "takes the state at the number of words",
        "You count the words of a sentence and take the state that far from the left. What if the pads stand on the "
        "left, and what did the states at pads become?",
        (
            _encode(_run_on, last=_at(lambda real: _count(real) - 1)),
            _encode(last=_at(lambda real: _count(real) - 1)),
        ),
    ),
    Mistake(
        "encode_one_too_far",
        "the state one position too far",
        "A sentence of 3 words has its last word at position 2. Which position do you take?",
        (_encode(_run_on, last=_at(_count)),),
    ),
    Mistake(
        "encode_one_too_early",
        "the state one position too early",
        "A sentence of 3 words has its last word at position 2. Which position do you take?  And what do you subtract "
        "for?",
        (
            _encode(_run_on, last=_at(lambda real: _count(real) - 2)),
            _encode(last=_at(lambda real: _count(real) - 2)),
        ),
    ),
    Mistake(
        "encode_last_right_states_not",
        "the states behind the end go on",
        "Your last states are right. But the states go on changing over the pads: what should stand there?",
        (
            lambda step, x, real, h0: (_encode(_run_on)(step, x, real, h0)[0], encode(step, x, real, h0)[1]),
            _encode(_run_on, last=_at(lambda real: real.shape[1] - 1 - real[:, ::-1].argmax(axis=1))),
        ),
    ),
    Mistake(
        "encode_states_zero_at_pads",
        "zeros for the states at pads",
        "Your states are 0 at pads. The state stays there as it is: which one is that?",
        (
            _encode(noted=lambda real, new, old: np.where(real[:, None], new, 0.0)),
            lambda step, x, real, h0: (
                _encode(_run_on)(step, x, real, h0)[0] * real[:, :, None],
                encode(step, x, real, h0)[1],
            ),
        ),
    ),
    Mistake(
        "encode_states_before_the_word",
        "the states before each word",
        "You write the state down before the word has been read. Which one is the state after position 0?",
        (_encode(noted=lambda real, new, old: old),),
    ),
    Mistake(
        "encode_last_of_all",
        "everybody stops with the shortest sentence",
        "Your loop ends for all sentences as soon as one of them does. Who else has words left?",
        (_until(lambda real: not real.all()),),
    ),
    Mistake(
        "encode_first_sentence_decides",
        "the first sentence decides for all",
        "All sentences stop where the first one does. Whose pads do you look at?",
        (
            _encode(column=lambda real, t: np.broadcast_to(real[0, t], len(real))),
            _until(lambda real: not real[0]),
        ),
    ),
    Mistake(
        "encode_any",
        "goes on as long as anybody has words",
        "As long as any sentence has words, you read on for all. Does each sentence stop on its own?",
        (
            _until(lambda real: not real.any()),
            _encode(column=lambda real, t: np.broadcast_to(real[:, t].any(), len(real))),
        ),
    ),
    Mistake(
        "encode_real_one_step_off",
        "looks at another position's pad",
        "You look at whether the position before, or behind, is a word. Which position do you read?",
        (
            _encode(column=lambda real, t: real[:, max(t - 1, 0)]),
            _encode(column=lambda real, t: real[:, min(t + 1, real.shape[1] - 1)]),
            _encode(column=lambda real, t: real[:, t - 1]),
        ),
    ),
    Mistake(
        "encode_begins_with_zeros",
        "begins with zeros",
        "Your state begins with zeros. Which argument says what stands before the first word?",
        (_encode(begin=np.zeros_like),),
    ),
    Mistake(
        "encode_forgets",
        "every word starts from h0",
        "Every word starts from h0 again, so nothing is remembered. What should the next step start from?",
        (_encode(before=lambda h, h0: h0),),
    ),
    Mistake(
        "encode_backward",
        "from the last word to the first",
        "You read from right to left. In which order come the words?",
        (
            _encode(times=lambda T: range(T - 1, -1, -1)),
            lambda step, x, real, h0: encode(step, x[:, ::-1], real[:, ::-1], h0),
        ),
    ),
    Mistake(
        "encode_loop_ends_early",
        "the last position is not read",
        "The last position is never read. What is the last number that range() gives you?",
        (_encode(times=lambda T: range(T - 1)), lambda step, x, real, h0: encode(step, x[:, :-1], real[:, :-1], h0)),
    ),
    Mistake(
        "encode_loop_begins_late",
        "the first position is not read",
        "The first position is never read. What is the first number that range() gives you?",
        (_encode(times=lambda T: range(1, T)), lambda step, x, real, h0: encode(step, x[:, 1:], real[:, 1:], h0)),
    ),
    Mistake(
        "encode_fixed_length",
        "a fixed number of positions",
        "You read a fixed number of positions. Which axis of x says how many there are?",
        (
            _encode(times=lambda T: range(min(T, 3))),
            _encode(times=lambda T: range(min(T, 4))),
            _encode(times=lambda T: range(min(T, 5))),
        ),
    ),
    Mistake(
        "encode_return_in_the_loop",
        "only the first position is read",
        "Only the first position is read. How far in does the line with return stand?",
        (_return_in_the_loop, _only_those_read),
    ),
    Mistake(
        "encode_one_word",
        "the same word at every step",
        "Your cell reads the same word again and again. Where does t stand in what you hand it?",
        (_encode(word=lambda x, real, t: x[:, 0]), _encode(word=lambda x, real, t: x[:, -1])),
    ),
    Mistake(
        "encode_sentences_for_words",
        "the loop runs over the sentences",
        "Your x[t] is a sentence and not a column of words. Which axis of (B, T, d_in) counts the words?",
        (_sentences_for_words, _encode(word=lambda x, real, t: x[t], column=lambda real, t: real[t])),
        whole=True,  # the second version raises in most cases
    ),
    Mistake(
        "encode_one_alias",
        "one array for all states",
        "All your states are the same array, the last one, and h0 has changed with it. Does h = h0 make a second "
        "array, or a second name?",
        (_alias,),
    ),
    Mistake(
        "encode_one_alias_of_a_copy",
        "one array for all states",
        "All your states are the same array, the last one. Does states.append(h) keep what h holds now, or whatever "
        "it will hold?",
        (_alias_of_a_copy, _after(lambda states, last: (np.repeat(last[:, None], states.shape[1], axis=1), last))),
    ),
    Mistake(
        "encode_writes_into_h0",
        "writes into h0",
        "Your function changes the h0 of its caller. Which of your lines writes into an array that was handed in?",
        (_into_h0,),
    ),
    Mistake(
        "encode_mean",
        "a mean or a sum for the last state",
        "What you return as last is a mean or a sum of states. Which single one is asked for?",
        (
            _after(lambda states, last: (states, states.mean(axis=1))),
            _after(lambda states, last: (states, states.sum(axis=1))),
            _after(lambda states, last: (states, states.max(axis=1))),
            lambda step, x, real, h0: _mean_of_words(*encode(step, x, real, h0), real),
        ),
    ),
    Mistake(
        "encode_first_state",
        "the first state for the last",
        "What you return as last is the state after the first position. Along which axis, and from which end, do you "
        "count?",
        (_after(lambda states, last: (states, states[:, 0])),),
    ),
    Mistake(
        "encode_last_sentence",
        "the last sentence for the last state",
        "states[-1] is the last sentence, and not the last position. Which axis comes first?",
        (_after(lambda states, last: (states, states[-1])),),
    ),
    Mistake(
        "encode_time_first",
        "(T, B, d_h) instead of (B, T, d_h)",
        "Your axes are those of time and of sentences, in this order. Along which axis are the states to be stacked?",
        (_after(lambda states, last: (states.swapaxes(0, 1), last)),),
    ),
    Mistake(
        "encode_side_by_side",
        "states side by side instead of stacked",
        "Your states stand side by side in one long row. Which function makes a new axis: stack or concatenate?",
        (
            _after(lambda states, last: (np.concatenate(list(states.swapaxes(0, 1)), axis=1), last)),
            _after(lambda states, last: (np.concatenate(list(states.swapaxes(0, 1)), axis=0), last)),
        ),
    ),
    Mistake(
        "encode_one_result",
        "one of the two results",
        "One thing comes back, and two are asked for. Which of the two is missing?",
        (_after(lambda states, last: states), _after(lambda states, last: last)),
    ),
    Mistake(
        "encode_order",
        "the two results exchanged",
        "You return the last state first. Which of the two does the text name first?",
        (_after(lambda states, last: (last, states)),),
    ),
    Mistake(
        "encode_also_h0",
        "h0 among the states",
        "Your states begin with h0, so there is one too many. Which one is the state after position 0?",
        (lambda step, x, real, h0: _with_h0(*encode(step, x, real, h0), h0),),
    ),
    Mistake(
        "encode_whole_numbers",
        "cut off behind the point",
        "Your numbers are whole ones. Of which dtype is the array that you write into?",
        (
            _after(lambda states, last: (states.astype(int), last)),
            _after(lambda states, last: (states.astype(int), last.astype(int))),
        ),
    ),
)


def _mean_of_words(states: Array, last: Array, real: Array) -> tuple[Array, Array]:
    return states, np.asarray((states * real[:, :, None]).sum(axis=1) / real.sum(axis=1, keepdims=True))


def _with_h0(states: Array, last: Array, h0: Array) -> tuple[Array, Array]:
    return np.concatenate([h0[:, None], states], axis=1), last

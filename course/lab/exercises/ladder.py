"""The ladder: from "not attempted" to "passed", one kind of question at a time."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from course.lab.exercises import watch
from course.lab.exercises.bank import known, name_mistake
from course.lab.exercises.empty import is_empty, raised_by_stub
from course.lab.exercises.endless import say_endless
from course.lab.exercises.exercise import Diagnosis, Exercise, Function
from course.lab.exercises.run import Eased, Outcome, alike, is_subclassed, manner, parts, run
from course.lab.exercises.undisturbed import Surroundings, undisturbed
from course.lab.exercises.untouched import say_replaced
from course.lab.exercises.warned import say_warnings
from course.lab.exercises.watch import TookTooLongError, Watch, passes
from course.lab.exercises.words import plain, say_error, say_problem, say_unreadable


def climb(exercise: Exercise, candidate: object) -> Diagnosis:
    """Examine a learner's answer and say what was found. Prints nothing and raises nothing of its own.

    The rungs: not attempted; callable, with the right signature; runs; then, case by case, types, shapes in axis
    names and numbers, first one mechanism at a time, then hard data; then properties. When a rung breaks, the bank is
    asked for a known mistake; without a match the first broken rung speaks for itself.
    """
    with undisturbed() as around:
        found = _unless_unreadable(lambda: _rungs(exercise, candidate, around))
        around.finish()
        found = _spoiled(around, everything=True) or found
        return replace(found, aside=around.aside(found.at))


def _rungs(exercise: Exercise, candidate: object, around: Surroundings) -> Diagnosis:
    return (
        _not_attempted(exercise, candidate)
        or _not_callable(exercise, candidate)
        or _no_class(exercise, candidate)
        or _wrong_signature(exercise, candidate)  # type: ignore[arg-type]
        or _examine_in_time(exercise, candidate, around)  # type: ignore[arg-type]
    )


def _unless_unreadable(look: Callable[[], Diagnosis]) -> Diagnosis:
    """Return what was found; what an odd answer, or a result, raises while it is looked at is a finding too."""
    try:
        return look()
    except BaseException as error:  # a learner's object may raise anything, from any of its methods
        if passes(error):
            raise
        return Diagnosis("failed", None, say_unreadable(error))


def agrees(exercise: Exercise, function: Function) -> bool:
    """Whether a function is right on every case. No properties are tried: it is a copy of one that passed."""
    how = manner(exercise)
    expected = [known(exercise.reference, case, how) for case in exercise.cases]
    try:
        with undisturbed(), Watch(watch.LONGEST):
            pairs = zip(exercise.cases, expected, strict=True)
            return all(say_problem(exercise, case, right, run(function, case, how)) is None for case, right in pairs)
    except BaseException as error:  # whatever its source may do when it stands alone
        if passes(error) and not isinstance(error, TookTooLongError):
            raise
        return False


def _nothing(value: object) -> bool:
    return all(part is None or part is ... for part in parts(value)) and parts(value) != ()


def _not_attempted(exercise: Exercise, candidate: object) -> Diagnosis | None:
    if candidate is None or candidate is ...:
        return Diagnosis("not attempted", None, "There is nothing here yet.")
    return None


def _not_callable(exercise: Exercise, candidate: object) -> Diagnosis | None:
    if callable(candidate) or exercise.module is not None:
        return None
    text = (
        f"A function {exercise.id}{exercise.signature} is expected, and this is of type "
        f"{type(candidate).__name__}.\n"
        f"  Did you call the function instead of handing it over?"
    )
    return Diagnosis("failed", None, text)


def _no_class(exercise: Exercise, candidate: object) -> Diagnosis | None:
    """Say what is wrong with something that should be a class of torch modules."""
    if exercise.module is None:
        return None
    from torch import nn

    if isinstance(candidate, nn.Module):
        said = "a module that has been made already.\n  Did you hand over an instance instead of the class itself?"
    elif not isinstance(candidate, type):
        said = f"of type {type(candidate).__name__}.\n  Where does your class begin, and what is it called?"
    elif not issubclass(candidate, nn.Module):
        said = "a class that is no torch module.\n  What stands in the parentheses behind the name of your class?"
    else:
        made = ["__init__"] if exercise.module.made_with else []
        missing = [name for name in (*made, *exercise.module.methods) if not _has_own(candidate, name, nn.Module)]
        if not missing:
            return None
        said = f"one without a method {missing[0]}.\n  Under which name did you write it, and how far is it indented?"
    return Diagnosis("failed", None, f"A class {exercise.id}{exercise.signature} is expected, and this is {said}")


def _has_own(candidate: type, method: str, parent: type) -> bool:
    """Whether a class has a method, and not just what every one of these has from the parent of all."""
    found = getattr(candidate, method, None)
    return callable(found) and found is not getattr(parent, method, None)


def _wrong_signature(exercise: Exercise, candidate: Function) -> Diagnosis | None:
    if exercise.module is not None:
        return None if is_empty(candidate) else _wrong_methods(exercise, candidate)
    try:
        signature = inspect.signature(candidate)
    except BaseException as error:  # some functions written in C do not tell, and objects may raise: they may work
        if passes(error):
            raise
        return None
    calls = {len(case.make()) for case in exercise.cases}
    try:
        for n in sorted(calls):
            signature.bind(*range(n))
        if exercise.keyword is not None:
            at = exercise.argument_names.index(exercise.keyword)
            signature.bind(*range(at), **{exercise.keyword: None})
    except TypeError as error:
        taken = signature.replace(return_annotation=inspect.Signature.empty)
        text = (
            f"The signature should be {exercise.signature}, and yours takes {plain(taken)}: "
            f"{plain(error)}.\n"
            f"  {_ask_about(signature)}"
        )
        return Diagnosis("failed", None, text)
    return None


def _wrong_methods(exercise: Exercise, candidate: Function) -> Diagnosis | None:
    """Say which method of a class cannot be called as it will be: with its arguments in their order, or by name."""
    assert exercise.module is not None
    asked = {"__init__": exercise.module.made_with, **exercise.module.methods}
    for method, names in asked.items():
        signature = inspect.signature(getattr(candidate, method))
        try:
            signature.bind("self", *names)
            signature.bind("self", **dict.fromkeys(names))
        except TypeError as error:
            taken = signature.replace(return_annotation=inspect.Signature.empty)
            text = (
                f"{method} should take (self, {', '.join(names)}), and yours takes {plain(taken)}: {plain(error)}.\n"
                f"  {_ask_about(signature)}"
            )
            return Diagnosis("failed", None, text)
    return None


def _examine_in_time(exercise: Exercise, function: Function, around: Surroundings) -> Diagnosis:
    for case in exercise.cases:  # before the clock starts, as torch may be loaded, and before an answer can spoil it
        known(exercise.reference, case, manner(exercise))
    try:
        with Watch(watch.LONGEST):
            return _unless_unreadable(lambda: _examine(exercise, function, around))
    except TookTooLongError as error:
        return Diagnosis("failed", None, say_endless(error, watch.LONGEST), stopped=True)


def _examine(exercise: Exercise, function: Function, around: Surroundings) -> Diagnosis:
    first = run(function, exercise.cases[0], manner(exercise))
    around.hear("the first call")
    if (found := _spoiled(around) or _hands_nothing_back(exercise, function, first)) is not None:
        return found
    outcomes = []
    for case in exercise.cases:
        outcomes.append(run(function, case, manner(exercise)))
        around.hear(case.name)
    if (found := _spoiled(around)) is not None:
        return found
    if _as_handed_out(exercise, outcomes):
        return Diagnosis("not attempted", None, "It still behaves exactly like the version that was handed out.")
    found = _judge(exercise, function, outcomes, around)
    return found if found.status == "passed" else _with_second(exercise, function, outcomes, found, around)


def _spoiled(around: Surroundings, everything: bool = False) -> Diagnosis | None:
    """Say which functions of libraries the answer has replaced. They are put back before anything is compared."""
    around.shared.put_back(everything)
    names = around.shared.replaced
    return Diagnosis("failed", None, say_replaced(names), stopped=True) if names else None


def _judge(exercise: Exercise, function: Function, outcomes: Sequence[Outcome], around: Surroundings) -> Diagnosis:
    """Say what is wrong first, by the name of the mistake if it is known."""
    expected = [known(exercise.reference, case, manner(exercise)) for case in exercise.cases]
    failed = _first_failed(exercise, expected, outcomes, function)
    said = failed[1] if failed is not None else _violated(exercise, function, around)
    if said is None:
        return Diagnosis("passed", None, _praise(exercise) + say_warnings(exercise, function, around.tidy))
    at = failed[0] if failed else None
    mistake = None if _is_odd(outcomes, at) else name_mistake(exercise, function, outcomes, at)
    if mistake is None:
        return Diagnosis("failed", None, said, at=at)
    error = None if at is None else _error_on(exercise, outcomes, at)
    return Diagnosis("failed", mistake.id, mistake.hint if error is None else f"{error}\n  {mistake.hint}", at=at)


def _is_odd(outcomes: Sequence[Outcome], at: int | None) -> bool:
    """Whether a result is an array of a class of its own: what is recognized by comparing numbers may then err.

    Not so numpy's own matrix, which is a known mistake.
    """
    results = () if at is None else parts(outcomes[at].value)
    return any(is_subclassed(each) and not isinstance(each, np.matrix) for each in results)


def _with_second(
    exercise: Exercise, function: Function, outcomes: Sequence[Outcome], found: Diagnosis, around: Surroundings
) -> Diagnosis:
    """Add what a wrong type of the results hides: what would be wrong if they had the right type. It is said first."""
    eased = Eased(function, exercise)
    if exercise.observe is None:
        after = [replace(each, value=eased.forgive(each.value)) for each in outcomes]
    elif exercise.forgive is not None and run(eased, exercise.cases[0], manner(exercise)) and eased.changed:
        after = [run(eased, case, manner(exercise)) for case in exercise.cases]
    if eased.unclear or not eased.changed:
        return found
    around.tidy()
    second = _judge(exercise, eased, after, around)
    if second.status == "passed" or second.message == found.message:
        return found
    if found.mistake is None:
        return replace(found, mistake=second.mistake, message=f"{found.message}\n  And besides: {second.message}")
    return replace(found, message=f"{second.message}\n  And besides: {found.message}")


def _ask_about(signature: inspect.Signature) -> str:
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if inspect.Parameter.POSITIONAL_ONLY in kinds:
        return "May an argument before / be handed over by its name?"
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        return "May an argument after * be handed over without its name?"
    return "Which arguments does the text above ask for?"


def _hands_nothing_back(exercise: Exercise, function: Function, first: Outcome) -> Diagnosis | None:
    stub = first.error is not None and raised_by_stub(function, first.error)
    if not stub and (first.error is not None or not _nothing(first.value)):
        return None
    thing = "function" if exercise.module is None else "class"
    if is_empty(function):
        return Diagnosis("not attempted", None, f"The {thing} is still empty.")
    if stub:
        said = f"The line `raise NotImplementedError` still stands in your {thing}. Does anything below it ever run?"
    else:
        said = f"Your {thing} does something and hands nothing back. Which of its lines should begin with return?"
    return Diagnosis("failed", None, said)


def _first_failed(
    exercise: Exercise, expected: Sequence[Outcome], outcomes: Sequence[Outcome], function: Function
) -> tuple[int, str] | None:
    for i, (case, right, got) in enumerate(zip(exercise.cases, expected, outcomes, strict=True)):
        said = say_problem(exercise, case, right, got, function)
        if said is not None:
            return i, said
    return None


def _as_handed_out(exercise: Exercise, outcomes: Sequence[Outcome]) -> bool:
    if exercise.handed_out is None:
        return False
    pairs = zip(exercise.cases, outcomes, strict=True)
    return all(alike(known(exercise.handed_out, case, manner(exercise)), got, case.tolerance) for case, got in pairs)


def _error_on(exercise: Exercise, outcomes: Sequence[Outcome], at: int) -> str | None:
    """Return what was raised on a case. What later cases raise is not what the mistake was named for."""
    error = outcomes[at].error
    return None if error is None else say_error(exercise, exercise.cases[at], error)


def _violated(exercise: Exercise, function: Function, around: Surroundings) -> str | None:
    for rule in exercise.properties:
        try:
            said = rule.violated(function)
        except BaseException as error:  # the property called the learner's function on data of its own
            if passes(error):
                raise
            return (
                f"While testing that {rule.name}, it raised {type(error).__name__}: {plain(error)}\n  What is "
                f"special there?"
            )
        finally:
            around.tidy()
        if said is not None:
            return said
    return None


def _praise(exercise: Exercise) -> str:
    n, m = len(exercise.cases), len(exercise.properties)
    had = ("", " and has the one property tested")[m] if m < 2 else f" and has all {m} properties"
    return f"It agrees with the reference on {n} sets of data{had}."

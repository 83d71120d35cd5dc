"""Where learners come: check, hint and solution. Keeps count of tries, prints, and raises when graded."""

from typing import Any

from course.errors import CourseError
from course.lab.exercises import workbook
from course.lab.exercises.answer import answer
from course.lab.exercises.borrowed import borrowed
from course.lab.exercises.card import card, hint_body, in_a_notebook, paragraph, present, sentences
from course.lab.exercises.colored import code_block
from course.lab.exercises.compare import compare
from course.lab.exercises.example import counter_examples, say_example, smallest, wrong_map
from course.lab.exercises.exercise import Diagnosis, Exercise, Function
from course.lab.exercises.graded import Seal, exchanged, is_graded, sealed, watch_notebook
from course.lab.exercises.ladder import climb
from course.lab.exercises.registry import all_exercises, get
from course.lab.exercises.watch import passes
from course.lab.registry import lessons, part


class Desk:
    """Counts failed tries and hints already given, by exercise, for as long as the kernel lives."""

    def __init__(self) -> None:
        self.failed: dict[str, int] = {}
        self.hinted: dict[str, int] = {}
        self.last: dict[str, Diagnosis] = {}

    def check(self, exercise: Exercise, candidate: object) -> object:
        """Show what was found; return the learner's object if it passed, else the reference."""
        name = exercise.id
        if candidate is exercise.reference and not is_graded():
            said = "his is the reference. Run the cell with your own function again to check yours."
            present(f"{name}: t{said}", card("note", name, [paragraph(f"T{said}")]))
            return candidate
        if is_graded():
            _notice(exercise, candidate)
        found = climb(exercise, candidate)
        if found.status != "passed" and is_graded():
            raise AssertionError(f"{name}: {found.status}. {found.message}")
        if found.status == "passed":
            self._passed(exercise, candidate, found)
            return candidate
        self._missed(exercise, candidate, found)
        return exercise.reference

    def _passed(self, exercise: Exercise, candidate: object, found: Diagnosis) -> None:
        self.last.pop(exercise.id, None)
        why = None if is_graded() else _keep(exercise.id, candidate)
        lost = "" if why is None else f"  It was not saved for later lessons: {why}"
        aside = "" if is_graded() else found.aside
        message = "\n".join(filter(None, (found.message, aside, lost)))
        text, body = f"{exercise.id}: passed. {message}", sentences(exercise, message)
        present(text, card("passed", exercise.id, body, "The cells below now use yours."))

    def _missed(self, exercise: Exercise, candidate: object, found: Diagnosis) -> None:
        name = exercise.id
        again = _same(self.last.get(name), found)
        if found.status == "failed":
            self.failed[name] = self.failed.get(name, 0) + 1
            self.last[name] = found
        came_back = found.status == "failed" and not found.stopped
        numbers, picture = _example(exercise, candidate, again) if came_back else ("", "")
        ask = f'hint("{name}") asks a question that helps'
        if self.failed.get(name, 0) >= 2:
            ask += f', solution("{name}") shows an answer'
        then = f"Until it passes, the cells below use the reference. {ask}."
        head = "not attempted yet" if found.status == "not attempted" else "not yet right"
        message = "\n".join(filter(None, (found.message, numbers and f"  {numbers}", found.aside)))
        body = [*sentences(exercise, message), *([picture] if picture else [])]
        present(f"{name}: {head}. {message}\n  {then}", card(found.status, name, body, then))
        if came_back and callable(candidate):
            _offer_to_listen(exercise, candidate)

    def hint(self, exercise: Exercise, level: int | None) -> None:
        """Show a hint: the next one, or that of the level. It begins with what the last check found."""
        if level is not None and (type(level) is not int or level not in (1, 2, 3)):  # True == 1 == 1.0
            raise CourseError(
                f"There are hints of level 1, 2 and 3, and not {level!r}: leave the level out for the next one."
            )
        name = exercise.id
        given = min(self.hinted.get(name, 0) + 1, 3) if level is None else level
        self.hinted[name] = max(self.hinted.get(name, 0), given)
        kind = ("a question", "a pointer", "nearly the code")[given - 1]
        before = f"Your last check said: {self.last[name].message.splitlines()[0]}" if name in self.last else ""
        said = exercise.hints[given - 1]
        text = f"{name}, hint {given} of 3 ({kind}):\n" + (f"{before}\n" if before else "") + said
        body = [*([paragraph(before)] if before else []), *hint_body(said)]
        more = f'hint("{name}") again says more.' if given < 3 else f'solution("{name}") shows an answer.'
        present(text, card("hint", name, body, more, word=f"hint {given} of 3: {kind}"))

    def solution(self, exercise: Exercise, now: bool) -> None:
        """Show the source of the reference after two failed tries, or at once if asked."""
        name, tries = exercise.id, self.failed.get(exercise.id, 0)
        if tries < 2 and not now:
            left = "two tries" if tries == 0 else "one more try"
            waits = f"the solution shows after {left} that the check has seen fail."
            then = f'hint("{name}") may be enough; solution("{name}", now=True) shows it at once.'
            present(f"{name}: {waits} {then}", card("note", name, [paragraph(f"The{waits[3:]}")], then))
            return
        source = answer(exercise)
        then = "Read it, close it, and write it once more in your own words: the check takes those as well."
        present(source, card("solution", name, [code_block(source)], then))


def _same(before: Diagnosis | None, found: Diagnosis) -> bool:
    """Whether a check found what the last one found."""
    if before is None or before.status != found.status:
        return False
    return before.message == found.message or (found.mistake is not None and before.mistake == found.mistake)


def _example(exercise: Exercise, candidate: object, again: bool) -> tuple[str, str]:
    """Return the smallest counter-example as a sentence, if the last check said the same, and as a picture."""
    if not callable(candidate):
        return "", ""
    numbers = ""
    try:
        examples = counter_examples(exercise, candidate)
        numbers = say_example(exercise, smallest(exercise, candidate, examples[0])) if again and examples else ""
        for example in examples:
            found = wrong_map(exercise, smallest(exercise, candidate, example))
            if found is not None:
                return numbers, compare(exercise, found)
    except BaseException as error:  # a result may refuse to be compared or shown; what was found is said without it
        if passes(error):
            raise
    return numbers, ""


def _offer_to_listen(exercise: Exercise, candidate: Function) -> None:
    """Show what a lesson offers for a wrong answer, such as a button that lets a translator run on it.

    A lesson's room that has something has a module ``speaking`` with a function ``listen(id, function)``, which returns
    a widget or None.
    """
    if not in_a_notebook():
        return
    from IPython.display import display

    for lesson in lessons():
        speaking = part(lesson, "speaking")
        widget = speaking.listen(exercise.id, candidate) if speaking is not None else None
        if widget is not None:
            display(widget)


def _notice(exercise: Exercise, candidate: object) -> None:
    """Raise, with a line for the instructor, where an answer or the checks are not what they should be."""
    if names := exchanged(_SEAL):
        raise AssertionError(f"{exercise.id}: not graded. Something in this notebook has replaced {', '.join(names)}.")
    if (said := borrowed(exercise, candidate)) is not None:
        raise AssertionError(f"{exercise.id}: not graded. {said}.")


def _keep(id: str, candidate: object) -> str | None:
    """Keep a passed piece. Where that cannot be, return why: later lessons will not find it."""
    reasons: list[str] = []
    workbook.keep(id, candidate, report=reasons.append)
    return reasons[0] if reasons else None


_DESK = Desk()  # one per kernel: learners call functions, not methods


class _Missing:
    """Stands for what was not handed over; help(check) shows its name."""

    def __repr__(self) -> str:
        return "<needed>"


_MISSING = _Missing()


def check(id: object = _MISSING, candidate: object = _MISSING, *more: object) -> object:
    """Check an answer and show what was found.

    Used as ``attention = check("attention", attention)``. A
    passed piece is kept in the workbook (see :mod:`course.lab.exercises.workbook`).

    Args:
        id: the exercise, as in the text above the cell.
        candidate: the learner's function.
        more: nothing; here to be told about kindly.

    Returns:
        The same function if it passed, and the reference if not, so that the cells below always run.

    Raises:
        AssertionError: under nbgrader, if the answer did not pass; the message is what would have been printed.
        CourseError: if there is no such exercise, or if it was called in another way.
    """
    if id is _MISSING or (candidate is _MISSING and isinstance(id, str)) or more:
        name = id if isinstance(id, str) else "attention"
        raise CourseError(
            "check takes two things, the name of the exercise in quotes and your function: "
            f'{name} = check("{name}", {name}).'
        )
    if not isinstance(id, str):
        raise CourseError(_name_first(id))
    return _DESK.check(get(id), candidate)


def hint(id: object = _MISSING, level: Any = None, *more: object) -> None:  # noqa: ANN401
    """Give a hint for an exercise: first a question, then a pointer, then nearly the code.

    Args:
        id: the exercise; its function will do.
        level: 1, 2 or 3; None gives the next one at each call.
        more: nothing; here to be told about kindly.

    Raises:
        CourseError: if there is no such exercise or level.
    """
    if id is _MISSING or more:
        raise CourseError('hint takes the name of an exercise, in quotes, and a level if you like: hint("attention").')
    _DESK.hint(get(_named("hint", id)), level)


def solution(id: object = _MISSING, now: bool = False, *more: object) -> None:
    """Show the source of the reference answer, after two failed tries or on request.

    Args:
        id: the exercise; its function will do.
        now: do not wait for two tries.
        more: nothing; here to be told about kindly.

    Raises:
        CourseError: if there is no such exercise.
    """
    if id is _MISSING or more:
        raise CourseError('solution takes the name of an exercise, in quotes: solution("attention").')
    _DESK.solution(get(_named("solution", id)), now)


def _exercise_of(function: object) -> str | None:
    """Return the id of the exercise that a function is called like, or None."""
    name = getattr(function, "__name__", None)
    return name if callable(function) and name in {exercise.id for exercise in all_exercises()} else None


def _named(asked: str, id: object) -> str:
    """Return the name of an exercise, where somebody handed over its function too."""
    if isinstance(id, str):
        return id
    name = _exercise_of(id)
    if name is None:
        raise CourseError(
            f"An exercise is called by its name, in quotes, and this is of type {type(id).__name__}: "
            f'{asked}("attention").'
        )
    return name


def _name_first(id: object) -> str:
    name = _exercise_of(id) or "attention"
    return (
        f"An exercise is called by its name, and this is of type {type(id).__name__}; the name comes first, in "
        f'quotes: check("{name}", {name}).'
    )


# Where a graded kernel starts, nothing has been touched yet.
_SEAL: Seal = sealed() if is_graded() else {}
if is_graded():
    watch_notebook(check)

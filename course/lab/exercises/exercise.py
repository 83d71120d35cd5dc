"""What an exercise is made of. A lesson declares its exercises with these classes and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from course.errors import CourseError

Function = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """One set of arguments on which the learner's function is compared with the reference.

    Attributes:
        name: what the data are, as a phrase that can follow "on" ("on one query and one key").
        make: returns fresh arguments, the same numbers at every call.
        question: asked when this case is the first to fail, with wrong numbers, and no known mistake matches. Ends in a
            question mark.
        tier: 1, 2, ...: mechanisms from simple to hard. A known mistake is named only if it explains everything up to
            and including the first tier that fails.
        tolerance: relative and absolute (the latter at most 0.01).
        naming: a finer tolerance that known mistakes are told apart with; None for the same one.
        by_hand: small enough to print the arguments and both answers.
        compare: in an exercise with ``observe``, the observations that this case compares; empty for all of them.
        about_axes: whether the question helps with a wrong shape or an exception too, since it asks about the axes.
    """

    name: str
    make: Callable[[], tuple[Any, ...]]
    question: str
    tier: int = 1
    tolerance: float = 1e-8
    by_hand: bool = False
    compare: tuple[str, ...] = ()
    about_axes: bool = False
    naming: float | None = None


@dataclass(frozen=True)
class Property:
    """Something that must hold for every correct answer, tried after all cases agree.

    Attributes:
        name: what holds, as a phrase.
        violated: takes the learner's function; returns None if the property holds, else one or two sentences with the
            numbers and a question.
    """

    name: str
    violated: Callable[[Function], str | None]


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer: the functions that behave like it and the question that leads out of it.

    Attributes:
        id: unique in its exercise; "A01" ... as in the project's catalog of mistakes, or a slug of our own.
        title: what is wrong, in a few words.
        hint: what the learner reads. Ends in a question mark and never contains the answer's code.
        versions: wrong functions; a learner's function that behaves like any of them has made this mistake.
        whole: whether it is named only where a version explains every case, and not up to some tier: for a mistake that
            looks like a simpler one for a while.
        recognize: for mistakes whose outputs are random: takes the learner's function and says whether it is this one.
    """

    id: str
    title: str
    hint: str
    versions: tuple[Function, ...]
    recognize: Callable[[Function], bool] | None = None
    whole: bool = False


@dataclass(frozen=True)
class Module:
    """How a class that a learner writes, a torch module, is made and called.

    Attributes:
        made_with: the arguments of its constructor, by name, in their order.
        methods: the arguments of each method that is called, without ``self``, by name, in their order.
    """

    made_with: tuple[str, ...]
    methods: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Exercise:
    """An exercise with everything that its check, hints and solution need.

    Attributes:
        id: what the learner writes in ``check("id", ...)``.
        lesson: the number of the lesson.
        title: a few words.
        signature: as the learner reads it, for example "(q, k, v, mask=None) -> (output, weights)".
        reference: the right answer; its source is the solution.
        cases: in the order of their tiers.
        properties: tried in this order after all cases.
        mistakes: the bank.
        hints: a question, a pointer, near-code.
        argument_names: in order of position.
        argument_dims: axis names by argument, the longest form; shorter arrays take the last ones.
        result_names: one or more.
        result_dims: axis names by result, as for the arguments. The picture of a wrong result says the last two.
        result_kind: arrays of floats, arrays of booleans, arrays that are each of the type of the reference,
            plain numbers, or one plain Python value (a list, tuple, dictionary or string).
        difficulty: 1 to 5. importance: 1 to 5. minutes: to plan for.
        keyword: the argument that later code passes by name, or None.
        shown: functions whose source the solution prints; the reference alone unless given.
        handed_out: the function that the notebook gives the learner to repair, or None.
        observe: for functions that cannot be judged by arrays in, arrays out: those that work on torch modules, say.
            ``observe(function, *arguments)`` makes the real things out of a case's arguments, calls the learner's
            function once or more, and returns what is compared, by name: numpy arrays, or words (str), which must be
            the same words. The names are those that the learner reads. None if the function turned out to be empty.
            A case's arguments then only describe, with a ``repr`` for people; so a lesson can be declared without
            importing torch, which ``observe`` does when it is called.
        forgive: takes a result and returns it in the right type, as far as it is clear what was meant, or as it is. So
            a wrong type does not hide a second mistake. None means lists to arrays, 0 and 1 to booleans, and so on.
        axes_hold: takes a function whose results have the right shape, and says whether it works along the right axis:
            then no question about axes is asked. None if nobody knows.
        tensors: whether the function works on torch tensors. Cases still make numpy arrays, which it receives as
            tensors, and the tensors that it returns are compared as arrays.
        module: for classes, how they are made and called; the reference is a class then, and ``observe`` is needed
            (see :mod:`course.lab.exercises.modules`).
    """

    id: str
    lesson: int
    title: str
    signature: str
    reference: Function
    cases: tuple[Case, ...]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, str, str]
    argument_names: tuple[str, ...]
    result_names: tuple[str, ...]
    difficulty: int
    importance: int
    minutes: int
    properties: tuple[Property, ...] = ()
    argument_dims: dict[str, str] = field(default_factory=dict)
    result_dims: dict[str, str] = field(default_factory=dict)
    result_kind: Literal["float array", "bool array", "array", "number", "plain"] = "float array"
    keyword: str | None = None
    shown: tuple[Function, ...] = ()
    handed_out: Function | None = None
    observe: Callable[..., dict[str, Any] | None] | None = None
    forgive: Callable[[Any], Any] | None = None
    axes_hold: Callable[[Function], bool] | None = None
    tensors: bool = False
    module: Module | None = None

    def __post_init__(self) -> None:
        """Refuse an exercise that could not work, with the reason."""
        ids = [mistake.id for mistake in self.mistakes]
        if len(set(ids)) != len(ids):
            twice = sorted({i for i in ids if ids.count(i) > 1})
            raise CourseError(f"exercise {self.id!r}: these mistakes stand there twice: {', '.join(twice)}")
        if list(self.cases) != sorted(self.cases, key=lambda case: case.tier):
            raise CourseError(f"exercise {self.id!r}: put its cases in the order of their tiers")
        for case in self.cases:
            if len(case.make()) > len(self.argument_names):
                raise CourseError(f"exercise {self.id!r}: case {case.name!r} has more arguments than names")


@dataclass(frozen=True)
class Diagnosis:
    """What a check found.

    Attributes:
        status: "passed", "failed" or "not attempted".
        mistake: the id of the known mistake that the function behaves like, or None.
        message: for the learner; the same words for the same function.
        stopped: whether the function did not come back and was stopped.
        at: the place of the case that the message is about, where it is about one.
        aside: what to tell besides, in lines for people: what the function wrote, which settings it changed; or "".
    """

    status: Literal["passed", "failed", "not attempted"]
    mistake: str | None
    message: str
    stopped: bool = False
    at: int | None = field(default=None, compare=False)
    aside: str = field(default="", compare=False)

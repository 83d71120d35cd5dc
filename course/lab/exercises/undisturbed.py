"""Runs learners' code without letting it disturb the notebook: what it writes is kept, what it changes is put back."""

import contextlib
import random
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from course.lab.exercises.heard import Heard, Listener, say_heard
from course.lab.exercises.untouched import Shared, say_changed, say_replaced_before


@dataclass
class Surroundings:
    """What happens around an answer while it is checked.

    Attributes:
        shared: what it could change for everybody.
        listener: what hears it.
        heard: what was heard so far, with the name of what was called: the first call, then one for each case.
    """

    shared: Shared
    listener: Listener
    heard: list[tuple[str, Heard]] = field(default_factory=list)

    def hear(self, called: str) -> None:
        """Note what a call wrote, under the name of what it was called on."""
        self.heard.append((called, self.listener.take()))

    def tidy(self) -> None:
        """Put back what calls have changed so far; what they wrote is not told."""
        self.shared.put_back()
        self.listener.take()

    def finish(self) -> None:
        """Hear what was written last, where nothing was heard before."""
        heard = self.listener.take()
        if not self.heard:  # it was stopped in its first call, or ended it in a way of its own
            self.heard.append(("the first call", heard))

    def aside(self, at: int | None = None) -> str:
        """Return what to tell besides: what it wrote on the case at this place, and which settings it changed.

        Where it was silent there, what it wrote where it first wrote something: nothing that is printed gets lost.
        """
        found = []
        if self.heard:
            place = 0 if at is None or at + 1 >= len(self.heard) else at + 1
            spoken = (each for each in (self.heard[place], *self.heard) if each[1] != Heard())
            name, heard = next(spoken, self.heard[place])
            found.append(say_heard(heard, name, self.shared.threads()))
        if self.shared.replaced_before:
            found.append(f"  {say_replaced_before(self.shared.replaced_before)}")
        if self.shared.changed:
            found.append(f"  {say_changed(self.shared.changed)}")
        return "\n".join(filter(None, found))


@contextlib.contextmanager
def undisturbed() -> Iterator[Surroundings]:
    """Run learners' code with fixed random numbers and no output, and put everything back afterwards.

    Warnings and floating-point errors are silent too: an overflow shows in the numbers, which are compared anyway.

    A function that never ends is stopped by :mod:`course.lab.exercises.watch`. The learner's Interrupt button works:
    KeyboardInterrupt passes through. In both cases the state is restored on the way.
    """
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(20170612)  # noqa: NPY002
    random.seed(20170612)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), np.printoptions(), _torch_undisturbed():
            shared = Shared()
            try:
                with Listener() as listener:
                    warnings.simplefilter("ignore")
                    yield Surroundings(shared, listener)
            finally:
                shared.put_back(everything=True)
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


@contextlib.contextmanager
def _torch_undisturbed() -> Iterator[None]:
    """Do the same for torch where somebody has imported it; this module does not."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    state, gradients = torch.get_rng_state(), torch.is_grad_enabled()
    torch.default_generator.manual_seed(20170612)  # of the CPU, where checks run; other devices are left alone
    torch.set_grad_enabled(True)  # a notebook may have switched them off
    try:
        yield
    finally:
        torch.set_rng_state(state)
        torch.set_grad_enabled(gradients)

"""`live`: train in the background of the notebook, watch it, stop it, go on.

    run = live(train_text, val_text, run=folder, model_options=options, training=config, step=training_step)
    run            # the dashboard
    run.wait()     # in the next cell: until the run ends

The run belongs to the kernel: `step` is the learner's own function. It stops between two updates, by the button, by
`stop()`, or by interrupting the kernel during `wait()`; its state is then on the disk, and `resume()` or the button
goes on exactly there.
"""

from __future__ import annotations

import atexit
import math
import sysconfig
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from course.data import ParallelText
from course.errors import CourseError
from course.lab.drawing.picture import describe_error
from course.lab.widgets.dashboard import Dashboard, as_it_went, clock
from course.model import config_from_dict
from course.training import MeanLoss, Rate, Step, TrainingConfig, TrainingResult, run_folder, train, training_step
from course.training.arguments import check_arguments
from course.training.run_file import run_id

PATIENCE = 7.0  # minutes that wait() waits, three times as long as a lesson's training takes on two cores
POLL = 0.1  # seconds between two looks of wait(); also how soon an interrupt is heard on Windows
SHOW_EVERY = 1.0  # seconds between two messages to the page
DRAWING_SHARE = 0.05  # largest part of the time that goes into pictures

GUESS_FROM = 0.02  # part of the run before which the time left cannot be told


def live(
    train_text: ParallelText,
    val_text: ParallelText,
    *,
    run: str | Path,
    model_options: dict[str, Any],
    training: TrainingConfig,
    vocab_size: int = 4000,
    step: Step = training_step,
    mean_loss: MeanLoss | None = None,
    rate: Rate | None = None,
    corpus: dict[str, Any] | None = None,
    overwrite: bool = True,
) -> LiveTraining:
    """Start `course.training.train` in the background and return its dashboard at once.

    All arguments are those of `train`; `step` makes one update of the weights, `mean_loss` and `rate` are a learner's
    loss and learning rate. A scored run that stands in the folder is kept beside it under a number, `name-1`, and one
    line says so; with `overwrite` False it is left alone, and the new one is refused. While it trains, torch's global
    random numbers are its own: other cells that draw from them would change its course.

    Raises:
        CourseError: A live run is going on already, or `train` would refuse its arguments.
    """
    _refuse_a_second()
    check_arguments(
        train_text, val_text, model_options=model_options, training=training, vocab_size=vocab_size, corpus=corpus,
        step=step, mean_loss=mean_loss, rate=rate,
    )  # fmt: skip
    sizes = {"src_vocab_size": vocab_size, "tgt_vocab_size": vocab_size}
    config_from_dict(model_options | sizes)
    run_folder.check_run_folder(Path(run), resume=False, overwrite=overwrite)
    if overwrite and (moved := run_folder.set_aside(Path(run))):
        print(moved)
    options: dict[str, Any] = {"model_options": model_options, "vocab_size": vocab_size, "corpus": corpus}
    options |= {"mean_loss": mean_loss, "rate": rate}

    def sitting(config: TrainingConfig, step: Step, **how: Any) -> TrainingResult:  # noqa: ANN401
        return train(Path(run), train_text, val_text, training=config, step=step, **options, **how)

    made = LiveTraining(Path(run), sitting, training, step)
    made.start(overwrite=overwrite)
    return made


def _refuse_a_second() -> None:
    """Two runs at once would take turns on the same cores and the same random numbers."""
    if any(isinstance(thread, _Sitting) and not thread.over.is_set() for thread in threading.enumerate()):
        raise CourseError(
            "A live training is going on already, and only one can: wait() for its end or stop() it, then start again."
        )


class _Sitting(threading.Thread):
    """One stretch of training: its result, or the error that ended it, once it is `over`.

    Whoever waits looks at `over`: in some versions of Python, a join() that is interrupted takes the thread for dead.
    """

    def __init__(self, work: Callable[[], TrainingResult]) -> None:
        super().__init__(name="live training", daemon=True)  # daemon: a kernel that is shut down does not train on
        self.work = work
        self.over = threading.Event()
        self.result: TrainingResult | None = None
        self.error: BaseException | None = None
        self.trace: TracebackType | None = None

    def run(self) -> None:
        try:
            self.result = self.work()
        except BaseException as error:  # whatever it is, wait() raises it where the learner looks
            self.error, self.trace = error, _own_part(error)
        finally:
            self.over.set()


class LiveTraining(Dashboard):
    """A run that trains while its dashboard is shown; made by `live`.

    While it trains, only the thread that trains sets the traits; it also draws, so that nothing has to be locked.
    """

    def __init__(self, run: Path, sitting: Callable[..., TrainingResult], training: TrainingConfig, step: Step) -> None:
        self._train, self._training, self._step = sitting, training, step
        self._halt = threading.Event()
        self._sitting: _Sitting | None = None
        self._folder, self._run_id = run, ""  # of the run that it trained last
        self._next_message = self._next_picture = 0.0
        super().__init__(run.absolute().name)
        self.live = True
        self.on_msg(self._pressed)
        _let_the_page_choose_its_thread(self.comm)

    # What a learner calls

    @property
    def running(self) -> bool:
        """Whether it trains now."""
        return self._sitting is not None and not self._sitting.over.is_set()

    def start(self, **how: Any) -> None:  # noqa: ANN401
        """Start a thread that trains; `how` goes to `train`. `live` and `resume` call this."""
        self._halt.clear()
        self.state, self.told, self.notes, self.error = "preparing", "Preparing the data.", "", ""
        self._sitting = _Sitting(partial(self._work, **how))
        atexit.register(self.stop)
        self._sitting.start()

    def wait(self, *, at_most: float = PATIENCE) -> TrainingResult:
        """Return how the run ended, as soon as it has.

        Interrupting the kernel meanwhile stops the run, as the button does: its state is kept, and one line says
        how to go on. The same happens on a computer that is slower than a lesson plans for, after `at_most`. An error
        that ended the run is raised here.

        Args:
            at_most: minutes to wait.
        """
        __tracebackhide__ = True  # of an error, IPython then shows the learner's lines and not these
        try:
            if not self._until_it_rests(60 * at_most):
                print(f"This computer is slower than planned: {self.progress:.0%} is done after {clock(60 * at_most)}.")
                self.stop()
        except KeyboardInterrupt:
            self.stop()
        ended = self._sitting
        assert ended is not None
        if ended.error is not None:
            raise ended.error.with_traceback(ended.trace)
        assert ended.result is not None
        if not ended.result.finished:
            print(f"Stopped at step {ended.result.steps:,}; the state is kept: resume() or the button Resume goes on.")
        return ended.result

    def stop(self) -> None:
        """Stop after the update that is being made, and return when the state is on the disk."""
        self._halt.set()
        self._until_it_rests()

    def resume(self, *, minutes: float | None = None, max_steps: int | None = None, step: Step | None = None) -> None:
        """Go on where the run was stopped, or ended, with its own settings.

        Args:
            minutes: a new end, counted from the start of the run, all sittings included, as in `TrainingConfig`.
            max_steps: the same in updates. With neither, the run keeps its old end.
            step: another training step from here on, such as a corrected one.

        Raises:
            CourseError: A live run is going on, or this one has ended and gets no later end.
        """
        _refuse_a_second()
        if minutes is not None or max_steps is not None:
            self._training = replace(self._training, minutes=minutes, max_steps=max_steps)
        if step is not None:
            self._step = step
        ended = self._sitting.result if self._sitting is not None else None
        if ended is not None and ended.finished and _is_over(self._training, ended):
            raise CourseError(
                f"This run has ended after {ended.steps:,} steps and {clock(ended.seconds)}; give it a later end,"
                f" counted from its start, such as resume(minutes={math.ceil(ended.seconds / 60) + 2})."
            )
        if self._run_id and run_id(self._folder) != self._run_id:
            raise CourseError(f"In {self._folder} stands another run by now; start this one anew, in another folder.")
        self.start(resume=True)

    # What the run tells, in its own thread (see course.training.log.Watcher)

    def said(self, line: str) -> None:
        """Keep what is said before the first update: sizes, and what was left out of the data."""
        if self.state == "preparing":
            self.notes = f"{self.notes}\n{line}".strip()

    def recorded(self, record: dict[str, Any]) -> None:
        """Keep a record; it is drawn with the next picture."""
        self.records = as_it_went([*self.records, record])

    def updated(self, *, step: int, progress: float, loss: float, seconds: float, tokens_per_second: float) -> None:
        """Tell the page about once a second, and draw when there is something new and time for it."""
        now = time.perf_counter()
        if now < self._next_message:
            return
        left = f", {clock(seconds * (1 - progress) / progress)} left" if progress > GUESS_FROM else ""
        with self.hold_sync():
            self.state, self.progress = "running", min(1.0, progress)
            self.told = f"Step {step:,}: loss {loss:.2f}, {tokens_per_second:,.0f} tokens/s{left}."
            if now >= self._next_picture and len(self.records) != self._recorded:
                self.draw()
                end = time.perf_counter()
                self._next_picture = end + (end - now) / DRAWING_SHARE
        self._next_message = now + SHOW_EVERY

    # The rest

    def still_text(self) -> str:
        """Return a text that is the same however the run goes: it stands in the notebook before the run ends."""
        return (
            f"Training of {self.title}, live: curves, sentences, Stop and Resume stand here while a kernel runs."
            f" Afterwards, dashboard(...) of its folder shows the whole run."
        )

    def still_png(self) -> bytes:
        """Return no picture: at this place in the notebook there is nothing to see yet."""
        return b""

    def _work(self, **how: Any) -> TrainingResult:  # noqa: ANN401
        """Train, and leave the page with the last word, before whoever waits hears of the end."""
        try:
            return self._train(self._training, self._step, stop=self._halt.is_set, watcher=self, **how)
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._run_id = run_id(self._folder)
            if self.state != "failed":
                self.show()
            atexit.unregister(self.stop)

    def _fail(self, error: BaseException) -> None:
        with self.hold_sync():
            self.show()
            self.state, self.told, self.error = "failed", "An error ended this run.", describe_error(error)

    def _until_it_rests(self, seconds: float = math.inf) -> bool:
        """Wait for the end of the sitting; return whether it came within the time."""
        end = time.monotonic() + seconds
        while self._sitting is not None and not self._sitting.over.wait(POLL):
            if time.monotonic() > end:
                return False
            # and look again: waiting without end would not hear an interrupt on Windows
        return True

    def _pressed(self, _: object, content: dict[str, Any], __: object) -> None:
        """Do what a button of the page asks for, and tell it at once that it was heard."""
        self.send({"heard": content.get("press")})
        try:
            if content.get("press") == "stop":
                self._halt.set()
            elif content.get("press") == "resume" and not self.running:
                self.resume()
        except CourseError as refusal:
            self.notes = str(refusal)


def _is_over(training: TrainingConfig, so_far: TrainingResult) -> bool:
    steps, minutes = training.max_steps, training.minutes
    return (steps is not None and so_far.steps >= steps) or (minutes is not None and so_far.seconds >= 60 * minutes)


def _own_part(error: BaseException) -> TracebackType | None:
    """Return the traceback from the learner's first line on.

    Where no line is the learner's: nothing of a `CourseError`, whose sentence says it all, and all of another error.
    """
    trace = error.__traceback__
    while trace is not None and _is_of_the_house(Path(trace.tb_frame.f_code.co_filename)):
        trace = trace.tb_next
    return trace if trace is not None or isinstance(error, CourseError) else error.__traceback__


def _is_of_the_house(path: Path) -> bool:
    houses = [Path(__file__).parents[2], *map(Path, (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")))]
    return any(path.is_relative_to(house) for house in houses) or str(path).startswith("<frozen")


def _let_the_page_choose_its_thread(comm: Any) -> None:  # noqa: ANN401
    """Let a press of a button reach the kernel while a cell waits.

    JupyterLab (4.4 and later) sends what a widget says to a thread of its own, a subshell, where the kernel
    (ipykernel 7 and later) has them. ipykernel 7.4 passes it on to the thread that spoke to the widget last instead:
    the main one, which is busy in wait(). Where the kernel does no such thing, there is nothing to do here.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _, chosen: chosen

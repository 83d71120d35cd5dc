"""A run folder in the hands of those who train in it: taken, brought in order, and put back after a failure."""

from contextlib import ExitStack
from pathlib import Path

from course.errors import CourseError
from course.training import run_folder
from course.training.distributed import Team
from course.training.lock import FolderLock, not_writable


class Ownership:
    """A run folder, for the team that may own it; `told` are lines for the log, which cannot be open yet."""

    def __init__(self, run: Path, team: Team, at_end: ExitStack):
        self.run, self.team, self.at_end = run, team, at_end
        self.told: list[str] = []

    def take(self, *, resume: bool, overwrite: bool) -> None:
        """Take the folder's lock and bring the folder in order, in the leader; raises in all where that is refused."""
        refusal: CourseError | None = None
        if self.team.leads:
            try:
                self._take(resume=resume, overwrite=overwrite)
            except CourseError as error:
                refusal = error
        if self.team.leader_says(float(refusal is not None)):
            raise refusal or CourseError(f"the first process cannot train in {self.run}: its message says why.")

    def _take(self, *, resume: bool, overwrite: bool) -> None:
        lock = FolderLock(self.run)
        run_folder.make_folder(self.run)
        self.at_end.callback(lock.give_back)
        self.say(lock.take())
        run_folder.check_content(self.run, resume=resume, overwrite=overwrite)  # another may have trained meanwhile
        try:
            found = run_folder.mend(self.run)
        except OSError as error:
            raise not_writable(self.run, error) from error
        self.say(found if resume else "")  # where it is replaced, `clear` says the rest

    def clear(self) -> None:
        """Leave no run in the folder; one of worth is moved aside, and is back if the new one fails at once."""
        self.at_end.push(self._put_back)
        try:
            self.say(run_folder.clear_for_a_new_run(self.run))
        except OSError as error:
            raise not_writable(self.run, error) from error

    def _put_back(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            run_folder.put_back(self.run)

    def say(self, line: str) -> None:
        """Keep a line for the log, if there is one."""
        self.told += [line] if line else []

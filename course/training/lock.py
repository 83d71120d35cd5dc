"""Who trains in a folder: one process at a time. The operating system gives the lock back when that process dies."""

from pathlib import Path

from filelock import FileLock, Timeout

from course.errors import CourseError

LOCK_FILE = "training.lock"  # empty; it stays, since whoever removed it could remove another's
PATIENCE = 1.0  # seconds; somebody may just be looking whether it is held


class FolderLock:
    """The lock of one run folder. Readers need none: they see whole files at any moment."""

    def __init__(self, run: Path):
        self.run = run
        self._lock: FileLock | None = None

    def take(self) -> str:
        """Take the lock, in a folder that exists. Returns a line to tell where the drive knows no locks, else "".

        Raises `CourseError` where another training holds it, or where the folder cannot be written to.
        """
        path = self.run / LOCK_FILE
        try:
            path.open("ab").close()  # the library would take a folder that refuses a new file for a held lock
        except OSError as error:
            raise not_writable(self.run, error) from error
        # Whoever takes it is whoever gives it back, but not always in the same thread.
        lock = FileLock(path, timeout=PATIENCE, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise held(self.run) from None
        except (OSError, NotImplementedError) as error:
            return f"note: the drive of {self.run} knows no locks ({error}); start no second training in that folder"
        self._lock = lock
        return ""

    def give_back(self) -> None:
        """Let others train in the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def refuse_where_one_trains(run: Path) -> None:
    """Raise `CourseError` where a training is going on in `run`. Changes nothing."""
    if not (run / LOCK_FILE).is_file():
        return
    lock = FileLock(run / LOCK_FILE, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise held(run) from None
    except (OSError, NotImplementedError):
        return  # no locks there; whoever trains is told so
    lock.release()


def held(run: Path) -> CourseError:
    """Say that somebody trains there."""
    return CourseError(
        f"a training is going on in {run}, here or in another window: wait for its end, stop it, or choose another "
        "folder."
    )


def not_writable(run: Path, error: OSError | ValueError) -> CourseError:
    """Say that a folder refuses files."""
    return CourseError(f"cannot write to {run} ({error}): choose another folder.")

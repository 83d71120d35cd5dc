"""How a run folder begins, is replaced and is put back: at every moment it is whole, or what is missing can be told.

A run that is replaced waits in `previous-run` inside the folder until the new one has its first scored weights. It gets
there, and back, by way of a folder of another name: what lies in that one is on its way and belongs to the run above.
So whoever dies in the middle leaves a folder that `mend` brings in order. Only the owner of the folder's lock calls
functions that change something.
"""

from contextlib import suppress
from pathlib import Path

from course.errors import CourseError
from course.training.lock import LOCK_FILE, not_writable, refuse_where_one_trains
from course.training.run_file import BEST_FILE, LAST_FILE, PREVIOUS, RUN_FILE, RUN_FILES
from course.whole_files import is_part

ON_ITS_WAY = "previous-run.part"
OURS = (*RUN_FILES, LOCK_FILE, PREVIOUS, ON_ITS_WAY)
OF_NO_WORTH = (LOCK_FILE, ".DS_Store", "Thumbs.db", "desktop.ini")  # whoever trains or looks there leaves them behind


def check_run_folder(run: Path, *, resume: bool, overwrite: bool) -> None:
    """Make sure that training may write to `run`, before any work is done. Changes nothing.

    Raises `CourseError` where a run would be lost, where there is none to resume, where another training is going on,
    or where the folder holds something else.
    """
    try:
        is_file = run.exists() and not run.is_dir()
    except (OSError, ValueError) as error:  # a name that is too long, or that no file may have
        raise not_writable(run, error) from error
    if is_file:
        raise CourseError(f"{run} is a file; training needs a folder.")
    refuse_where_one_trains(run)
    check_content(run, resume=resume, overwrite=overwrite)


def check_content(run: Path, *, resume: bool, overwrite: bool) -> None:
    """As `check_run_folder`, for the owner of the lock."""
    if resume:
        _check_resumable(run)
    elif is_foreign(run):
        raise CourseError(f"{run} is not empty and not a run folder: choose another folder.")
    elif not overwrite and _holds_a_run(run):
        raise _already_there(run)


def _check_resumable(run: Path) -> None:
    if resumable(run):
        return
    if not run.exists():
        what = f"{run} does not exist, so there is nothing to resume: check its name, or start without"
        raise CourseError(f"{what} resume=True.", on_command_line=f"{what} --resume.")
    if (run / BEST_FILE).exists():
        what = (
            f"{run} holds its best weights alone, no state to resume from: train in another folder, or replace it with"
        )
        raise CourseError(f"{what} overwrite=True.", on_command_line=f"{what} --overwrite.")
    fresh = not _holds_a_run(run)
    raise CourseError(
        f"{run} holds no state to resume from: {'train without' if fresh else 'train anew with overwrite=True, not'} "
        "resume=True.",
        on_command_line=f"{run} holds no state to resume from: "
        + ("start it without --resume." if fresh else "start it again with --overwrite instead of --resume."),
    )


def resumable(run: Path) -> bool:
    """Whether there is a state to go on from, in the folder itself or in what `mend` will put back there."""
    return any((run / part / LAST_FILE).exists() for part in ("", PREVIOUS, ON_ITS_WAY))


def _already_there(run: Path) -> CourseError:
    if resumable(run):
        return CourseError(
            f"{run} already holds a run: choose another folder, or pass resume=True or overwrite=True.",
            on_command_line=f"{run} already holds a run: choose another folder, or pass --resume or --overwrite.",
        )
    what = f"{run} already holds a run, without a state to resume from: choose another folder, or pass"
    return CourseError(f"{what} overwrite=True.", on_command_line=f"{what} --overwrite.")


def _holds_a_run(run: Path) -> bool:
    """Whether something of worth would be lost: more than a beginning that the lock's file shows to be ours."""
    if any((run / name).exists() for name in (RUN_FILE, LAST_FILE, BEST_FILE, PREVIOUS, ON_ITS_WAY)):
        return True
    return not (run / LOCK_FILE).exists() and any((run / name).exists() for name in RUN_FILES)


def is_foreign(run: Path) -> bool:
    """Whether a folder holds something, and nothing that shows that a training made it."""
    try:
        names = [path.name for path in run.iterdir()] if run.is_dir() else []
    except OSError as error:
        raise CourseError(f"{run} cannot be listed ({error.strerror}): check the rights to it.") from error
    ours = {RUN_FILE, LOCK_FILE, PREVIOUS, ON_ITS_WAY} & set(names)
    return not ours and not all(name in OURS or is_part(name, RUN_FILES) for name in names)


def make_folder(run: Path) -> None:
    """Make the folder, and those above it."""
    try:
        run.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise not_writable(run, error) from error


def mend(run: Path) -> str:
    """Bring in order what a training that died left behind. Returns a line to tell, "" where nothing was lost.

    A run that was on its way comes back. So does one that was replaced by a run that came to nothing; where the new
    one was scored, the previous one goes.
    """
    for path in run.iterdir():
        if is_part(path.name, RUN_FILES):
            path.unlink(missing_ok=True)
    previous, on_its_way = run / PREVIOUS, run / ON_ITS_WAY
    if previous.is_dir():
        if (run / BEST_FILE).exists():
            drop_previous(run)
        elif not (run / LAST_FILE).exists():
            _remove_files(run)
            previous.rename(on_its_way)
    if not on_its_way.is_dir():
        return ""
    _move_files(on_its_way, run)
    _remove_folder(on_its_way)
    return f"the run that stood in {run} before is back: the one that was to replace it came to nothing"


def clear_for_a_new_run(run: Path) -> str:
    """Leave no run in the folder, after `mend`; nothing but the files of runs is touched. Returns a line to tell.

    A run with weights is moved aside, and stays until `drop_previous`.
    """
    if not any((run / name).exists() for name in (BEST_FILE, LAST_FILE)):
        _remove_files(run)
        return ""
    if (run / PREVIOUS).is_dir():  # a run that was never scored was to replace it
        _remove_files(run)
    else:
        (run / ON_ITS_WAY).mkdir()
        _move_files(run, run / ON_ITS_WAY)
        (run / ON_ITS_WAY).rename(run / PREVIOUS)
    return f"the previous run is kept in {run / PREVIOUS} until this one is first scored"


def drop_previous(run: Path) -> None:
    """Remove the run that was replaced, now that the new one has scored weights; else the next training does."""
    previous = run / PREVIOUS
    if previous.is_dir():
        with suppress(OSError):
            _remove_files(previous)
            _remove_folder(previous)


def put_back(run: Path) -> None:
    """After a failure: the run that was to be replaced stands in the folder again, unless the new one has a state."""
    with suppress(OSError):
        if run.is_dir():
            mend(run)


def set_aside(run: Path) -> str:
    """Rename a folder with a scored run, so that its name is free. Returns a line to tell, "" where nothing was done.

    The new name is the old one with the first number that is free. Raises `CourseError` where a training is going on
    there.
    """
    if not run.is_dir() or is_foreign(run):
        return ""
    refuse_where_one_trains(run)
    if not any((run / part / BEST_FILE).exists() for part in ("", PREVIOUS, ON_ITS_WAY)):
        return f"The run in {run}, which was never scored, is replaced." if (run / LAST_FILE).exists() else ""
    aside = _free_name(run)
    try:
        run.rename(aside)
    except OSError as error:  # on Windows, while a file in it is open
        return (
            f"The run in {run} cannot be renamed ({error.strerror}): it is kept in it, until this one is first scored."
        )
    return f"The run that stood in {run} is now in {aside}."


def _free_name(folder: Path) -> Path:
    """The name of a folder with the first number that is free."""
    number = 1
    while (free := folder.parent / f"{folder.absolute().name}-{number}").exists():
        number += 1
    return free


def _remove_folder(folder: Path) -> None:
    """Remove a folder whose run is gone. One that somebody keeps more in gets another name: this one is needed."""
    for name in OF_NO_WORTH:
        (folder / name).unlink(missing_ok=True)
    if any(folder.iterdir()):
        folder.rename(_free_name(folder))
    else:
        folder.rmdir()


def _remove_files(run: Path) -> None:
    """Remove a run's files. Those with weights go first: without them, the run never counts as one."""
    for name in (LAST_FILE, BEST_FILE, RUN_FILE, *RUN_FILES):
        (run / name).unlink(missing_ok=True)


def _move_files(run: Path, to: Path) -> None:
    for name in RUN_FILES:
        if (run / name).exists():
            (run / name).replace(to / name)

"""A file of the workbook: how it is written, read and executed, and what is wrong with it, in words.

The file is the learner's own, and may have been edited into anything: nothing that it does escapes but an interrupt.
"""

import ast
import codecs
import contextlib
import errno
import hashlib
import importlib
import io
import linecache
import sys
from collections.abc import Iterator
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from course import __version__
from course.errors import CourseError
from course.lab.exercises import watch
from course.lab.exercises.importable import PIECE_MODULE, is_installed
from course.lab.exercises.undisturbed import undisturbed
from course.lab.exercises.watch import TookTooLongError, Watch
from course.whole_files import put

PIECE = "_kept_piece_"  # the name under which a file offers its function: learners may call a helper anything else
_OLDER_PIECE = "piece"  # in files that were written when it was called so
_SEAL = "# Unchanged since it passed: "
_NO_RENAMING = (errno.EXDEV, errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)  # from some network drives


def read(path: Path) -> str:
    """Return the text of a file, in whatever encoding Python would read it, or in UTF-16 with its mark.

    Raises:
        CourseError: if it cannot be read, with the reason.
    """
    if not path.is_file():
        raise CourseError(f"{path.name} is {'a folder' if path.is_dir() else 'no file'}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path.name} cannot be read ({error.strerror})") from error
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16").replace("\r\n", "\n")
        return decode_source(data)
    except (UnicodeError, SyntaxError) as error:
        raise CourseError(f"{path.name} is not written in UTF-8") from error


def execute(text: str, filename: str, id: str) -> Any:  # noqa: ANN401
    """Run the text of a kept piece in a namespace of its own, and return what it keeps.

    What it prints is dropped, and it is stopped when it does not end.

    Raises:
        CourseError: if it offers no piece, or whatever it raises, with the reason.
    """
    name, module = Path(filename).name, ModuleType(PIECE_MODULE)
    code = _compiled(text, filename)
    _load_libraries(text)
    _run(code, name, module)
    # So that tracebacks and inspect show the lines, although the piece is no module.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    for offered in (PIECE, _OLDER_PIECE, id):
        if offered in vars(module):
            return vars(module)[offered]
    raise CourseError(f"{name} does not define {id}")


def _compiled(text: str, filename: str) -> CodeType:
    name, version = Path(filename).name, f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        is_empty = not ast.parse(text).body
        code = compile(text, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f"{name} is no text of" if error.lineno is None else f"line {error.lineno} of {name} is not"
        raise CourseError(f"{where} Python {version} ({error.msg})") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise CourseError(f"{name} is no text of Python {version} ({error})") from error
    if is_empty:
        raise CourseError(f"{name} is empty")
    return code


def _load_libraries(text: str) -> None:
    """Import the installed libraries that a text imports, before the clock starts: torch may take many seconds."""
    for node in ast.parse(text).body:
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            if is_installed(name.partition(".")[0]):
                with contextlib.suppress(Exception):  # the file itself will say
                    importlib.import_module(name)


def _run(code: CodeType, name: str, module: ModuleType) -> None:
    try:
        with undisturbed(), _in_place(module), Watch(watch.LONGEST):
            exec(code, vars(module))
    except KeyboardInterrupt:
        raise
    except TookTooLongError as error:
        raise CourseError(f"{name} was still running after {watch.LONGEST:g} seconds") from error
    except SystemExit as error:
        raise CourseError(f"{name} ends the program: a line of it calls exit") from error
    except BaseException as error:
        raise CourseError(f"{name} raises {type(error).__name__}: {_first_line(error)}") from error


@contextlib.contextmanager
def _in_place(module: ModuleType) -> Iterator[None]:
    """Let a module be found while it runs, which dataclasses need, and let nothing wait for the keyboard."""
    before, keyboard = sys.modules.get(module.__name__), sys.stdin
    sys.modules[module.__name__], sys.stdin = module, io.StringIO()
    try:
        yield
    finally:
        sys.stdin = keyboard
        if before is None:
            sys.modules.pop(module.__name__, None)
        else:
            sys.modules[module.__name__] = before


def _first_line(error: BaseException) -> str:
    try:
        return next(iter(str(error).splitlines()), "no message")
    except KeyboardInterrupt:
        raise
    except BaseException:  # an error of a class of the file's own
        return "no message"


def sealed(text: str, id: str) -> str:
    """Return text with a last line that tells whether it has been changed since."""
    return f"{text}{_SEAL}{_seal(text, id)}\n"


def is_sealed(text: str, id: str) -> bool:
    """Whether text is as it was when it passed its check, under this version of the course and of Python."""
    body, found, seal = text.rpartition(_SEAL)
    return bool(found) and seal.strip() == _seal(body, id)


def _seal(text: str, id: str) -> str:
    versions = f"course {__version__}, Python {sys.version_info.major}.{sys.version_info.minor}"
    return f"{versions}, {hashlib.sha256(f'{id} {versions} {text}'.encode()).hexdigest()[:12]}"


def write(path: Path, text: str) -> None:
    """Write atomically: another kernel sees the old file or the new one, never half of it.

    Raises:
        CourseError: if the folder or the file cannot be written, with the reason.
    """
    content = text.encode("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            put(path, content)
        except OSError as error:
            if error.errno not in _NO_RENAMING:
                raise
            path.write_bytes(content)
    except OSError as error:
        why = error.strerror or error
        raise CourseError(f"{path} cannot be written ({why}). COURSE_WORKBOOK can name another folder.") from error

"""The texts of the notebook's cells, for what Python itself cannot find: a ``%%time`` cell, a class without methods."""

import linecache
import sys
from collections.abc import Iterator
from typing import Any

_NEWEST = 400  # cells that are looked through


def newest_texts() -> Iterator[str]:
    """Yield what has been run, the newest first: the cells of IPython's history, then other texts without a file."""
    shell = _shell()
    if shell is not None:
        yield from _history(shell)
    entries = [entry for entry in list(linecache.cache.values())[-_NEWEST:] if len(entry) == 4 and entry[1] is None]
    for entry in reversed(entries):
        yield "".join(entry[2])


def _shell() -> Any:  # noqa: ANN401
    ipython = sys.modules.get("IPython")  # where nobody has imported it, there is no notebook
    return None if ipython is None else ipython.get_ipython()


def _history(shell: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield each cell as it was compiled; of one that hands its body to a magic, such as ``%%time``, the body."""
    manager = getattr(shell, "history_manager", None)
    pairs = list(zip(getattr(manager, "input_hist_raw", ()), getattr(manager, "input_hist_parsed", ()), strict=False))
    for raw, parsed in reversed(pairs[-_NEWEST:]):
        body = raw.lstrip()
        while body.startswith("%%"):  # one of them may hand over to the next
            body = body.partition("\n")[2].lstrip("\n")
        yield shell.transform_cell(body) if raw.lstrip().startswith("%%") else parsed

"""The door through which pytest finds the course's additions to nbval: an entry point, so no option is needed.

pytest imports this module in every run in whose Python the course is installed. So it imports nothing but pytest, and
does nothing unless nbval is there and asked for.
"""

import pytest

_ADDITIONS = "course.authoring.nbval_plugin"


def pytest_configure(config: pytest.Config) -> None:
    """Add what the course adds to nbval, if this run validates notebooks."""
    if config.getoption("nbval", False) or config.getoption("nbval_lax", False):
        config.pluginmanager.import_plugin(_ADDITIONS)

"""Whether errors come with their traceback."""

from __future__ import annotations

import os

__all__ = ["DEBUG_VARIABLE", "debugging", "remember_debug"]

DEBUG_VARIABLE = "RESTOREFLOW_DEBUG"
"""Set to 1, it does what --debug does, for every command and for worker processes too."""


def debugging() -> bool:
    """Whether --debug was given or the variable is set."""
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def remember_debug(wanted: bool) -> None:
    """What --debug does."""
    if wanted:
        os.environ[DEBUG_VARIABLE] = "1"

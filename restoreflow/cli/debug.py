"""Whether errors come with their traceback, and libraries are heard."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["DEBUG_VARIABLE", "debugging", "no_warnings", "remember_debug"]

DEBUG_VARIABLE = "RESTOREFLOW_DEBUG"
"""Set to 1, it does what --debug does, for every command and for worker processes too."""


def debugging() -> bool:
    """Whether --debug was given or the variable is set."""
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def remember_debug(wanted: bool) -> None:
    """What --debug does."""
    if wanted:
        os.environ[DEBUG_VARIABLE] = "1"


@contextmanager
def no_warnings() -> Iterator[None]:
    """Within, libraries' warnings (of odd metadata, mostly) are not printed, unless debugging."""
    with warnings.catch_warnings():
        if not debugging():
            from restoreflow.images.libtiff import silence

            warnings.simplefilter("ignore")
            silence()
        yield

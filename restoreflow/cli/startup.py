"""What a process needs before anything else: its streams, Ctrl-C and SIGTERM, and who is heard.

Nothing is imported here that takes time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = [
    "CLOSED_STREAMS",
    "DEBUG_VARIABLE",
    "INTERRUPTED",
    "debugging",
    "mend_streams",
    "no_warnings",
    "quit_interrupted",
    "remember_debug",
    "terminable",
    "watch_interrupts",
]


@contextmanager
def terminable() -> Iterator[None]:
    """Within, SIGTERM raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it."""

CLOSED_STREAMS: set[str] = set()
"""Those of stdin, stdout and stderr that the process was started without."""

_INTERRUPTED_LINE = b"restoreflow: interrupted (run the same command again to go on)\n"


def mend_streams() -> None:
    """Have standard streams that are there, and take every text.

    One that was closed is replaced by nothing, also for libraries that write to its number: the
    next file to be opened would get it. A character that an encoding lacks is shown by its code.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                opened = os.open(os.devnull, os.O_RDWR)
                if opened != number:
                    os.dup2(opened, number)
                    os.close(opened)
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            CLOSED_STREAMS.add(name)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors="backslashreplace")


def watch_interrupts(at_once: bool = False) -> None:
    """Have Ctrl-C end the process in one line, at any moment.

    It raises KeyboardInterrupt, but where modules are imported: many take that for an error of
    their own. A process that was told to ignore it goes on to.

    Args:
        at_once: nothing is left to be cleaned up; do not raise it.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        if at_once or _imports(frame):
            quit_interrupted()
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)


def quit_interrupted() -> NoReturn:
    """Say so and end the process, without anything that usually goes with it."""
    with contextlib.suppress(OSError):
        os.write(2, _INTERRUPTED_LINE)
    os._exit(INTERRUPTED)


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


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

"""What every command line of this project shares: how it begins, its errors, its exit codes.

A command raises `RestoreflowError`, or `typer.Exit` with a code of its own; `run` turns whatever
happens into one line on stderr and an exit code.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

import typer

from restoreflow.batch.record import explained, failure, json_line
from restoreflow.cli.output import error_line, print_line, print_traceback
from restoreflow.cli.startup import INTERRUPTED, debugging, mend_streams
from restoreflow.errors import OptionError, RestoreflowError, UsageError

__all__ = ["for_programs", "run"]

_HELP = "Usage: "
_PYDANTIC = "Value error, "
"""What the library that reads options' values puts before Typer's own words."""


def _is_busy() -> bool:
    """Whether other programs want a good part of the processor; yes where that is unknown."""
    if not hasattr(os, "getloadavg"):
        return True
    return os.getloadavg()[0] > 0.4 * (os.cpu_count() or 1)


def run(app: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and exit with its code.

    Args:
        app: the commands.
        name: the program's.
        arguments: without the program's name; None: those of this process.
    """
    mend_streams()
    # Read by the threading library when torch is loaded: threads that wait sleep, instead of
    # spinning in the time of other programs. On an idle machine spinning is a third faster.
    if _is_busy():
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # standalone_mode=False: exceptions come here instead of being printed by Typer, and the code
    # of typer.Exit and of Ctrl-C is returned.
    try:
        given = None if arguments is None else list(arguments)
        code = app(given, prog_name=name, standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        code = _failed(error, for_programs(sys.argv[1:] if arguments is None else arguments))
    if code == INTERRUPTED:
        print_line(error_line("interrupted", "run the same command again to go on"), sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:
        _silence_stdout()
    sys.exit(code if isinstance(code, int) else 0)


def for_programs(words: Sequence[str]) -> bool:
    """Whether a command line, which may be of no valid form, asks for JSON records."""
    return "--format=json" in words or ("--format", "json") in pairwise(words)


def _failed(error: Exception | KeyboardInterrupt, as_record: bool) -> int:
    """Say in one line what went wrong, unless somebody wanted it so, and give the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, typer.Abort):
        return 1
    if isinstance(error, BrokenPipeError):
        _silence_stdout()
        return 1
    if debugging():
        print_traceback(error)
    known = _explained(error)
    describe = getattr(error, "format_message", str)
    if describe().startswith(_HELP):  # of a group of commands alone, which is all there is to say
        print_line(describe().rstrip("\n"))
    elif as_record:
        print_line(json_line(failure(known)))
    else:
        print_line(error_line(known.message, known.hint), sys.stderr)
    return known.exit_code


def _explained(error: Exception) -> RestoreflowError:
    """The error as one that a reader can act on."""
    # Typer's own errors of usage have no public base class, but these two members.
    describe, code = getattr(error, "format_message", None), getattr(error, "exit_code", None)
    if callable(describe) and isinstance(code, int):
        context = getattr(error, "ctx", None)
        command = getattr(context, "command_path", None) or "restoreflow"
        message = str(describe()).replace(_PYDANTIC, "").rstrip(".")
        usage = RestoreflowError(message, f"see {command} --help")
        usage.exit_code = code
        return usage
    if isinstance(error, OptionError):
        return UsageError(error.spoken, error.hint)
    return explained(error)


def _silence_stdout() -> None:
    # The reader has gone; without this the interpreter complains when it closes stdout.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

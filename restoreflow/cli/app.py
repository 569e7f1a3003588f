"""The command `restoreflow`: its verbs, its errors and its exit codes.

A command raises `RestoreflowError`, or `typer.Exit` with a code of its own; `main` turns whatever
happens into one line on stderr and an exit code. No module of cli/ imports torch when it is
imported, so that --help and --version answer at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from restoreflow import __version__
from restoreflow.batch.record import explained
from restoreflow.cli import (
    doctor,
    evaluate,
    fit_ood,
    models,
    ood_check,
    robustness,
    train,
)
from restoreflow.cli.debug import debugging
from restoreflow.cli.output import error_line
from restoreflow.cli.restore_command import restore_command
from restoreflow.cli.screen import print_line, print_traceback
from restoreflow.cli.startup import INTERRUPTED, mend_streams
from restoreflow.errors import RestoreflowError
from restoreflow.tasks.table import TASKS

__all__ = ["app", "main"]

_PYDANTIC = "Value error, "
"""What the library that reads options' values puts before Typer's own words."""

_EPILOG = "\n\n".join(
    (
        "Examples:",
        "- `restoreflow sr photo.jpg` enlarges a photo 4x; the result is photo_sr4x.jpg beside it",
        "- `restoreflow sr photo.jpg -n 8 --grid` gives 8 samples and a sheet to compare them",
        "- `restoreflow sr scans/*.png -o large/ --format json` tells programs a record a line",
        "\n\nExit codes: 0 done, 1 error before work, 2 usage, 3 some files failed, "
        "4 all failed, 5 limit, memory or disk, 6 model unavailable, 7 flagged, 130 interrupted.",
    )
)

app = typer.Typer(
    name="restoreflow",
    help="Restore photographs: several sharp results, and where they are uncertain.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"restoreflow {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Restore photographs: several sharp results, and where they are uncertain."""


for _task in TASKS.values():
    app.command(_task.name)(restore_command(_task))
app.command("ood-check")(ood_check.ood_check)
app.add_typer(models.app)
app.add_typer(evaluate.app)
app.command("robustness")(robustness.robustness)
app.command("train")(train.train)
app.command("fit-ood")(fit_ood.fit_ood)
app.command("doctor")(doctor.doctor)


def _is_busy() -> bool:
    """Whether other programs want a good part of the processor; yes where that is unknown."""
    if not hasattr(os, "getloadavg"):
        return True
    return os.getloadavg()[0] > 0.4 * (os.cpu_count() or 1)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and exit with its code.

    Args:
        arguments: without the program's name; None: those of this process.
    """
    mend_streams()
    # Read by the threading library when torch is loaded: threads that wait sleep, instead of
    # spinning in the time of other programs. On an idle machine spinning is a third faster.
    if _is_busy():
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    code = _run(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        _silence_stdout()
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    # standalone_mode=False: exceptions come here instead of being printed by Typer, and the code
    # of typer.Exit and of Ctrl-C is returned.
    try:
        given = None if arguments is None else list(arguments)
        code = app(given, prog_name="restoreflow", standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except typer.Abort:
        code = 1
    except Exception as error:
        return _failed(error)
    if code == INTERRUPTED:
        print_line(error_line("interrupted", "run the same command again to go on"), sys.stderr)
    return code if isinstance(code, int) else 0


def _failed(error: Exception) -> int:
    """Say in one line what went wrong, and give the exit code."""
    if isinstance(error, BrokenPipeError):
        _silence_stdout()
        return 1
    if debugging():
        print_traceback(error)
    known = _explained(error)
    if known.message:  # a group of commands alone has shown its help, and that says all
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
    return explained(error)


def _silence_stdout() -> None:
    # The reader has gone; without this the interpreter complains when it closes stdout.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

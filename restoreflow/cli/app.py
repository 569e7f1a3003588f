"""The command `restoreflow`: its verbs, each imported when it is called for.

No module of a verb imports torch when it is imported, so that --help and --version answer at once.
"""

from __future__ import annotations

import os
from collections import UserDict
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Annotated, Any

import typer

from restoreflow import __version__
from restoreflow.cli.help import HelpGroup, Verbs
from restoreflow.cli.program import run
from restoreflow.config_reader import nearest
from restoreflow.errors import UsageError, shown
from restoreflow.tasks.table import TASKS, USUAL
from restoreflow.tasks.task import Task

__all__ = ["app", "main"]

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


def _restoring(task: Task) -> Any:
    from restoreflow.cli.restore_command import restore_command

    return restore_command(task)


def _at(module: str, name: str) -> Callable[[], Any]:
    return lambda: getattr(import_module(module), name)


VERBS: dict[str, Callable[[], Any]] = {
    **{task.name: partial(_restoring, task) for task in TASKS.values()},
    "ood-check": _at("restoreflow.cli.ood_check", "ood_check"),
    "app": _at("restoreflow.cli.web_app", "web_app"),
    "models": _at("restoreflow.cli.models", "app"),
    "export": _at("restoreflow.cli.export", "export"),
    "doctor": _at("restoreflow.cli.doctor", "doctor"),
    "evaluate": _at("restoreflow.lab.verbs.evaluate", "app"),
    "train": _at("restoreflow.lab.verbs.train", "train"),
    "fit-ood": _at("restoreflow.lab.verbs.fit_ood", "fit_ood"),
}
"""What imports a verb's function, or its group of verbs, in the order that help has them.

The laboratory is named by its place alone: what restores does not know of it.
"""


LABORATORY = ("evaluate", "train", "fit-ood")
"""Verbs for those who make models."""

_OTHER_WORDS = {"upscale", "upscaler", "enlarge", "restore", "resize", "superres", "run", "image"}
"""What other programs call enlarging."""


class _Commands(UserDict[str, Any]):
    """Commands by verb, made when they are asked for."""

    def __getitem__(self, verb: str) -> Any:
        if self.data[verb] is None:
            found = VERBS[verb]()
            if not isinstance(found, typer.Typer):
                single = Verbs()
                single.command(verb)(found)
                found = single
            command = typer.main.get_command(found)
            if verb in LABORATORY:
                command.rich_help_panel = "Laboratory"  # pyright: ignore[reportAttributeAccessIssue]
            self.data[verb] = command
        return self.data[verb]


class _Root(HelpGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = _Commands(dict.fromkeys(VERBS))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that a line begins with; UsageError with what was meant for any other word."""
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            raise _unknown(args[0])
        return super().resolve_command(ctx, args)


def _unknown(word: str) -> UsageError:
    usual = f"restoreflow {USUAL.name}"
    if os.path.lexists(word) or any(mark in word for mark in "./\\*"):
        return UsageError(f"{shown(word)} is no command", f"to enlarge it: {usual} {shown(word)}")
    if word in _OTHER_WORDS:
        return UsageError(
            f'"{word}" is no command', f"{usual} enlarges, and restoreflow --help lists all"
        )
    guess = nearest(word, VERBS)
    hint = guess if guess.startswith("did") else "restoreflow --help lists them"
    return UsageError(f'"{word}" is no command', hint)


app = Verbs(
    name="restoreflow",
    cls=_Root,
    add_completion=True,
    help="Restore photographs: several sharp results, and where they are uncertain.",
    epilog=_EPILOG,
    no_args_is_help=True,
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


main = partial(run, app, "restoreflow")
"""Run a command line, of words without the program's name or of this process, and exit."""

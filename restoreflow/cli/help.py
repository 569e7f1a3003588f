"""How --help is laid out: readable at any width, the options that matter first.

Typer's own tables give names and types half of a terminal, and fold both. Here a name stands with
what it takes, and its text beside it, or below on a narrow terminal.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from restoreflow.cli.output import Console

__all__ = ["HelpAll", "HelpCommand", "HelpGroup", "Verbs", "usual_options"]

_ALL = "restoreflow.help.all"
_WIDEST, _NARROW = 100, 72
_COLUMN = 28
_TYPES = {"<int>": "N", "<int range>": "N", "<float>": "X", "<float range>": "X"}


def usual_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a verb's function: --help shows these parameters, --help-all the others as well."""

    def mark(function: Callable[..., None]) -> Callable[..., None]:
        function.__dict__["usual_options"] = frozenset(names)
        return function

    return mark


def _show_all(context: typer.Context, wanted: bool) -> None:
    if wanted:
        context.meta[_ALL] = True
        typer.echo(context.get_help())
        raise typer.Exit


HelpAll = Annotated[
    bool,
    typer.Option(
        "--help-all", callback=_show_all, is_eager=True, help="Show every option and exit."
    ),
]


class HelpCommand(TyperCommand):
    """A verb."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write usage, text and options."""
        formatter.write(_page(self, ctx, _options(self, ctx)))


class HelpGroup(TyperGroup):
    """Verbs under one name; those with a panel of their own stand apart."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write usage, text, verbs and options."""
        rows: list[tuple[str, str, str]] = []
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            panel = command.rich_help_panel
            rows.append((panel if isinstance(panel, str) else "Commands", name, _line(command)))
        formatter.write(_page(self, ctx, [*rows, *_options(self, ctx)]))


class Verbs(typer.Typer):
    """A `typer.Typer` whose help is laid out here."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("cls", HelpGroup)
        options.setdefault("rich_markup_mode", "markdown")
        options.setdefault("add_completion", False)
        super().__init__(**options)

    def command(self, name: str | None = None, **options: Any) -> Any:
        """Add a verb, as `typer.Typer.command`."""
        options.setdefault("cls", HelpCommand)
        return super().command(name, **options)


def _line(command: Any) -> str:
    """The first sentence of a verb's help."""
    return " ".join((command.help or "").strip().partition("\n\n")[0].split())


def _options(command: Any, context: Any) -> list[tuple[str, str, str]]:
    """Panel, name and text of each parameter that is to be shown."""
    usual = getattr(command.callback, "usual_options", None)
    if context.meta.get(_ALL):
        usual = None
    rows: list[tuple[str, str, str]] = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        kept = usual is None or parameter.name in {*usual, "help", "help_all"}
        if record is None or not (kept or parameter.param_type_name == "argument"):
            continue
        argument = parameter.param_type_name == "argument"
        panel = "Arguments" if argument else getattr(parameter, "rich_help_panel", None)
        rows.append((panel or "Options", _name(record[0]), _text(record[1])))
    return rows


def _name(told: str) -> str:
    """A name with what it takes: "-n, --samples N"."""
    for kind, short in _TYPES.items():
        told = told.replace(kind, short)
    return re.sub(r" ?<list\[\w+\]>", "", re.sub(r"<([^<>\[]+)>", r"\1", told))


def _text(told: str) -> str:
    """A text with its default and range: "[default: (off)]" is "[default: off]"."""
    told = re.sub(r"([\d.]+)<=x<=([\d.]+)", r"\1 to \2", told)
    told = re.sub(r"x>=([\d.]+)", r"from \1", told)
    return re.sub(r"  \[default: \((.*?)\)(;[^]]*)?\]$", r"  [default: \1\2]", told)


def _page(command: Any, context: Any, rows: Iterable[tuple[str, str, str]]) -> str:
    width = min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)
    parts: list[RenderableType] = [Text(command.get_usage(context), style="bold"), ""]
    parts.append(Markdown(_unindented(command.help or "")))
    panels: dict[str, list[tuple[str, str]]] = {}
    for panel, name, text in rows:
        panels.setdefault(panel, []).append((name, text))
    for panel, entries in panels.items():
        parts += ["", Text(f"{panel}:", style="bold")]
        for name, text in entries:
            parts += _entry(name, text, width)
    if command.epilog:
        parts += ["", Markdown(command.epilog)]
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=sys.stdout.isatty(), highlight=False)
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _unindented(text: str) -> str:
    return re.sub(r"(?m)^[ \t]+", "", text)


def _entry(name: str, text: str, width: int) -> list[RenderableType]:
    """A name and its text: side by side where both have room."""
    column = _COLUMN if width >= _NARROW else 6
    bold = Text(f"  {name}", style="bold", overflow="fold")
    if len(name) + 4 > column:
        return [bold, Padding(Text(text), (0, 0, 0, column))]
    wrapped = Text(text).wrap(Console(width=width), width - column)
    first = Text.assemble((f"  {name}".ljust(column), "bold"), wrapped[0] if len(wrapped) else "")
    return [first, *(Padding(each, (0, 0, 0, column)) for each in wrapped[1:])]

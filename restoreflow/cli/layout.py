"""Tables and paths in a window of any width: no name of a file is ever cut or folded in two."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Collection, Mapping

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

__all__ = ["KeyedLines", "Whole", "elided", "folded", "unbroken"]

_LEFT_OUT = "…"
_WIDEST = 10_000
"""Columns of text that no table needs."""


def elided(path: str, width: int) -> str:
    """A path in so many columns: folders in its middle are left out, its last part never.

    >>> elided("/home/someone/pictures/2024/scan.png", 22)
    '/…/2024/scan.png'
    >>> elided("/home/someone/a_rather_long_name.png", 10)
    'a_rather_long_name.png'
    """
    if cell_len(path) <= width:
        return path
    separator = _separator(path)
    *folders, name = path.split(separator)
    for kept in reversed(range(len(folders))):
        head, tail = folders[: kept // 2], folders[len(folders) - (kept + 1) // 2 :]
        shorter = separator.join([*head, _LEFT_OUT, *tail, name])
        if cell_len(shorter) <= width:
            return shorter
    return name


def folded(path: str, width: int) -> list[str]:
    """A path in lines of so many columns, each of which ends with a separator.

    A part that is longer than a line is a line of its own, and whole.

    >>> folded("/home/someone/pictures/scan.png", 14)
    ['/home/someone/', 'pictures/', 'scan.png']
    """
    separator = _separator(path)
    *folders, name = path.split(separator)
    lines = [""]
    for part in [*(each + separator for each in folders), name]:
        if lines[-1] and cell_len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return lines


def unbroken(line: str, style: str = "") -> Text:
    """A line that is printed whole, also where the window is narrower."""
    return Text(line, style=style, no_wrap=True, overflow="ignore")


class Whole:
    """A table that no window narrows: lines longer than it are wrapped by it, no cell is cut.

    Args:
        table: as for a window that is wide enough.
    """

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.update(width=_WIDEST)
        needed = Measurement.get(console, wide, self.table).maximum
        yield from console.render(
            self.table, options.update(width=max(needed, options.max_width), no_wrap=True)
        )


class KeyedLines:
    """A key and its value a line; what is None is left out.

    Args:
        values: by their keys; a value of several lines stands below itself.
        paths: keys of those values that are paths, which may have spaces in them.
    """

    def __init__(self, values: Mapping[str, object], paths: Collection[str] = ()) -> None:
        given = {key: str(value) for key, value in values.items() if value is not None}
        self._values = {key: (value, key in paths) for key, value in given.items()}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = max((cell_len(key) for key in self._values), default=0) + 2
        width = max(1, options.max_width - indent)
        for key, (value, is_path) in self._values.items():
            lines = folded(value, width) if is_path else _wrapped(value, width)
            for number, line in enumerate(lines or [""]):
                beginning = "" if number else key
                text = unbroken(beginning + " " * (indent - cell_len(beginning)) + line)
                text.stylize("bold", 0, len(beginning))
                yield text


def _wrapped(value: str, width: int) -> list[str]:
    """Lines that end between words; a word longer than a line is taken for a path."""
    lines: list[str] = []
    for paragraph in value.splitlines():
        for line in textwrap.wrap(paragraph, width, break_long_words=False, break_on_hyphens=False):
            lines += folded(line, width) if cell_len(line) > width else [line]
    return lines


def _separator(path: str) -> str:
    return os.sep if os.sep in path else "/"

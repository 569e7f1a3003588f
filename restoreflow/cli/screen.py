"""Where everything is printed: text from elsewhere is only text there, whatever it holds.

What the commands print comes in part from configurations, cards, pictures, names and servers.
"""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Iterable
from typing import Any, TextIO

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

from restoreflow.errors import printable

__all__ = ["Console", "cell", "print_line", "print_traceback"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Console(rich.console.Console):
    """Rich's, with no control characters but its own, and no markup in what it prints."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Segments of what is printed."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def print_line(text: str, stream: TextIO | None = None) -> None:
    """Print a line at once; None: to standard output."""
    print(printable(text), file=stream or sys.stdout, flush=True)


def print_traceback(error: BaseException) -> None:
    """Print an error's traceback on stderr."""
    text = io.StringIO()
    traceback.print_exception(error, file=text)
    print_line(text.getvalue().rstrip("\n"), sys.stderr)


def cell(value: Any) -> Any:
    """A value for a table that a spreadsheet may open: no text is taken for a formula.

    A quotation mark before it makes it text there, as is usual.
    """
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if value.startswith(_FORMULA) else text

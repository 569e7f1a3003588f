"""A bar for work whose steps are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from restoreflow.cli.output import Console, Format, for_people

__all__ = ["download", "progress"]


@contextmanager
def progress(output_format: Format, steps: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr where a person looks; gives what is called with each finished name."""
    console = Console(stderr=True)
    hidden = not (for_people(output_format) and console.is_terminal)
    with Progress(console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("evaluating", total=steps)
        yield lambda name: bar.update(task, advance=1, description=escape(name))


@contextmanager
def download(output_format: Format, size: int) -> Iterator[Callable[[int], None]]:
    """A bar of bytes on stderr where a person looks; gives what is called with each few."""
    console = Console(stderr=True)
    hidden = not (size and for_people(output_format) and console.is_terminal)
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("", total=size)
        yield lambda count: bar.update(task, advance=count)

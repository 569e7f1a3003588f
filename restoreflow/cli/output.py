"""What commands print: sentences for people, records for programs, errors in one line.

All of it is printed here, and text from elsewhere (configurations, cards, pictures, names, servers)
is only text, whatever it holds.
"""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import rich.console
import typer
from rich.console import ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment

from restoreflow.batch.job import Job
from restoreflow.batch.judging import warning
from restoreflow.batch.record import Observer, Record, Summary, failure, json_line
from restoreflow.batch.record_types import RECORD_SCHEMA
from restoreflow.cli.startup import debugging
from restoreflow.errors import RestoreflowError, printable, shown

if TYPE_CHECKING:
    from restoreflow.batch.estimate import Estimate

__all__ = [
    "Console",
    "Format",
    "Reporter",
    "cell",
    "emit",
    "error_line",
    "for_people",
    "json_line",
    "print_line",
    "print_traceback",
]

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


Format = Literal["auto", "human", "json", "quiet"]


def for_people(output_format: Format) -> bool:
    """Whether a person reads: asked for, or stdout is a terminal and nothing was asked for."""
    return output_format == "human" or (output_format == "auto" and sys.stdout.isatty())


def emit(
    records: Iterable[Mapping[str, Any]], shown: RenderableType, output_format: Format
) -> None:
    """Print what a command found: tables for people, else one JSON record a line.

    Args:
        records: what programs get.
        shown: the same for people, anything that rich renders.
        output_format: "quiet" prints nothing.
    """
    if output_format == "quiet":
        return
    if for_people(output_format):
        Console(highlight=False).print(shown, crop=False)  # a name's line may be longer than it
        return
    for record in records:
        print_line(json_line({"schema": RECORD_SCHEMA} | dict(record)))


def error_line(message: str, hint: str = "") -> str:
    """An error as a line: what happened and where, then what to do next."""
    text = f"restoreflow: {message}" + (f" ({hint})" if hint else "")
    return printable("; ".join(line.strip() for line in text.splitlines() if line.strip()))


class Reporter(Observer):
    """Tells of a run over many files in the format asked for.

    human, on a terminal: a bar by tiles with the time left, a line a file, a summary. auto in a
    pipe: a line a file. json: a record a line, for several files a last one whose status is
    summary. quiet: errors alone. Errors go to stderr, but for json, where they are records like
    the others.

    Args:
        output_format: one of these.
        to_stderr: all of it goes to stderr, because a picture goes to stdout.
        verbose: a file's line also says how it was sampled and how well it keeps to its input.
    """

    def __init__(
        self, output_format: Format, to_stderr: bool = False, verbose: bool = False
    ) -> None:
        self._verbose = verbose
        self.people = for_people(output_format)
        self.format = "human" if self.people else output_format
        self._to_stderr = to_stderr
        self._bar: Progress | None = None
        if self.people and sys.stdout.isatty() and sys.stderr.isatty():
            self._bar = _bar()
        self._task: TaskID | None = None

    def __enter__(self) -> Reporter:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self.format == "json" and isinstance(error, RestoreflowError) and not debugging():
            self._print(json_line(failure(error)))
            raise typer.Exit(error.exit_code) from error

    def say(self, text: str) -> None:
        """A sentence about the run as a whole, for people, on stderr."""
        if self.people:
            print_line(text, sys.stderr)

    def begin(self, job: Job, index: int, total: int) -> None:
        """Show the file's name at the bar."""
        if self._bar is None:
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        number = f" ({index + 1} of {total})" if total > 1 else ""
        self._task = self._bar.add_task(escape(shown(job.input.name)) + number, total=None)

    def advance(self, done: int, total: int) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)

    def record(self, record: Record) -> None:
        """Tell of one file."""
        if record.error is not None and debugging():
            print_traceback(record.error)
        if self.format == "json":
            self._print(json_line(record.as_dict()))
        elif record.error is not None:
            print_line(_failure(record.input, record.error), sys.stderr)
        elif self.format != "quiet":
            self._print(_sentence(record, self._verbose))
            if (flag := warning(record)) is not None:
                print_line(flag, sys.stderr)
            for note in record.facts.get("notes", ()):
                print_line(f"  {note}", sys.stderr)

    def finish(self, summary: Summary) -> None:
        """Sum up, where there was more than one file."""
        if summary.inputs < 2:
            return
        if self.format == "json":
            self._print(json_line(summary.as_dict()))
        rate = summary.megapixels / summary.seconds if summary.seconds else 0.0
        speed = f", {summary.megapixels:.1f} megapixels, {rate:.2f} a second" if rate else ""
        self.say(f"{_counted(summary)} in {summary.seconds:.1f} s{speed}")

    def foretell(self, summary: Summary, estimate: Estimate | None) -> None:
        """Say what a run would amount to."""
        if self.format == "json":
            told = None if estimate is None else estimate.as_dict()
            self._print(json_line(summary.as_dict() | {"estimate": told}))
        elif self.format != "quiet":
            self._print(_counted(summary) + ("" if estimate is None else _foretold(estimate)))

    def _print(self, text: str) -> None:
        print_line(text, sys.stderr if self._to_stderr else sys.stdout)


def _counted(summary: Summary) -> str:
    names = ("planned", "done", "skipped", "failed", "flagged")
    counts = [(name, getattr(summary, name)) for name in names]
    return ", ".join(f"{count} {name}" for name, count in counts if count) or "nothing to do"


def _foretold(estimate: Estimate) -> str:
    minutes = estimate.seconds / 60
    time = f"{minutes:.0f} minutes" if minutes >= 2 else f"{estimate.seconds:.0f} seconds"
    size = f"{estimate.bytes / 1e6:.1f} MB"
    free = "" if estimate.free is None else f" ({estimate.free / 1e6:.0f} MB are free)"
    return f": about {estimate.megapixels:.1f} megapixels, {size}{free}, {time}"


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _sentence(record: Record, verbose: bool) -> str:
    source, facts = shown(record.input), record.facts
    files = [shown(path) for path in record.output]
    target = files[0] if len(files) == 1 else " .. ".join([*files[:1], *files[-1:]])
    if record.status == "planned":
        return f"{source}: would be {target}"
    if record.status == "skipped" and not files:
        return f"{source}: skipped: it {facts['reason']}"
    if record.status == "skipped":
        return f"{source}: skipped: {target} {facts['reason']}; --overwrite replaces it"
    told = [f"{facts['width']} x {facts['height']} pixels"]
    if facts.get("wear"):
        told.append("took it for " + worn(facts["wear"]))
    if verbose:
        told += _sampled(facts)
    told += [f"{facts[key]} {what}" for key, what in _WORRIES.items() if facts[key]]
    told.append(f"{facts['seconds']:.1f} s")
    return f"{source}: {target}: {', '.join(told)}"


def _sampled(facts: dict[str, Any]) -> list[str]:
    """How a result was drawn, and how well it keeps to its input."""
    told = [f"temperature {facts['temperature']:g}", f"seed {facts['seed']}"]
    if facts["lr_psnr"] is not None:
        told.append(f"LR-PSNR {facts['lr_psnr']:.1f} dB")
    if facts["lr_psnr_clean"] is not None:
        told.append(f"{facts['lr_psnr_clean']:.1f} dB to its own clean estimate")
    return told


def worn(wear: dict[str, float]) -> str:
    """What a model was told that a picture suffers from, in a few words."""
    found = []
    if wear["noise"] >= 0.5:
        found.append(f"noise of {wear['noise']:.0f} levels")
    if wear["quality"] < 95:
        found.append(f"JPEG quality {wear['quality']:.0f}")
    if wear["blur"] >= 0.3:
        found.append(f"blur of {wear['blur']:.1f} pixels")
    return ", ".join(found) or "clean"


_WORRIES = {"error_pixels": "pixels out of range", "nonfinite": "values that were not finite"}
"""Counts that are 0 as they should be, and said only where they are not."""


def _failure(source: Path, error: RestoreflowError) -> str:
    name = shown(source)
    where = "" if name in error.message else f"{name}: "
    return error_line(where + error.message, error.hint)

"""What `restoreflow ood-check` shows: a table by rank, CSV, a JSON record a line."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from restoreflow.batch.judging import JUDGED
from restoreflow.batch.record import Record, json_line
from restoreflow.cli.layout import elided, unbroken
from restoreflow.cli.output import Console, cell, error_line, print_line
from restoreflow.cli.progress_bar import progress
from restoreflow.errors import shown

__all__ = ["Format", "show", "telling"]

Format = Literal["auto", "human", "json", "csv"]

COLUMNS = ("input", *JUDGED, "error")

_LEAST_WHY, _ENOUGH_WHY = 12, 40
"""Columns of text that the reasons need for their longest words, and to be read with ease."""

_WORDS = {
    "unlike": "of 100 training photographs, how many are less unlike the others; bold is flagged",
    "artifacts": "probability that a result errs beyond what its samples' spread says",
    "verdict": "what to do first",
}
"""What the table's headings mean."""


@contextmanager
def telling(output_format: Format, count: int) -> Iterator[Callable[[Record], None]]:
    """What is called with each record as it comes: it moves a bar, or prints a JSON line."""
    if _for_people(output_format):
        with progress("human", count) as advance:
            yield lambda record: advance(shown(record.input.name))
    elif output_format == "csv":
        yield lambda record: None
    else:
        yield lambda record: print_line(json_line(_as_dict(record)))


def show(records: Sequence[Record], output_format: Format) -> None:
    """The table, strangest first; what failed comes last, on stderr unless it is a row."""
    done = [record for record in records if record.error is None]
    done.sort(key=lambda record: (-record.facts["ood_rank"], -record.facts["ood_score"]))
    failed = [record for record in records if record.error is not None]
    if output_format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        for record in map(_as_dict, done + failed):
            suffers = [each["words"] for each in record["suffers"] or ()]
            texts = {"reasons": record["reasons"] or (), "suffers": suffers}
            cells = record | {name: "; ".join(words) for name, words in texts.items()}
            writer.writerow(["" if cells.get(c) is None else cell(cells[c]) for c in COLUMNS])
        sys.stdout.flush()
    elif _for_people(output_format):
        if done:
            console = Console(highlight=False)
            console.print(_shown_in(done, console), crop=False)
            console.print(_explained(done))
        for record in failed:
            if record.error is not None:
                name, message = shown(record.input), record.error.message
                text = message if name in message else f"{name}: {message}"
                print_line(error_line(text, record.error.hint), sys.stderr)


def _for_people(output_format: Format) -> bool:
    return output_format == "human" or (output_format == "auto" and sys.stdout.isatty())


def _as_dict(record: Record) -> dict[str, Any]:
    """A record as programs get it."""
    told = record.as_dict()
    if record.error is not None:
        return dict.fromkeys(JUDGED) | told
    return told | ({"heatmap": told["output"][0]} if told["output"] else {})


def _shown_in(records: Sequence[Record], console: Console) -> RenderableType:
    """The table; in a window too narrow for it, the same picture by picture."""
    names = [shown(record.input) for record in records]
    figures = Measurement.get(console, console.options, _table(records, 0, whys=False)).maximum
    spare = console.width - figures
    shortest = max(cell_len(elided(name, 0)) for name in names)
    if shortest > spare - _LEAST_WHY:
        return Group(*(each for record in records for each in _lines(record, console.width)))
    most = max(shortest, spare - _ENOUGH_WHY)
    return _table(records, max(cell_len(elided(name, most)) for name in names))


def _table(records: Sequence[Record], file_width: int, whys: bool = True) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    likely = _tells_likely(records)
    for heading in ("unlike", "artifacts") if likely else ("unlike",):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("file", width=file_width, no_wrap=True)
    table.add_column("why" if whys else "", overflow="fold")
    for record in records:
        file = Text(elided(shown(record.input), file_width))
        figures = [_rank(record), *([_likely(record)] if likely else [])]
        why = Text(_why(record) if whys else "")
        style = "bold" if record.facts["flagged"] else ""
        table.add_row(*figures, record.facts["verdict"], file, why, style=style)
    return table


def _lines(record: Record, width: int) -> Iterator[RenderableType]:
    """A picture without a table: its name, then one thing a line."""
    style = "bold" if record.facts["flagged"] else ""
    yield unbroken(elided(shown(record.input), width), style)
    likely = f", artifacts {_likely(record)}" if _tells_likely([record]) else ""
    figures = f"unlike {_rank(record)}{likely}: {record.facts['verdict']}"
    for line in (figures, _why(record)):
        if line:
            yield Padding(Text(line, style=style), (0, 0, 0, 2))


def _explained(records: Sequence[Record]) -> Text:
    """What the headings mean, below the table."""
    left_out = () if _tells_likely(records) else ("artifacts",)
    lines = [f"{name}: {words}" for name, words in _WORDS.items() if name not in left_out]
    return Text("\n".join(lines), style="dim")


def _tells_likely(records: Sequence[Record]) -> bool:
    """Whether the model's statistics tell how probable artifacts are."""
    return any(record.facts["artifact_probability"] is not None for record in records)


def _rank(record: Record) -> str:
    return f"{record.facts['ood_rank']:.3g}"


def _likely(record: Record) -> str:
    likely = record.facts["artifact_probability"]
    return "-" if likely is None else f"{likely:.0%}"


def _why(record: Record) -> str:
    """What the picture suffers from; why it is unlike the others, if it is; and what to do."""
    facts = record.facts
    unlike = facts["reasons"][:2] if facts["flagged"] else []
    words = [*(each["words"] for each in facts["suffers"]), *unlike, facts["advice"]]
    return "; ".join(word for word in words if word)

"""What `restoreflow ood-check` shows: a table by score, CSV, a JSON record a line."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from restoreflow.batch.record import Record, json_line
from restoreflow.cli.evaluation_tables import progress
from restoreflow.cli.output import error_line
from restoreflow.cli.screen import Console, cell, print_line
from restoreflow.images.names import shown

__all__ = ["Format", "show", "telling"]

Format = Literal["auto", "human", "json", "csv"]

COLUMNS = ("file", "score", "probability", "unusual", "flagged", "verdict", "reasons", "error")


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
    done.sort(key=lambda record: -record.facts["score"])
    failed = [record for record in records if record.error is not None]
    if output_format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        for record in map(_as_dict, done + failed):
            cells = record | {"reasons": "; ".join(record["reasons"])}
            writer.writerow(["" if cells.get(c) is None else cell(cells[c]) for c in COLUMNS])
        sys.stdout.flush()
    elif _for_people(output_format):
        if done:
            Console(highlight=False).print(_table(done))
        for record in failed:
            if record.error is not None:
                name, message = shown(record.input), record.error.message
                text = message if name in message else f"{name}: {message}"
                print_line(error_line(text, record.error.hint), sys.stderr)


def _for_people(output_format: Format) -> bool:
    return output_format == "human" or (output_format == "auto" and sys.stdout.isatty())


def _as_dict(record: Record) -> dict[str, Any]:
    """A record as programs get it."""
    shared: dict[str, Any] = {"file": os.fspath(record.input), "status": record.status}
    if record.error is not None:
        empty = {"score": None, "probability": None, "flagged": None, "reasons": []}
        return shared | empty | {"error": record.error.message, "hint": record.error.hint}
    heatmap = [os.fspath(path) for path in record.output]
    return shared | record.facts | ({"heatmap": heatmap[0]} if heatmap else {})


def _table(records: Sequence[Record]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("score", "artifacts", "unusual"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("file", overflow="fold")
    table.add_column("why", overflow="fold")
    for record in records:
        facts = record.facts
        likely = "-" if facts["probability"] is None else f"{facts['probability']:.0%}"
        why = "; ".join(facts["reasons"][:2])
        cells = (f"{facts['score']:.3g}", likely, f"{facts['unusual']:.2g}", facts["verdict"])
        style = "bold" if facts["flagged"] else ""
        table.add_row(*cells, Text(shown(record.input)), Text(why), style=style)
    return table

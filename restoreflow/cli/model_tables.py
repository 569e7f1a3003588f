"""How `restoreflow models` shows its records to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from restoreflow.cli import certificates
from restoreflow.cli.layout import KeyedLines, Whole

__all__ = ["facts", "model", "models", "verified"]

_CONTROLS = {code: None for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\n\t"}
_TEXTS = {
    "training_data": "Training data",
    "recipe": "Recipe",
    "limits": "When it fails",
}
_LICENCES = {
    "license": "licence of weights",
    "code_license": "licence of code",
    "data_license": "licence of training data",
}


def models(records: Sequence[Mapping[str, Any]]) -> RenderableType:
    """One line a model."""
    if not records:
        return Text("No models came with this installation; see restoreflow models pull --help.")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "task", "coupling"):
        table.add_column(heading, no_wrap=True)
    for heading in ("values", "size", "temperature", "consistency"):
        table.add_column(heading, justify="right", no_wrap=True)
    for record in records:
        table.add_row(
            _text(record["name"]),
            _task(record),
            _text(record["coupling"]),
            _millions(record["values"]),
            _megabytes(record["bytes"]),
            f"{record['temperature']:g}",
            _on(record["consistency"]),
        )
    return Whole(table)


def model(record: Mapping[str, Any]) -> RenderableType:
    """Everything about one model."""
    head = {
        "name": record["name"],
        "task": _task(record),
        "coupling": record["coupling"],
        "weights": f"{_millions(record['values'])} values; {_megabytes(record['bytes'])} in all",
        "temperature": f"{record['temperature']:g} by default",
        "consistency": f"{_on(record['consistency'])} by default",
    }
    parts: list[RenderableType] = []
    card: Mapping[str, str] | None = record["card"]
    if card is None:
        head["card"] = record["card_error"]
    else:
        head |= {label: card[key] for key, label in _LICENCES.items()}
        parts.append(_text(f"\n{card['summary']}"))
        for key, title in _TEXTS.items():
            parts += [Text(f"\n{title}", style="bold"), _text(card[key])]
    if record["figures"]:
        parts += [Text("\nFigures", style="bold"), _figures(record["figures"])]
    if "certificate" in record:
        parts += [Text("\nCertificate", style="bold"), *certificates.shown(record["certificate"])]
    return Group(facts(head | _place(record)), *parts)


def verified(record: Mapping[str, Any]) -> RenderableType:
    """The files of a model that passed."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("file", no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("sha256")
    table.add_column("checked against config.json", no_wrap=True)
    for file in record["files"]:
        listed = "matches" if file["listed"] else ""
        table.add_row(_text(file["name"]), f"{file['size']:,}", file["sha256"][:16], listed)
    done = Text(f"{record['name']}: all files are whole and the weights load", style="green")
    promise = Text(certificates.in_short(record["orthogonality"], record["certificate"]))
    return Group(facts(_place(record)), Whole(table), promise, done)


def facts(record: Mapping[str, Any]) -> RenderableType:
    """A key and its value a line; what is None is left out."""
    texts = {
        _text(key).plain: _text(value).plain for key, value in record.items() if value is not None
    }
    return KeyedLines(texts, paths=("path", "folder"))


def _place(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in ("source", "revision", "path")}


def _figures(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A measure a line and a measured method a column: there are too many measures for a line."""
    from restoreflow.models.card import figure_columns

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    for _ in rows:
        table.add_column(justify="right", overflow="fold")
    for column in figure_columns(rows):
        label = _text(column.replace("_", " "))
        table.add_row(label, *(_number(row.get(column)) for row in rows))
    return table


def _text(value: object) -> Text:
    """Text without the control characters that a file from elsewhere could steer a terminal by."""
    return Text(str(value).translate(_CONTROLS))


def _task(record: Mapping[str, Any]) -> str:
    return f"{record['task']} x{record['scale']}" if record["scale"] > 1 else record["task"]


def _number(value: object) -> Text:
    if value is None:
        return Text("-")
    return Text(f"{value:.4g}") if isinstance(value, float) else _text(value)


def _on(value: bool) -> str:
    return "on" if value else "off"


def _millions(values: int) -> str:
    return f"{values / 1e6:.3g} M"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"

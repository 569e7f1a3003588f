"""The table of `ood-check`'s page: one row an input, sortable by its columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from restoreflow.printable import shown
from restoreflow.reports.entries import OodEntry
from restoreflow.reports.legend import number
from restoreflow.reports.markup import Markup, tag
from restoreflow.reports.previews import Preview

__all__ = ["Row", "Thumbnail", "ood_table"]


@dataclass(frozen=True)
class Thumbnail:
    """An input's preview, its own size in pixels, and its heat map's preview."""

    picture: Preview
    width: int
    height: int
    heat: Preview | None = None


@dataclass(frozen=True)
class Row:
    """An entry, without its pixels, and its picture."""

    entry: OodEntry
    thumbnail: Thumbnail | None = None

    @property
    def rank(self) -> float:
        """The score to sort by: what is not a number counts as infinite."""
        return math.inf if math.isnan(self.entry.score) else self.entry.score


def ood_table(rows: Sequence[Row]) -> Markup:
    """A `<table>`, the highest score first; its headings are buttons that sort."""
    unusual = any(row.entry.unusual is not None for row in rows)
    probable = any(row.entry.probability is not None for row in rows)
    ordered = sorted(rows, key=lambda row: row.rank, reverse=True)
    headings = [
        tag("th", {"scope": "col"}, "Picture"),
        _heading("File", "text"),
        _heading("Score", "number", "descending"),
        _heading("Unusual either way", "number") if unusual else None,
        _heading("Artifacts", "number") if probable else None,
        _heading("Verdict", "text"),
        tag("th", {"scope": "col"}, "Why"),
    ]
    caption = tag("caption", {"class": "unseen"}, "Inputs and their scores; headings sort")
    body = (_row(row, unusual, probable) for row in ordered)
    table = tag(
        "table",
        None,
        caption,
        tag("thead", None, tag("tr", None, *headings)),
        tag("tbody", None, *body),
    )
    live = tag("p", {"class": "unseen", "role": "status"})
    return tag("div", {"class": "table"}, table, live)


def _heading(title: str, kind: str, sort: str = "none") -> Markup:
    button = tag("button", {"type": "button"}, title)
    return tag("th", {"scope": "col", "data-kind": kind, "aria-sort": sort}, button)


def _row(row: Row, unusual: bool, probable: bool) -> Markup:
    entry = row.entry
    verdict = entry.verdict or ("Flagged" if entry.flagged else "Usual")
    # Flagged before the others, whatever the words.
    key = f"{'0' if entry.flagged else '1'} {verdict}"
    return tag(
        "tr",
        {"class": "flagged" if entry.flagged else None},
        tag("td", {"class": "picture"}, _picture(row)),
        _file(entry),
        _number("Score", entry.score, number(entry.score)),
        _number("Unusual", entry.unusual, _or_dash(entry.unusual)) if unusual else None,
        _number("Artifacts", entry.probability, _share(entry.probability)) if probable else None,
        tag("td", {"class": "verdict", "data-value": key}, verdict),
        tag("td", {"class": "reasons"}, ", ".join(entry.reasons)),
    )


def _file(entry: OodEntry) -> Markup:
    name = shown(entry.file)
    path = PurePath(name)
    folder = str(path.parent)
    place = None if folder == "." else tag("span", {"class": "folder"}, folder)
    label = tag("bdi", None, path.name)
    return tag("th", {"scope": "row", "class": "file", "data-value": name}, label, place)


def _number(title: str, value: float | None, words: str) -> Markup:
    sort = "" if value is None else repr(math.inf if math.isnan(value) else float(value))
    sort = sort.replace("inf", "Infinity")
    return tag("td", {"class": "number", "data-value": sort, "data-title": title}, words)


def _or_dash(value: float | None) -> str:
    return "–" if value is None else number(value)


def _share(probability: float | None) -> str:
    return "–" if probability is None else f"{100 * probability:.0f} %"


def _picture(row: Row) -> Markup | None:
    thumbnail, name = row.thumbnail, shown(row.entry.file)
    if thumbnail is None:
        return None
    alt = f"{name}, {thumbnail.width} × {thumbnail.height} pixels"
    ratio = f"--ratio:{thumbnail.width / thumbnail.height:.5f}"
    frame = tag(
        "span",
        {"class": "frame", "style": ratio},
        tag("img", {"src": thumbnail.picture.url, "alt": alt, "decoding": "async"}),
        _heat(thumbnail.heat, row.entry) if thumbnail.heat else None,
    )
    return tag(
        "button",
        {"type": "button", "class": "open"},
        frame,
        tag("span", {"class": "unseen"}, "Open larger"),
    )


def _heat(heat: Preview, entry: OodEntry) -> Markup:
    alt = f"Heat map of the score over {shown(entry.file)}; score {number(entry.score)}"
    return tag(
        "img", {"src": heat.url, "alt": alt, "class": "heat", "hidden": True, "decoding": "async"}
    )

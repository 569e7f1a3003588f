"""The table of `ood-check`'s page: one row an input, sortable by its columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from restoreflow.errors import shown
from restoreflow.reports.entries import OodEntry
from restoreflow.reports.legend import number
from restoreflow.reports.markup import Markup, tag
from restoreflow.reports.previews import Preview

__all__ = ["Row", "Thumbnail", "ood_table"]

_UNLIKE = "Of 100 training photographs, how many are less unlike the others"
_ARTIFACTS = "Probability that a result errs beyond what its samples' spread says"


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


def ood_table(rows: Sequence[Row], threshold: float = math.inf) -> Markup:
    """A `<table>`, the highest score first; its headings are buttons that sort.

    Args:
        rows: the inputs.
        threshold: scores beyond it are coloured; reasons are wherever a picture is flagged.
    """
    ranked = any(row.entry.rank is not None for row in rows)
    probable = any(row.entry.probability is not None for row in rows)
    ordered = sorted(rows, key=lambda row: row.rank, reverse=True)
    headings = [
        tag("th", {"scope": "col"}, "Picture"),
        _heading("File", "text"),
        _heading("Score", "number", "descending"),
        _heading("Unlike", "number", title=_UNLIKE) if ranked else None,
        _heading("Artifacts", "number", title=_ARTIFACTS) if probable else None,
        _heading("Verdict", "text", title="What to do first"),
        tag("th", {"scope": "col"}, "Suffers from"),
        tag("th", {"scope": "col"}, "Unlike because of"),
    ]
    caption = tag("caption", {"class": "unseen"}, "Inputs and their scores; headings sort")
    body = (_row(row, threshold, ranked, probable) for row in ordered)
    table = tag(
        "table",
        None,
        caption,
        tag("thead", None, tag("tr", None, *headings)),
        tag("tbody", None, *body),
    )
    live = tag("p", {"class": "unseen", "role": "status"})
    return tag("div", {"class": "table"}, table, live)


def _heading(name: str, kind: str, sort: str = "none", title: str | None = None) -> Markup:
    button = tag("button", {"type": "button", "title": title}, name)
    return tag("th", {"scope": "col", "data-kind": kind, "aria-sort": sort}, button)


def _row(row: Row, threshold: float, ranked: bool, probable: bool) -> Markup:
    entry = row.entry
    verdict = entry.verdict or ("flagged" if entry.flagged else "nothing to do")
    # Flagged before the others, whatever the words.
    key = f"{'0' if entry.flagged else '1'} {verdict}"
    beyond = not entry.score <= threshold
    return tag(
        "tr",
        {"class": "flagged" if entry.flagged else None},
        tag("td", {"class": "picture"}, _picture(row)),
        _file(entry),
        _number("Score", entry.score, number(entry.score), beyond),
        _number("Unlike", entry.rank, _rank(entry.rank)) if ranked else None,
        _number("Artifacts", entry.probability, _share(entry.probability)) if probable else None,
        tag("td", {"class": "verdict", "data-value": key, "title": entry.advice or None}, verdict),
        tag("td", {"class": "suffers"}, ", ".join(entry.suffers)),
        tag("td", {"class": "reasons"}, ", ".join(entry.reasons)),
    )


def _file(entry: OodEntry) -> Markup:
    name = shown(entry.file)
    path = PurePath(name)
    folder = str(path.parent)
    place = None if folder == "." else tag("span", {"class": "folder"}, folder)
    label = tag("bdi", None, path.name)
    return tag("th", {"scope": "row", "class": "file", "data-value": name}, label, place)


def _number(title: str, value: float | None, words: str, beyond: bool = False) -> Markup:
    sort = "" if value is None else repr(math.inf if math.isnan(value) else float(value))
    sort = sort.replace("inf", "Infinity")
    kind = "number beyond" if beyond else "number"
    return tag("td", {"class": kind, "data-value": sort, "data-title": title}, words)


def _rank(rank: float | None) -> str:
    return "–" if rank is None else f"{rank:.3g} of 100"


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

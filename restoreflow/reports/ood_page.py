"""The page of `ood-check`: which inputs are unlike the training photographs, where, and why."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from restoreflow.outputs.atomic import write_atomic
from restoreflow.reports.entries import FailedEntry, OodEntry, Reference
from restoreflow.reports.failures import failures
from restoreflow.reports.histogram import histogram
from restoreflow.reports.legend import SCORE_SCALE, HeatScale, legend, number
from restoreflow.reports.markup import Markup, document, tag
from restoreflow.reports.ood_table import Row, Thumbnail, ood_table
from restoreflow.reports.previews import Previews, embed, embed_map

__all__ = ["THUMBNAILS", "OodPage", "Scoring", "ood_page"]

THUMBNAILS = Previews(max_side=640, lossless_side=128, quality=85)
"""The pictures of the page: small in the table, at this size when opened."""

_MAP_SIDE = 320


@dataclass(frozen=True)
class Scoring:
    """What the scores of a page were measured by.

    Args:
        model: its name.
        threshold: scores at or beyond it are flagged; finite.
        reference: the training photographs' scores, or None.
        scale: the fixed scale of the heat maps.
    """

    model: str
    threshold: float
    reference: Reference | None = None
    scale: HeatScale = SCORE_SCALE

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise ValueError(f"the threshold has to be finite, got {self.threshold}")


class OodPage:
    """A page that grows by one input after another and keeps only small previews.

    Args:
        scoring: model, threshold, reference, scale.
        title: the heading.
        previews: how large the pictures are.
        max_pictures: only the inputs of the highest scores have pictures.
    """

    def __init__(
        self,
        scoring: Scoring,
        title: str = "Unlike the training photographs",
        previews: Previews = THUMBNAILS,
        max_pictures: int = 300,
    ) -> None:
        self.title = title
        self._scoring = scoring
        self._previews = previews
        self._max_pictures = max_pictures
        self._rows: list[Row] = []
        self._pictured: list[tuple[float, int]] = []  # a heap: its first is the next to lose
        self._failed: list[FailedEntry] = []

    def add(self, entry: OodEntry | FailedEntry) -> None:
        """Add one input; its picture is encoded now and not kept."""
        if isinstance(entry, FailedEntry):
            self._failed.append(entry)
            return
        row = Row(replace(entry, image=None, score_map=None))
        if entry.image is not None and self._makes_room(row.rank):
            heapq.heappush(self._pictured, (row.rank, len(self._rows)))
            row = replace(row, thumbnail=self._thumbnail(entry))
        self._rows.append(row)

    def html(self) -> str:
        """The page as it stands."""
        scoring, entries = self._scoring, [row.entry for row in self._rows]
        scores = [entry.score for entry in entries]
        heading = tag(
            "header",
            {"class": "top"},
            tag("h1", None, self.title),
            tag("p", {"class": "lead"}, self._lead()),
        )
        body = tag(
            "main",
            None,
            heading,
            histogram(scores, scoring.reference, scoring.threshold),
            self._controls(),
            ood_table(self._rows, scoring.threshold) if self._rows else None,
            self._left_out(),
            failures(self._failed, "Not read"),
            _dialog(scoring),
        )
        return document(self.title, body, ["page.css", "ood.css"], "ood.js")

    def write(self, path: str | Path, overwrite: bool = False) -> None:
        """Write the page, whole or not at all.

        Raises:
            OutputError: the file exists, or cannot be written.
            LimitError: the disk is full.
        """
        write_atomic(path, self.html().encode("utf-8"), overwrite)

    def _makes_room(self, rank: float) -> bool:
        if len(self._pictured) < self._max_pictures:
            return True
        if not self._pictured or rank <= self._pictured[0][0]:
            return False
        _, loser = heapq.heappop(self._pictured)
        self._rows[loser] = replace(self._rows[loser], thumbnail=None)
        return True

    def _thumbnail(self, entry: OodEntry) -> Thumbnail | None:
        if entry.image is None:
            return None
        picture, values = embed(entry.image, self._previews), entry.score_map
        if values is None:
            return Thumbnail(picture, *entry.image.size)
        heat = embed_map(values, self._scoring.scale.maximum, _MAP_SIDE)
        return Thumbnail(picture, *entry.image.size, heat)

    def _lead(self) -> str:
        scoring, count = self._scoring, len(self._rows)
        flagged = sum(row.entry.flagged for row in self._rows)
        words = f"{flagged} of {count} {'picture' if count == 1 else 'pictures'} flagged"
        words += f", {len(self._failed)} not read" if self._failed else ""
        words += (
            f". The score is how far the features that {scoring.model} sees in a picture lie from "
            f"those of its training photographs; 1 is their average. "
            f"From {number(scoring.threshold)} on a picture is flagged"
        )
        if scoring.reference is not None:
            share = 100 * (1 - float(scoring.reference.share_below(scoring.threshold)))
            words += f", as {share:.2g}\u00a0% of ordinary photographs are"
        return f"{words}. So is one whose reason stands in red, whatever its score."

    def _controls(self) -> Markup | None:
        if not any(row.thumbnail and row.thumbnail.heat for row in self._rows):
            return None
        check = tag("input", {"type": "checkbox", "data-control": "maps"})
        label = tag("label", {"class": "check"}, check, "Heat maps over the pictures")
        key = tag("div", {"class": "key", "hidden": True}, _key(self._scoring))
        return tag("div", {"class": "controls"}, label, key)

    def _left_out(self) -> Markup | None:
        if len(self._pictured) < self._max_pictures or len(self._rows) <= self._max_pictures:
            return None
        words = f"Pictures are shown for the {len(self._pictured)} highest scores."
        return tag("p", {"class": "note"}, words)


def ood_page(entries: Iterable[OodEntry | FailedEntry], scoring: Scoring) -> str:
    """The page of these entries, which may come from a generator: each is let go after its turn."""
    page = OodPage(scoring)
    for entry in entries:
        page.add(entry)
    return page.html()


def _key(scoring: Scoring) -> Markup:
    return legend(scoring.scale, mark=scoring.threshold)


def _dialog(scoring: Scoring) -> Markup:
    check = tag("input", {"type": "checkbox", "data-control": "maps"})
    return tag(
        "dialog",
        {"aria-labelledby": "opened"},
        tag(
            "header",
            None,
            tag("h2", {"id": "opened"}),
            tag("button", {"type": "button", "class": "close"}, "Close"),
        ),
        tag("div", {"class": "large"}),
        tag("p", {"class": "words"}),
        tag(
            "footer",
            None,
            tag("label", {"class": "check"}, check, "Heat map"),
            tag("div", {"class": "key", "hidden": True}, _key(scoring)),
        ),
    )

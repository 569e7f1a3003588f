"""The inputs that came to nothing, at the end of a page."""

from __future__ import annotations

from collections.abc import Sequence

from restoreflow.errors import shown
from restoreflow.reports.entries import FailedEntry
from restoreflow.reports.markup import Markup, tag

__all__ = ["failures"]


def failures(entries: Sequence[FailedEntry], title: str) -> Markup | None:
    """A list of files, what happened and what to do; None where there are none."""
    if not entries:
        return None
    items = (
        tag(
            "li",
            None,
            tag("bdi", {"class": "name"}, shown(entry.file)),
            tag("span", None, entry.message + (f" ({entry.hint})" if entry.hint else "")),
        )
        for entry in entries
    )
    heading = tag("h2", None, title)
    return tag("section", {"class": "failures"}, heading, tag("ul", None, *items))

"""Benchmark sets: folders of pictures, and pairs of a dark picture and its well exposed truth."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from restoreflow.errors import UsageError
from restoreflow.lab.photographs import SUFFIXES

__all__ = ["Pair", "list_pairs", "list_pictures"]


class Pair(NamedTuple):
    """A degraded picture and its truth."""

    degraded: Path
    truth: Path


def list_pictures(folder: Path, limit: int | None = None) -> list[Path]:
    """The pictures directly in a folder, by name; the first `limit` of them.

    Raises:
        UsageError: it is no folder, or holds no picture.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "name a folder of pictures")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        inside = sorted(path.name for path in folder.iterdir() if path.is_dir())
        hint = f"name one of its folders: {', '.join(inside)}" if inside else ""
        raise UsageError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))})", hint)
    return found[:limit]


def list_pairs(folder: Path, limit: int | None = None) -> list[Pair]:
    """The pairs `low/NAME` and `high/NAME` of a folder, by name; the first `limit` of them.

    Raises:
        UsageError: it has no such folders, or one has a name that the other lacks.
    """
    for part in ("low", "high"):
        if not (folder / part).is_dir():
            raise UsageError(
                f"{folder} has no folder {part!r}", "pairs are low/NAME and high/NAME, same names"
            )
    degraded, truths = list_pictures(folder / "low"), list_pictures(folder / "high")
    unpaired = {path.name for path in degraded} ^ {path.name for path in truths}
    if unpaired:
        raise UsageError(
            f"{folder}: {len(unpaired)} pictures have no partner, the first is {min(unpaired)}",
            "low and high must hold the same names",
        )
    return [Pair(*pair) for pair in zip(degraded, truths, strict=True)][:limit]

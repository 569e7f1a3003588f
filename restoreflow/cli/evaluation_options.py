"""Options that the commands of `restoreflow evaluate` share, and what they amount to."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from restoreflow.errors import UsageError

__all__ = [
    "Limit",
    "Lpips",
    "Out",
    "Overwrite",
    "Temperatures",
    "parse_temperatures",
    "require_free",
]

Temperatures = Annotated[
    str,
    typer.Option(
        "--temperatures", metavar="T,T...", help="0: the calmest result, 1: all of the variety."
    ),
]
Lpips = Annotated[
    Path | None,
    typer.Option(
        "--lpips",
        metavar="FOLDER",
        help="Where alex_lpips.safetensors and squeeze_lpips.safetensors are.",
        show_default="RESTOREFLOW_LPIPS, or else the package lpips",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", min=1, help="Take the first so many pictures only.", show_default="all"
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Also write everything to this JSON file.",
        show_default=False,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the file of --out if it exists.")
]


def parse_temperatures(text: str) -> list[float]:
    """The values of --temperatures, each once.

    Raises:
        UsageError: one is no number of 0 or more.
    """
    try:
        levels = [float(part) for part in text.split(",")]
    except ValueError:
        levels = [math.nan]
    if not all(math.isfinite(level) and level >= 0 for level in levels):
        raise UsageError(
            f"--temperatures {text!r}: each must be a number, 0 or more", "for example 0,0.5,0.8"
        )
    return list(dict.fromkeys(levels))


def require_free(out: Path | None, overwrite: bool) -> None:
    """Refuse an --out that cannot be written: before hours of work, not after.

    Raises:
        UsageError: it exists and is not to be replaced, or its folder does not exist.
    """
    if out is None:
        return
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists already", "choose another --out, or --overwrite it")
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent} is not a folder", "make it, or choose another --out")

"""Options that the commands of `restoreflow evaluate` share, and what they amount to."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from restoreflow.errors import UsageError
from restoreflow.outputs.atomic import write_atomic
from restoreflow.outputs.gate import reading, settle

__all__ = [
    "Limit",
    "Lpips",
    "Out",
    "Overwrite",
    "Target",
    "Temperatures",
    "Truths",
    "parse_temperatures",
    "weights_in",
]

Truths = Annotated[
    list[Path],
    typer.Option(
        "--data", metavar="FOLDER", help="True pictures; repeat the option for more sets."
    ),
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
        help="Where alex_lpips.safetensors and squeeze_lpips.safetensors are: see evaluate fetch.",
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


class Target:
    """The file of --out, and all that the command reads.

    Args:
        path: the file; None: there is none.
        overwrite: whether it is replaced if it is there.
    """

    def __init__(self, path: Path | None, overwrite: bool) -> None:
        self.path, self._overwrite = path, overwrite
        self._reads: list[Path] = []
        self.keep(())

    def keep(self, reads: Iterable[Path]) -> None:
        """See, before hours of work and not after, that the file can be written.

        Args:
            reads: what the command reads, beside what it was told before.

        Raises:
            UsageError: it is one of these, or there and not to be replaced, or has no folder.
        """
        self._reads += reads
        settle([("--out", self.path)], self._overwrite, self._reads)

    def write(self, data: bytes) -> None:
        """Write it; raises as `write_atomic`."""
        if self.path is not None:
            with reading(self._reads):
                write_atomic(self.path, data, self._overwrite)


def weights_in(folder: Path | None) -> list[Path]:
    """The files of --lpips."""
    chosen = folder or os.environ.get("RESTOREFLOW_LPIPS")
    return sorted(Path(chosen).glob("*.safetensors")) if chosen else []

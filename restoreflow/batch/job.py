"""One input of a run with the files that come of it, and parts of a run."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from restoreflow.batch.discover import Page
from restoreflow.batch.record import Record
from restoreflow.errors import UsageError

__all__ = ["STREAM", "Job", "Shard"]

STREAM = Path("-")
"""Stands for standard input and standard output."""


@dataclass(frozen=True, slots=True)
class Job:
    """One input and the files that come of it.

    Args:
        input: the picture to restore.
        outputs: a file a sample, in order.
        uncertainty: the heat map, or None.
        grid: the contact sheet, or None.
        arrays: the file of numbers, or None.
        format: the samples'.
        folder: the output folder, which has a manifest; None where results lie beside inputs.
        page: of the input; None where that is all of it.
        place: the input's place below the folder it was found in, its parts set off by slashes, the
            same on every machine.
        data: the input's bytes, where it is not a file.
        sink: where the result goes, where it is not a file.
        settled: what became of it, where nothing is left to do.
    """

    input: Path
    outputs: tuple[Path, ...]
    uncertainty: Path | None = None
    grid: Path | None = None
    arrays: Path | None = None
    format: str = "png"
    folder: Path | None = None
    page: Page | None = None
    place: str = ""
    data: bytes | None = None
    sink: BinaryIO | None = None
    settled: Record | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files it writes."""
        beside = tuple(p for p in (self.uncertainty, self.grid, self.arrays) if p is not None)
        return self.outputs + beside


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of the inputs, the same whatever else is among them.

    Args:
        number: 1 .. count.
        count: of parts.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read "i/n".

        Raises:
            UsageError: not of that form, or not 1 <= i <= n.
        """
        number, _, count = text.partition("/")
        if not re.fullmatch(r"[0-9]{1,9}/[0-9]{1,9}", text):
            raise UsageError(f'--shard is "{text}"', "give i/n, as 1/4 .. 4/4")
        if not 1 <= int(number) <= int(count):
            raise UsageError(f'--shard is "{text}"', "shards count from 1: 1/4 .. 4/4")
        return cls(int(number), int(count))

    @property
    def name(self) -> str:
        """As part of a file's name."""
        return f"{self.number}-of-{self.count}"

    def has(self, job: Job) -> bool:
        """Whether a job belongs to it."""
        digest = hashlib.sha256(os.fsencode(job.place)).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1

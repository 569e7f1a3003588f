"""What became of each input, and what a run's records amount to."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from restoreflow.errors import LimitError, RestoreflowError

__all__ = ["Record", "Status", "Summary", "explained"]

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Record:
    """What became of one input.

    Args:
        input: its path.
        status: done, skipped (its results exist) or failed (nothing was written).
        output: the files written, or for skipped those that exist; a file a sample.
        facts: what else is to be said: seed, temperature, model, scale, size, lr_psnr (dB),
            error_pixels, nonfinite, seconds, device, notes, uncertainty, grid; or reason.
        error: why it failed.
    """

    input: Path
    status: Status
    output: tuple[Path, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    error: RestoreflowError | None = None

    def as_dict(self) -> dict[str, Any]:
        """The record as programs get it; one that failed has "error" and "hint"."""
        record = {
            "input": str(self.input),
            "output": [str(path) for path in self.output],
            "status": self.status,
            **self.facts,
        }
        if self.error is not None:
            record |= {"error": self.error.message, "hint": self.error.hint}
        return record


@dataclass(frozen=True)
class Summary:
    """A run's records, counted.

    Args:
        done, skipped, failed: inputs.
        limited: how many of the failed reached a limit of memory, disk or size.
        seconds: the whole run's.
        megapixels: written in result pictures.
    """

    done: int
    skipped: int
    failed: int
    limited: int = 0
    seconds: float = 0.0
    megapixels: float = 0.0

    @classmethod
    def of(cls, records: Sequence[Record], seconds: float) -> Summary:
        """Count a run's records."""
        count = dict.fromkeys(("done", "skipped", "failed"), 0)
        for record in records:
            count[record.status] += 1
        limited = sum(isinstance(record.error, LimitError) for record in records)
        done = [record for record in records if record.status == "done"]
        pixels = sum(r.facts["width"] * r.facts["height"] * len(r.output) for r in done)
        return cls(**count, limited=limited, seconds=seconds, megapixels=pixels / 1e6)

    @property
    def exit_code(self) -> int:
        """0: nothing failed; 5: all that failed reached a limit; 4: all failed; 3: some did."""
        if not self.failed:
            return 0
        if self.limited == self.failed:
            return LimitError.exit_code
        return 3 if self.done or self.skipped else 4


def explained(error: Exception) -> RestoreflowError:
    """Any error as one that a reader can act on; what is not foreseen is called a defect."""
    if isinstance(error, RestoreflowError):
        return error
    if isinstance(error, MemoryError):
        return LimitError("out of memory", "use a smaller --tile, or fewer --samples")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return LimitError("no space left on the disk", "free some, or write elsewhere with -o")
    return RestoreflowError(
        f"unexpected {type(error).__name__}: {error}",
        "this is a defect; --debug shows where",
    )

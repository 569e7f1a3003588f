"""What became of each input, and what a run's records amount to."""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from restoreflow.batch.record_types import RECORD_SCHEMA
from restoreflow.errors import FlaggedError, LimitError, RestoreflowError
from restoreflow.free_memory import is_out_of_memory

if TYPE_CHECKING:
    from restoreflow.batch.job import Job
    from restoreflow.batch.restore import Result
    from restoreflow.images.picture import Picture
    from restoreflow.ood.check import Check

__all__ = [
    "Observer",
    "Record",
    "Restored",
    "Status",
    "Summary",
    "Tally",
    "explained",
    "failure",
    "json_line",
    "rounded",
]

_DIGITS = {
    **dict.fromkeys(("seconds", "megapixels_per_second"), 3),
    **dict.fromkeys(("lr_psnr", "lr_psnr_clean"), 2),
    **dict.fromkeys(("scale", "mean", "p99", "share"), 4),
    "megapixels": 6,
    **dict.fromkeys(("largest_detail", "ood_rank", "ood_score", "artifact_probability"), 4),
}
"""Decimal places of a record's figures; seconds, megapixels, dB, shares of a range."""

Status = Literal["done", "skipped", "failed", "planned"]


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one input.

    Args:
        input: its path.
        status: done, skipped (its results exist), failed (nothing was written), or of a dry run
            planned.
        output: the files written, or for skipped those that exist; a file a sample.
        facts: what else is to be said: seed, temperature, model, scale, size, lr_psnr (dB),
            error_pixels, nonfinite, seconds, device, notes, uncertainty, grid, arrays; those of
            `judging.judged_facts`, None where it was not judged; or reason.
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
            "schema": RECORD_SCHEMA,
            "input": str(self.input),
            "output": [str(path) for path in self.output],
            "status": self.status,
            **self.facts,
        }
        if self.error is not None:
            record |= {"error": self.error.message, "hint": self.error.hint}
        return rounded(record)


@dataclass(frozen=True)
class Summary:
    """A run's records, counted.

    Args:
        done, skipped, failed: inputs.
        limited: how many of the failed reached a limit of memory, disk or size.
        planned: how many a dry run would restore.
        flagged: how many are unlike what the model has learnt from, whatever became of them.
        refused: how many of the failed were refused because they are.
        seconds: the whole run's.
        megapixels: written in result pictures.
    """

    done: int
    skipped: int
    failed: int
    limited: int = 0
    planned: int = 0
    flagged: int = 0
    refused: int = 0
    seconds: float = 0.0
    megapixels: float = 0.0

    @classmethod
    def of(cls, records: Iterable[Record], seconds: float) -> Summary:
        """Count a run's records."""
        tally = Tally()
        for record in records:
            tally.add(record)
        return tally.summary(seconds)

    @property
    def inputs(self) -> int:
        """How many there were."""
        return self.done + self.skipped + self.failed + self.planned

    def as_dict(self) -> dict[str, Any]:
        """The summary as programs get it; megapixels_per_second is None where nothing was done."""
        rate = self.megapixels / self.seconds if self.done and self.seconds else None
        told = asdict(self) | {"megapixels_per_second": rate, "exit_code": self.exit_code}
        return {"schema": RECORD_SCHEMA, "status": "summary"} | rounded(told)

    @property
    def exit_code(self) -> int:
        """What the run ends with.

        0: nothing failed; 7: an input was refused as flagged; 5: all that failed reached a limit;
        4: all failed; 3: some did.
        """
        if not self.failed:
            return 0
        if self.refused:
            return FlaggedError.exit_code
        if self.limited == self.failed:
            return LimitError.exit_code
        return 3 if self.done or self.skipped or self.planned else 4


class Tally:
    """Counts a run's records, and keeps none."""

    def __init__(self) -> None:
        self._count = dict.fromkeys(("done", "skipped", "failed", "planned"), 0)
        self._limited = self._flagged = self._refused = self._pixels = 0

    def add(self, record: Record) -> None:
        """Count one more."""
        self._count[record.status] += 1
        self._limited += isinstance(record.error, LimitError)
        self._refused += isinstance(record.error, FlaggedError)
        self._flagged += bool(record.facts.get("flagged"))
        if record.status == "done":
            facts = record.facts
            self._pixels += facts["width"] * facts["height"] * len(record.output)

    def summary(self, seconds: float) -> Summary:
        """What they amount to, after so many seconds."""
        return Summary(
            **self._count,
            limited=self._limited,
            flagged=self._flagged,
            refused=self._refused,
            seconds=seconds,
            megapixels=self._pixels / 1e6,
        )


def explained(error: Exception) -> RestoreflowError:
    """Any error as one that a reader can act on; what is not foreseen is called a defect."""
    if isinstance(error, RestoreflowError):
        return error
    if is_out_of_memory(error):
        return LimitError("out of memory", "use a smaller --tile, or fewer --samples")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return LimitError("no space left on the disk", "free some, or write elsewhere with -o")
    return RestoreflowError(
        f"unexpected {type(error).__name__}: {error}",
        "this is a defect; --debug shows where",
    )


def failure(error: RestoreflowError) -> dict[str, Any]:
    """The record of an error that no input is to blame for."""
    record = {"schema": RECORD_SCHEMA, "input": None, "output": [], "status": "failed"}
    return record | {"error": error.message, "hint": error.hint}


def rounded(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with no more digits than its figures are good for."""
    return {
        name: round(value, _DIGITS[name])
        if name in _DIGITS and isinstance(value, float) and math.isfinite(value)
        else value
        for name, value in record.items()
    }


def json_line(record: Mapping[str, Any]) -> str:
    """A record as one line of strict JSON in ASCII; numbers that are not finite become null."""
    return json.dumps(_finite(record), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


class Restored(NamedTuple):
    """An input and what came of it.

    Attributes:
        job: the input and its files.
        picture: as decoded.
        result: what was restored.
        check: how unlike what the model has learnt from the input is; None where not judged.
    """

    job: Job
    picture: Picture
    result: Result
    check: Check | None


class Observer:
    """Is told what happens during a run; every method does nothing unless overridden.

    Attributes:
        looks: whether results are kept for `restored` until their files are written.
    """

    looks: bool = False

    def begin(self, job: Job, index: int, total: int) -> None:
        """Work on input `index` of `total`, from 0, begins."""

    def advance(self, done: int, total: int) -> None:
        """So many tiles of the current input are done, of so many."""

    def restored(self, record: Record, restored: Restored) -> None:
        """An input is through, and this is its result; called before `record` if `looks`."""

    def record(self, record: Record) -> None:
        """An input is through."""

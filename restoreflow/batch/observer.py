"""What a run tells while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from restoreflow.batch.job import Job
from restoreflow.batch.record import Record

if TYPE_CHECKING:
    from restoreflow.batch.restore import Result
    from restoreflow.images.picture import Picture
    from restoreflow.ood.check import Check

__all__ = ["Observer", "Restored"]


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

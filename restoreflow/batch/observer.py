"""What a run tells while it goes on."""

from __future__ import annotations

from restoreflow.batch.plan import Job
from restoreflow.batch.record import Record

__all__ = ["Observer"]


class Observer:
    """Is told what happens during a run; every method does nothing unless overridden."""

    def begin(self, job: Job, index: int, total: int) -> None:
        """Work on input `index` of `total`, from 0, begins."""

    def advance(self, done: int, total: int) -> None:
        """So many tiles of the current input are done, of so many."""

    def record(self, record: Record) -> None:
        """An input is through."""

"""Many inputs, one after the other: one bad file never ends or spoils a run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from restoreflow.batch.observer import Observer
from restoreflow.batch.plan import Job
from restoreflow.batch.record import Record, Summary, explained
from restoreflow.batch.restore import restore_file
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import ModelError, OutputError, UsageError
from restoreflow.images.names import shown

if TYPE_CHECKING:
    from restoreflow.restoration.restorer import Restorer

__all__ = ["run"]


def run(
    jobs: Sequence[Job],
    settings: RestorationSettings,
    load: Callable[[], Restorer],
    observer: Observer | None = None,
) -> Summary:
    """Restore every job's input.

    Args:
        jobs: as `plan` gives them.
        settings: the run's.
        load: gives the restorer; called once, and only if something is to be done.
        observer: is told of every step.

    Raises:
        ModelError: the model is not available: nothing can be done.
        UsageError: the settings do not suit the model.
        RestoreflowError: the device is not available.
    """
    observer = observer or Observer()
    started = time.perf_counter()
    restorer: Restorer | None = None
    records: list[Record] = []
    for index, job in enumerate(jobs):
        observer.begin(job, index, len(jobs))
        record = None if settings.overwrite else _existing(job)
        if record is None:
            restorer = restorer or load()
            record = _restored(job, settings, restorer, observer)
        records.append(record)
        observer.record(record)
    return Summary.of(records, time.perf_counter() - started)


def _restored(
    job: Job, settings: RestorationSettings, restorer: Restorer, observer: Observer
) -> Record:
    try:
        return restore_file(job, settings, restorer, observer.advance)
    except (ModelError, UsageError):
        raise
    except Exception as error:
        reason = explained(error)
        if reason is not error:
            reason.__cause__ = error
        return Record(job.input, "failed", error=reason)


def _existing(job: Job) -> Record | None:
    """The record of a job that needs no work, or cannot be begun; None for one that is to do."""
    present = [path for path in job.files if os.path.lexists(path)]
    if not present:
        return None
    if len(present) == len(job.files):
        facts = {"reason": "exists"}
        return Record(job.input, "skipped", job.outputs, facts)
    missing = len(job.files) - len(present)
    error = OutputError(
        f"{shown(present[0])} exists, but {missing} other result(s) of {shown(job.input)} do not",
        "use --overwrite to make them all again",
    )
    return Record(job.input, "failed", error=error)

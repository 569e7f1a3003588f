"""What a run would do, told without doing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from restoreflow.batch.estimate import estimate, sample_of_jobs
from restoreflow.batch.job import Job
from restoreflow.batch.record import Record, Tally
from restoreflow.batch.resume import Progress
from restoreflow.batch.settings import RestorationSettings
from restoreflow.cli.output import Reporter

if TYPE_CHECKING:
    from restoreflow.restoration.restorer import Restorer

__all__ = ["dry_run"]


def dry_run(
    jobs: list[Job],
    settings: RestorationSettings,
    progress: Progress,
    load: Callable[[], Restorer],
    reporter: Reporter,
) -> int:
    """Tell of each job what would become of it, and what all would take; the run's exit code.

    Args:
        jobs: none is left in the list, so that the model has their memory.
        settings: the run's.
        progress: what is done already.
        load: gives the restorer, for the estimate.
        reporter: is told.
    """
    tally = Tally()

    def is_left(job: Job) -> bool:
        record = progress.decide(job).record or Record(job.input, "planned", job.outputs)
        tally.add(record)
        reporter.record(record)
        return record.status == "planned"

    jobs[:] = [job for job in jobs if is_left(job)]
    left = len(jobs)
    found = estimate(sample_of_jobs(jobs), left, settings, load)
    summary = tally.summary(0.0)
    reporter.foretell(summary, found)
    return summary.exit_code

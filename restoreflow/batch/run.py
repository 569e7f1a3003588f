"""Many inputs, one after the other: one bad file never ends or spoils a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from restoreflow.batch.job import STREAM, Job
from restoreflow.batch.judging import Judge, judged_facts, stopped
from restoreflow.batch.pipeline import Pipeline, Ready, failed
from restoreflow.batch.read import result_pixels
from restoreflow.batch.record import Observer, Record, Restored, Summary, Tally
from restoreflow.batch.restore import restore_picture
from restoreflow.batch.resume import Decision, Progress
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import ModelError, UsageError
from restoreflow.outputs.atomic import remove_leftovers
from restoreflow.outputs.gate import reading

if TYPE_CHECKING:
    from restoreflow.restoration.restorer import Restorer

__all__ = ["run"]


def run(
    jobs: Sequence[Job],
    settings: RestorationSettings,
    scale: int,
    load: Callable[[], Restorer],
    progress: Progress,
    observer: Observer | None = None,
    threads: int = 2,
    judge: Judge | None = None,
) -> Summary:
    """Restore every job's input.

    Neither results nor the order of the records depend on the number of threads.

    Args:
        jobs: as `plan` gives them.
        settings: the run's.
        scale: the model's.
        load: gives the restorer; called once, and only if something is to be done.
        progress: what is done already.
        observer: is told of every step, by the thread that calls.
        threads: that read ahead, and as many that write behind.
        judge: looks at every input before it is restored; None where none is to be judged.

    Raises:
        ModelError: the model is not available: nothing can be done.
        UsageError: the settings do not suit the model.
        RestoreflowError: the device is not available.
    """
    observer = observer or Observer()
    started = time.perf_counter()
    restorer: Restorer | None = None
    tally = Tally()

    def tell(record: Record, restored: Restored | None) -> None:
        tally.add(record)
        if restored is not None:
            observer.restored(record, restored)
        observer.record(record)

    for folder in {path.parent for job in jobs for path in job.files}:
        remove_leftovers(folder)
    with (
        reading(job.input for job in jobs if job.input != STREAM),
        Pipeline(settings, scale, threads, tell) as pipeline,
    ):
        for index, (job, decision, coming) in enumerate(pipeline.read(jobs, progress.decide)):
            observer.begin(job, index, len(jobs))
            if isinstance(coming, Record):
                pipeline.settle(job, decision, coming)
                continue
            restorer = restorer or load()
            _restore(job, decision, coming, settings, restorer, pipeline, observer, judge)
    return tally.summary(time.perf_counter() - started)


def _restore(
    job: Job,
    decision: Decision,
    reading: Future[Ready],
    settings: RestorationSettings,
    restorer: Restorer,
    pipeline: Pipeline,
    observer: Observer,
    judge: Judge | None,
) -> None:
    """Restore one picture and pass the result on; or else its record."""
    try:
        read = reading.result()
        check, watch = (None, None)
        quality = read.picture.jpeg_quality
        if judge is not None:
            check, watch = judge.begin(restorer, read.pixels, settings, quality)
        record = None if check is None else stopped(job, check, settings.ood)
        if record is not None:
            pipeline.settle(job, decision, record)
            return
        pipeline.make_room(result_pixels(read.picture, settings, restorer.config.scale))
        picture, pixels = read.picture, read.pixels
        result = restore_picture(
            job, settings, picture, pixels, restorer, observer.advance, observer.looks, watch
        )
        if judge is not None and watch is not None and check is None:
            check = judge.watched(restorer, pixels, watch, quality)
        result.report.update(judged_facts(check))
    except (ModelError, UsageError, BrokenPipeError):
        raise
    except Exception as error:
        pipeline.settle(job, decision, failed(job, error))
    else:
        restored = Restored(job, read.picture, result, check)
        pipeline.write(restored, decision.of_content(read.content), restorer.config, observer.looks)
    finally:
        if reading.done() and not reading.cancelled() and reading.exception() is None:
            pipeline.restored(reading.result())

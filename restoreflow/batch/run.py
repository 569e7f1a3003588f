"""Many inputs, one after the other: one bad file never ends or spoils a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
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
    import numpy as np

    from restoreflow.images.picture import Picture
    from restoreflow.restoration.restorer import Restorer

__all__ = ["restore_one", "run"]


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
            restored = None
            with _let_go(pipeline, coming):
                with _failing(pipeline, job, decision):
                    read = coming.result()
                    size = result_pixels(read.picture, settings, scale)
                    room = partial(pipeline.make_room, size)
                    restored = restore_one(
                        job, settings, read.picture, read.pixels, restorer, observer, judge, room
                    )
                if isinstance(restored, Record):
                    pipeline.settle(job, decision, restored)
                elif restored is not None:
                    known = decision.of_content(coming.result().content)
                    pipeline.write(restored, known, restorer.config, observer.looks)
            restored = None  # its memory is the next one's
    return tally.summary(time.perf_counter() - started)


def restore_one(
    job: Job,
    settings: RestorationSettings,
    picture: Picture,
    pixels: np.ndarray,
    restorer: Restorer,
    observer: Observer,
    judge: Judge | None = None,
    before: Callable[[], None] = lambda: None,
) -> Restored | Record:
    """Judge a picture and restore it; its record where it is not to be restored.

    Args:
        picture: as decoded.
        pixels: (h, w, 3) what the restorer gets for it, see `read.restorable`.
        observer: is told of every tile.
        judge: as for `run`.
        before: called once it is known that the picture is restored.

    Raises:
        ModelError: the judge's reference is not of this model.
        UsageError: the settings do not suit the model.
        RestoreflowError: as `restore_picture`.
    """
    check, watch = None, None
    if judge is not None:
        check, watch = judge.begin(restorer, pixels, settings, picture.jpeg_quality)
    if check is not None:
        record = stopped(job, check, settings.ood)
        if record is not None:
            return record
    before()
    result = restore_picture(
        job, settings, picture, pixels, restorer, observer.advance, observer.looks, watch
    )
    if judge is not None and watch is not None and check is None:
        check = judge.watched(restorer, pixels, watch, picture.jpeg_quality)
    result.report.update(judged_facts(check))
    return Restored(job, picture, result, check)


@contextmanager
def _failing(pipeline: Pipeline, job: Job, decision: Decision) -> Iterator[None]:
    """Within, an error that one input is to blame for becomes its record."""
    try:
        yield
    except (ModelError, UsageError, BrokenPipeError):
        raise
    except Exception as error:
        pipeline.settle(job, decision, failed(job, error))


@contextmanager
def _let_go(pipeline: Pipeline, reading: Future[Ready]) -> Iterator[None]:
    """Afterwards what was read makes room for what is read ahead."""
    try:
        yield
    finally:
        if reading.done() and not reading.cancelled() and reading.exception() is None:
            pipeline.restored(reading.result())

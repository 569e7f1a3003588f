"""Reading ahead and writing behind, so that the model never waits; in the order of the inputs."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from restoreflow.batch.content import Content
from restoreflow.batch.entry import Written
from restoreflow.batch.job import Job
from restoreflow.batch.observer import Restored
from restoreflow.batch.read import (
    content_of_input,
    input_bytes,
    input_size,
    read_picture,
    result_pixels,
)
from restoreflow.batch.record import Record, explained
from restoreflow.batch.results import encode_results, record_of, write_results
from restoreflow.batch.resume import Decision
from restoreflow.batch.room import Room
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import RestoreflowError
from restoreflow.free_memory import available_bytes
from restoreflow.images.alpha import fill_transparent
from restoreflow.images.picture import Picture
from restoreflow.outputs.atomic import make_folder

if TYPE_CHECKING:
    from restoreflow.models.config import ModelConfig

__all__ = ["Pipeline", "Ready", "failed"]

INPUT_BYTES = 2**30
"""Of inputs that are read and decoded ahead, with the one that is restored."""

RESULT_PIXELS = 64_000_000
"""Pixels of results that wait to be written while the next is restored: a gigabyte."""

_SHARE = 8
"""Of the memory that is free when a run begins, each of both takes one part of so many at most."""

_RESULT_BYTES = 16  # of a result's pixel that waits


class Ready(NamedTuple):
    """A picture that was read.

    Attributes:
        picture: as decoded.
        pixels: (h, w, 3) what the restorer gets: hidden colours replaced by visible ones.
        turn: which of those that are read it is, from 0.
        content: of the input's file; None where it is none.
    """

    picture: Picture
    pixels: np.ndarray
    turn: int
    content: Content | None = None


class _Behind(NamedTuple):
    job: Job
    decision: Decision
    writing: Future[tuple[Record, Mapping[Path, Written]]] | Record
    pixels: int
    kept: Restored | None = None


class Pipeline:
    """Readers and writers around a model; a context that ends when all is written.

    However it ends, also by an error or Ctrl-C, what was restored is still written and told, and
    what was only read is let go.

    Args:
        settings: the run's.
        scale: the model's, pixels of its result's side per pixel of the input's.
        threads: readers, and as many writers.
        tell: is given every record, in the order of the jobs, by the thread that iterates; and the
            result with it, if it is done and was to be kept.
    """

    def __init__(
        self,
        settings: RestorationSettings,
        scale: int,
        threads: int,
        tell: Callable[[Record, Restored | None], None],
    ) -> None:
        self._settings, self._scale, self._threads, self._tell = settings, scale, threads, tell
        self._readers = ThreadPoolExecutor(threads, "restoreflow-read")
        self._writers = ThreadPoolExecutor(threads, "restoreflow-write")
        free = available_bytes()
        share = INPUT_BYTES if free is None else free // _SHARE
        self._room = Room(min(INPUT_BYTES, share))
        self._most_waiting = min(RESULT_PIXELS, share // _RESULT_BYTES)
        self._behind: deque[_Behind] = deque()
        self._waiting = 0  # pixels of results

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *error: object) -> None:
        self._room.close()
        self._readers.shutdown(wait=False, cancel_futures=True)
        while self._behind:
            self._tell_next()
        self._writers.shutdown()
        self._readers.shutdown()

    def read(
        self, jobs: Sequence[Job], decide: Callable[[Job], Decision]
    ) -> Iterator[tuple[Job, Decision, Future[Ready] | Record]]:
        """The jobs in order, each with the picture to come, or what became of it already."""
        ahead: deque[tuple[Job, Decision, Future[Ready] | Record]] = deque()
        turn = 0
        for job in jobs:
            decision = decide(job)
            if decision.record is not None:
                ahead.append((job, decision, decision.record))
            else:
                ahead.append((job, decision, self._readers.submit(self._read, job, turn)))
                turn += 1
            if len(ahead) > self._threads:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()

    def make_room(self, pixels: int) -> None:
        """Wait until so many pixels of a result fit beside those that are not yet written."""
        while self._behind and self._waiting and self._waiting + pixels > self._most_waiting:
            self._tell_next()

    def restored(self, read: Ready) -> None:
        """Say that the model is through with a picture."""
        self._room.leave(read.turn)

    def settle(self, job: Job, decision: Decision, record: Record) -> None:
        """Pass on what became of a job that has nothing to write."""
        self._behind.append(_Behind(job, decision, record, 0))
        self._tell_ready()

    def write(
        self, restored: Restored, decision: Decision, config: ModelConfig, keep: bool = False
    ) -> None:
        """Pass on a result to be written; it is let go then, or kept until it is told."""
        pixels = result_pixels(restored.picture, self._settings, self._scale)
        self._waiting += pixels
        writing = self._writers.submit(self._write, restored, decision, config)
        kept = restored if keep else None
        self._behind.append(_Behind(restored.job, decision, writing, pixels, kept))
        self._tell_ready()

    def _read(self, job: Job, turn: int) -> Ready:
        ended = RestoreflowError("the run has ended")
        if not self._room.enter(turn, input_size(job)):
            raise ended

        def admit(needed: int) -> None:
            if not self._room.enlarge(turn, needed):
                raise ended

        try:
            data = input_bytes(job, self._settings)
            picture = read_picture(job, self._settings, self._scale, admit, data)
            pixels = picture.pixels
            if picture.alpha is not None:
                pixels = fill_transparent(pixels, picture.alpha)
            arrays = (picture.pixels, pixels, picture.alpha, picture.beyond_gamut)
            held = {id(each): each.nbytes for each in arrays if each is not None}
            self._room.settle(turn, sum(held.values()))
            return Ready(picture, pixels, turn, content_of_input(job, data))
        except BaseException:
            self._room.leave(turn)
            raise

    def _write(
        self, restored: Restored, decision: Decision, config: ModelConfig
    ) -> tuple[Record, Mapping[Path, Written]]:
        job, picture, result, _ = restored
        files = encode_results(job, self._settings, picture, result, config)
        written: dict[Path, Written] = {}
        if decision.manifest is not None and decision.origin is not None:
            written = {file.path: Written.of(file.data) for file in files}
            make_folder(decision.manifest.folder)
            decision.manifest.begin(decision.origin, written)
        write_results(files, decision.replace, job.sink)
        return record_of(job, self._settings, picture, result.report, config), written

    def _tell_ready(self) -> None:
        """Tell what is through, and wait where more is behind than there are writers."""
        while self._behind:
            first = self._behind[0].writing
            late = sum(isinstance(each.writing, Future) for each in self._behind) > self._threads
            if isinstance(first, Future) and not first.done() and not late:
                return
            self._tell_next()

    def _tell_next(self) -> None:
        behind = self._behind[0]
        written: Mapping[Path, Written] = {}
        if isinstance(behind.writing, Record):
            record = behind.writing
        else:
            try:
                record, written = behind.writing.result()
            except BrokenPipeError:
                self._behind.popleft()
                raise
            except Exception as error:
                record = failed(behind.job, error)
        self._behind.popleft()
        self._waiting -= behind.pixels
        _note(behind.decision, record, written)
        self._tell(record, behind.kept if record.status == "done" else None)


def failed(job: Job, error: Exception) -> Record:
    """The record of a job that an error ended."""
    reason = explained(error)
    if reason is not error:
        reason.__cause__ = error
    return Record(job.input, "failed", error=reason)


def _note(decision: Decision, record: Record, written: Mapping[Path, Written]) -> None:
    """Finish what the manifest has begun; if that fails, what it has is enough to go on."""
    if decision.manifest is not None and decision.verified is not None:
        decision.manifest.verified(decision.verified)
    if decision.manifest is None or decision.origin is None or record.status == "skipped":
        return
    with contextlib.suppress(RestoreflowError):
        decision.manifest.finish(decision.origin, written, record)

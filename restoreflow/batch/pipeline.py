"""Reading ahead and writing behind, so that the model never waits; in the order of the inputs."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from restoreflow.batch.entry import Content, Written
from restoreflow.batch.job import Job
from restoreflow.batch.read import (
    content_of_input,
    input_bytes,
    input_size,
    read_picture,
    restorable,
    result_pixels,
)
from restoreflow.batch.record import Record, Restored, explained
from restoreflow.batch.results import encode_results, record_of, write_results
from restoreflow.batch.resume import Decision
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import RestoreflowError
from restoreflow.free_memory import available_bytes
from restoreflow.images.picture import Picture
from restoreflow.outputs.atomic import make_folder

if TYPE_CHECKING:
    from restoreflow.models.config import ModelConfig

__all__ = ["Pipeline", "Ready", "Room", "failed"]


class Room:
    """Lets threads in by their turn while there is room, and one at least.

    Turns are taken in order from 0, each once: so the one that is needed next is never kept out by
    others that wait for it. For the same reason the earliest of those inside always gets more.

    Args:
        most: how much may be held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[int, int] = {}
        self._turn = 0
        self._closed = False
        self._change = threading.Condition()

    def enter(self, turn: int, amount: int) -> bool:
        """Wait for the turn and for room; False if the room was closed meanwhile."""

        def ready() -> bool:
            return turn == self._turn and self._fits(amount, not self._held)

        with self._change:
            if not self._wait(ready):
                return False
            self._turn += 1
            self._held[turn] = amount
            self._change.notify_all()
            return True

    def enlarge(self, turn: int, amount: int) -> bool:
        """Wait for room for as much more, within; False if the room was closed meanwhile."""

        def ready() -> bool:
            return self._fits(amount, min(self._held) == turn)

        with self._change:
            if not self._wait(ready):
                return False
            self._held[turn] += amount
            return True

    def settle(self, turn: int, amount: int) -> None:
        """Hold so much from now on, and no more."""
        with self._change:
            self._held[turn] = amount
            self._change.notify_all()

    def leave(self, turn: int) -> None:
        """Give back all that a turn holds."""
        with self._change:
            self._held.pop(turn, None)
            self._change.notify_all()

    def close(self) -> None:
        """Let all go that wait."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def _fits(self, amount: int, first: bool) -> bool:
        return first or not amount or sum(self._held.values()) + amount <= self._most

    def _wait(self, ready: Callable[[], bool]) -> bool:
        self._change.wait_for(lambda: self._closed or ready())
        return not self._closed


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
        pixels: (h, w, 3) what the restorer gets, see `read.restorable`.
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
            pixels = restorable(picture)
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

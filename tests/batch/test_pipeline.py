"""The model never waits for files, memory is bounded, and whatever ends a run, it ends well."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from restoreflow.batch import pipeline
from restoreflow.batch.job import Job
from restoreflow.batch.record import Record, Summary
from restoreflow.batch.resume import Progress
from restoreflow.batch.run import run
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import ModelError
from restoreflow.restoration.options import Options
from restoreflow.restoration.restorer import Restorer
from tests.batch.test_run import FakeRestorer, Listener, files, planned

PATIENCE = 30  # seconds; nothing here takes as long unless it hangs
ONE = RestorationSettings("fake")


def go(jobs: list[Job], restorer: Any, threads: int = 2) -> tuple[Summary, list[Record]]:
    listener = Listener()
    progress = Progress(ONE, "model")
    summary = run(jobs, ONE, 4, lambda: cast(Restorer, restorer), progress, listener, threads)
    return summary, listener.records


class Steps:
    """Which step of which input has begun or ended."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.change = threading.Condition()

    def mark(self, *step: str) -> None:
        with self.change:
            self.seen.add(cast(tuple[str, str], step))
            self.change.notify_all()

    def wait(self, *step: str) -> None:
        with self.change:
            assert self.change.wait_for(lambda: step in self.seen, PATIENCE), step


def around(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    before: Callable[[Job], None],
    after: Callable[[Job], None],
) -> None:
    real = getattr(pipeline, name)

    def wrapped(job: Job, *values: Any) -> Any:
        before(job)
        result = real(job, *values)
        after(job)
        return result

    monkeypatch.setattr(pipeline, name, wrapped)


def test_reading_and_writing_go_on_beside_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, last = Steps(), 5

    class Model(FakeRestorer):
        def restore_bands(self, pixels: np.ndarray, options: Options, **settings: Any) -> Any:
            number = round(float(pixels[0, 0, 0]) * 255)
            steps.mark("restoring", str(number))
            if number < last:
                steps.wait("read", str(number + 1))  # ahead, while the model works
            return super().restore_bands(pixels, options, **settings)

    def before_writing(job: Job) -> None:
        number = int(job.input.stem)
        if number < last:
            steps.wait("restoring", str(number + 1))  # written while the model is at the next

    around(
        monkeypatch,
        "read_picture",
        lambda job: None,
        lambda job: steps.mark("read", job.input.stem),
    )
    around(monkeypatch, "encode_results", before_writing, lambda job: None)
    inputs = files(tmp_path, *range(1, last + 1))
    summary, records = go(planned(inputs, ONE), Model())
    assert summary.done == last
    assert [record.input for record in records] == inputs


def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A result has 12 x 8 pixels: two may wait beside the one that is restored. An input of 3 x 2 is
    # 72 bytes, and some 290 while it is decoded beside two others; threads would allow eight.
    monkeypatch.setattr(pipeline, "RESULT_PIXELS", 3 * 96)
    monkeypatch.setattr(pipeline, "INPUT_BYTES", 480)
    lock, decoded, results, most = threading.Lock(), 0, 0, [0, 0]

    def count(inputs: int, made: int) -> None:
        nonlocal decoded, results
        with lock:
            decoded, results = decoded + inputs, results + made
            most[:] = [max(most[0], decoded), max(most[1], results)]

    class Model(FakeRestorer):
        def restore_bands(self, pixels: np.ndarray, options: Options, **settings: Any) -> Any:
            result = super().restore_bands(pixels, options, **settings)
            count(-1, 1)
            return result

    around(monkeypatch, "read_picture", lambda job: None, lambda job: count(1, 0))
    around(monkeypatch, "write_results", lambda files: None, lambda files: count(0, -1))
    inputs = files(tmp_path, *range(1, 41))
    summary, _ = go(planned(inputs, ONE), Model(), threads=8)
    assert summary.done == 40
    assert most[0] <= 3
    assert most[1] <= 3


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ModelError("gone")])
@pytest.mark.parametrize("threads", [1, 8])
def test_an_end_in_the_middle_writes_what_was_restored(
    tmp_path: Path, error: BaseException, threads: int
) -> None:
    class Model(FakeRestorer):
        def restore_bands(self, pixels: np.ndarray, options: Options, **settings: Any) -> Any:
            if self.calls == 3:
                raise error
            return super().restore_bands(pixels, options, **settings)

    listener = Listener()
    inputs = files(tmp_path, *range(1, 21))
    jobs = planned(inputs, ONE)
    progress = Progress(ONE, "model")
    with pytest.raises(type(error)):
        run(jobs, ONE, 4, lambda: cast(Restorer, Model()), progress, listener, threads)
    assert [record.status for record in listener.records] == ["done"] * 3
    assert sum(job.outputs[0].exists() for job in jobs) == 3
    ours = [each for each in threading.enumerate() if each.name.startswith("restoreflow")]
    assert not [each for each in ours if each.is_alive()]


def test_an_input_that_vanishes_or_changes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = files(tmp_path, 1, 2, 3)
    jobs = planned(inputs, ONE)
    inputs[1].unlink()
    inputs[2].write_bytes(b"cut")
    _, records = go(jobs, FakeRestorer())
    assert [record.status for record in records] == ["done", "failed", "failed"]


def test_a_result_that_comes_up_meanwhile_is_kept(tmp_path: Path) -> None:
    (job,) = planned(files(tmp_path, 1), ONE)

    class Model(FakeRestorer):
        def restore_bands(self, pixels: np.ndarray, options: Options, **settings: Any) -> Any:
            job.outputs[0].write_bytes(b"theirs")
            return super().restore_bands(pixels, options, **settings)

    _, (record,) = go([job], Model())
    assert record.error is not None and "exists" in record.error.message
    assert job.outputs[0].read_bytes() == b"theirs"

"""What an estimate is made of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from restoreflow.batch.discover import Found, Page
from restoreflow.batch.estimate import sample_of_jobs
from restoreflow.batch.job import Job
from restoreflow.batch.plan import plan
from restoreflow.batch.settings import RestorationSettings
from restoreflow.restoration.options import Options

SETTINGS = RestorationSettings("m", Options(samples=2), arrays="npz")


def jobs(count: int) -> list[Job]:
    odd = os.fsdecode(b"caf\xe9")
    names = [Path(f"{odd}{number:04}.tif") for number in range(count)]
    found = [Found(name, name.name, page=Page(1, 2)) for name in names]
    return plan(found, "out", "sr4x", SETTINGS)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1000])
def test_some_jobs_evenly_spread_and_none_of_the_others(count: int) -> None:
    planned, whole = jobs(count), jobs(count)
    sample = sample_of_jobs(planned)
    assert planned == []
    assert min(count, 32) <= len(sample) <= 64
    step = -(-count // 64) or 1
    for job, original in zip(sample, whole[::step], strict=True):
        assert (job.input, job.outputs, job.arrays) == (
            original.input,
            original.outputs,
            original.arrays,
        )
        assert (job.page, job.format) == (original.page, original.format)

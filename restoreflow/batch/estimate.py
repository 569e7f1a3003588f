"""What a run would take: found by restoring a small part of one of its inputs."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoreflow.batch.discover import Page
from restoreflow.batch.job import Job
from restoreflow.batch.read import input_bytes, read_picture, result_pixels
from restoreflow.batch.record import rounded
from restoreflow.batch.restore import restore_picture
from restoreflow.batch.results import encode_results
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import InputError, LimitError
from restoreflow.images.decode import read_size
from restoreflow.images.picture import Picture
from restoreflow.remote_path import RemotePath, to_path
from restoreflow.restoration.options import Size

if TYPE_CHECKING:
    from restoreflow.restoration.restorer import Restorer

__all__ = ["Estimate", "estimate", "sample_of_jobs"]

_MEASURED = 64  # inputs whose size is looked at
_PROBE = 48  # pixels a side that are restored to see how long it takes


@dataclass(frozen=True)
class Estimate:
    """What a run would take, roughly.

    Args:
        megapixels: of all results.
        bytes: that they take on the disk.
        seconds: of computing.
        free: bytes that the disk has; None for a store.
    """

    megapixels: float
    bytes: int
    seconds: float
    free: int | None

    def as_dict(self) -> dict[str, Any]:
        """The estimate as programs get it."""
        return rounded(asdict(self))


def sample_of_jobs(jobs: list[Job]) -> list[Job]:
    """Up to 64 jobs, evenly spread, for an estimate; all are let go, and the list is emptied.

    A run can have very many, and the model needs their memory: some jobs among those that are let
    go would keep it, so that these are copies.
    """
    sample = jobs[:: -(-len(jobs) // _MEASURED) or 1]
    if len(sample) == len(jobs):
        jobs.clear()
        return sample
    told = json.dumps([_as_texts(job) for job in sample])
    del sample
    jobs.clear()
    return [_of_texts(**each) for each in json.loads(told)]


def _as_texts(job: Job) -> dict[str, Any]:
    """What an estimate needs of a job among many others, which is a file on a disk or store."""
    arrays = None if job.arrays is None else str(job.arrays)
    outputs = [str(path) for path in job.outputs]
    return {
        "source": str(job.input),
        "outputs": outputs,
        "arrays": arrays,
        "form": job.format,
        "page": job.page,
    }


def _of_texts(
    source: str, outputs: list[str], arrays: str | None, form: str, page: list[int] | None
) -> Job:
    return Job(
        to_path(source),
        tuple(map(to_path, outputs)),
        arrays=None if arrays is None else to_path(arrays),
        format=form,
        page=None if page is None else Page(*page),
    )


def estimate(
    jobs: Sequence[Job], count: int, settings: RestorationSettings, load: Callable[[], Restorer]
) -> Estimate | None:
    """What a run would take; None where no input can be read, or there is none.

    Args:
        jobs: some of the run's; all are looked at for their size, and the middle of one is restored
            and encoded for speed and bytes.
        count: how many it has.
        settings: the run's.
        load: gives the restorer.
    """
    if not jobs:
        return None
    restorer = load()
    scale = restorer.config.scale
    sizes = [size for job in jobs if (size := _pixels(job, settings, scale)) is not None]
    measured = _measured(jobs, settings, restorer)
    if not sizes or measured is None:
        return None
    seconds, size = measured
    inputs, results = (count * sum(each) / len(sizes) for each in zip(*sizes, strict=True))
    results *= settings.options.samples
    return Estimate(results / 1e6, round(results * size), inputs * seconds, _free(jobs[0]))


def _pixels(job: Job, settings: RestorationSettings, scale: int) -> tuple[int, int] | None:
    """Of an input and of one result; None where it is refused."""
    try:
        width, height = read_size(input_bytes(job, settings), settings.max_pixels)
        return width * height, math.prod(settings.options.result_size(width, height, scale))
    except (InputError, LimitError):
        return None


def _measured(
    jobs: Sequence[Job], settings: RestorationSettings, restorer: Restorer
) -> tuple[float, float] | None:
    """Seconds for a pixel of an input, and bytes for one of a result."""
    for job in jobs:
        try:
            picture = read_picture(job, settings, restorer.config.scale)
        except (InputError, LimitError):
            continue
        settings = _of_part(settings, picture)
        _restore(_middle(picture, _PROBE // 2), job, settings, restorer)  # the first one is slow
        return _restore(_middle(picture, _PROBE), job, settings, restorer)
    return None


def _restore(
    picture: Picture, job: Job, settings: RestorationSettings, restorer: Restorer
) -> tuple[float, float]:
    job = replace(job, uncertainty=None, grid=None)  # their legends would count too much
    started = time.perf_counter()
    result = restore_picture(job, settings, picture, picture.pixels, restorer)
    seconds = time.perf_counter() - started
    files = encode_results(job, settings, picture, result, restorer.config)
    pixels = result_pixels(picture, settings, restorer.config.scale)
    size = sum(len(file.data) for file in files) / pixels
    return seconds / (picture.width * picture.height), size


def _of_part(settings: RestorationSettings, picture: Picture) -> RestorationSettings:
    """Settings under which a part of a picture is enlarged as often as all of it is."""
    size = settings.options.size
    if size is None:
        return settings
    scale = Size(scale=size.factor(picture.width, picture.height))
    return replace(settings, options=replace(settings.options, size=scale))


def _middle(picture: Picture, side: int) -> Picture:
    top = max(0, (picture.height - side) // 2)
    left = max(0, (picture.width - side) // 2)
    part = (slice(top, top + side), slice(left, left + side))
    alpha = None if picture.alpha is None else picture.alpha[part]
    return replace(picture.without_metadata(), pixels=picture.pixels[part], alpha=alpha)


def _free(job: Job) -> int | None:
    if isinstance(job.outputs[0], RemotePath):
        return None
    folder = Path(os.path.abspath(job.outputs[0].parent))
    while not folder.exists():
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None

"""An input's bytes to a picture, after what its result needs has been looked at."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from restoreflow.batch.entry import Content, Stamp, sample_of, stamp_of, whole_of
from restoreflow.batch.job import STREAM, Job
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import shown
from restoreflow.images.decode import decode, read_bytes, read_size
from restoreflow.images.formats import check_size, sniff
from restoreflow.images.input_bytes import decoding_bytes
from restoreflow.images.metadata import printed
from restoreflow.images.picture import Picture, fill_transparent

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "content_of_input",
    "input_bytes",
    "input_size",
    "read_picture",
    "restorable",
    "result_pixels",
]


def input_bytes(job: Job, settings: RestorationSettings) -> bytes:
    """A job's input, or the page of it that the job is about; raises as `read_bytes`."""
    if job.data is not None:
        return job.data
    return read_bytes(job.input, settings.max_pixels, job.page and job.page.number)


def input_size(job: Job) -> int:
    """Bytes of a job's input; 0 where it cannot be told, which reading it will explain."""
    if job.data is not None:
        return 0  # held already
    try:
        return job.input.stat().st_size
    except (OSError, ValueError):
        return 0


def check_files(job: Job, width: int, height: int) -> None:
    """Refuse a result of width x height that one of a job's files cannot hold; as `check_size`."""
    check_size(job.format, width, height)
    if job.uncertainty is not None:
        from restoreflow.images.colormap import heat_map_size

        check_size("png", *heat_map_size(width, height))


def read_picture(
    job: Job,
    settings: RestorationSettings,
    scale: int,
    admit: Callable[[int], object] = lambda needed: None,
    data: bytes | None = None,
) -> Picture:
    """Decode a job's input.

    Args:
        scale: the model's, pixels of its result's side per pixel of the input's.
        admit: is called with the bytes that decoding takes, before it begins; may wait, or raise.
        data: as `input_bytes` gave it; None: it is read.

    Raises:
        InputError: it cannot be read, or is no smaller than the size that was asked for.
        LimitError: more pixels than the settings allow, than the result's format holds, or than
            there is memory for.
    """
    label = "standard input" if job.input == STREAM else shown(job.input)
    label += f", {job.page}" if job.page else ""
    most = settings.max_pixels
    data = input_bytes(job, settings) if data is None else data
    width, height = read_size(data, most, label)
    size = settings.options.result_size(width, height, scale)
    check_files(job, *size)
    admit(decoding_bytes(data, sniff(data, label), label))
    picture = decode(data, most, label)
    if settings.strip_metadata:
        picture = picture.without_metadata()
    if settings.dpi == "keep":
        return picture
    dpi = None if settings.dpi == "scale" else settings.dpi
    metadata = printed(picture.metadata, dpi, (picture.width, picture.height), size)
    return replace(picture, metadata=metadata)


def restorable(picture: Picture) -> np.ndarray:
    """What the restorer gets for a picture, (h, w, 3): hidden colours replaced by visible ones."""
    if picture.alpha is None:
        return picture.pixels
    return fill_transparent(picture.pixels, picture.alpha)


def content_of_input(job: Job, data: bytes) -> Content | None:
    """What an input's file holds; None where it is standard input, or goes away meanwhile.

    Args:
        data: as `input_bytes` gave it, which for a page is not the file.
    """
    if job.data is not None:
        return None
    if job.page is None:
        return Content.of(data)
    with contextlib.suppress(OSError):
        return _content_of_file(job.input, stamp_of(job.input))
    return None


@lru_cache(maxsize=8)
def _content_of_file(path: Path, stamp: Stamp) -> Content:
    """Of a file with many pages this is asked once for each."""
    return Content(sample_of(path), whole_of(path))


def result_pixels(picture: Picture, settings: RestorationSettings, scale: int) -> int:
    """Pixels of all samples of a picture's result."""
    size = settings.options.result_size(picture.width, picture.height, scale)
    return math.prod(size) * settings.options.samples

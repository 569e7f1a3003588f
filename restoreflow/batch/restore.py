"""Restoring a picture: its bands go into what its files and those who look at it need, and no more.

So a large result need never be whole in floating point, and a small one is finished once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from restoreflow.batch.consumers import Canvases, Consumer, Numbers, Pictures, Sketch, Spread
from restoreflow.batch.job import Job
from restoreflow.batch.read import result_pixels
from restoreflow.batch.settings import RestorationSettings
from restoreflow.images.canvas import Canvas
from restoreflow.images.input_bytes import encoding_bytes
from restoreflow.images.picture import Picture

if TYPE_CHECKING:
    from restoreflow.restoration.restorer import Restorer
    from restoreflow.restoration.sampling import Watching

__all__ = ["Result", "restore_picture"]

WHOLE_PIXELS = 32_000_000
"""Pixels of all samples up to which those who look at a result are shown all of it."""

_MAP_BYTES = 16  # a pixel of a heat map and its file
_ARRAY_BYTES = 28  # a pixel of samples as numbers, and of the file of them
_PICTURE_BYTES = 4  # a pixel of an 8-bit picture, as Pillow keeps it


@dataclass(frozen=True)
class Result:
    """What came of a picture.

    Args:
        samples: as their files hold them.
        spread: for the heat map; None where none is wanted.
        pictures: for the sheet, and to be looked at; None where nobody does either.
        numbers: for the file of them; None where none is wanted.
        sketch: of a large result, to be looked at; None where `pictures` are, or nobody looks.
        report: as `Restoration.report`.
    """

    samples: Canvases
    spread: Spread | None
    pictures: Pictures | None
    numbers: Numbers | None
    sketch: Sketch | None
    report: dict[str, Any]

    @property
    def shown(self) -> Pictures | Sketch | None:
        """What those who look at the result see."""
        return self.pictures or self.sketch

    @property
    def consumers(self) -> list[Consumer]:
        """All that a band goes into."""
        found = (self.samples, self.spread, self.pictures, self.numbers, self.sketch)
        return [each for each in found if each is not None]


def restore_picture(
    job: Job,
    settings: RestorationSettings,
    picture: Picture,
    pixels: np.ndarray,
    restorer: Restorer,
    progress: Callable[[int, int], None] | None = None,
    looks: bool = False,
    watch: Watching | None = None,
) -> Result:
    """Restore a picture.

    Args:
        picture: as decoded.
        pixels: (h, w, 3) what the restorer gets for it.
        progress: as `Restorer.restore` takes it.
        looks: whether somebody looks at the result.
        watch: as `Restorer.restore` takes it.

    Raises:
        RestoreflowError: as `Restorer.restore`; LimitError also where there is no memory to write
            the result, and OutputError where it is not finite.
    """
    scale = restorer.config.scale
    large = result_pixels(picture, settings, scale) > WHOLE_PIXELS
    shown = looks and (not large or job.grid is not None or job.arrays is not None)
    _check_memory(job, settings, picture, scale, shown)
    bands = restorer.restore_bands(pixels, settings.options, progress=progress, watch=watch)
    result = _empty(job, settings, picture, bands.size, looks, shown)
    consumers = result.consumers
    for band in bands:
        for consumer in consumers:
            consumer.add(band)
    result.report.update(bands.report)
    return result


def _empty(
    job: Job,
    settings: RestorationSettings,
    picture: Picture,
    size: tuple[int, int],
    looks: bool,
    shown: bool,
) -> Result:
    """What is to be filled, of width and height `size`."""
    count, depth = settings.options.samples, settings.bit_depth
    return Result(
        Canvases([Canvas(picture, *size, job.format, depth) for _ in range(count)]),
        None if job.uncertainty is None else Spread(*size),
        Pictures(*size, count) if shown or job.grid is not None else None,
        None if job.arrays is None else Numbers(*size, count),
        Sketch(*size, count) if looks and not shown else None,
        {},
    )


def _check_memory(
    job: Job, settings: RestorationSettings, picture: Picture, scale: int, shown: bool
) -> None:
    """See that a result can be held and written before work on it begins."""
    from restoreflow.restoration.memory import check_host

    samples = settings.options.samples
    pixels = result_pixels(picture, settings, scale) // samples
    beside = encoding_bytes(job.format, pixels)
    beside += _MAP_BYTES * pixels * ((job.uncertainty is not None) + (job.grid is not None))
    if job.arrays is not None:
        beside += _ARRAY_BYTES * pixels * samples
    if shown or job.grid is not None:
        beside += _PICTURE_BYTES * pixels * (samples + 2)  # with mean and spread
    check_host(pixels, samples, False, beside)

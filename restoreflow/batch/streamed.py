"""Restoring a picture; of a large result only what its files hold is ever whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from restoreflow.batch.job import Job
from restoreflow.batch.read import result_pixels
from restoreflow.batch.settings import RestorationSettings
from restoreflow.batch.sketch import Sketch
from restoreflow.images.canvas import Canvas
from restoreflow.images.footprint import encoding_bytes
from restoreflow.images.picture import Picture

if TYPE_CHECKING:
    from restoreflow.restoration.restoration import Restoration
    from restoreflow.restoration.restorer import Restorer
    from restoreflow.restoration.sampling import Watching

__all__ = ["Streamed", "restore_picture"]

WHOLE_PIXELS = 32_000_000
"""Pixels of all samples up to which a result is held in floating point: a gigabyte."""

_MAP_BYTES = 16  # a pixel of a heat map and its file
_ARRAY_BYTES = 28  # a pixel of samples as numbers, and of the file of them


@dataclass(frozen=True)
class Streamed:
    """A result of which the files' samples were kept, and no more.

    Args:
        canvases: one a sample.
        uncertainty: (H, W) float32, as `Restoration.uncertainty`; None where no map is wanted.
        report: as `Restoration.report`.
        sketch: a small picture of it; None where nobody looks at it.
    """

    canvases: list[Canvas]
    uncertainty: np.ndarray | None
    report: dict[str, Any]
    sketch: Sketch | None = None


def restore_picture(
    job: Job,
    settings: RestorationSettings,
    picture: Picture,
    pixels: np.ndarray,
    restorer: Restorer,
    progress: Callable[[int, int], None],
    sketched: bool = False,
    watch: Watching | None = None,
) -> Restoration | Streamed:
    """Restore a picture; the files that come of it are the same either way.

    Args:
        picture: as decoded.
        pixels: (h, w, 3) what the restorer gets for it.
        progress: as `Restorer.restore` takes it.
        sketched: whether of a large result a sketch is made, too.
        watch: as `Restorer.restore` takes it.

    Raises: as `Restorer.restore`; LimitError also where there is no memory to write the result.
    """
    large = result_pixels(picture, settings, restorer.config.scale) > WHOLE_PIXELS
    whole = not large or job.grid is not None or job.arrays is not None
    _check_memory(job, settings, picture, restorer.config.scale, whole)
    if whole:
        return restorer.restore(pixels, settings.options, progress=progress, watch=watch)
    bands = restorer.restore_bands(pixels, settings.options, progress=progress, watch=watch)
    width, height = bands.size
    canvases = [
        Canvas(picture, width, height, job.format, settings.bit_depth)
        for _ in range(settings.options.samples)
    ]
    sketch = Sketch(width, height, settings.options.samples) if sketched else None
    spread = None if job.uncertainty is None else np.empty((height, width), np.float32)
    for band in bands:
        for canvas, sample in zip(canvases, band.values, strict=True):
            canvas.put(band.top, sample.permute(1, 2, 0).numpy())
        if sketch is not None:
            sketch.add(band)
        if spread is not None:
            spread[band.top : band.top + len(band.uncertainty)] = band.uncertainty
    return Streamed(canvases, spread, bands.report, sketch)


def _check_memory(
    job: Job, settings: RestorationSettings, picture: Picture, scale: int, whole: bool
) -> None:
    """See that a result can be held and written before work on it begins."""
    from restoreflow.restoration.memory import check_host

    pixels = picture.width * picture.height * scale**2
    beside = encoding_bytes(job.format, pixels)
    beside += _MAP_BYTES * pixels * ((job.uncertainty is not None) + (job.grid is not None))
    if job.arrays is not None:
        beside += _ARRAY_BYTES * pixels * settings.options.samples
    check_host(pixels, settings.options.samples, whole, beside)

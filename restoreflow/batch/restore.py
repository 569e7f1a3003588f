"""Restoring a picture: its bands go into what its files and those who look at it need, and no more.

So a large result need never be whole in floating point, and a small one is finished once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restoreflow.batch.job import Job
from restoreflow.batch.read import result_pixels
from restoreflow.batch.settings import RestorationSettings
from restoreflow.images.canvas import Canvas
from restoreflow.images.input_bytes import encoding_bytes
from restoreflow.images.picture import Picture

if TYPE_CHECKING:
    from restoreflow.restoration.bands import Band
    from restoreflow.restoration.restorer import Restorer
    from restoreflow.restoration.sampling import Watching

__all__ = [
    "SHOWN_SAMPLES",
    "Canvases",
    "Consumer",
    "Numbers",
    "Pictures",
    "Result",
    "Sketch",
    "Spread",
    "restore_picture",
]


class Consumer(Protocol):
    """Takes a result, from the top to the bottom."""

    def add(self, band: Band) -> None:
        """Take in finished rows."""
        ...


class Canvases:
    """The samples as their files hold them.

    Args:
        canvases: one a sample, in their order.
    """

    def __init__(self, canvases: list[Canvas]) -> None:
        self.canvases = canvases

    def add(self, band: Band) -> None:
        """Take in finished rows; OutputError where a value is not finite."""
        for canvas, sample in zip(self.canvases, band.values, strict=True):
            canvas.put(band.top, sample.permute(1, 2, 0).numpy())


class Spread:
    """How far the samples are apart.

    Attributes:
        values: (H, W) float32, as `Restoration.uncertainty`.
    """

    def __init__(self, width: int, height: int) -> None:
        self.values = np.empty((height, width), np.float32)

    def add(self, band: Band) -> None:
        """Take in finished rows."""
        self.values[band.top : band.top + len(band.mean)] = band.uncertainty


class Pictures:
    """A result in 8 bits, for sheets and for those who look at it.

    Attributes:
        images: the samples, RGB.
        mean: the network's clean estimate, RGB.
    """

    def __init__(self, width: int, height: int, samples: int) -> None:
        self.images = [Image.new("RGB", (width, height)) for _ in range(samples)]
        self.mean = Image.new("RGB", (width, height))
        self._spread = Spread(width, height)

    @property
    def uncertainty(self) -> np.ndarray:
        """(H, W) float32, as `Restoration.uncertainty`."""
        return self._spread.values

    def add(self, band: Band) -> None:
        """Take in finished rows."""
        for image, levels in zip(self.images, band.levels, strict=True):
            image.paste(Image.fromarray(levels), (0, band.top))
        self.mean.paste(Image.fromarray(band.mean), (0, band.top))
        self._spread.add(band)


class Numbers:
    """A result as numbers.

    Attributes:
        samples: (n, H, W, 3) float32 in [0, 1], as the pictures round them.
        mean: (H, W, 3) uint8, the network's clean estimate.
    """

    def __init__(self, width: int, height: int, samples: int) -> None:
        self.samples = np.empty((samples, height, width, 3), np.float32)
        self.mean = np.empty((height, width, 3), np.uint8)
        self._spread = Spread(width, height)

    @property
    def uncertainty(self) -> np.ndarray:
        """(H, W) float32, as `Restoration.uncertainty`."""
        return self._spread.values

    def add(self, band: Band) -> None:
        """Take in finished rows."""
        rows = slice(band.top, band.top + len(band.mean))
        self.samples[:, rows] = band.values.permute(0, 2, 3, 1).numpy()
        self.mean[rows] = band.mean
        self._spread.add(band)


SHOWN_SAMPLES = 8
"""Samples that are sketched and shown; all are in their files."""

_SIDE = 1600


class Sketch:
    """Samples, mean and spread of a result, each pixel the mean of a square of the result's.

    Args:
        width, height: of the result.
        samples: how many it has; of the first `SHOWN_SAMPLES` sketches are made.

    Attributes:
        factor: side of the square.
    """

    def __init__(self, width: int, height: int, samples: int) -> None:
        self.factor = max(1, math.ceil(max(width, height) / _SIDE))
        rows, columns = math.ceil(height / self.factor), math.ceil(width / self.factor)
        shown = min(samples, SHOWN_SAMPLES)
        self._sums = np.zeros((shown + 1, rows, columns, 3), np.float32)  # the mean is the last
        self._spread = np.zeros((rows, columns), np.float32)
        self._rows = np.zeros(rows, np.float32)
        self._starts = np.arange(0, width, self.factor)
        self._columns = np.diff(np.append(self._starts, width)).astype(np.float32)

    def add(self, band: Band) -> None:
        """Take in finished rows."""
        height = band.mean.shape[0]
        places = (band.top + np.arange(height)) // self.factor
        shown = [*band.levels[: len(self._sums) - 1], band.mean]
        for sums, levels in zip(self._sums, shown, strict=True):
            np.add.at(sums, places, np.add.reduceat(levels.astype(np.float32), self._starts, 1))
        spread = np.add.reduceat(band.uncertainty, self._starts, 1)
        np.add.at(self._spread, places, spread)
        np.add.at(self._rows, places, 1)

    @property
    def images(self) -> list[Image.Image]:
        """The samples, RGB."""
        return [self._image(sums) for sums in self._sums[:-1]]

    @property
    def mean(self) -> Image.Image:
        """The network's clean estimate, RGB."""
        return self._image(self._sums[-1])

    @property
    def uncertainty(self) -> NDArray[np.float32]:
        """(rows, columns), in 8-bit levels."""
        return self._spread / self._counts

    @property
    def _counts(self) -> NDArray[np.float32]:
        return np.maximum(self._rows, 1)[:, None] * self._columns

    def _image(self, sums: NDArray[np.float32]) -> Image.Image:
        return Image.fromarray(np.rint(sums / self._counts[..., None]).astype(np.uint8))


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

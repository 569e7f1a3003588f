"""What takes a result's bands as they come: each keeps what its file or its lookers need."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restoreflow.images.canvas import Canvas

if TYPE_CHECKING:
    from restoreflow.restoration.bands import Band

__all__ = ["SHOWN_SAMPLES", "Canvases", "Consumer", "Numbers", "Pictures", "Sketch", "Spread"]


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

"""A large result made small while its bands come, for those who only look at it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from restoreflow.restoration.bands import Band

__all__ = ["SHOWN_SAMPLES", "Sketch"]

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

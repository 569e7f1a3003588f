"""How well a result, downscaled, gives back its input."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.restoration.resizing import Reduction

__all__ = ["LR_PSNR_CAP", "LrPsnr", "LrPsnrToReduced", "lr_psnr", "psnr"]

LR_PSNR_CAP = 100.0
"""What an exact match is reported as, in dB: JSON has no infinity."""


def psnr(square: float) -> float:
    """A mean square difference between values in [0, 1] as PSNR in dB, at most LR_PSNR_CAP."""
    return -10 * math.log10(max(square, 10 ** (-LR_PSNR_CAP / 10)))


def lr_psnr(image: Image.Image, y: Tensor) -> float:
    """PSNR in dB, over RGB, between Pillow's bicubic reduction of a result and its input.

    Reduced is first each row, then each column, both times rounded to 8 bits.

    Args:
        image: the 8-bit RGB result.
        y: (3, h, w) in [0, 1], the input.

    Returns:
        10 log10(255^2 / mean square difference in 8-bit levels), at most LR_PSNR_CAP.
    """
    measure = LrPsnr(y, image.size)
    measure.add(np.asarray(image))
    return measure.value


class LrPsnr:
    """The same of a result that comes in bands, from the top.

    Args:
        y: (3, h, w) in [0, 1], the input.
        size: width and height of the result, no smaller.
        filter: that reduces.
    """

    def __init__(
        self,
        y: Tensor,
        size: tuple[int, int],
        filter: Image.Resampling = Image.Resampling.BICUBIC,
    ) -> None:
        self._y = y.cpu().numpy().transpose(1, 2, 0)
        self._reduction = Reduction(size, (y.shape[2], y.shape[1]), filter)
        self._squares = 0.0

    def add(self, rows: NDArray[np.uint8]) -> None:
        """The next rows, (k, W, 3)."""
        first = self._reduction.done
        low = self._reduction.add(rows)
        known = self._y[first : first + len(low)]
        self._squares += _square_sum(low.astype(np.float32) / np.float32(255) - known)

    @property
    def value(self) -> float:
        """PSNR in dB of the rows that were added, at most LR_PSNR_CAP."""
        return psnr(self._squares / (3 * self._reduction.done * self._y.shape[1]))


class LrPsnrToReduced:
    """The same with another result of the same size, whose reduction comes in the same bands.

    Args:
        size: width and height of the results.
        reduced: of both when they are reduced.
        filter: that reduces.
    """

    def __init__(
        self,
        size: tuple[int, int],
        reduced: tuple[int, int],
        filter: Image.Resampling = Image.Resampling.BICUBIC,
    ) -> None:
        self._reduction = Reduction(size, reduced, filter)
        self._width = reduced[0]
        self._squares = 0.0

    def add(self, rows: NDArray[np.uint8], other: NDArray[np.uint8]) -> None:
        """The next rows, (k, W, 3), and what `Reduction.add` gave of the other's."""
        low = self._reduction.add(rows).astype(np.float32)
        self._squares += _square_sum((low - other.astype(np.float32)) / np.float32(255))

    @property
    def value(self) -> float:
        """PSNR in dB of the rows that were added, at most LR_PSNR_CAP."""
        return psnr(self._squares / (3 * self._reduction.done * self._width))


def _square_sum(difference: NDArray[np.floating]) -> float:
    return float(np.sum(np.square(difference), dtype=np.float64))

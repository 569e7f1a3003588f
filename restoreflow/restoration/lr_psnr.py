"""How well a result, downscaled, gives back its input."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

__all__ = ["LR_PSNR_CAP", "LrPsnr", "LrPsnrToReduced", "Reduction", "lr_psnr", "psnr"]

LR_PSNR_CAP = 100.0
"""What an exact match is reported as, in dB: JSON has no infinity."""

_BICUBIC = Image.Resampling.BICUBIC

_REACH = 2
"""Rows of the input's size that bicubic reduction sees to either side."""


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
    measure = LrPsnr(y, image.width // y.shape[-1])
    measure.add(np.asarray(image))
    return measure.value


class LrPsnr:
    """The same of a result that comes in bands, from the top.

    Args:
        y: (3, h, w) in [0, 1], the input.
        scale: side of the result over the input's.
    """

    def __init__(self, y: Tensor, scale: int) -> None:
        self._y = y.cpu().numpy().transpose(1, 2, 0)
        self._reduction = Reduction(y.shape[1], y.shape[2], scale)
        self._squares = 0.0

    def add(self, rows: NDArray[np.uint8]) -> None:
        """The next rows, (k * scale, W, 3)."""
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
        height, width: of the results reduced.
        scale: side of the results over that of the reduced ones.
    """

    def __init__(self, height: int, width: int, scale: int) -> None:
        self._reduction = Reduction(height, width, scale)
        self._width = width
        self._squares = 0.0

    def add(self, rows: NDArray[np.uint8], other: NDArray[np.uint8]) -> None:
        """The next rows, (k * scale, W, 3), and what `Reduction.add` gave of the other's."""
        low = self._reduction.add(rows).astype(np.float32)
        self._squares += _square_sum((low - other.astype(np.float32)) / np.float32(255))

    @property
    def value(self) -> float:
        """PSNR in dB of the rows that were added, at most LR_PSNR_CAP."""
        return psnr(self._squares / (3 * self._reduction.done * self._width))


class Reduction:
    """A picture that comes in bands reduced by Pillow's bicubic filter.

    Args:
        height, width: of the reduced picture.
        scale: side of the picture over that of the reduced one.

    Attributes:
        done: rows of the reduced picture that were given.
    """

    def __init__(self, height: int, width: int, scale: int) -> None:
        self._height, self._width, self._scale = height, width, scale
        self._rows = np.empty((0, width * scale, 3), dtype=np.uint8)
        self._top = self.done = 0

    def add(self, rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Take the next rows, (k * scale, W, 3); give the reduced ones that they finish."""
        self._rows = np.concatenate([self._rows, rows])
        bottom = self._top + len(self._rows) // self._scale
        if bottom < self._height:
            bottom -= _REACH
        if bottom <= self.done:
            return np.empty((0, self._width, 3), dtype=np.uint8)
        low = self._reduced(bottom)
        top = max(bottom - _REACH, 0)
        self._rows = self._rows[(top - self._top) * self._scale :].copy()
        self._top, self.done = top, bottom
        return low

    def _reduced(self, bottom: int) -> NDArray[np.uint8]:
        """The reduced rows from those done to `bottom`."""
        edges = [(row - self._top) * self._scale for row in (self.done, bottom)]
        # In two steps, since Pillow chooses by the picture's shape which direction comes first.
        narrow = Image.fromarray(self._rows).resize((self._width, len(self._rows)), _BICUBIC)
        box = (0, edges[0], self._width, edges[1])
        return np.asarray(narrow.resize((self._width, bottom - self.done), _BICUBIC, box))


def _square_sum(difference: NDArray[np.floating]) -> float:
    return float(np.sum(np.square(difference), dtype=np.float64))

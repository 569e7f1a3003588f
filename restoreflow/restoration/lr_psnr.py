"""How well a result, downscaled, gives back its input."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

__all__ = ["LR_PSNR_CAP", "LrPsnr", "lr_psnr", "psnr"]

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
        self._y = y.cpu().numpy()
        self._scale = scale
        height, width = self._y.shape[1:]
        self._rows = np.empty((0, width * scale, 3), dtype=np.uint8)
        self._top = self._done = 0
        self._squares = 0.0
        self._height = height

    def add(self, rows: NDArray[np.uint8]) -> None:
        """The next rows, (k * scale, W, 3)."""
        self._rows = np.concatenate([self._rows, rows])
        bottom = self._top + len(self._rows) // self._scale
        if bottom < self._height:
            bottom -= _REACH
        if bottom <= self._done:
            return
        self._squares += self._square_sum(bottom)
        top = max(bottom - _REACH, 0)
        self._rows = self._rows[(top - self._top) * self._scale :].copy()
        self._top, self._done = top, bottom

    @property
    def value(self) -> float:
        """PSNR in dB of the rows that were added, at most LR_PSNR_CAP."""
        return psnr(self._squares / (3 * self._done * self._y.shape[-1]))

    def _square_sum(self, bottom: int) -> float:
        """Sum of the squared differences in the input's rows from those done to `bottom`."""
        width = self._y.shape[-1]
        edges = [(row - self._top) * self._scale for row in (self._done, bottom)]
        # In two steps, since Pillow chooses by the picture's shape which direction comes first.
        narrow = Image.fromarray(self._rows).resize((width, len(self._rows)), _BICUBIC)
        low = narrow.resize((width, bottom - self._done), _BICUBIC, (0, edges[0], width, edges[1]))
        known = self._y[:, self._done : bottom]
        difference = np.asarray(low).transpose(2, 0, 1) / np.float32(255) - known
        return float(np.sum(np.square(difference), dtype=np.float64))

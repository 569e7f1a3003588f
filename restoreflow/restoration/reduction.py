"""A picture that comes in rows from the top, reduced by one of Pillow's filters as it comes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Reduction"]

_REACH = {Image.Resampling.BICUBIC: 2, Image.Resampling.LANCZOS: 3}
"""Pixels of the reduced picture that a filter sees to either side."""


class Reduction:
    """Reduces rows as they come, and keeps no more of them than the filter sees.

    8-bit rows are reduced as Pillow reduces a whole picture: each row, then each column, both
    rounded to 8 bits. Floating point is neither rounded nor clipped, and a filter may overshoot.

    Args:
        before: width and height of the picture.
        after: of the reduced one; neither side is larger.
        filter: BICUBIC, or LANCZOS, which is sharper; both are antialiased.

    Attributes:
        done: rows of the reduced picture that were given.
    """

    def __init__(
        self,
        before: tuple[int, int],
        after: tuple[int, int],
        filter: Image.Resampling = Image.Resampling.BICUBIC,
    ) -> None:
        (_, self._before), (self._width, self._after) = before, after
        self._filter, self._reach = filter, _REACH[filter]
        self._planes: list[NDArray[Any]] = []
        self._top = self.done = 0

    def add(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Take the next rows, (k, W, C) uint8 or float32; give the reduced ones they finish."""
        # First across and then down, always: Pillow chooses by the picture's shape.
        narrow = [
            _resized(plane, (self._width, len(rows)), self._filter) for plane in _planes(rows)
        ]
        held = self._planes or [plane[:0] for plane in narrow]
        self._planes = [np.concatenate(pair) for pair in zip(held, narrow, strict=True)]
        bottom = self._finished()
        given = [self._rows(plane, bottom) for plane in self._planes]
        top = max(self._first(bottom - self._reach), self._top)
        self._planes = [plane[top - self._top :].copy() for plane in self._planes]
        self._top, self.done = top, bottom
        return np.stack(given, axis=-1)

    def _finished(self) -> int:
        """How many reduced rows all that they depend on is there for."""
        there = self._top + len(self._planes[0])
        if there >= self._before:
            return self._after
        return max(there * self._after // self._before - self._reach, self.done)

    def _first(self, row: int) -> int:
        return max(row, 0) * self._before // self._after

    def _rows(self, plane: NDArray[Any], bottom: int) -> NDArray[Any]:
        if bottom == self.done:
            return np.empty((0, self._width), plane.dtype)
        ends = [row * self._before / self._after - self._top for row in (self.done, bottom)]
        box = (0, ends[0], self._width, ends[1])
        return _resized(plane, (self._width, bottom - self.done), self._filter, box)


def _planes(rows: NDArray[Any]) -> list[NDArray[Any]]:
    return [np.ascontiguousarray(rows[..., channel]) for channel in range(rows.shape[-1])]


def _resized(
    plane: NDArray[Any],
    size: tuple[int, int],
    filter: Image.Resampling,
    box: tuple[float, float, float, float] | None = None,
) -> NDArray[Any]:
    return np.asarray(Image.fromarray(plane).resize(size, filter, box))

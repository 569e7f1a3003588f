"""Pictures resized: by whole factors at once, and by any factor while their rows come.

Whole factors are products with small matrices, for one sample after another:
`torch.nn.functional.interpolate` with ``antialias`` takes two to three times as long on a CPU.
A direction is resized in blocks of cells, pixels of the smaller picture, each of which sees a few
cells more to either side; the matrices are what ``interpolate`` makes of single pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.tasks.task import Operator

__all__ = ["Reduction", "enlarged", "reduced_columns", "reduced_rows"]

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


_CELLS = 16
"""Cells a block: a larger one multiplies more zeros, a smaller one starts more products."""


class _Block(NamedTuple):
    """Cells that are resized together: its own, what it sees, and the matrix."""

    own: slice
    seen: slice
    matrix: Tensor


def enlarged(x: Tensor, scale: int, operator: Operator) -> Tensor:
    """`Operator.resize` of (C, h, w) to ``scale`` times that."""
    channels, height, width = x.shape
    wide = x.new_empty(channels * height, width * scale)
    flat = x.reshape(channels * height, width)
    for own, seen, matrix in _blocks(width, scale, False, operator):
        torch.mm(flat[:, seen], matrix, out=wide[:, _fine(own, scale)])
    result = x.new_empty(channels, height * scale, width * scale)
    for own, seen, matrix in _blocks(height, scale, False, operator):
        for source, target in zip(wide.view(channels, height, -1), result, strict=True):
            torch.mm(matrix.T, source[seen], out=target[_fine(own, scale)])
    return result


def reduced_columns(x: Tensor, scale: int, operator: Operator) -> Tensor:
    """`Operator.resize` of (C, H, W) to (C, H, W / scale)."""
    channels, height, width = x.shape
    result = x.new_empty(channels * height, width // scale)
    flat = x.reshape(channels * height, width)
    for own, seen, matrix in _blocks(width // scale, scale, True, operator):
        torch.mm(flat[:, _fine(seen, scale)], matrix, out=result[:, own])
    return result.view(channels, height, -1)


def reduced_rows(x: Tensor, scale: int, operator: Operator) -> Tensor:
    """`Operator.resize` of (C, H, W) to (C, H / scale, W)."""
    channels, height, width = x.shape
    result = x.new_empty(channels, height // scale, width)
    for own, seen, matrix in _blocks(height // scale, scale, True, operator):
        for source, target in zip(x, result, strict=True):
            torch.mm(matrix.T, source[_fine(seen, scale)], out=target[own])
    return result


def _fine(cells: slice, scale: int) -> slice:
    """The pixels of some cells."""
    return slice(cells.start * scale, cells.stop * scale)


def _blocks(cells: int, scale: int, reduce: bool, operator: Operator) -> Iterator[_Block]:
    """All blocks of so many cells in one direction."""
    reach, far = operator.reach, 4 * operator.reach  # from where on a border is not felt
    for start in range(0, cells, _CELLS):
        own = slice(start, min(start + _CELLS, cells))
        seen = slice(max(own.start - reach, 0), min(own.stop + reach, cells))
        before, after = min(own.start, far), min(cells - own.stop, far)
        yield _Block(
            own, seen, _matrix(before, own.stop - own.start, after, scale, reduce, operator)
        )


@lru_cache(maxsize=64)
def _matrix(
    before: int, own: int, after: int, scale: int, reduce: bool, operator: Operator
) -> Tensor:
    """What a block's seen pixels (rows) give to its own (columns), float32.

    Args:
        before, own, after: cells before the block, in it and after it, none of them beyond a
            picture's border.
        scale: pixels a cell.
        reduce: from pixels to cells, or back.
        operator: that resizes.
    """
    cells = before + own + after
    first, last = before - min(before, operator.reach), before + own + min(after, operator.reach)
    given, made = (scale, 1) if reduce else (1, scale)
    impulses = torch.eye(cells * given, dtype=torch.float64).view(-1, 1, cells * given)
    whole = operator.resize(impulses, 1, cells * made)[:, 0]
    part = whole[first * given : last * given, before * made : (before + own) * made]
    return part.float().contiguous()

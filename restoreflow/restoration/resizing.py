"""Resizing by whole factors as products with small matrices, for one sample after another.

`torch.nn.functional.interpolate` with ``antialias`` takes two to three times as long on a CPU.
A direction is resized in blocks of cells, pixels of the smaller picture, each of which sees a few
cells more to either side; the matrices are what ``interpolate`` makes of single pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from restoreflow.tasks.task import Operator

__all__ = ["enlarged", "reduced_columns", "reduced_rows"]

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

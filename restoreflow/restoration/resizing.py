"""Bicubic resizing by whole factors as products with small matrices, for one sample after another.

`torch.nn.functional.interpolate` with ``antialias`` takes 1.5 to 2 times as long on a CPU.
A direction is resized in blocks of cells, pixels of the smaller picture, each of which sees a few
cells more to either side; the matrices are what ``interpolate`` makes of single pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["enlarged", "reduced_columns", "reduced_rows", "resized"]

_CELLS = 16
"""Cells a block: a larger one multiplies more zeros, a smaller one starts more products."""

_REACH = 2
"""Cells that a pixel depends on to either side, both ways of resizing."""

_FAR = 8
"""Cells from which on a border is not felt."""


class _Block(NamedTuple):
    """Cells that are resized together: its own, what it sees, and the matrix."""

    own: slice
    seen: slice
    matrix: Tensor


def resized(x: Tensor, height: int, width: int) -> Tensor:
    """Pillow's BICUBIC (a = -0.5), antialiased, of (..., h, w), within float rounding."""
    # antialias=True also chooses a = -0.5 and Pillow's treatment of the border when enlarging.
    flat = x.reshape(-1, 1, *x.shape[-2:])
    size = (height, width)
    found = F.interpolate(flat, size=size, mode="bicubic", align_corners=False, antialias=True)
    return found.reshape(*x.shape[:-2], height, width)


def enlarged(x: Tensor, scale: int) -> Tensor:
    """`resized` of (C, h, w) to ``scale`` times that."""
    channels, height, width = x.shape
    wide = x.new_empty(channels * height, width * scale)
    flat = x.reshape(channels * height, width)
    for own, seen, matrix in _blocks(width, scale, False):
        torch.mm(flat[:, seen], matrix, out=wide[:, _fine(own, scale)])
    result = x.new_empty(channels, height * scale, width * scale)
    for own, seen, matrix in _blocks(height, scale, False):
        for source, target in zip(wide.view(channels, height, -1), result, strict=True):
            torch.mm(matrix.T, source[seen], out=target[_fine(own, scale)])
    return result


def reduced_columns(x: Tensor, scale: int) -> Tensor:
    """`resized` of (C, H, W) to (C, H, W / scale)."""
    channels, height, width = x.shape
    result = x.new_empty(channels * height, width // scale)
    flat = x.reshape(channels * height, width)
    for own, seen, matrix in _blocks(width // scale, scale, True):
        torch.mm(flat[:, _fine(seen, scale)], matrix, out=result[:, own])
    return result.view(channels, height, -1)


def reduced_rows(x: Tensor, scale: int) -> Tensor:
    """`resized` of (C, H, W) to (C, H / scale, W)."""
    channels, height, width = x.shape
    result = x.new_empty(channels, height // scale, width)
    for own, seen, matrix in _blocks(height // scale, scale, True):
        for source, target in zip(x, result, strict=True):
            torch.mm(matrix.T, source[_fine(seen, scale)], out=target[own])
    return result


def _fine(cells: slice, scale: int) -> slice:
    """The pixels of some cells."""
    return slice(cells.start * scale, cells.stop * scale)


def _blocks(cells: int, scale: int, reduce: bool) -> Iterator[_Block]:
    """All blocks of so many cells in one direction."""
    for start in range(0, cells, _CELLS):
        own = slice(start, min(start + _CELLS, cells))
        seen = slice(max(own.start - _REACH, 0), min(own.stop + _REACH, cells))
        before, after = min(own.start, _FAR), min(cells - own.stop, _FAR)
        yield _Block(own, seen, _matrix(before, own.stop - own.start, after, scale, reduce))


@lru_cache(maxsize=64)
def _matrix(before: int, own: int, after: int, scale: int, reduce: bool) -> Tensor:
    """What a block's seen pixels (rows) give to its own (columns), float32.

    Args:
        before, own, after: cells before the block, in it and after it, none of them beyond a
            picture's border.
        scale: pixels a cell.
        reduce: from pixels to cells, or back.
    """
    cells = before + own + after
    first, last = before - min(before, _REACH), before + own + min(after, _REACH)
    given, made = (scale, 1) if reduce else (1, scale)
    impulses = torch.eye(cells * given, dtype=torch.float64).view(-1, 1, cells * given)
    whole = resized(impulses, 1, cells * made)[:, 0]
    part = whole[first * given : last * given, before * made : (before + own) * made]
    return part.float().contiguous()

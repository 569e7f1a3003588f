"""Tiles: which windows of a picture are restored, and which part of each is kept.

Everything is counted in units, the smallest squares that are whole in the input, on the grid and
in the output (`Geometry`). A tile's window is its core and a halo of the network's receptive field
around it, clipped at the picture's border: there the network pads as it does for a whole picture.
`Rows` of the result are filled tile by tile, read from the top and let go when read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch.nn.functional as F
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

__all__ = [
    "MIN_SIDE",
    "MIN_WINDOW",
    "Geometry",
    "Reach",
    "Rows",
    "Tile",
    "Window",
    "plan",
    "plan_within",
]


class Rows:
    """Some rows of an array (..., H, W); those above are let go, those below not there yet.

    Args:
        shape: of the whole, (..., H, W).
        dtype: of the values.
        whole: hold all rows from the start to the end.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, whole: bool = False) -> None:
        *leading, self.height, self.width = shape
        self.values: NDArray[Any] = np.empty(
            (*leading, self.height if whole else 0, self.width), dtype
        )
        self._top = self._needed = 0
        self.whole = whole

    def put(self, patch: NDArray[Any], top: int, left: int, *index: int) -> None:
        """Fill a rectangle of the array, or of its part `index`, whose rows were not let go.

        Raises:
            MemoryError: there is no room for its rows.
        """
        bottom = top + patch.shape[-2]
        if bottom > self._top + self.values.shape[-2]:
            self._grow(bottom)
        rows = slice(top - self._top, bottom - self._top)
        self.values[(*index, ..., rows, slice(left, left + patch.shape[-1]))] = patch

    def between(self, top: int, bottom: int) -> NDArray[Any]:
        """A view of rows top .. bottom (exclusive)."""
        return self.values[..., top - self._top : bottom - self._top, :]

    def let_go(self, before: int) -> None:
        """Say that rows above `before` are not needed any more."""
        self._needed = max(self._needed, before)

    def _grow(self, bottom: int) -> None:
        # Only here are rows really let go: one copy of what stays, instead of one a call.
        kept = self.values[..., self._needed - self._top :, :]
        shape = (*kept.shape[:-2], bottom - self._needed, self.width)
        grown = np.empty(shape, self.values.dtype)
        grown[..., : kept.shape[-2], :] = kept
        self.values, self._top = grown, self._needed


MIN_SIDE = 8
"""Units a picture's side has at least; smaller ones are padded by repeating the border."""

MIN_WINDOW = 7168
"""Units a window has at least, where the picture has as many.

For smaller inputs PyTorch picks another convolution on CPU, whose rounding differs. Above it few
values depend on the tile at all (the last, incomplete vector of an array), by about 1e-6.
"""


class Scales(Protocol):
    """What the geometry asks of a network."""

    scale: int
    cell: int

    @property
    def halo(self) -> int: ...


class Window(NamedTuple):
    """A rectangle in units: rows top .. bottom, columns left .. right, the ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def rows(self) -> int:
        return self.bottom - self.top

    @property
    def columns(self) -> int:
        return self.right - self.left

    @property
    def area(self) -> int:
        return self.rows * self.columns

    def slices(self, size: int) -> tuple[slice, slice]:
        """Rows and columns of an array with `size` elements to a unit's side."""
        rows = slice(self.top * size, self.bottom * size)
        return rows, slice(self.left * size, self.right * size)

    def grown(self, units: int, outer: Window) -> Window:
        """The rectangle with so many units more to every side, as far as `outer` has them."""
        return Window(
            max(self.top - units, outer.top),
            min(self.bottom + units, outer.bottom),
            max(self.left - units, outer.left),
            min(self.right + units, outer.right),
        )

    def aligned(self, step: int) -> Window:
        """The rectangle with its top and left moved out to multiples of ``step``."""
        return self._replace(top=self.top // step * step, left=self.left // step * step)

    def seen_from(self, outer: Window) -> Window:
        """The same rectangle with `outer`'s corner as origin."""
        top, left = outer.top, outer.left
        return Window(self.top - top, self.bottom - top, self.left - left, self.right - left)


class Reach(NamedTuple):
    """What the network needs around a core.

    Attributes:
        halo: units of context to every side.
        step: windows begin at multiples of so many rows and columns; 1 where any will do.
    """

    halo: int
    step: int = 1


class Tile(NamedTuple):
    """What is kept, and what the network sees for it."""

    core: Window
    window: Window


@dataclass(frozen=True)
class Geometry:
    """Sides of a unit.

    Args:
        pixels: input pixels: 1 for scale 4, 2 for scale 2, 4 for low light.
        cells: grid cells: 2 for scale 8, otherwise 1.
        output: output pixels.
    """

    pixels: int
    cells: int
    output: int

    @classmethod
    def of(cls, network: Scales) -> Geometry:
        """A network's: `scale` output pixels an input pixel, `cell` output pixels a cell."""
        output = math.lcm(network.scale, network.cell)
        return cls(output // network.scale, output // network.cell, output)

    def reach(self, network: Scales) -> Reach:
        """A network's receptive field in units, and its encoder's alignment if it has one."""
        alignment: int = getattr(network, "alignment", 1)
        return Reach(-(-network.halo // self.cells), -(-alignment // self.cells))

    def units(self, pixels: int) -> int:
        """Units that cover a side of so many input pixels, at least MIN_SIDE."""
        return max(MIN_SIDE, -(-pixels // self.pixels))

    def padded(self, degraded: Tensor) -> Tensor:
        """(3, h, w) with its last row and column repeated up to whole units."""
        height, width = degraded.shape[-2:]
        below = self.units(height) * self.pixels - height
        right = self.units(width) * self.pixels - width
        return F.pad(degraded[None], (0, right, 0, below), mode="replicate")[0]


def plan(size: tuple[int, int], reach: Reach, sides: tuple[int, int]) -> list[Tile]:
    """Tiles that cover a picture once, in reading order.

    Args:
        size: the picture's rows and columns.
        reach: what a core needs around it.
        sides: rows and columns of the largest core; cores are made about equal.
    """
    rows, columns = _split(size[0], sides[0]), _split(size[1], sides[1])
    cores = [Window(*row, *column) for row in rows for column in columns]
    return [Tile(core, _window(core, size, reach)) for core in cores]


def plan_within(size: tuple[int, int], reach: Reach, most: int) -> list[Tile]:
    """The tiles of least total area whose windows have at most `most` units.

    Where the halo alone exceeds that, cores have MIN_SIDE units.
    """
    best, least = None, math.inf
    extra = 2 * reach.halo + reach.step - 1
    for count in range(1, -(-size[0] // MIN_SIDE) + 1):
        rows = -(-size[0] // count)
        seen = min(rows + extra, size[0])
        columns = size[1] if seen * size[1] <= most else most // seen - extra
        if columns < MIN_SIDE:
            continue
        across = -(-size[1] // columns)
        total = count * seen * (size[1] + extra * (across - 1))
        if total < least:
            best, least = (rows, columns), total
        if across == 1:
            break
    return plan(size, reach, best or (MIN_SIDE, MIN_SIDE))


def _split(length: int, side: int) -> list[tuple[int, int]]:
    count = -(-length // side)
    edges = [index * length // count for index in range(count + 1)]
    return list(pairwise(edges))


def _window(core: Window, size: tuple[int, int], reach: Reach) -> Window:
    """The core with its halo, grown to MIN_WINDOW where the picture has room."""
    halo, step = reach
    top, bottom = max(core.top - halo, 0), min(core.bottom + halo, size[0])
    left, right = max(core.left - halo, 0), min(core.right + halo, size[1])
    columns = min(size[1], max(right - left, -(-MIN_WINDOW // (bottom - top))))
    left, right = _grown(left, right, columns, size[1])
    rows = min(size[0], max(bottom - top, -(-MIN_WINDOW // columns)))
    top, bottom = _grown(top, bottom, rows, size[0])
    return Window(top // step * step, bottom, left // step * step, right)


def _grown(start: int, stop: int, length: int, limit: int) -> tuple[int, int]:
    """An interval around start .. stop of the given length, inside 0 .. limit."""
    start = max(0, min(start - (length - (stop - start)) // 2, limit - length))
    return start, start + length

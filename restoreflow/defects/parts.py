"""What measures look at: a picture's levels, all of them or evenly spread parts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Levels", "View", "blocks_of", "view"]

Levels = NDArray[np.floating[Any]]
"""(h, w) of floats, in levels of 255."""

_WHOLE = 1_200_000  # pixels up to which all of a picture is looked at
_SIDE = 384  # of a part otherwise
_PARTS = 3  # a direction
_LUMA = np.array([0.299, 0.587, 0.114], np.float32) * np.float32(255.0)


class View(NamedTuple):
    """The parts of a picture that are looked at.

    Attributes:
        luma: luma of each part, in levels of 255.
        colours: each part itself, (h, w, 3) in [0, 1].
        size: the whole picture's height and width in pixels.
    """

    luma: tuple[Levels, ...]
    colours: tuple[NDArray[np.float32], ...]
    size: tuple[int, int]


def view(pixels: NDArray[np.float32]) -> View:
    """A picture (H, W, 3), RGB in [0, 1], as measures look at it.

    Above 1.2 megapixels it is 9 evenly spread parts of 384 x 384, so that time and memory do not
    grow with the picture; they begin at multiples of 8 pixels, as blocks of JPEG do.
    """
    height, width = pixels.shape[:2]
    parts = (pixels,)
    if height * width > _WHOLE:
        parts = tuple(
            pixels[top : top + _SIDE, left : left + _SIDE]
            for top in _starts(height)
            for left in _starts(width)
        )
    return View(tuple(part @ _LUMA for part in parts), parts, (height, width))


def blocks_of(levels: Levels, side: int) -> Levels:
    """Squares (N, side, side) that tile an array from its corner; what is left over is not in."""
    rows, columns = (length // side for length in levels.shape)
    cut = levels[: rows * side, : columns * side]
    return cut.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)


def _starts(length: int) -> list[int]:
    if length <= _SIDE:
        return [0]
    room = length - _SIDE
    return sorted({room * index // (_PARTS - 1) // 8 * 8 for index in range(_PARTS)})

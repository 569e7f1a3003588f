"""Bars of one tone at opposite edges, as films and screenshots have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bars", "find_bars"]

from typing import NamedTuple

_LEAST_SHARE = 0.02  # of a side, each
_LEAST = 4  # pixels, each
_SAME = 4.0  # levels that a bar's pixels may differ by; compression leaves some
_MOST_STRANGERS = 0.02  # of a line's pixels that may differ more
_BORDER = 0.2  # of the pixels, that change where a bar ends


class Bars(NamedTuple):
    """Pixels at each edge that hold no picture; 0 for an edge without a bar."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def widest(self) -> int:
        """The largest of the four."""
        return max(self)


def find_bars(pixels: NDArray[np.float32]) -> Bars:
    """Bars of a picture (H, W, 3), RGB in [0, 1]: of one tone, alike at both opposite edges.

    A bar ends sharply over much of its length: a plain background, which an outline enters here
    and there, is none.
    """
    top, bottom = _pair(pixels)
    left, right = _pair(pixels.swapaxes(0, 1))
    return Bars(top, bottom, left, right)


def _pair(pixels: NDArray[np.float32]) -> tuple[int, int]:
    length = pixels.shape[0]
    tone = np.median(pixels[0], 0)
    first = _lines(pixels[: length // 2], tone)
    last = _lines(pixels[: length // 2 : -1], tone) if first else 0
    least = max(_LEAST, _LEAST_SHARE * length)
    if min(first, last) < least or first + last >= length - 2 * _LEAST:
        return 0, 0
    return first, last


def _lines(half: NDArray[np.float32], tone: NDArray[np.float32]) -> int:
    """Lines from the first on that have this tone; 0 where they fade out."""
    count = 0
    for line in half:
        strangers = (np.abs(line - tone).max(1) > _SAME / 255).mean()
        if strangers > _MOST_STRANGERS:
            break
        count += 1
    inside = half[count : count + 3]
    if not count or not len(inside):
        return 0
    changed = (np.abs(inside - tone).max((0, 2)) > 2 * _SAME / 255).mean()
    return count if changed > _BORDER else 0

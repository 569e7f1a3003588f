"""Rows of a result in work: filled tile by tile, read from the top, let go when read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Rows"]


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

"""Squeeze: pixels to cells, cells shifted by half a cell, and coarse steps on 2 x 2 cells."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from restoreflow.flows.bijection import Bijection, Bound, Condition
from restoreflow.flows.layout import mix_channels
from restoreflow.flows.rotation import LOW_BANDS, cells_to_images, frequency_basis, images_to_cells

__all__ = ["CoarseCells", "HalfCellShift", "Squeeze"]


class CoarseCells(Bijection):
    """A bijection on the low bands of merged 2 x 2 cells; all other bands pass unchanged.

    The 12 lowest bands of four cells make a vector of 48, so that what the bijection moves reaches
    over 8 x 8 pixels and, with a 3 x 3 convolution inside, over 24 x 24. It sees the mean of the
    four cells' features. The last row or column of an odd grid passes unchanged, as does a grid of
    one row or column. Channels must be ordered as `Squeeze` orders them.

    Windows of a larger grid must begin at even rows and columns (`alignment`).

    Args:
        inner: a bijection of 48 channels, ordered band by band, then by the place of the cell.
    """

    basis: Tensor
    alignment = 2

    def __init__(self, inner: Bijection) -> None:
        super().__init__()
        self.inner = inner
        self.halo = 2 * inner.halo + 1
        self.register_buffer("basis", frequency_basis()[:LOW_BANDS].float(), persistent=False)

    def prepare(self, features: Tensor) -> Condition:
        if min(features.shape[-2:]) < 2:
            return ()
        height, width = (size // 2 * 2 for size in features.shape[-2:])
        pairs = features[:, :, 0:height:2] + features[:, :, 1:height:2]
        return self.inner.prepare((pairs[..., 0:width:2] + pairs[..., 1:width:2]) * 0.25)

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        if min(x.shape[-2:]) < 2:
            return x, x.new_zeros(x.shape[0])
        low = self._low(x)
        moved, ladj = self.inner(_merge(low), condition)
        return self._add(x, _split(moved) - low), ladj

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        if min(z.shape[-2:]) < 2:
            return z
        low = self._low(z)
        return self._add(z, _split(self.inner.inverse(_merge(low), condition)) - low)

    def _low(self, x: Tensor) -> Tensor:
        """The low bands of all cells that have a partner, (N, 12, 2 h, 2 w)."""
        height, width = (size // 2 * 2 for size in x.shape[-2:])
        return mix_channels(x[..., :height, :width], self.basis)

    def _add(self, x: Tensor, low: Tensor) -> Tensor:
        change = mix_channels(low, self.basis.T)
        height, width = x.shape[-2:]
        right, bottom = width - change.shape[-1], height - change.shape[-2]
        return x + (F.pad(change, (0, right, 0, bottom)) if right or bottom else change)

    def inverse_bound(self, bound: Bound) -> Bound:
        """Four cells together have twice a cell's 2-norm at most, and the low bands no more.

        Whatever the inner map moves, a cell's low bands end with a 2-norm of at most that of the
        four, beside bands that stay; and where it moves no location farther than some way, no
        cell moves farther, nor any value of it.
        """
        inner = self.inner.inverse_bound(_merged(bound))
        way = self.inverse_displacement(bound)
        norm = min((bound.norm**2 + inner.norm**2) ** 0.5, bound.norm + way)
        return Bound(norm, min(norm, bound.peak + way))

    def inverse_displacement(self, bound: Bound) -> float:
        return self.inner.inverse_displacement(_merged(bound))


def _merged(bound: Bound) -> Bound:
    """Bound on the low bands of four cells together."""
    return Bound(2.0 * bound.norm, 2.0 * bound.norm)


def _merge(low: Tensor) -> Tensor:
    """(N, 12, 2 h, 2 w) to (N, 48, h, w): band by band, the cell's four places."""
    n, bands, height, width = low.shape
    # Reshaped, since an empty batch is not.
    return F.pixel_unshuffle(low, 2).reshape(n, 4 * bands, height // 2, width // 2)


def _split(merged: Tensor) -> Tensor:
    """Inverse of `_merge`."""
    n, channels, height, width = merged.shape
    return F.pixel_shuffle(merged, 2).reshape(n, channels // 4, 2 * height, 2 * width)


class Squeeze(Bijection):
    """(N, 3, 4h, 4w) to (N, 48, h, w): each 4 x 4 cell becomes one channel vector.

    Channels are ordered by quadrant of the cell (top left, top right, bottom left, bottom right),
    then colour, then pixel within the quadrant.
    """

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        del condition
        return images_to_cells(x), x.new_zeros(x.shape[0])

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        del condition
        return cells_to_images(z)

    def inverse_bound(self, bound: Bound) -> Bound:
        """A pixel's three colours are among the cell's values."""
        return Bound(min(bound.norm, 3**0.5 * bound.peak), min(bound.peak, bound.norm))


class HalfCellShift(Bijection):
    """A bijection on cells shifted by half a cell, as shifted windows do.

    The shifted cells of an h x w grid form an (h - 1) x (w - 1) grid; each takes one quadrant of
    four neighbours, and sees the mean of their features. The half-cell border passes unchanged, as
    does everything where the grid has a single row or column. Channels must be ordered by quadrant
    (`Squeeze`).
    """

    def __init__(self, inner: Bijection) -> None:
        super().__init__()
        self.inner = inner
        self.halo = inner.halo + 1

    def prepare(self, features: Tensor) -> Condition:
        if min(features.shape[-2:]) < 2:
            return ()
        return self.inner.prepare(_means_of_four(features))

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        if min(x.shape[-2:]) < 2:
            return x, x.new_zeros(x.shape[0])
        moved, ladj = self.inner(take_shifted(x), condition)
        return put_shifted(x, moved), ladj

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        if min(z.shape[-2:]) < 2:
            return z
        return put_shifted(z, self.inner.inverse(take_shifted(z), condition))

    def inverse_bound(self, bound: Bound) -> Bound:
        """A shifted cell holds quadrants of four cells, and a cell those of four shifted ones.

        So each regrouping can double the 2-norm at worst; of a cell at the border, half at most
        moves. Around the identity only what is added is regrouped: norm + 2 displacement, and
        + displacement for single values.
        """
        way = self.inverse_displacement(bound) / 2.0
        inner = self.inner.inverse_bound(Bound(2.0 * bound.norm, bound.peak))
        regrouped = max(2.0 * inner.norm, math.hypot(2.0**0.5 * inner.norm, bound.norm))
        norm = min(regrouped, bound.norm + 2.0 * way)
        return Bound(norm, min(max(inner.peak, bound.peak), bound.peak + way))

    def inverse_displacement(self, bound: Bound) -> float:
        return 2.0 * self.inner.inverse_displacement(Bound(2.0 * bound.norm, bound.peak))


def _means_of_four(x: Tensor) -> Tensor:
    """Means of 2 x 2 neighbours, (N, C, h - 1, w - 1); avg_pool2d is far slower on a CPU."""
    pairs = x[:, :, :-1] + x[:, :, 1:]
    return (pairs[..., :-1] + pairs[..., 1:]) * 0.25


def take_shifted(x: Tensor) -> Tensor:
    """(N, C, h, w) to the shifted cells (N, C, h - 1, w - 1)."""
    top_left, top_right, bottom_left, bottom_right = x.chunk(4, 1)
    return torch.cat(
        (
            bottom_right[:, :, :-1, :-1],
            bottom_left[:, :, :-1, 1:],
            top_right[:, :, 1:, :-1],
            top_left[:, :, 1:, 1:],
        ),
        1,
    )


def put_shifted(x: Tensor, shifted: Tensor) -> Tensor:
    """x with its inner pixels replaced by those of the shifted cells."""
    top_left, top_right, bottom_left, bottom_right = shifted.chunk(4, 1)
    size = top_left.shape[1]
    out = x.clone()
    out[:, 3 * size :, :-1, :-1] = top_left
    out[:, 2 * size : 3 * size, :-1, 1:] = top_right
    out[:, size : 2 * size, 1:, :-1] = bottom_left
    out[:, :size, 1:, 1:] = bottom_right
    return out

"""Standard normal latents that depend on seed, sample and grid position, and on nothing else.

A counter-based generator gives each grid cell its own random words: the key of NumPy's Philox is
(seed, sample), its counter (column, row). A window is therefore the crop of every larger window,
bit for bit, and no result depends on the tile, the picture's size, the batch or the device.

Words become normals through the inverse of the normal distribution function, interpolated in a
table. Only exactly rounded operations (conversion, look-up, one product, one sum) touch a value,
so vector width and position in an array cannot change a bit.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from restoreflow.flows.base import LATENT_NORM_BOUND
from restoreflow.restoration.options import check_seed

__all__ = ["latent_window"]

_WORDS_A_COUNTER = 8
"""32-bit words that one step of Philox's counter gives (four of 64 bits)."""

_BLOCK = 1 << 15
"""Values that are made at a time, few enough for a cache."""

_MANTISSA_BITS = 8
"""Each octave of the tail probability is split into 2**8 pieces of the table."""


def latent_window(
    seed: int, sample: int, rows: slice, columns: slice, channels: int
) -> NDArray[np.float32]:
    """The latents of a window of the grid.

    Args:
        seed: 0 .. 2**64 - 1.
        sample: which of the picture's samples, from 0.
        rows, columns: the window, as slices with a start >= 0 and a stop.
        channels: values a grid cell.

    Returns:
        (channels, rows, columns) float32, a cell's values side by side in memory; standard normal,
        except that a cell whose 2-norm over the channels exceeds LATENT_NORM_BOUND is scaled back
        to it. With 48 channels and the bound 10.5 that happens to one cell in 1.2 million; the
        flow's certificate assumes it.
    """
    height, width = rows.stop - rows.start, columns.stop - columns.start
    counters = -(-channels // _WORDS_A_COUNTER)
    latent = np.empty((height, width, channels), dtype=np.float32)
    key = np.array([check_seed(seed), sample], dtype=np.uint64)
    step = max(1, _BLOCK // max(1, width * channels))
    for top in range(0, height, step):
        words: list[NDArray[np.uint32]] = []
        for row in range(rows.start + top, rows.start + min(top + step, height)):
            counter = np.array([columns.start * counters, row, 0, 0], dtype=np.uint64)
            raw = np.random.Philox(counter=counter, key=key).random_raw(width * counters * 4)
            words.append(raw.astype("<u8", copy=False).view("<u4").reshape(width, -1))
        latent[top : top + step] = _normal(np.stack(words)[..., :channels])
    return _bounded(latent).transpose(2, 0, 1)


def _normal(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Words to normals, one by one: the lowest bit is the sign, the others the tail probability.

    The tail probability is p = (word // 2 + 1/2) / 2**32, so |z| < 6.4. The table is linear in p
    between its knots, 256 an octave: the error is below 1e-5.
    """
    knots, steps = _quantiles()
    words = np.ascontiguousarray(words)
    tail = (words >> 1).astype(np.float32)
    tail += np.float32(0.5)
    bits = tail.view(np.uint32)
    rest = 23 - _MANTISSA_BITS
    piece = (bits >> rest) - np.uint32(126 << _MANTISSA_BITS)
    share = (bits & np.uint32((1 << rest) - 1)).astype(np.float32)
    share *= np.float32(2.0**-rest)
    share *= steps.take(piece)
    share += knots.take(piece)
    share.view(np.uint32)[...] ^= words << 31
    return share


@lru_cache(maxsize=1)
def _quantiles() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Knots of |z| against the tail probability, and the step to the next knot."""
    pieces = 1 << _MANTISSA_BITS
    counts = [2.0 ** (e - 1) * (1 + m / pieces) for e in range(32) for m in range(pieces)]
    inverse = NormalDist().inv_cdf
    knots = np.array([-inverse(count / 2.0**32) for count in counts] + [0.0])
    steps = np.append(np.diff(knots), 0.0)
    return knots.astype(np.float32), steps.astype(np.float32)


def _bounded(latent: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every cell's vector within LATENT_NORM_BOUND in the 2-norm, scaled back where it is not.

    The sum that decides runs channel by channel: a library's reduction may choose its order by the
    shape, and here only says which cells are worth a look.

    Args:
        latent: (rows, columns, channels), scaled in place.
    """
    bound = np.float32(LATENT_NORM_BOUND)
    large = np.einsum("hwc,hwc->hw", latent, latent) > np.float32(0.99) * bound * bound
    if large.any():
        cells = latent[large]
        square = np.zeros(len(cells), dtype=np.float32)
        for channel in cells.T:
            square += channel * channel
        beyond = square > bound * bound
        scale = np.where(beyond, bound * np.float32(1 - 1e-6) / np.sqrt(square), np.float32(1))
        latent[large] = cells * scale[:, None]
    return latent

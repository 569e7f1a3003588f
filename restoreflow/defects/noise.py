"""How strong a picture's noise is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from restoreflow.defects.parts import Levels, View, blocks_of

__all__ = ["noise_levels"]

_BLOCK = 16
_CALM = 0.1  # share of the blocks that noise is measured in
_LEAST, _LEAST_BLOCKS = 6, 32  # of them, and of all: texture fills a small picture
_CLIPPED = 6.0  # levels from black and white that noise is cut off within
_QUARTER, _TENTH = 1.1, 1.25  # variance of even noise over what so many blocks stay below
_COLOURED = 0.4  # of the noise in green, what noise that differs between colours has in red - green
_TEXTURE = 7.0  # levels that gray textures of photographs reach
_ROUNDING = 1 / 12  # variance of levels that are rounded


def noise_levels(seen: View) -> float:
    """Standard deviation of the noise in levels of 255; 0.0 where too little is seen to tell.

    The Laplacian difference of Immerkaer ("Fast noise variance estimation", 1996), which no plane
    moves, in the blocks that are calmest at coarser scales, which noise itself hardly decides; of
    these the lower quartile, or what a tenth of all blocks stay below if that is less: texture only
    adds. Sand and cloth look like noise in every block, but are gray, while noise differs between
    colours: where that cannot be seen, only what is stronger than texture counts.
    """
    scale = np.float32(255.0)
    green = _deviation([part[..., 1] * scale for part in seen.colours])
    colour = _deviation([(part[..., 0] - part[..., 1]) * scale for part in seen.colours], 256.0)
    colour /= np.sqrt(2)
    if colour >= _COLOURED * green:
        return green
    return max(colour, float(np.sqrt(max(green**2 - _TEXTURE**2, 0.0))))


def _deviation(planes: Sequence[Levels], offset: float = 0.0) -> float:
    """That of noise in planes of levels; ``offset`` moves them away from where levels are cut."""
    found = [_of_blocks(plane, offset) for plane in planes if min(plane.shape) >= 2 * _BLOCK]
    coarse, fine = np.concatenate(found, 1) if found else np.empty((2, 0))
    if coarse.size < _LEAST_BLOCKS:
        return 0.0
    count = max(round(_CALM * coarse.size), _LEAST)
    calm = np.argpartition(coarse, count - 1)[:count]
    variance = min(_QUARTER * np.quantile(fine[calm], 0.25), _TENTH * np.quantile(fine, 0.1))
    return float(np.sqrt(max(float(variance) - _ROUNDING, 0.0)))


def _of_blocks(plane: Levels, offset: float) -> np.ndarray:
    """Variance at coarser scales, and noise variance, of each block within the range: (2, N)."""
    inner = plane[1:-1, 1:-1]
    cross = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
    corners = plane[:-2, :-2] + plane[:-2, 2:] + plane[2:, :-2] + plane[2:, 2:]
    fine = blocks_of(((4 * inner - 2 * cross + corners) / 6) ** 2, _BLOCK).mean((1, 2))
    blocks = blocks_of(inner, _BLOCK)
    means = blocks.mean((1, 2))
    coarse = blocks.reshape(-1, 4, 4, 4, 4).mean((2, 4)).var((1, 2))
    inside = (means > _CLIPPED - offset) & (means < 255 - _CLIPPED + offset)
    return np.stack((coarse[inside], fine[inside]))

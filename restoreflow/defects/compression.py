"""How strongly a picture was compressed as JPEG, by its pixels alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from restoreflow.defects.parts import Levels, View, blocks_of
from restoreflow.images.jpeg_quality import steps_at

__all__ = ["Compression", "quality_of_pixels"]

QUALITIES = tuple(range(5, 96))
_STEPS = np.stack([steps_at(quality) for quality in QUALITIES])
_ORDER = tuple((u, v) for u in range(6) for v in range(6) if 1 <= u + v <= 5)
"""Frequencies that have coefficients in photographs at low qualities, too."""
_LEAST_SIZE = 2.0  # of coefficients that count: rounding to levels makes smaller ones
_LEAST_COUNT = 150
_MOST_BLOCKS, _MOST_SIZES = 2048, 512
_FITS = 0.5
_BLOCK = 8


class Compression(NamedTuple):
    """What the pixels say.

    Attributes:
        quality: as libjpeg counts it, 5 .. 95; None where they show no compression.
        corner: row and column, 0 .. 7, where the first whole block begins.
        fit: how well the coefficients keep to that quality's steps, up to 1.
    """

    quality: int | None
    corner: tuple[int, int]
    fit: float


def quality_of_pixels(seen: View) -> Compression:
    """The lowest quality whose quantisation the pixels show, whatever was saved after it.

    Coefficients of blocks that were quantised lie at multiples of their frequency's step: the mean
    cosine of those at least a quarter of a step in size is near 1, and at most about 0 for what
    was not quantised (after Fan and de Queiroz, "Identification of bitmap compression history",
    2003). Which blocks: those at the corner, and those at the phase that differs most.
    """
    best = Compression(None, (0, 0), 0.0)
    for corner in dict.fromkeys(((0, 0), _phase(seen.luma))):
        fits = _fits(_coefficients(seen.luma, corner))
        good = [(q, fit) for q, fit in zip(QUALITIES, fits, strict=True) if fit > _FITS]
        if good and max(fit for _, fit in good) > best.fit:
            peak = max(fit for _, fit in good)
            quality = next(q for q, fit in good if fit > 0.9 * peak)
            best = Compression(quality, corner, peak)
    return best


def _phase(luma: Sequence[Levels]) -> tuple[int, int]:
    """Where blocks begin, by the differences across their borders beyond those beside them."""
    found = []
    for axis in (0, 1):
        totals = np.zeros(_BLOCK)
        for part in luma:
            totals += border_strengths(part if axis else part.T)
        found.append((int(np.argmax(totals)) + 1) % _BLOCK)
    return found[0], found[1]


def border_profile(levels: Levels) -> NDArray[np.float64]:
    """Of each column, how much more its difference to the next is than those beside it."""
    steps = np.abs(np.diff(levels, axis=1))
    profile = (steps[:, 1:-1] - (steps[:, :-2] + steps[:, 2:]) / 2).mean(0, dtype=np.float64)
    return np.concatenate(([0.0], profile, [0.0, 0.0]))


def border_strengths(levels: Levels) -> NDArray[np.float64]:
    """`border_profile` summed over columns 8 apart, by the first."""
    profile = border_profile(levels)
    profile = profile[: len(profile) // _BLOCK * _BLOCK]
    return profile.reshape(-1, _BLOCK).sum(0)


def _dct() -> NDArray[np.float32]:
    k = np.arange(_BLOCK)
    rows = np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / (2 * _BLOCK)) / 2
    rows[0] /= np.sqrt(2)
    return rows.astype(np.float32)


_DCT = _dct()


def _coefficients(luma: Sequence[Levels], corner: tuple[int, int]) -> Levels:
    """(N, 8, 8) of whole blocks, evenly spread."""
    blocks = [blocks_of(part[corner[0] :, corner[1] :], _BLOCK) for part in luma]
    together = np.concatenate(blocks)
    every = max(-(-len(together) // _MOST_BLOCKS), 1)
    return _DCT @ together[::every] @ _DCT.T


def _fits(coefficients: Levels) -> list[float]:
    """For each of `QUALITIES`, the mean cosine over all frequencies; 0 where too few count."""
    totals, counts = np.zeros(len(QUALITIES)), np.zeros(len(QUALITIES))
    for uv in _ORDER:
        sizes = np.abs(coefficients[:, uv[0], uv[1]])
        sizes = sizes[sizes > _LEAST_SIZE]
        sizes = sizes[:: max(-(-sizes.size // _MOST_SIZES), 1)].astype(np.float32)
        steps, places = np.unique(_STEPS[:, uv[0], uv[1]], return_inverse=True)
        ratios = sizes / steps[:, None].astype(np.float32)
        counted = ratios > 0.25
        fits = np.cos(np.float32(2 * np.pi) * ratios) * counted
        totals += fits.sum(1)[places]
        counts += counted.sum(1)[places]
    known = counts >= _LEAST_COUNT
    return np.where(known, totals / np.maximum(counts, 1), 0.0).tolist()

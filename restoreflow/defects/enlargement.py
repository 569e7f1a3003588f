"""Whether a picture was enlarged before, and by how much."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from restoreflow.defects.parts import Levels, View

__all__ = ["enlargement"]

_WINDOW = 256  # columns a spectrum is of
_MOST_STEP = 20.0  # levels that a step counts for: no edge decides alone
_LOWEST = 24  # of the spectrum's 128 frequencies: pictures have slower rhythms
_NEAR = 12  # frequencies to either side that a peak has to stand out from
_LEAST_PEAK = 25.0
_CERTAIN_PEAK = 1000.0
_OVER_BLOCKS = 4.0  # times as strong as what blocks of 8 pixels give
_SOFT = 1.74  # edge contrast above which nothing was interpolated
_REACH = 0.42  # what a sharp picture's edges reach, pixels, before it was enlarged
_BLOCKS = (32, 64, 96)  # frequencies of blocks of 8 pixels, but for the half
_BLOCK = 8


def enlargement(
    seen: View, contrast: float | None, corner: tuple[int, int] | None = None
) -> float | None:
    """How many times a picture was enlarged, 1.2 .. 8; None where it does not look so.

    What interpolation puts between pixels varies less than what lies across them, so that the
    differences of neighbours have a rhythm (Gallagher, "Detection of linear and cubic interpolation
    in JPEG compressed images", 2005): its frequency f is that of a factor of 1 / f or, since the
    rhythm is sampled once a pixel, 1 / (1 - f). How soft the edges are tells which.

    Args:
        seen: of the picture.
        contrast: `blur.Edges.contrast`.
        corner: where blocks of JPEG begin, if there are any.
    """
    spectrum = _spectrum(seen, corner)
    if spectrum is None or contrast is None:
        return None
    near = [spectrum[max(k - _NEAR, 0) : k + _NEAR + 1] for k in range(len(spectrum))]
    peaks = spectrum / np.maximum([np.median(values) for values in near], 1e-12)
    blocks = max(float(peaks[k - 1 : k + 2].max()) for k in _BLOCKS)
    place = _LOWEST + int(np.argmax(peaks[_LOWEST:]))
    peak = float(peaks[place])
    of_blocks = min(abs(place - k) for k in (*_BLOCKS, len(peaks) - 1)) <= 1
    rival = _others(peaks, place) if of_blocks else blocks
    if peak < _LEAST_PEAK or (of_blocks and peak < _OVER_BLOCKS * rival):
        return None
    if contrast > _SOFT and peak < _CERTAIN_PEAK:
        return None
    soft = 1 / math.sqrt(max(contrast**2 - 1, 1e-6)) / _REACH
    frequency = place / (2 * (len(peaks) - 1))
    factors = [1 / frequency, 1 / (1 - frequency), 2 / frequency]
    return min(factors, key=lambda factor: abs(math.log(factor / soft)))


def _others(peaks: NDArray[np.float64], place: int) -> float:
    """The strongest of the other frequencies that blocks of 8 pixels have."""
    harmonics = (k for k in (*_BLOCKS, len(peaks) - 1) if abs(k - place) > 1)
    own = {2 * place, place // 2}  # a rhythm has overtones of its own
    return max((float(peaks[k]) for k in harmonics if k not in own), default=0.0)


def _spectrum(seen: View, corner: tuple[int, int] | None) -> NDArray[np.float64] | None:
    """Power of the rhythm of neighbours' differences, both directions added up."""
    windows = [
        window
        for part in seen.luma
        for axis, levels in enumerate((part.T, part))
        for window in _windows(levels, None if corner is None else corner[axis])
    ]
    if not windows:
        return None
    centred = np.stack(windows) * np.hanning(_WINDOW)
    return np.square(np.abs(np.fft.rfft(centred, axis=1))).sum(0)


def _windows(levels: Levels, start: int | None) -> Iterator[NDArray[np.float64]]:
    """Stretches of the logarithm of the mean difference from each column to the next."""
    steps = np.minimum(np.abs(np.diff(levels, axis=1)), _MOST_STEP).mean(0, dtype=np.float64)
    if start is not None and len(steps) > 2 * _BLOCK:
        borders = np.arange((start - 1) % _BLOCK, len(steps) - 2, _BLOCK)
        borders = borders[borders >= 2]
        steps[borders] = (steps[borders - 2] + steps[borders + 2]) / 2
    profile = np.log(steps + 0.1)
    for first in range(0, len(profile) - _WINDOW + 1, _WINDOW // 2):
        window = profile[first : first + _WINDOW]
        yield window - window.mean()

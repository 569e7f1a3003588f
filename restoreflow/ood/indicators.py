"""What an artifact's probability is a function of: numbers of a picture, and of its features.

Together they foretell what none of them does alone: strong features make samples leave the range,
while compression and blur, which weaken them, make samples wrong without making them doubtful.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from restoreflow.defects.find import Measures
from restoreflow.ood.mahalanobis import log_energy
from restoreflow.ood.statistics import STATISTICS

__all__ = ["FIRST_INDICATORS", "INDICATORS", "indicators", "laplacian"]

_QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
_DEFECTS = ("jpeg", "soft", "enlarged")
_LEVEL = 0.5  # added to a Laplacian's levels: below, differences mean nothing
_SOFT = 0.3  # pixels, added to blur

FIRST_INDICATORS = (*STATISTICS, *(f"energy {quantile:g}" for quantile in _QUANTILES))
"""Those of schema 1, in its order."""

INDICATORS = (
    *FIRST_INDICATORS,
    *(f"laplacian {quantile:g}" for quantile in _QUANTILES),
    *_DEFECTS,
)
"""Names of all."""


def indicators(
    names: Sequence[str],
    energies: NDArray[np.float32],
    statistics: Mapping[str, float],
    pixels: NDArray[np.float32],
    measures: Measures,
) -> NDArray[np.float64]:
    """Numbers of a picture, in float64.

    Logarithms of its statistics, of quantiles of its features' energies and of its Laplacian, the
    largest over colours, in levels; how much JPEG's quality lacks to 100, over 100; logarithms of
    blur in pixels and of how often it was enlarged.

    Args:
        names: of `INDICATORS`; what is not among them is not computed.
        energies: of all places of the first layer, of any shape and not empty.
        statistics: of `statistics.measure`.
        pixels: (H, W, 3) in [0, 1].
        measures: of `defects.find.measure_defects`.
    """
    found = {name: math.log(statistics[name] + each.floor) for name, each in STATISTICS.items()}
    found |= _quantiles("energy", energies, 0.0)
    if any(name.startswith("laplacian") for name in names):
        found |= _quantiles("laplacian", laplacian(pixels), _LEVEL)
    quality = 100 if measures.quality is None else measures.quality
    found["jpeg"] = (100 - quality) / 100
    found["soft"] = math.log((measures.blur or 0.0) + _SOFT)
    found["enlarged"] = math.log(measures.enlarged or 1.0)
    return np.array([found[name] for name in names])


def _quantiles(name: str, values: NDArray[np.float32], floor: float) -> dict[str, float]:
    ranks = [max(math.ceil(q * values.size) - 1, 0) for q in _QUANTILES]
    found = np.partition(values.ravel(), ranks)[ranks]
    logs = (log_energy(value + floor) for value in found.tolist())
    return {f"{name} {q:g}": log for q, log in zip(_QUANTILES, logs, strict=True)}


def laplacian(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Size of the 3 x 3 Laplacian in levels of 255, the largest over colours: (H, W)."""
    around = np.pad(pixels * np.float32(255), ((1, 1), (1, 1), (0, 0)), mode="edge")
    beside = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]
    return np.abs(4 * around[1:-1, 1:-1] - beside).max(2)

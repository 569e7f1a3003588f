"""What an artifact's probability is a function of: a picture's energies and low-level statistics.

Together they foretell what none of them does alone: strong features make samples leave the range,
while compression and blur, which weaken them, make samples wrong without making them doubtful.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from restoreflow.ood.mahalanobis import log_energy
from restoreflow.ood.statistics import STATISTICS

__all__ = ["INDICATORS", "indicators"]

_QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)

INDICATORS = (*STATISTICS, *(f"energy {quantile:g}" for quantile in _QUANTILES))
"""Names, in the order of `indicators`."""


def indicators(
    energies: NDArray[np.float32], statistics: Mapping[str, float]
) -> NDArray[np.float64]:
    """Logarithms of a picture's statistics and of quantiles of its energies, in float64.

    Args:
        energies: of all places of the first layer, of any shape and not empty.
        statistics: of `statistics.measure`.
    """
    logs = [math.log(statistics[name] + each.floor) for name, each in STATISTICS.items()]
    ranks = [max(math.ceil(q * energies.size) - 1, 0) for q in _QUANTILES]
    found = np.partition(energies.ravel(), ranks)[ranks]
    return np.array([*logs, *(log_energy(energy) for energy in found.tolist())])

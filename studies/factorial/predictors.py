"""What may foretell an explosion: the input alone, and the features that condition the flow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.features import FEATURES
from restoreflow.ood.mahalanobis import summarise
from restoreflow.ood.maps import energy_maps

__all__ = ["NAMES", "of_features", "of_input"]

NAMES: Mapping[str, str] = {
    "features_mean": "flow's features, Mahalanobis distance, mean (the paper's score)",
    "features_p99": "flow's features, Mahalanobis distance, 99th percentile",
    "laplacian_max": "input alone: 3 x 3 colour Laplacian, largest",
    "laplacian_p99": "input alone: 3 x 3 colour Laplacian, 99th percentile",
    "variation": "input alone: total variation a pixel",
    "high_frequency": "input alone: energy beyond half the Nyquist frequency",
}
"""Scores, and what tables call them."""


def of_input(degraded: Tensor) -> dict[str, float]:
    """Scores of a picture (3, h, w) in [0, 1] by itself, no model in sight; each finite."""
    x = degraded.double().numpy()
    laplacian = _laplacian(x)
    steps = [np.abs(np.diff(x, axis=axis)).sum() for axis in (1, 2)]
    return {
        "laplacian_max": float(laplacian.max()),
        "laplacian_p99": float(np.quantile(laplacian, 0.99)),
        "variation": float(sum(steps) / x[0].size),
        "high_frequency": _high_frequency(x),
    }


def of_features(
    network: RestorationNetwork, degraded: Tensor, gaussian: tuple[Tensor, Tensor]
) -> dict[str, float]:
    """The squared Mahalanobis distance of the features over its dimensions, as two numbers.

    Args:
        gaussian: mean and whitening of the features on training photographs.
    """
    energies = energy_maps(network, degraded, {FEATURES: gaussian})[FEATURES]
    found = summarise(torch.from_numpy(energies), math.inf)
    return {"features_mean": min(found.mean, 1e300), "features_p99": min(found.p99, 1e300)}


def _laplacian(x: NDArray[Any]) -> NDArray[Any]:
    """Norm over the colours of 8 times a pixel less its neighbours, at every place inside."""
    middle = 9.0 * x[:, 1:-1, 1:-1]
    height, width = x.shape[1] - 2, x.shape[2] - 2
    for top in range(3):
        for left in range(3):
            middle = middle - x[:, top : top + height, left : left + width]
    return np.sqrt((middle**2).sum(0))


def _high_frequency(x: NDArray[Any]) -> float:
    """Mean square of what lies beyond half the Nyquist frequency in either direction."""
    spectrum = np.abs(np.fft.fft2(x)) ** 2
    rows, columns = (np.abs(np.fft.fftfreq(side)) for side in x.shape[1:])
    high = np.maximum(rows[:, None], columns[None, :]) > 0.25
    return float(spectrum[:, high].sum() / x[0].size ** 2 / 3)

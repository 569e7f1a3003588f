"""The out-of-distribution score: how far features lie from those of the training set.

Two meanings, kept apart because they rank pictures differently:

- *energy*, one-sided: the Mahalanobis distance itself. Features with more energy than any seen in
  training are what makes an unbounded flow explode. Blur and compression *lower* it.
- *unusual*, two-sided: how many deviations the logarithm of the energy lies from the training
  set's, to either side, over one layer or several.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from restoreflow.flows.layout import mix_channels

__all__ = ["Scale", "Summary", "energy_map", "log_energy", "summarise", "unusual"]

LEAST = 1e-6
"""Energies below count as this: their logarithm stays finite."""

_STRIP = 4096
"""Places at once: what lies between then stays in a processor's cache, five times as fast."""


class Summary(NamedTuple):
    """A picture's energies as a few numbers.

    Attributes:
        mean: over all places.
        p99: the 99th percentile: what a small strange part raises, when most is as usual.
        share: of the places, beyond the training set's threshold, 0 .. 1.
    """

    mean: float
    p99: float
    share: float


class Scale(NamedTuple):
    """Centre and deviation of log energy over the training set's pictures."""

    centre: float
    spread: float


def energy_map(features: Tensor, mean: Tensor, whitening: Tensor) -> Tensor:
    """Squared Mahalanobis distance over its number of dimensions, place by place.

    1 is the training set's average. The product of centred features with the whitening matrix is
    the triangular solve for every place at once.

    Args:
        features: (N, C, h, w).
        mean: (C,).
        whitening: (R, C), see `gaussian.Gaussian`.

    Returns:
        (N, h, w), 0 or more, in the features' dtype; what is not finite becomes the largest float.
    """
    centre, weights = mean.to(features)[:, None, None], whitening.to(features)
    rows = max(_STRIP // features.shape[-1], 1)
    strips = features.split(rows, -2)
    white = (mix_channels(strip - centre, weights) for strip in strips)
    energy = torch.cat([strip.square_().mean(1) for strip in white], -2)
    largest = torch.finfo(energy.dtype).max
    return energy.nan_to_num(nan=largest, posinf=largest, neginf=largest)


def summarise(energies: Tensor, threshold: float) -> Summary:
    """Summary of a map of energies, of any shape and not empty.

    Args:
        energies: of all places of one picture.
        threshold: beyond which a place counts for `Summary.share`.
    """
    flat = energies.detach().flatten().double()
    rank = max(math.ceil(0.99 * flat.numel()), 1)  # torch.quantile refuses 16 million values
    p99 = flat.kthvalue(rank).values
    share = (flat > threshold).double().mean()
    return Summary(float(flat.mean()), float(p99), float(share))


def log_energy(energy: float) -> float:
    """Natural logarithm, finite for 0 and for infinity."""
    return math.log(min(max(energy, LEAST), 1e300))


def unusual(energies: Sequence[float], scales: Sequence[Scale]) -> float:
    """The two-sided score: root mean square over layers of a picture's deviation from training.

    Args:
        energies: the picture's, a layer each.
        scales: the training set's, likewise.
    """
    pairs = zip(energies, scales, strict=True)
    squares = [((log_energy(e) - s.centre) / s.spread) ** 2 for e, s in pairs]
    return math.sqrt(sum(squares) / len(squares))

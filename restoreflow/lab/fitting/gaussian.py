"""Mean and covariance of features that never are in memory at once, shrunk and factored."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Gaussian", "Moments", "fit_gaussian", "ledoit_wolf_shrinkage"]

FLOOR = 1e-9
"""Share of the mean eigenvalue below which a direction holds nothing: dead channels, or a layer
with more channels than inputs. Rounding of float32 features is at 1e-14."""


class Gaussian(NamedTuple):
    """A normal distribution of features, ready to measure distances.

    Attributes:
        mean: (C,) float64.
        whitening: (R, C) float64; |whitening (x - mean)|^2 is the squared Mahalanobis distance. The
            inverse of the covariance's Cholesky factor, lower triangular, for R = C; otherwise
            the R axes of largest variance, each divided by its deviation.
        shrinkage: how far the covariance was drawn to a multiple of the identity, 0 .. 1.
    """

    mean: Tensor
    whitening: Tensor
    shrinkage: float


class Moments:
    """Streaming moments of vectors with C channels, in float64.

    Chunks are centred on their own mean and merged by Chan, Golub and LeVeque's update ("Updating
    formulae and a pairwise algorithm for computing sample variances", 1979), extended to the two
    further moments that Ledoit and Wolf's shrinkage needs; no large numbers cancel.

    Attributes:
        count: vectors seen.
        mean: (C,).
        scatter: (C, C), sum of (x - mean)(x - mean)'.
        cubic: (C,), sum of |x - mean|^2 (x - mean).
        quartic: sum of |x - mean|^4.
    """

    def __init__(self, channels: int) -> None:
        self.count = 0
        self.mean = torch.zeros(channels, dtype=torch.float64)
        self.scatter = torch.zeros(channels, channels, dtype=torch.float64)
        self.cubic = torch.zeros(channels, dtype=torch.float64)
        self.quartic = torch.zeros((), dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Take in vectors: (C, ...) with any number of places, on any device."""
        x = features.detach().flatten(1).T.to("cpu", torch.float64)
        if x.shape[0] == 0:
            return
        other = Moments(x.shape[1])
        other.count, other.mean = x.shape[0], x.mean(0)
        centred = x - other.mean
        squares = centred.square().sum(1)
        other.scatter = centred.T @ centred
        other.cubic = centred.T @ squares
        other.quartic = squares.square().sum()
        self.merge(other)

    def merge(self, other: Moments) -> None:
        """Take in what other moments have seen."""
        count = self.count + other.count
        if count == 0:
            return
        mean = self.mean + (other.mean - self.mean) * (other.count / count)
        parts = [part._about(mean) for part in (self, other)]
        self.count, self.mean = count, mean
        self.scatter, self.cubic, self.quartic = (a + b for a, b in zip(*parts, strict=True))

    def _about(self, point: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scatter, cubic and quartic about another point; deviations about the mean sum to 0."""
        n, d = self.count, point - self.mean
        square, trace = d @ d, self.scatter.trace()
        along = self.scatter @ d
        scatter = self.scatter + n * torch.outer(d, d)
        cubic = self.cubic - trace * d - 2 * along - n * square * d
        quartic = (
            self.quartic
            - 4 * (self.cubic @ d)
            + 4 * (d @ along)
            + 2 * square * trace
            + n * square * square
        )
        return scatter, cubic, quartic

    def covariance(self) -> Tensor:
        """The maximum-likelihood covariance (C, C); zero before the first vector."""
        return self.scatter / max(self.count, 1)


def ledoit_wolf_shrinkage(moments: Moments) -> float:
    """The weight of the identity that minimises the expected squared error, 0 .. 1.

    Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices"
    (2004). It takes vectors for independent: neighbouring places are not, so it errs towards too
    little shrinkage, which matters only where places are few.
    """
    n, channels = moments.count, moments.mean.numel()
    if n == 0:
        return 1.0
    covariance = moments.covariance()
    level = covariance.trace() / channels
    norm = covariance.square().sum()
    noise = (moments.quartic / n - norm) / (channels * n)
    distance = (norm - channels * level * level) / channels
    if float(distance) <= 0:
        return 0.0 if channels == 1 else 1.0
    return min(max(float(noise / distance), 0.0), 1.0)


def fit_gaussian(moments: Moments, rank: int | None = None) -> Gaussian:
    """Gaussian from moments.

    Args:
        moments: of two vectors or more.
        rank: keep this many directions of largest variance only; None for all that hold something,
            so that the mean distance over what was fitted is R.

    Raises:
        ValueError: too few vectors, values that are not finite, no variance, or a rank outside
            1 .. C.
    """
    channels = moments.mean.numel()
    if moments.count < 2:
        raise ValueError(f"{moments.count} vectors are too few for a covariance")
    if rank is not None and not 1 <= rank <= channels:
        raise ValueError(f"rank is {rank}, not within 1 .. {channels}")
    covariance = moments.covariance()
    if not bool(torch.isfinite(covariance).all()):
        raise ValueError("the features hold values that are not finite")
    level = covariance.trace() / channels
    if float(level) <= 0:
        raise ValueError("the features have no variance")
    shrinkage = ledoit_wolf_shrinkage(moments)
    identity = torch.eye(channels, dtype=torch.float64)
    shrunk = (1 - shrinkage) * covariance + shrinkage * level * identity
    filled = int((torch.linalg.eigvalsh(covariance) > FLOOR * level).sum())
    places_enough = moments.count > channels  # otherwise shrinkage fills what was never seen
    rank = min(rank or channels, filled if places_enough else channels)
    if rank == channels:
        factor = torch.linalg.cholesky(shrunk)
        whitening = torch.linalg.solve_triangular(factor, identity, upper=False)
    else:
        values, vectors = torch.linalg.eigh(shrunk)
        whitening = (vectors[:, -rank:] / values[-rank:].sqrt()).T.flip(0)
    return Gaussian(moments.mean.clone(), whitening.contiguous(), shrinkage)

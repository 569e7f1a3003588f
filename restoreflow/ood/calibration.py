"""From a score to the probability of an outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Curve", "Logit"]


@dataclass(frozen=True)
class Curve:
    """A monotone piecewise linear map from score to probability, constant beyond its ends.

    Args:
        scores: strictly increasing.
        probabilities: as many, non-decreasing, within [0, 1].

    Raises:
        ValueError: they are not.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        x, y = np.array(self.scores), np.array(self.probabilities)
        if not 1 <= len(x) == len(y):
            raise ValueError(f"{len(x)} scores for {len(y)} probabilities")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError("scores and probabilities must be finite")
        if (np.diff(x) <= 0).any() or (np.diff(y) < 0).any():
            raise ValueError("scores must increase, probabilities must not decrease")
        if y.min() < 0 or y.max() > 1:
            raise ValueError("probabilities must lie in [0, 1]")

    def __call__(self, scores: ArrayLike) -> Any:
        """Probabilities of scores, in their shape; NaN has the last, as the worst case."""
        filled = np.nan_to_num(np.asarray(scores, float), nan=np.inf, posinf=np.inf)
        return np.interp(filled, self.scores, self.probabilities)


@dataclass(frozen=True)
class Logit:
    """A linear score of several numbers; each counts no further than it was seen to go.

    Args:
        weights, low, high: one each for every number.
        offset: what is added.

    Raises:
        ValueError: they are not as many, or not finite.
    """

    weights: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    offset: float

    def __post_init__(self) -> None:
        if not len(self.weights) == len(self.low) == len(self.high):
            raise ValueError("a logit's weights and ranges differ in number")
        if not np.isfinite([*self.weights, *self.low, *self.high, self.offset]).all():
            raise ValueError("a logit's weights must be finite")

    def __call__(self, numbers: ArrayLike) -> Any:
        """Scores of (..., D)."""
        return np.clip(numbers, self.low, self.high) @ np.array(self.weights) + self.offset

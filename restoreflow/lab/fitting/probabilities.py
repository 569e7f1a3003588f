"""Fitting the probability of an outcome to scores, and how good that probability is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from restoreflow.ood.calibration import Curve, Logit

__all__ = [
    "area_under_roc",
    "expected_calibration_error",
    "fit_logit",
    "isotonic",
    "logit_curve",
]

Array = NDArray[np.float64]
CURVE_POINTS = 33


def fit_logit(numbers: ArrayLike, outcomes: ArrayLike, penalty: float = 3.0) -> Logit:
    """Logistic regression with a ridge on standardised numbers.

    Args:
        numbers: (N, D), finite.
        outcomes: (N,), 0 or 1; where they are all alike, the score is that of N + 1 inputs of which
            one was otherwise, whatever the numbers.
        penalty: half its product with the squared weights is added to the negative log-likelihood.
    """
    x, y = np.asarray(numbers, float), np.asarray(outcomes) > 0
    low, high = x.min(0).tolist(), x.max(0).tolist()
    if y.all() or not y.any():
        certain = math.log(len(y) + 1.0)
        return Logit((0.0,) * x.shape[1], tuple(low), tuple(high), certain if y[0] else -certain)
    scaler = StandardScaler().fit(x)
    fitted = LogisticRegression(C=1 / penalty, max_iter=1000).fit(scaler.transform(x), y)
    slopes = fitted.coef_[0] / scaler.scale_
    offset = float(fitted.intercept_[0] - slopes @ scaler.mean_)
    return Logit(tuple(slopes.tolist()), tuple(low), tuple(high), offset)


def isotonic(scores: ArrayLike, outcomes: ArrayLike) -> Curve:
    """Centred isotonic regression (Oron and Flournoy, 2017): monotone, no shape assumed.

    Isotonic regression's steps, each placed at its scores' mean and joined by lines. A step without
    misses or without hits is given half a count of them: no probability is 0 or 1.

    Args:
        scores: (N,), finite.
        outcomes: (N,), 0 or 1.

    Raises:
        ValueError: no values, not as many of both, or scores that are not finite.
    """
    x, y = _pairs(scores, outcomes)
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(x, y)
    probabilities, step, counts = np.unique(fitted, return_inverse=True, return_counts=True)
    places = np.bincount(step, x) / counts
    hits = np.bincount(step, y)  # increasing shares: only the first can be 0, only the last 1
    certain = (hits == 0) | (hits == counts)
    softened = np.where(certain, (hits + 0.5) / (counts + 1.0), probabilities)
    if len(softened) > 1:
        softened[0] = min(softened[0], softened[1])
        softened[-1] = max(softened[-2:])
    return _curve(places, softened)


def logit_curve() -> Curve:
    """Probabilities of a `Logit`'s scores: the logistic function, between -8 and 8."""
    places = np.linspace(-8.0, 8.0, 2 * CURVE_POINTS - 1)
    return _curve(places, _sigmoid(places))


def area_under_roc(scores: ArrayLike, outcomes: ArrayLike) -> float:
    """The chance that a hit scores higher than a miss, ties counting half; NaN without both."""
    x, y = np.asarray(scores, float), np.asarray(outcomes) > 0
    hits, misses = int(y.sum()), int((~y).sum())
    if not hits or not misses:
        return float("nan")
    # Mann and Whitney's U: scikit-learn's checks cost bootstraps ten times as much.
    return float((rankdata(x)[y].sum() - hits * (hits + 1) / 2) / (hits * misses))


def expected_calibration_error(
    probabilities: ArrayLike, outcomes: ArrayLike, bins: int = 10
) -> float:
    """Mean distance of predicted from observed frequency over bins of equal width, by counts."""
    p, y = np.asarray(probabilities, float), np.asarray(outcomes, float)
    if not len(p):
        return float("nan")
    place = np.minimum((p * bins).astype(int), bins - 1)
    gaps = [abs(float((p[place == b] - y[place == b]).sum())) for b in range(bins)]
    return sum(gaps) / len(p)


def _pairs(scores: ArrayLike, outcomes: ArrayLike) -> tuple[Array, Array]:
    x, y = np.asarray(scores, float), (np.asarray(outcomes) > 0).astype(float)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(f"{x.shape} scores for {y.shape} outcomes")
    if not np.isfinite(x).all():
        raise ValueError("scores must be finite")
    return x, y


def _curve(scores: Array, probabilities: Array) -> Curve:
    """Points as a curve; a pool's rounding must not make two scores one."""
    kept = np.append(True, np.diff(scores) > 0)
    return Curve(tuple(scores[kept].tolist()), tuple(probabilities[kept].tolist()))


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))

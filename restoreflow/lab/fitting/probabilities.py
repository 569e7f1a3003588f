"""Fitting the probability of an outcome to scores, and how good that probability is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    """Logistic regression with a ridge on standardised numbers, by Newton's steps.

    Args:
        numbers: (N, D), finite.
        outcomes: (N,), 0 or 1.
        penalty: half its product with the squared weights is added to the negative log-likelihood.
    """
    x, y = np.asarray(numbers, float), (np.asarray(outcomes) > 0).astype(float)
    centre, scale = x.mean(0), np.maximum(x.std(0), 1e-9)
    design = np.concatenate(((x - centre) / scale, np.ones((len(x), 1))), 1)
    ridge = np.append(np.full(x.shape[1], penalty), 1e-2)  # a little: outcomes may be all alike
    weights = np.zeros(design.shape[1])
    for _ in range(100):
        p = _sigmoid(design @ weights)
        gradient = design.T @ (p - y) + ridge * weights
        step = np.linalg.solve((design.T * (p * (1 - p))) @ design + np.diag(ridge), gradient)
        weights -= step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < 1e-9:
            break
    slopes = weights[:-1] / scale
    offset = float(weights[-1] - slopes @ centre)
    low, high = x.min(0).tolist(), x.max(0).tolist()
    return Logit(tuple(slopes.tolist()), tuple(low), tuple(high), offset)


def isotonic(scores: ArrayLike, outcomes: ArrayLike) -> Curve:
    """Centred isotonic regression (Oron and Flournoy, 2017): monotone, no shape assumed.

    Pooled adjacent violators, each pool's mean placed at its scores' mean and joined by lines. A
    pool without misses or without hits is given half a count of them: no probability is 0 or 1.

    Args:
        scores: (N,), finite.
        outcomes: (N,), 0 or 1.

    Raises:
        ValueError: no values, not as many of both, or scores that are not finite.
    """
    x, y = _pairs(scores, outcomes)
    order = np.argsort(x, kind="stable")
    places, starts = np.unique(x[order], return_index=True)
    counts = np.diff(np.append(starts, len(x))).astype(float)
    hits = np.add.reduceat(y[order], starts)
    pools: list[tuple[float, float, float]] = []  # count, hits, sum of scores
    for count, hit, place in zip(counts, hits, places, strict=True):
        pool = (float(count), float(hit), float(count * place))
        while pools and pools[-1][1] * pool[0] >= pool[1] * pools[-1][0]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
        pools.append(pool)
    weight, total, moment = np.array(pools).T
    probabilities = total / weight  # increasing: only the first can be 0, only the last 1
    certain = (probabilities == 0) | (probabilities == 1)
    softened = np.where(certain, (total + 0.5) / (weight + 1.0), probabilities)
    if len(softened) > 1:
        softened[0] = min(softened[0], softened[1])
        softened[-1] = max(softened[-2:])
    return _curve(moment / weight, softened)


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
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[y].sum() - hits * (hits + 1) / 2) / (hits * misses))


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

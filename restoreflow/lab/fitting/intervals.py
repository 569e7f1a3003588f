"""How sure figures are that were measured on a few photographs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from restoreflow.lab.fitting.probabilities import area_under_roc

__all__ = ["bootstrapped_auroc", "reliability"]


def bootstrapped_auroc(
    scores: ArrayLike, outcomes: ArrayLike, groups: ArrayLike, repeats: int = 400, seed: int = 0
) -> tuple[float, float]:
    """Where 95 % of AUROCs lie when photographs are drawn again, each with all that was made of it.

    Args:
        scores, outcomes: (N,).
        groups: (N,), the photograph of each.
        repeats: bootstrap samples; those with one outcome alone do not count.
        seed: of the drawing.

    Returns:
        the 2.5th and 97.5th percentile; NaN where no sample has both outcomes.
    """
    x, y = np.asarray(scores, float), np.asarray(outcomes) > 0
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(group == each) for each in range(int(group.max(initial=-1)) + 1)]
    rng = np.random.default_rng(seed)
    found: list[float] = []
    for _ in range(repeats if members else 0):
        drawn = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        value = area_under_roc(x[drawn], y[drawn])
        if not math.isnan(value):
            found.append(value)
    if not found:
        return math.nan, math.nan
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def reliability(
    probabilities: ArrayLike, outcomes: ArrayLike, bins: int = 5
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[int, ...]]:
    """A reliability diagram's points, of bins that hold as many inputs each, from the lowest.

    Returns:
        mean probability, share of outcomes and number of inputs, a bin each.
    """
    p, y = np.asarray(probabilities, float), np.asarray(outcomes, float)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    predicted = tuple(float(p[part].mean()) for part in parts)
    observed = tuple(float(y[part].mean()) for part in parts)
    return predicted, observed, tuple(len(part) for part in parts)

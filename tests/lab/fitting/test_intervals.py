"""Intervals and reliability, where they are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from restoreflow.lab.fitting.intervals import bootstrapped_auroc, reliability
from restoreflow.lab.fitting.probabilities import area_under_roc


def test_an_interval_holds_the_figure_and_narrows_with_photographs() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for count in (10, 160):
        groups = np.repeat(np.arange(count), 4)
        outcomes = rng.random(len(groups)) < 0.5
        scores = outcomes + rng.normal(size=len(groups))
        low, high = bootstrapped_auroc(scores, outcomes, groups, repeats=200)
        assert low < area_under_roc(scores, outcomes) < high
        widths.append(high - low)
    assert widths[1] < 0.6 * widths[0]


def test_photographs_are_drawn_whole() -> None:
    groups = np.repeat([0, 1, 2], 50)
    outcomes = groups == 0
    low, high = bootstrapped_auroc(outcomes.astype(float), outcomes, groups)
    assert (low, high) == (1.0, 1.0)
    assert math.isnan(bootstrapped_auroc([1.0, 2.0], [True, True], [0, 1])[0])
    assert math.isnan(bootstrapped_auroc([], [], [])[0])


def test_reliability_of_a_sure_and_of_a_wrong_forecast() -> None:
    predicted, observed, counts = reliability([0.1] * 10 + [0.9] * 10, [0] * 10 + [1] * 10, bins=2)
    assert predicted == pytest.approx((0.1, 0.9))
    assert observed == (0.0, 1.0)
    assert counts == (10, 10)
    assert reliability([0.3], [1]) == ((0.3,), (1.0,), (1,))

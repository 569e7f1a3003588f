"""Curves against what they are to find, and figures against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from restoreflow.lab.fitting.probabilities import (
    area_under_roc,
    expected_calibration_error,
    fit_logit,
    isotonic,
)
from restoreflow.ood.calibration import Curve, Logit


def outcomes(count: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, count)
    return scores, rng.random(count) < 1 / (1 + np.exp(-1.5 * (scores - 0.5)))


def test_isotonic_joins_the_middles_of_its_pools() -> None:
    curve = isotonic([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 1, 0, 0, 1, 1])
    # 0; then 1, 0, 0 pooled to a third; then two hits: half a count of the other kind each.
    assert curve.scores == pytest.approx((1.0, 3.0, 5.5))
    assert curve.probabilities == pytest.approx((0.25, 1 / 3, 2.5 / 3))
    scores, hits = outcomes()
    curve = isotonic(np.round(scores, 1), hits)  # ties
    truth = 1 / (1 + np.exp(-1.5 * (np.linspace(-3, 3, 50) - 0.5)))
    assert np.abs(curve(np.linspace(-3, 3, 50)) - truth).max() < 0.1


def test_probabilities_are_honest_on_new_inputs() -> None:
    curve = isotonic(*outcomes(seed=1))
    scores, hits = outcomes(seed=2)
    probabilities = curve(scores)
    assert expected_calibration_error(probabilities, hits) < 0.04
    assert probabilities.min() > 0
    assert probabilities.max() < 1


@pytest.mark.parametrize("hits", [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0]], ids=str)
def test_few_and_one_sided_outcomes_are_never_certain(hits: list[int]) -> None:
    curve = isotonic([1.0, 2.0, 3.0, 4.0], hits)
    found = curve([-1e9, 1.5, 2.5, 1e9, math.nan, math.inf])
    assert ((found > 0) & (found < 1)).all()
    assert found[0] <= found[1] <= found[2] <= found[3] == found[4] == found[5]


def test_a_rank_statistic_knows_ties() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, hits = outcomes(500)
    scores = np.round(scores)
    assert area_under_roc(scores, hits) == pytest.approx(metrics.roc_auc_score(hits, scores))
    assert math.isnan(area_under_roc([1.0, 2.0], [1, 1]))


def test_calibration_error_is_the_gap() -> None:
    assert expected_calibration_error([0.8] * 10, [1] * 5 + [0] * 5) == pytest.approx(0.3)
    assert expected_calibration_error([0.0, 1.0], [0, 1]) == 0


@pytest.mark.parametrize(
    ("scores", "probabilities", "message"),
    [
        ((), (), "0 scores"),
        ((1.0, 2.0), (0.5,), "2 scores for 1"),
        ((1.0, 1.0), (0.1, 0.2), "must increase"),
        ((1.0, 2.0), (0.3, 0.2), "not decrease"),
        ((1.0, 2.0), (0.3, 1.2), r"in \[0, 1\]"),
        ((1.0, math.nan), (0.3, 0.4), "finite"),
    ],
)
def test_a_curve_is_monotone_and_within_0_1(scores, probabilities, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Curve(scores, probabilities)


@pytest.mark.parametrize("pair", [([], []), ([1.0], [1, 0]), ([math.inf], [1])])
def test_what_cannot_be_calibrated_is_refused(pair) -> None:
    with pytest.raises(ValueError, match="scores"):
        isotonic(*pair)


def test_a_logit_finds_what_matters_and_goes_no_further_than_it_has_seen() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3)) * (1.0, 50.0, 0.1) + (0.0, 7.0, -2.0)
    hits = rng.random(600) < 1 / (1 + np.exp(-(2 * x[:, 0] - 20 * (x[:, 2] + 2))))
    logit = fit_logit(x, hits, penalty=0.1)
    scales = x.std(0)
    weights = np.array(logit.weights) * scales
    assert weights == pytest.approx([2.0, 0.0, -2.0], abs=0.4)
    assert area_under_roc(logit(x), hits) > 0.88
    assert logit([1e9, 7.0, -2.0]) == logit([x[:, 0].max(), 7.0, -2.0])
    assert np.isfinite(logit([np.inf, -np.inf, 0.0]))


@pytest.mark.parametrize("outcome", [0, 1])
def test_a_logit_of_one_outcome_is_finite_and_not_certain(outcome: int) -> None:
    x = np.random.default_rng(1).normal(size=(20, 2))
    values = fit_logit(x, np.full(20, outcome))(x)
    assert values == pytest.approx((2 * outcome - 1) * math.log(21))


def test_a_logit_must_be_whole() -> None:
    for weights, low in (((1.0,), (0.0, 0.0)), ((np.nan,), (0.0,))):
        with pytest.raises(ValueError, match="logit"):
            Logit(weights, low, (1.0,), 0.0)

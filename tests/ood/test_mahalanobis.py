"""Maps, summaries, and the two meanings of a score."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from restoreflow.lab.fitting.gaussian import Moments, fit_gaussian
from restoreflow.ood.mahalanobis import Scale, energy_map, log_energy, summarise, unusual


def test_the_map_is_the_distance_place_by_place() -> None:
    features = torch.randn(2, 5, 3, 4) * torch.arange(1.0, 6.0)[:, None, None]
    moments = Moments(5)
    moments.add(torch.randn(5, 1000) * torch.arange(1.0, 6.0)[:, None])
    gaussian = fit_gaussian(moments)
    found = energy_map(features, gaussian.mean, gaussian.whitening)
    precision = gaussian.whitening.T @ gaussian.whitening
    centred = features.double().permute(0, 2, 3, 1) - gaussian.mean
    expected = torch.einsum("nhwc,cd,nhwd->nhw", centred, precision, centred) / 5
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


def test_the_training_set_has_mean_energy_one() -> None:
    x = torch.randn(6, 5000) * 3 + 8
    moments = Moments(6)
    moments.add(x)
    gaussian = fit_gaussian(moments)
    found = energy_map(x[None, :, :, None], gaussian.mean, gaussian.whitening)
    assert float(found.mean()) == pytest.approx(1, abs=0.01)


def test_what_is_not_finite_is_as_far_as_can_be() -> None:
    features = torch.zeros(1, 2, 1, 3)
    features[0, 0, 0] = torch.tensor([math.nan, math.inf, 1e30])
    found = energy_map(features, torch.zeros(2), torch.eye(2))
    assert (found == torch.finfo(torch.float32).max).all()


def test_summary_counts_what_is_beyond() -> None:
    energies = torch.ones(10, 20)
    energies[0, :5] = 50.0
    found = summarise(energies, threshold=2.0)
    assert found.share == pytest.approx(5 / 200)
    assert found.mean == pytest.approx(1 + 49 * 5 / 200)
    assert found.p99 == 50.0
    assert summarise(torch.full((1, 1), 3.0), 2.0) == (3.0, 3.0, 1.0)


def test_p99_agrees_with_numpy() -> None:
    energies = torch.rand(40, 40)
    expected = np.quantile(energies.numpy(), 0.99, method="inverted_cdf")
    assert summarise(energies, 1.0).p99 == pytest.approx(float(expected))


def test_unusual_rises_to_both_sides() -> None:
    scale = Scale(centre=0.0, spread=0.5)
    usual, calm, wild = (unusual([energy], [scale]) for energy in (1.0, 0.5, 2.0))
    assert usual == 0
    assert calm == pytest.approx(wild) == pytest.approx(math.log(2) / 0.5)
    both = unusual([1.0, 2.0], [scale, scale])
    assert both == pytest.approx(wild / math.sqrt(2))


def test_log_energy_is_finite() -> None:
    assert all(math.isfinite(log_energy(e)) for e in (0.0, 1.0, 3.4e38, math.inf))

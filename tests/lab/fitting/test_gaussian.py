"""Streaming moments against NumPy and scikit-learn, and the factor against a direct solve."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from restoreflow.lab.fitting.gaussian import Moments, fit_gaussian, ledoit_wolf_shrinkage


def vectors(count: int, channels: int, offset: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    mix = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    skewed = torch.randn(count, channels, generator=generator, dtype=torch.float64).exp()
    return skewed @ mix + offset


def streamed(x: torch.Tensor, sizes: list[int]) -> Moments:
    moments = Moments(x.shape[1])
    for chunk in torch.split(x, sizes):
        moments.add(chunk.T)
    return moments


@pytest.mark.parametrize("offset", [0.0, 1e5])
@pytest.mark.parametrize(("count", "channels"), [(7, 12), (40, 5), (900, 16)])
def test_ledoit_wolf_agrees_with_scikit_learn(count: int, channels: int, offset: float) -> None:
    covariance = pytest.importorskip("sklearn.covariance")
    x = vectors(count, channels, offset)
    sizes = [1, count // 3, 0, count - 1 - count // 3]
    moments = streamed(x, sizes)
    oracle = covariance.LedoitWolf().fit(x.numpy())
    assert ledoit_wolf_shrinkage(moments) == pytest.approx(oracle.shrinkage_, rel=1e-6)
    gaussian = fit_gaussian(moments)
    np.testing.assert_allclose(gaussian.mean, oracle.location_, rtol=1e-9)
    shifted = x + 3.0
    distance = (gaussian.whitening @ (shifted - gaussian.mean).T).square().sum(0)
    np.testing.assert_allclose(distance, oracle.mahalanobis(shifted.numpy()), rtol=1e-5)


def test_merging_in_any_order_gives_the_same() -> None:
    x = vectors(200, 6)
    parts = [streamed(part, [len(part)]) for part in torch.split(x, [50, 3, 147])]
    parts[0].merge(parts[2])
    parts[0].merge(parts[1])
    parts[0].merge(Moments(6))
    whole = streamed(x, [200])
    for name in ("count", "mean", "scatter", "cubic", "quartic"):
        expected, found = getattr(whole, name), getattr(parts[0], name)
        torch.testing.assert_close(torch.as_tensor(found), torch.as_tensor(expected))


def test_maps_are_vectors_by_place() -> None:
    features = torch.randn(4, 5, 6)
    moments = Moments(4)
    moments.add(features)
    assert moments.count == 30
    np.testing.assert_allclose(moments.covariance(), np.cov(features.flatten(1), ddof=0), atol=1e-6)


def test_low_rank_keeps_the_largest_directions() -> None:
    scales = torch.tensor([5.0, 0.1, 3.0, 0.2], dtype=torch.float64)
    x = torch.randn(4000, 4, dtype=torch.float64) * scales
    gaussian = fit_gaussian(streamed(x, [4000]), rank=2)
    assert gaussian.whitening.shape == (2, 4)
    strongest = gaussian.whitening.abs().argmax(1).tolist()
    assert strongest == [0, 2]
    white = gaussian.whitening @ (x - gaussian.mean).T
    np.testing.assert_allclose(np.cov(white), np.eye(2), atol=0.01)


def test_directions_that_hold_nothing_are_left_out() -> None:
    inputs = torch.randn(5000, 3, dtype=torch.float64)
    x = torch.cat((inputs @ torch.randn(3, 5, dtype=torch.float64), torch.zeros(5000, 1)), 1)
    x = x.float().double()  # rounding must not count as a direction
    gaussian = fit_gaussian(streamed(x, [5000]))
    assert gaussian.whitening.shape == (3, 6)
    distance = (gaussian.whitening @ (x - gaussian.mean).T).square().sum(0)
    assert float(distance.mean()) == pytest.approx(3, rel=0.01)
    assert fit_gaussian(streamed(x, [5000]), rank=2).whitening.shape == (2, 6)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(1, 3), "too few"),
        (torch.ones(9, 3), "no variance"),
        (torch.full((9, 3), float("nan")), "not finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused(x: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_gaussian(streamed(x, [len(x)]))


@pytest.mark.parametrize("rank", [0, 4])
def test_rank_is_within_the_channels(rank: int) -> None:
    with pytest.raises(ValueError, match="rank"):
        fit_gaussian(streamed(torch.randn(9, 3), [9]), rank)

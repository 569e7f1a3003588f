"""Latents depend on seed, sample and position alone."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoreflow.errors import UsageError
from restoreflow.flows.base import LATENT_NORM_BOUND
from restoreflow.restoration import latents
from restoreflow.restoration.latents import latent_window

WHOLE = latent_window(7, 2, slice(0, 40), slice(0, 50), 48)


@settings(max_examples=60, deadline=None)
@given(st.tuples(st.integers(0, 39), st.integers(1, 40), st.integers(0, 49), st.integers(1, 50)))
def test_a_window_is_the_crop_of_a_larger_one(corner):
    top, rows, left, columns = corner
    bottom, right = min(top + rows, 40), min(left + columns, 50)
    window = latent_window(7, 2, slice(top, bottom), slice(left, right), 48)
    assert window.dtype == np.float32
    assert np.array_equal(window, WHOLE[:, top:bottom, left:right])


def test_far_positions_do_not_repeat_near_ones():
    far = latent_window(7, 2, slice(10**6, 10**6 + 4), slice(10**6, 10**6 + 4), 48)
    again = latent_window(7, 2, slice(10**6 + 2, 10**6 + 3), slice(10**6 + 1, 10**6 + 3), 48)
    assert np.array_equal(again, far[:, 2:3, 1:3])
    cells = np.concatenate([far.reshape(48, -1), WHOLE.reshape(48, -1)], axis=1).T
    assert len(np.unique(cells, axis=0)) == len(cells)


@pytest.mark.parametrize(("seed", "sample"), [(8, 2), (7, 3), (2, 7), (2**64 - 1, 2)])
def test_seeds_and_samples_are_independent(seed, sample):
    other = latent_window(seed, sample, slice(0, 40), slice(0, 50), 48)
    assert abs(np.corrcoef(other.ravel(), WHOLE.ravel())[0, 1]) < 5 / math.sqrt(WHOLE.size)


def test_values_are_standard_normal():
    z = latent_window(0, 0, slice(0, 100), slice(0, 100), 48).astype(np.float64).ravel()
    error = 1 / math.sqrt(z.size)
    assert abs(z.mean()) < 5 * error
    assert abs(z.var() - 1) < 5 * math.sqrt(2) * error
    assert abs((z**3).mean()) < 5 * math.sqrt(15) * error
    assert abs((z**4).mean() - 3) < 5 * math.sqrt(96) * error
    for bound in (0.5, 1.0, 2.0, 3.0):
        share = NormalDist().cdf(bound)
        assert abs((z < bound).mean() - share) < 5 * math.sqrt(share * (1 - share)) * error


def test_positions_channels_and_samples_are_uncorrelated():
    z = latent_window(0, 0, slice(0, 100), slice(0, 100), 48)
    pairs = [(z[:, :-1], z[:, 1:]), (z[:, :, :-1], z[:, :, 1:]), (z[:-1], z[1:])]
    for one, other in pairs:
        assert abs(np.mean(one * other)) < 5 / math.sqrt(one.size)


def test_words_become_the_quantiles_of_the_normal_distribution():
    tails = np.unique(np.geomspace(1, 2**31 - 1, 4000).astype(np.uint64))
    words = (np.concatenate([[0], tails]) * 2).astype(np.uint32)
    expected = [-NormalDist().inv_cdf((int(w) // 2 + 0.5) / 2**32) for w in words]
    assert np.abs(latents._normal(words) - expected).max() < 1e-5
    assert np.array_equal(latents._normal(words | np.uint32(1)), -latents._normal(words))


def test_no_cell_is_longer_than_the_certificate_assumes():
    z = np.ones((1, 3, 48), dtype=np.float32)
    z *= np.array([1.0, 2.0, 1e3], dtype=np.float32)[:, None]
    norms = np.linalg.norm(latents._bounded(z.copy()).astype(np.float64), axis=2)[0]
    assert norms[0] == pytest.approx(math.sqrt(48))
    assert norms[1] == pytest.approx(LATENT_NORM_BOUND, rel=1e-5)
    assert norms.max() <= LATENT_NORM_BOUND
    assert np.array_equal(latents._bounded(z.copy())[:, :1], z[:, :1])


KNOWN = [-0.2188002, 0.337429, -0.064764, 0.7122737]


def test_known_values_stay_known():
    """A seed's picture is the same in every version; change this only with the seed's meaning."""
    z = latent_window(2022, 1, slice(3, 4), slice(5, 6), 48)[:4, 0, 0]
    assert z == pytest.approx(KNOWN, abs=1e-6)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(UsageError, match="seed is"):
        latent_window(seed, 0, slice(0, 1), slice(0, 1), 48)

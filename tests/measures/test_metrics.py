"""Metrics against closed forms, invariants, and scikit-image's own parts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from restoreflow.measures.metrics import (
    count_errors,
    diversity_s10,
    gray,
    luma,
    match_mean,
    psnr,
    psnr_y,
    spread,
    ssim_gray,
    ssim_rgb,
    ssim_y,
)


def noise(seed: int = 0, side: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def test_luma_of_black_and_white_is_limited_range():
    assert luma(np.zeros((1, 1, 3))) == pytest.approx(16.0)
    assert luma(np.full((1, 1, 3), 255)) == pytest.approx(235.0, abs=0.01)
    assert gray(np.full((1, 1, 3), 255)) == pytest.approx(255.0)


def test_luma_of_primaries_is_bt601():
    primaries = np.eye(3)[None] * 255
    np.testing.assert_allclose(luma(primaries)[0], [81.481, 144.553, 40.966], atol=1e-9)


def test_psnr_of_a_constant_difference():
    black = np.zeros((8, 8, 3), np.uint8)
    assert psnr(black, black + 5) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(black + 5, black) == psnr(black, black + 5)
    assert psnr(black, black) == math.inf


def test_psnr_y_ignores_the_border_and_nothing_else():
    picture = noise()
    framed = picture.copy()
    framed[:4] = framed[-4:] = 0
    framed[:, :4] = framed[:, -4:] = 0
    assert psnr_y(framed, picture, border=4) == math.inf
    assert psnr_y(framed, picture, border=3) < 60


def test_psnr_y_sees_luma_only():
    picture = np.full((12, 12, 3), 100.0)
    # A change of red balanced by blue leaves the luma where it was.
    other = picture + np.array([24.966, 0.0, -65.481])
    assert psnr_y(other, picture, border=0) > 200
    assert psnr(other, picture) < 20


@pytest.mark.parametrize("border", [-1, 12])
def test_a_border_that_leaves_nothing_is_refused(border: int):
    with pytest.raises(ValueError, match="leaves nothing"):
        psnr_y(noise(), noise(), border)


@pytest.mark.parametrize("metric", [psnr, ssim_gray, ssim_rgb, match_mean, spread])
def test_different_shapes_are_refused(metric):
    with pytest.raises(ValueError, match="shape"):
        metric(noise(side=24), noise(side=25))


@pytest.mark.parametrize("ssim", [ssim_gray, ssim_rgb, lambda a, b: ssim_y(a, b, 2)])
def test_ssim_is_one_for_equal_symmetric_and_low_for_unrelated(ssim):
    a, b = noise(0), noise(1)
    assert ssim(a, a) == pytest.approx(1.0)
    assert ssim(a, b) == pytest.approx(ssim(b, a))
    assert abs(ssim(a, b)) < 0.2


def test_ssim_equals_its_definition_in_one_window():
    """On 11 x 11 pixels one whole window is left: the formula by hand."""
    a, b = gray(noise(0, 11)), gray(noise(1, 11))
    offset = np.arange(-5, 6)
    window = np.exp(-(offset[:, None] ** 2 + offset[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    mean_a, mean_b = (window * a).sum(), (window * b).sum()
    var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
    covariance = (window * (a - mean_a) * (b - mean_b)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    )
    assert ssim_gray(noise(0, 11), noise(1, 11)) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_too_small_a_picture_names_the_size():
    with pytest.raises(ValueError, match="11 x 11"):
        ssim_gray(noise(side=10), noise(side=10))


def test_match_mean_gives_the_reference_s_gray_mean_unless_clipped():
    dark = noise() // 4
    reference = dark * 3
    assert gray(match_mean(dark, reference)).mean() == pytest.approx(
        gray(reference).mean(), rel=5e-3
    )
    bright = match_mean(noise(), np.full((24, 24, 3), 250, np.uint8))
    assert bright.max() == 255
    assert gray(bright).mean() < 250


def test_match_mean_leaves_black_alone():
    black = np.zeros((4, 4, 3), np.uint8)
    np.testing.assert_array_equal(match_mean(black, black + 9), black)


def test_spread_of_known_differences():
    a = np.full((4, 4, 3), 100, np.uint8)
    assert spread(a, a + 6) == pytest.approx((6.0, 6.0 / math.sqrt(2)))
    assert spread(a, a) == (0.0, 0.0)


def test_diversity_by_hand():
    maps = np.array([[[1.0, 3.0]], [[4.0, 2.0]]])
    # Means 2 and 3, best at each place 1 and 2: (2 - 1.5) / 2.
    assert diversity_s10(maps) == pytest.approx(25.0)


def test_diversity_is_zero_for_copies_and_for_perfection():
    distances = np.random.default_rng(0).random((1, 5, 5))
    assert diversity_s10(np.repeat(distances, 10, axis=0)) == pytest.approx(0.0)
    assert diversity_s10(np.zeros((10, 5, 5))) == 0.0
    with pytest.raises(ValueError, match="at least one"):
        diversity_s10([])


def test_error_pixels_are_counted_once_a_pixel():
    samples = np.full((2, 3, 4, 4), 0.5, np.float32)
    samples[0, :, 0, 0] = 2.0  # all three channels, one pixel
    samples[0, 1, 1, 1] = -0.51
    samples[1, 2, 3, 3] = np.nan
    samples[1, 0, 3, 2] = -np.inf
    samples[1, 0, 0, 0], samples[1, 1, 0, 0] = -0.5, 1.5  # on the edges: fine
    assert count_errors(samples) == (4, 2)

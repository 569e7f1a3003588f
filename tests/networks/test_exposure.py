from __future__ import annotations

import pytest
import torch

from restoreflow.networks.exposure import exposure_curve, linear_to_srgb, srgb_to_linear


def test_srgb_reference_values_and_round_trip() -> None:
    levels = torch.arange(256, dtype=torch.float64) / 255
    assert abs(float(srgb_to_linear(torch.tensor(0.5))) - 0.2140411) < 1e-6
    torch.testing.assert_close(linear_to_srgb(srgb_to_linear(levels)), levels, atol=1e-7, rtol=0)


def test_srgb_gradients_are_finite_at_black_and_below() -> None:
    for curve in (srgb_to_linear, linear_to_srgb):
        x = torch.tensor([-0.1, 0.0, 1e-9, 0.003, 0.04, 1.0], requires_grad=True)
        curve(x).sum().backward()
        assert x.grad is not None and torch.isfinite(x.grad).all()


@pytest.mark.parametrize("stops", [0.0, 0.01, 1.0, 3.0, 7.0, 12.0])
def test_exposure_curve_is_exact_below_the_knee_monotone_and_onto(stops: float) -> None:
    x = torch.linspace(0, 1, 4001, dtype=torch.float64)
    y = exposure_curve(x, torch.tensor(stops, dtype=torch.float64))
    gain = 2.0**stops
    low = gain * x <= 0.5
    torch.testing.assert_close(y[low], gain * x[low])
    assert y[0] == 0 and abs(float(y[-1]) - 1) < 1e-9
    assert (y.diff() >= 0).all()
    if stops == 0:
        torch.testing.assert_close(y, x)


def test_exposure_curve_has_no_kink_at_the_knee() -> None:
    gain = 8.0
    x = torch.tensor([0.5 / gain - 1e-4, 0.5 / gain + 1e-4], requires_grad=True)
    exposure_curve(x, torch.tensor(3.0)).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.full((2,), gain), rtol=0.01, atol=0)


def test_exposure_curve_darkens_by_plain_multiplication_and_stays_bounded() -> None:
    x = torch.tensor([-5.0, 0.2, 1.0, 40.0])
    torch.testing.assert_close(
        exposure_curve(x, torch.tensor(-1.0)), torch.tensor([0.0, 0.1, 0.5, 0.5])
    )
    for stops in (-60.0, 60.0):
        y = exposure_curve(x, torch.tensor(stops, requires_grad=True))
        assert torch.isfinite(y).all() and y.min() >= 0 and y.max() <= 1

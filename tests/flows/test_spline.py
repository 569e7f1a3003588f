"""The spline as a function: knots, tails, oracles, bounds, and the kernels that run it."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest
import torch
import zuko
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from restoreflow.flows import spline_kernels
from restoreflow.flows.elementwise import SplineMap, TwoBinSplineMap
from restoreflow.flows.spline import (
    KNOT_LIMIT,
    SLOPE_LOG_LIMIT,
    TWO_BIN_DISPLACEMENT,
    SplineParameters,
    TwoBinParameters,
    rationally_bounded,
    slope_range,
    spline_forward,
    spline_inverse,
    spline_parameters,
    two_bin_forward,
    two_bin_inverse,
    two_bin_parameters,
)
from tests.flows.table import BOX, SPLINES

every_spline = pytest.mark.parametrize("name", SPLINES)
needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None and shutil.which("clang++") is None,
    reason="torch.compile needs a C++ compiler",
)


def spline(name: str) -> TwoBinSplineMap:
    made = SPLINES[name]()
    assert isinstance(made, TwoBinSplineMap)
    return made


def raw_for(
    map: TwoBinSplineMap, n: int, scale: float, dtype: torch.dtype = torch.float64
) -> Tensor:
    return scale * torch.randn(1, map.parameters * n, 1, 1, dtype=dtype)


def two_bin_knots(n: int, scale: float = 1.0) -> TwoBinParameters:
    return two_bin_parameters(*(scale * torch.randn(n, dtype=torch.float64) for _ in range(3)))


def general(knot: TwoBinParameters, box: float) -> SplineParameters:
    """The same two bins, spelt out."""
    one = torch.ones_like(knot.x)
    x, y = (torch.stack((-one, inner, one), -1) * box for inner in (knot.x, knot.y))
    return SplineParameters(x, y, torch.stack((one, knot.slope, one), -1))


def draw_knots(bins: int, n: int, box: float) -> SplineParameters:
    widths, heights, slopes = (
        torch.randn(n, size, dtype=torch.float64) for size in (bins, bins, bins - 1)
    )
    return spline_parameters(widths, heights, slopes, box)


@every_spline
@pytest.mark.parametrize("raw_scale", [1.0, 10.0, 100.0, 1e4])
@torch.no_grad()
def test_float32_round_trip(name: str, raw_scale: float) -> None:
    map = spline(name)
    raw = raw_for(map, 20_000, raw_scale, torch.float32)
    for spread in (0.3, 2.0, 10.0):
        x = spread * torch.randn(1, 20_000, 1, 1)
        there, _ = map.forward(x, raw)
        assert (map.inverse(there, raw) - x).abs().max() < 2e-5
        back = map.inverse(x, raw)
        assert (map.forward(back, raw)[0] - x).abs().max() < 2e-5


@every_spline
def test_tails_are_the_shift_alone(name: str) -> None:
    map = spline(name)
    x = torch.tensor([-1e6, -50.0, -BOX - 1e-3, -BOX, BOX, BOX + 1e-3, 7.3, 1e6])
    x = x.double().reshape(1, -1, 1, 1)
    raw = raw_for(map, x.numel(), 3.0)
    shift = rationally_bounded(raw.chunk(map.parameters, 1)[-1], map.shift)
    y, log_slope = map.forward(x, raw)
    assert torch.allclose(y, x + shift, rtol=1e-12)
    assert log_slope.abs().max() < 1e-12
    assert torch.allclose(map.inverse(x + shift, raw), x, rtol=1e-12)


@every_spline
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_inside_all_outside_and_on_the_ends(name: str, dtype: torch.dtype) -> None:
    map = spline(name)
    for x in (
        (torch.rand(1, 500, 1, 1) * 2 - 1) * BOX,
        torch.cat((torch.rand(1, 250, 1, 1) + 1, -torch.rand(1, 250, 1, 1) - 1), 1) * BOX,
        torch.tensor([BOX, -BOX, 0.0]).repeat(100).reshape(1, -1, 1, 1),
    ):
        x = x.to(dtype).requires_grad_()
        raw = raw_for(map, x.shape[1], 4.0, dtype).requires_grad_()
        y, log_slope = map.forward(x, raw)
        back = map.inverse(y, raw)
        assert (back - x).abs().max() < 2e-5
        (y.sum() + log_slope.sum() + map.inverse(x, raw).sum()).backward()
        for gradient in (x.grad, raw.grad):
            assert gradient is not None and torch.isfinite(gradient).all()


@pytest.mark.parametrize("bins", [2, 3, 4, 8])
def test_on_the_knots(bins: int) -> None:
    knots = draw_knots(bins, 200, BOX)
    for k in range(bins + 1):
        x, y, slope = knots.x[:, k], knots.y[:, k], knots.slope[:, k]
        reached, log_slope = spline_forward(x, knots, BOX)
        assert torch.allclose(reached, y, atol=1e-12)
        assert torch.allclose(log_slope.exp(), slope, atol=1e-9)
        assert torch.allclose(spline_inverse(y, knots, BOX), x, atol=1e-9)


def test_two_bins_on_the_knot() -> None:
    knot = two_bin_knots(500)
    y, log_slope = two_bin_forward(knot.x * BOX, knot, BOX)
    assert torch.allclose(y, knot.y * BOX, atol=1e-12)
    assert torch.allclose(log_slope.exp(), knot.slope, atol=1e-9)
    assert torch.allclose(two_bin_inverse(knot.y * BOX, knot, BOX), knot.x * BOX, atol=1e-9)


@pytest.mark.parametrize("box", [0.5, 1.7, 3.0])
def test_two_bins_equal_the_general_spline(box: float) -> None:
    knot = two_bin_knots(5000, 3.0)
    knots = general(knot, box)
    x = 1.5 * box * torch.randn(5000, dtype=torch.float64)
    for ours, reference in zip(
        two_bin_forward(x, knot, box), spline_forward(x, knots, box), strict=True
    ):
        assert torch.allclose(ours, reference, atol=1e-11)
    assert torch.allclose(two_bin_inverse(x, knot, box), spline_inverse(x, knots, box), atol=1e-11)


@pytest.mark.parametrize("bins", [2, 3, 4, 8])
def test_equals_zuko(bins: int) -> None:
    """Against an implementation that shares nothing with ours, handed the same knots."""
    knots = draw_knots(bins, 3000, BOX)
    empty = torch.zeros(1, bins)
    oracle = zuko.transforms.MonotonicRQSTransform(empty, empty, empty[:, 1:], bound=BOX)
    oracle.horizontal, oracle.vertical, oracle.derivatives = knots
    x = 1.5 * torch.randn(3000, dtype=torch.float64)
    y, log_slope = spline_forward(x, knots, BOX)
    expected, expected_slope = oracle.call_and_ladj(x)
    assert torch.allclose(y, expected, atol=1e-12)
    assert torch.allclose(log_slope, expected_slope, atol=1e-10)
    assert torch.allclose(spline_inverse(x, knots, BOX), oracle._inverse(x), atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(list(SPLINES)),
    scale=st.sampled_from([0.3, 1.0, 3.0, 10.0, 1e4]),
    seed=st.integers(0, 2**31),
)
def test_no_slope_leaves_the_range(name: str, scale: float, seed: int) -> None:
    torch.manual_seed(seed)
    map = spline(name)
    x = (torch.rand(1, 2000, 1, 1, dtype=torch.float64) * 2 - 1) * BOX
    low, high = slope_range()
    slope = map.forward(x, raw_for(map, 2000, scale))[1].exp()
    assert low <= slope.min() and slope.max() <= high


@pytest.mark.parametrize("extreme", ["steepest", "flattest"])
@every_spline
def test_ascent_finds_no_slope_outside_the_range(name: str, extreme: str) -> None:
    map, sign = spline(name), 1.0 if extreme == "steepest" else -1.0
    x = ((torch.rand(1, 300, 1, 1, dtype=torch.float64) * 2 - 1) * BOX).requires_grad_()
    raw = raw_for(map, 300, 2.0).requires_grad_()
    optimizer = torch.optim.Adam([x, raw], lr=0.1, maximize=True)
    low, high = slope_range()
    found = 0.0
    for _ in range(150):
        _, log_slope = map.forward(x, raw)
        found = max(found, float((sign * log_slope).detach().max()))
        assert found <= (math.log(high) if sign > 0 else -math.log(low))
        optimizer.zero_grad()
        (sign * log_slope).sum().backward()
        optimizer.step()
    assert found > 1.4  # the search gets somewhere: beyond the slopes of a random spline


def test_two_bin_displacement_is_the_largest() -> None:
    """The two-dimensional maximum that the constant's docstring speaks of, on a dense grid."""
    x, t = np.linspace(-KNOT_LIMIT, KNOT_LIMIT, 3001)[:, None], np.linspace(0, 1, 1501)[None]
    q, y = t * (1 - t), -KNOT_LIMIT
    worst = 0.0
    for side, slope in ((1.0, math.exp(SLOPE_LOG_LIMIT)), (-1.0, math.exp(-SLOPE_LOG_LIMIT))):
        width, height = 1 + side * x, 1 + side * y
        s = height / width
        rise = height * (s * t * t + q) / (s + (1 + slope - 2 * s) * q)
        worst = max(worst, float(np.max(side * (width * t - rise))))
    assert 0.99 * TWO_BIN_DISPLACEMENT < worst < TWO_BIN_DISPLACEMENT


@pytest.mark.parametrize("block", [35, spline_kernels.BLOCK])
def test_gradients_of_the_kernels(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hand-written derivatives, against finite differences; in one block and in several."""
    monkeypatch.setattr(spline_kernels, "BLOCK", block)
    map = TwoBinSplineMap(BOX, SHIFT)
    x = (1.5 * torch.randn(2, 3, 2, 2, dtype=torch.float64)).requires_grad_()
    raw = torch.randn(2, 12, 2, 2, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(map.forward, (x, raw))
    assert torch.autograd.gradcheck(map.inverse, (x, raw))


SHIFT = 1.0


def plain_forward(x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
    """The two-bin map by the formulas alone."""
    *knot, shift = raw.chunk(4, 1)
    y, log_slope = two_bin_forward(x, two_bin_parameters(*knot), BOX)
    return y + rationally_bounded(shift, SHIFT), log_slope


def plain_inverse(y: Tensor, raw: Tensor) -> Tensor:
    *knot, shift = raw.chunk(4, 1)
    return two_bin_inverse(y - rationally_bounded(shift, SHIFT), two_bin_parameters(*knot), BOX)


@pytest.mark.parametrize("shape", [(3, 5, 7, 9), (2, 24, 60, 61), (1, 2, 1, 1)])
@pytest.mark.parametrize("block", [4000, spline_kernels.BLOCK])
def test_kernels_equal_the_formulas(
    shape: tuple[int, ...], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spline_kernels, "BLOCK", block)
    map = TwoBinSplineMap(BOX, SHIFT)
    n, c, h, w = shape
    x = 2.0 * torch.randn(n, 2 * c, h, w, dtype=torch.float64)[:, c:]  # a half, as in a coupling
    raw = 2.0 * torch.randn(n, 4 * c, h, w, dtype=torch.float64)
    weight = torch.randn_like(x)

    def with_gradients(forward, inverse) -> list[Tensor]:
        a, b = x.clone().requires_grad_(), raw.clone().requires_grad_()
        y, log_slope = forward(a, b)
        back = inverse(a, b)
        ((y + log_slope.square() + back) * weight).sum().backward()
        assert a.grad is not None and b.grad is not None
        return [y, log_slope, back, a.grad, b.grad]

    ours = with_gradients(map.forward, map.inverse)
    for result, expected in zip(ours, with_gradients(plain_forward, plain_inverse), strict=True):
        assert torch.allclose(result, expected, atol=1e-9)


@every_spline
def test_blocks_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    map = spline(name)
    x = 2.0 * torch.randn(3, 4, 20, 21)
    raw = torch.randn(3, 4 * map.parameters, 20, 21)
    with torch.no_grad():
        whole = (*map.forward(x, raw), map.inverse(x, raw))
        monkeypatch.setattr(spline_kernels, "BLOCK", 3000)
        parts = (*map.forward(x, raw), map.inverse(x, raw))
    for a, b in zip(whole, parts, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_second_derivatives_are_refused() -> None:
    map = TwoBinSplineMap(BOX, SHIFT)
    x, raw = torch.randn(1, 3, 2, 2, requires_grad=True), torch.randn(1, 12, 2, 2)
    (gradient,) = torch.autograd.grad(map.inverse(x, raw).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_a_value_that_is_no_number_stays_one() -> None:
    map = TwoBinSplineMap(BOX, SHIFT)
    x = torch.tensor([math.nan, math.inf, -math.inf]).reshape(1, 3, 1, 1)
    raw = torch.randn(1, 12, 1, 1)
    for result in (map.forward(x, raw)[0], map.inverse(x, raw)):
        assert result[0, 0].isnan() and result[0, 1] == math.inf and result[0, 2] == -math.inf


def test_a_spline_needs_two_bins() -> None:
    with pytest.raises(ValueError, match="2 bins or more, not 1"):
        SplineMap(1, BOX, SHIFT)


@needs_compiler
def test_compiles_whole_and_equals_eager() -> None:
    map = TwoBinSplineMap(BOX, SHIFT)
    x, raw = 2.0 * torch.randn(2, 6, 9, 10), torch.randn(2, 24, 9, 10)

    def there_and_back(x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, log_slope = map.forward(x, raw)
        return y, log_slope, map.inverse(x, raw)

    with torch.no_grad():
        compiled = torch.compile(there_and_back, fullgraph=True)(x, raw)
        for a, b in zip(compiled, there_and_back(x, raw), strict=True):
            assert torch.allclose(a, b, atol=2e-5)

"""The element-wise maps keep their bounds against random draws and gradient ascent."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from restoreflow.flows.config import FlowConfig
from restoreflow.flows.elementwise import MAPS as NAMES
from restoreflow.flows.elementwise import (
    AffineMap,
    ClampedAffineMap,
    ElementwiseMap,
    PaperSplineMap,
    ScaleShiftMap,
    SplineMap,
    TwoBinSplineMap,
    bounded_between,
    coupling_map,
    injector_map,
)
from restoreflow.flows.spline import softly_bounded
from tests.flows.table import MAPS

BOUNDED = {n: make for n, make in MAPS.items() if math.isfinite(make().inverse_peak(1.0))}
MOVING = 6
"""Values whose 2-norm is bounded together."""


def sizes(map: ElementwiseMap, y: Tensor, raw: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """What the inverse reaches, item by item, and the bound on it."""
    x = map.inverse(y, raw)
    peak, norm = y.abs().flatten(1).amax(1), y.flatten(1).square().sum(1).sqrt()
    return {
        "peak": (
            x.abs().flatten(1).amax(1),
            torch.tensor([map.inverse_peak(p) for p in peak.tolist()]),
        ),
        "norm": (
            x.flatten(1).square().sum(1).sqrt(),
            torch.tensor([map.inverse_norm(n, MOVING) for n in norm.tolist()]),
        ),
        "displacement": (
            (x - y).abs().flatten(1).amax(1),
            torch.tensor(map.inverse_displacement()),
        ),
    }


def draw(map: ElementwiseMap, spread: float, scale: float) -> tuple[Tensor, Tensor]:
    y = spread * torch.randn(300, MOVING, 1, 1, dtype=torch.float64)
    raw = scale * torch.randn(300, map.parameters * MOVING, 1, 1, dtype=torch.float64)
    return y, raw


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(list(BOUNDED)),
    spread=st.sampled_from([0.1, 1.0, 3.0, 30.0]),
    scale=st.sampled_from([0.3, 2.0, 10.0, 1e4]),
    seed=st.integers(0, 2**31),
)
def test_no_draw_exceeds_a_bound(name: str, spread: float, scale: float, seed: int) -> None:
    torch.manual_seed(seed)
    map = BOUNDED[name]()
    for what, (reached, bound) in sizes(map, *draw(map, spread, scale)).items():
        assert (reached <= bound * (1 + 1e-6) + 1e-12).all(), what


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("what", ["peak", "norm", "displacement"])
def test_ascent_finds_nothing_beyond_a_bound_but_comes_near(name: str, what: str) -> None:
    map = BOUNDED[name]()
    if math.isinf(map.inverse_displacement()) and what == "displacement":
        return  # no promise to break
    y, raw = (t.requires_grad_() for t in draw(map, 2.0, 1.0))
    optimizer = torch.optim.Adam([y, raw], lr=0.1)
    nearest = 0.0
    for _ in range(150):
        reached, bound = sizes(map, y, raw)[what]
        ratio = (reached / bound).detach()
        assert (ratio <= 1 + 1e-9).all()
        nearest = max(nearest, float(ratio.max()))
        optimizer.zero_grad()
        # The bound grows with y: climb towards the bound rather than without end.
        (y.square().sum() * 1e-3 - reached.sum()).backward()
        optimizer.step()
    assert nearest > 0.4  # the bound says little more than is true


def test_the_affine_map_has_no_bound_and_says_its_gain() -> None:
    map = AffineMap()
    assert map.inverse_peak(1.0) == map.inverse_norm(1.0, 3) == map.inverse_displacement()
    assert map.inverse_peak(1.0) == math.inf
    worst = torch.tensor([-1e4, 0.0]).reshape(1, 2, 1, 1)
    gain = map.inverse(torch.ones(1, 1, 1, 1), worst)
    assert float(gain) == pytest.approx(map.largest_gain, rel=1e-4)
    assert map.largest_gain == pytest.approx(1e4)


def test_the_affine_map_is_the_published_one() -> None:
    x, h, t = torch.randn(3, 1, 4, 1, 1, dtype=torch.float64)
    scale = 1 / (1 + torch.exp(-(h + 2))) + 1e-4
    y, log_slope = AffineMap().forward(x, torch.cat((h, t), 1))
    assert torch.allclose(y, (x + t) * scale)
    assert torch.allclose(log_slope, scale.log())


def test_soft_bounds() -> None:
    raw = torch.linspace(-50, 50, 10001, dtype=torch.float64).requires_grad_()
    soft = softly_bounded(raw, 1.5)
    assert torch.allclose(soft, 1.5 * torch.tanh(raw / 1.5), atol=1e-14)
    between = bounded_between(raw, -3.0, 1.2)
    assert between.min() >= -3.0 and between.max() <= 1.2
    (slope,) = torch.autograd.grad(between.sum(), raw)
    middle = raw.numel() // 2
    assert slope[middle] == pytest.approx(1.0)
    assert (slope >= 0).all()
    assert (softly_bounded(raw.float().detach(), 1.5) - soft).abs().max() < 5e-7


def test_scale_bounds_must_enclose_zero() -> None:
    with pytest.raises(ValueError, match="do not enclose 0"):
        ScaleShiftMap(0.1, 1.0, 1.0)


def test_maps_of_a_config() -> None:
    kinds = {
        ("spline", 2): (TwoBinSplineMap, ScaleShiftMap),
        ("spline", 5): (SplineMap, ScaleShiftMap),
        ("clamped_affine", 2): (ClampedAffineMap, ScaleShiftMap),
        ("affine", 2): (AffineMap, AffineMap),  # both unbounded, as published
    }
    for (coupling, bins), (moving, injecting) in kinds.items():
        config = FlowConfig(coupling=coupling, bins=bins)  # pyright: ignore[reportArgumentType]
        assert type(coupling_map(config)) is moving
        assert type(injector_map(config)) is injecting


def test_every_map_may_stand_in_couplings_and_in_the_injector() -> None:
    for name in NAMES:
        config = FlowConfig(coupling=name, injector=name)
        assert type(coupling_map(config)) is type(injector_map(config))
    assert set(MAPS) >= {"affine", "the paper's spline"} == {n for n in MAPS if n not in BOUNDED}


def test_the_papers_spline_is_the_published_one() -> None:
    """Box 0.5, identity outside, a knot at the sigmoid's place, slope exp(h) there, free shift."""
    raw = torch.tensor([0.7, -0.4, 0.9, 5.0], dtype=torch.float64).reshape(1, 4, 1, 1)
    map, place = PaperSplineMap(), 1 / (1 + math.exp(-0.7)) - 0.5
    height = 1 / (1 + math.exp(0.4)) - 0.5
    x = torch.tensor([-3.0, -0.5, place, 0.5, 2.0], dtype=torch.float64).reshape(5, 1, 1, 1)
    y, log_slope = map.forward(x, raw)
    expected = torch.tensor([2.0, 4.5, 5.0 + height, 5.5, 7.0], dtype=torch.float64)
    assert torch.allclose(y.flatten(), expected, atol=2e-3)
    slopes = log_slope.exp().flatten()
    assert torch.allclose(slopes[[0, 4]], torch.ones(2, dtype=torch.float64))
    assert float(slopes[2]) == pytest.approx(math.exp(0.9), rel=0.02)
    assert map.inverse_peak(1.0) == math.inf

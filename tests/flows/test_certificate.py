"""The certificate holds, and says what an affine flow cannot promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from restoreflow.flows.base import LATENT_NORM_BOUND, limit_norm
from restoreflow.flows.bijection import UNBOUNDED, Condition
from restoreflow.flows.certificate import certificate
from restoreflow.flows.float32 import largest_result
from restoreflow.flows.flow import ConditionalFlow, Limiter
from restoreflow.flows.search import search
from tests.flows.table import FEATURES, of_natural_size, tiny_flow

KINDS = {
    "spline": {"coupling": "spline"},
    "coarse": {"coupling": "spline", "coarse": 2, "rotations": "cosine", "injector": "spline"},
    "4 bins": {"coupling": "spline", "bins": 4},
    "unshifted": {"coupling": "spline", "shifted": False},
    "clamped affine": {"coupling": "clamped_affine"},
}


class Encoded(NamedTuple):
    features: Tensor


class SmallNetwork:
    """A flow behind a convolution, as a restorer has it."""

    scale, cell, latent_channels = 4, 4, 48

    def __init__(self, flow: ConditionalFlow) -> None:
        self.flow = flow
        self.convolution = torch.nn.Conv2d(3, FEATURES, 3, padding=1)

    def encode(self, degraded: Tensor) -> Encoded:
        return Encoded(4.0 * self.convolution(degraded))

    def prepare(self, features: Tensor) -> Condition:
        return self.flow.prepare(features)


def network(scale: float = 0.6, **kind: object) -> SmallNetwork:
    coupling = str(kind.pop("coupling"))
    return SmallNetwork(of_natural_size(tiny_flow(coupling, **kind), scale))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("over", ["features", "input"])
def test_no_search_exceeds_the_bound(name: str, over: str) -> None:
    net = network(**KINDS[name])
    found = search(net, over, cells=4, steps=25, restarts=2)  # pyright: ignore
    assert math.isfinite(found.bound)
    assert 0 < found.largest <= found.bound
    assert found.ratio == found.largest / found.bound
    lines = certificate(net).layers
    assert [(each.layer, each.bound) for each in found.layers] == [(x.layer, x.peak) for x in lines]
    for line in found.layers:
        assert 0 < line.found <= line.bound and line.ratio == line.found / line.bound


def test_more_ascents_find_no_less() -> None:
    """The first ones are the same, but for rounding, so that what is found can only grow."""
    net = network(**KINDS["spline"])
    one, more = (search(net, cells=3, steps=10, restarts=restarts) for restarts in (1, 6))
    for few, many in zip(one.layers, more.layers, strict=True):
        assert many.found >= 0.999 * few.found


def test_the_bound_is_not_far_from_what_is_found() -> None:
    """A bound a hundred times too large would hold too, and say nothing."""
    assert search(network(**KINDS["spline"]), cells=3, steps=100).ratio > 0.05


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_every_layer_keeps_its_line(temperature: float) -> None:
    """Random features and limited latents, the values compared after every single layer."""
    flow = network(scale=2.0, coupling="spline").flow
    lines = flow.inverse_bound(temperature)
    features = 5.0 * torch.randn(16, FEATURES, 4, 4)
    latent = limit_norm(3.0 * torch.randn(16, 48, 4, 4))
    with torch.no_grad():
        chain, base = flow.prepare(features)  # pyright: ignore
        value = flow.base.locate(latent, base, temperature)
        parts = [(part, own) for part, own in zip(flow.chain.parts, chain, strict=True)]  # pyright: ignore
        for line, step in zip(lines, [*reversed(parts), (flow.limiter, None)], strict=False):
            assert value.square().sum(1).sqrt().max() <= line.norm, line.layer
            assert value.abs().max() <= line.peak, line.layer
            value = step[0].inverse(value, step[1])
    assert value.abs().max() <= lines[-1].peak == flow.limiter.limit
    assert len(lines) == len(parts) + 2


def test_a_spline_is_certified() -> None:
    spline = network(coupling="spline")
    one, half = (certificate(spline, temperature) for temperature in (1.0, 0.5))
    assert math.isfinite(one.before_limiter)
    assert half.before_limiter < one.before_limiter
    assert one.after_limiter == 0.5 and one.image_range == (-0.5, 1.5)
    assert one.gains == () and one.gain == 1.0
    assert one.finite and not one.overflows and one.lost == ""
    assert one.layers[0].layer == "base" and one.layers[-1].layer == "limiter"


def test_an_affine_flow_has_no_bound_but_gains() -> None:
    affine = network(coupling="affine")
    result = certificate(affine)
    assert result.before_limiter == math.inf
    assert result.image_range == (-0.5, 1.5)  # the limiter holds whatever comes before
    assert [line.layer for line in result.gains] == [
        "halfcellshift conjugate coupling",
        "conjugate coupling",
        "injector",
    ]
    assert all(line.gain == pytest.approx(1e4) for line in result.gains)
    assert result.gain == pytest.approx(1e12)
    found = search(affine, cells=3, steps=60)
    assert found.largest > 1e4 and found.bound == math.inf and found.ratio == 0.0


@torch.no_grad()
def test_limiting_the_norm_moves_only_what_is_too_large() -> None:
    latent = torch.randn(2, 48, 5, 5)
    latent[0] *= 4.0
    limited = limit_norm(latent)
    norm = limited.square().sum(1).sqrt()
    assert norm.max() <= LATENT_NORM_BOUND * (1 + 1e-6)
    assert torch.equal(limited[1], latent[1])
    assert limit_norm(torch.zeros(1, 48, 2, 2)).abs().max() == 0


UNKNOWN = [float("nan"), float("inf"), -float("inf"), 3e38]


@pytest.mark.parametrize("value", UNKNOWN)
@pytest.mark.parametrize("name", KINDS)
@torch.no_grad()
def test_the_bounds_hold_for_features_that_are_no_numbers(name: str, value: float) -> None:
    flow = network(scale=2.0, **KINDS[name]).flow
    features = torch.randn(2, FEATURES, 4, 4)
    features[:, 1::2, :3] = value
    values = flow.layers(flow.prepare(features), limit_norm(3.0 * torch.randn(2, 48, 4, 4)), 1.0)
    for line, (layer, found) in zip(flow.inverse_bound(), values, strict=True):
        assert line.layer == layer
        assert found.abs().max() <= line.peak, layer  # false for NaN


def enlarged(flow: ConditionalFlow) -> None:
    for parameter in flow.parameters():
        parameter.mul_(1e20)


def steepened(flow: ConditionalFlow) -> None:
    flow.get_parameter("chain.bijections.1.log_scale").add_(200.0)


def skewed(flow: ConditionalFlow) -> None:
    flow.get_buffer("chain.bijections.3.weight").mul_(1e35)


def spoilt(flow: ConditionalFlow) -> None:
    flow.get_parameter("chain.bijections.1.bias").fill_(float("nan"))


@pytest.mark.parametrize("change", [enlarged, steepened, skewed, spoilt])
@torch.no_grad()
def test_where_float32_overflows_nothing_is_certified(change: Callable[[object], None]) -> None:
    spline = network(coupling="spline")
    change(spline.flow)
    result = certificate(spline)
    assert not result.finite and result.overflows and result.before_limiter == math.inf
    assert result.lost and result.gains == ()
    assert result.after_limiter == 0.5  # of what is a number


@torch.no_grad()
def test_matrices_count_as_they_are() -> None:
    """A hundredfold rotation gives a hundredfold bound, and what float32 rounds hardly any."""
    spline = network(coupling="spline")
    usual = certificate(spline).before_limiter
    spline.flow.get_buffer("chain.bijections.3.weight").mul_(1 + 5e-7)
    assert usual < certificate(spline).before_limiter < usual * (1 + 1e-5)
    spline.flow.get_buffer("chain.bijections.3.weight").mul_(100.0)
    assert 50 * usual < certificate(spline).before_limiter < 101 * usual


@pytest.mark.parametrize("limit", [0.5, 0.3, 0.1234567])
def test_the_limit_is_reached_and_not_passed(limit: float) -> None:
    limiter = Limiter(limit)
    ends = limiter.inverse(torch.tensor([8.0, 1e30, math.inf, -8.0, -1e30, -math.inf]), None)
    bound = limiter.inverse_bound(UNBOUNDED).peak
    assert ends.tolist() == [bound] * 3 + [-bound] * 3
    assert bound == pytest.approx(limit, rel=1e-7)
    assert limiter.inverse(torch.tensor(math.nan), None).isnan()


def test_no_other_temperature_has_a_certificate() -> None:
    for temperature in (-1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="finite and 0 or more"):
            certificate(network(coupling="spline"), temperature)


def test_the_share_of_cells_beyond_the_latents_bound() -> None:
    """Of 48 standard normal values, by the chi distribution: what the docstring says."""
    half = torch.tensor((24.0, LATENT_NORM_BOUND**2 / 2), dtype=torch.float64)
    assert float(torch.special.gammaincc(*half)) == pytest.approx(8.4e-7, rel=0.01)


@pytest.mark.parametrize("peak", [0.0, 1.0, 1e12])
def test_a_convolutions_results_are_bounded_by_its_weights(peak: float) -> None:
    torch.manual_seed(0)
    for bias in (True, False):
        convolution = torch.nn.Conv2d(3, 5, 3, padding=1, bias=bias).double()
        bound = largest_result(convolution, peak)
        row = convolution.weight[int(convolution.weight.abs().flatten(1).sum(1).argmax())]
        worst = (peak * row.sign())[None]
        assert convolution(worst).abs().max() <= bound * (1 + 1e-12)
        assert convolution(worst).abs().max() >= 0.5 * bound
    assert largest_result(convolution, math.inf) == math.inf

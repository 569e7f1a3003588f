"""The certificate holds, and says what an affine flow cannot promise."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from restoreflow.flows.base import LATENT_NORM_BOUND, limit_norm
from restoreflow.flows.bijection import Condition
from restoreflow.flows.certificate import certificate
from restoreflow.flows.flow import ConditionalFlow
from restoreflow.flows.search import search
from tests.flows.table import FEATURES, of_natural_size, tiny_flow

KINDS = {
    "spline": {"coupling": "spline"},
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
    found = search(network(**KINDS[name]), over, cells=3, steps=60)  # pyright: ignore
    assert math.isfinite(found.bound)
    assert 0 < found.largest <= found.bound
    assert found.ratio == found.largest / found.bound


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
            assert value.square().sum(1).sqrt().max() <= line.norm * (1 + 1e-5), line.layer
            assert value.abs().max() <= line.peak * (1 + 1e-5), line.layer
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

"""Maps of the factorial: invertible, their slopes right, bounded where they are said to be."""

from __future__ import annotations

import math

import pytest
import torch

from restoreflow.flows.config import MapName
from restoreflow.flows.coupling import Coupling, Injector
from restoreflow.flows.elementwise import AffineMap, ElementwiseMap
from restoreflow.networks.restoration_network import RestorationNetwork
from studies.factorial.forms import FLOOR, TIERS, Arm, clamped_too, put, shifting
from studies.factorial.settings import FLOW
from tests.ood import fakes

ARMS = [arm for tier in TIERS for arm in tier]
FORMS: tuple[MapName, ...] = ("affine", "clamped_affine", "paper_spline", "spline")
CASES = [(form, bounded) for form in FORMS for bounded in (False, True)]


@pytest.mark.parametrize(("form", "bounded"), CASES)
def test_a_map_is_inverted_and_its_slope_is_its_derivative(form: MapName, bounded: bool) -> None:
    map = shifting(form, bounded)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64).requires_grad_()
    raw = torch.randn(2, 3 * map.parameters, 4, 4, generator=generator, dtype=torch.float64)
    y, log_slope = map.forward(x, raw)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.allclose(slope.log(), log_slope, atol=1e-9)
    assert torch.allclose(map.inverse(y, raw), x, atol=1e-9)


@pytest.mark.parametrize(("form", "bounded"), CASES)
def test_a_shift_is_bounded_where_it_is_said_to_be(form: MapName, bounded: bool) -> None:
    map = shifting(form, bounded)
    y = torch.zeros(1, 1, 1, 1)
    raw = torch.zeros(1, map.parameters, 1, 1)
    raw[:, -1] = 1e6
    moved = map.inverse(y, raw).abs().item()
    if bounded:
        # an affine map's shift comes after its slope, a spline's before
        assert moved <= FLOW.shift + FLOW.box
    else:
        assert moved > 1e5


def maps_of(network: RestorationNetwork) -> list[ElementwiseMap]:
    return [m.map for m in network.flow.modules() if isinstance(m, Coupling | Injector)]


def test_clamped_slopes_bound_an_affine_gain() -> None:
    network = fakes.network("affine")
    arm = Arm("affine", "affine", False)
    put(network, arm)
    raw = torch.full((1, 2, 1, 1), -30.0)
    y = torch.ones(1, 1, 1, 1)
    maps = maps_of(network)
    assert maps and all(isinstance(map, AffineMap) for map in maps)
    assert all(map.inverse(y, raw).item() > 9e3 for map in maps)
    put(network, arm._replace(clamped=True))
    for map in maps_of(network):
        assert map.inverse(y, raw).item() == pytest.approx(math.e + 30.0)
        _, log_slope = map.forward(y, raw)
        assert log_slope.item() == pytest.approx(math.log(FLOOR))


def test_the_factorial_is_whole() -> None:
    crossed = {(c, i, b) for c in FORMS for i in FORMS for b in (False, True)}
    assert crossed <= {(a.coupling, a.injector, a.bounded) for a in ARMS}
    assert len(set(ARMS)) == len(ARMS) == len(crossed) + 2  # and two with this package's injector
    assert len({arm.name for arm in ARMS}) == len(ARMS)
    assert len(clamped_too(ARMS[0])) == 2 and len(clamped_too(ARMS[1])) == 1

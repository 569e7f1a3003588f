from __future__ import annotations

import json
import math

import pytest
import torch

from studies.robustness.round_trips import LIMITS, round_trips
from studies.robustness.toy import INSIDE, Coupling, ToyFlow, parallelogram, toy

COUPLINGS: tuple[Coupling, ...] = ("spline", "affine", "clamped_affine")


def moved(coupling: Coupling) -> ToyFlow:
    flow = ToyFlow(coupling).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return flow


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_the_toy_is_a_flow(coupling: Coupling) -> None:
    flow = moved(coupling)
    latent, y = torch.randn(5, 2).double(), torch.randn(5, 2).double()
    x = flow.sample(y, latent)

    def normal(z: torch.Tensor) -> torch.Tensor:
        return -0.5 * z.square().sum() - math.log(2 * math.pi)

    for index in range(5):
        one = y[index : index + 1]
        jacobian = torch.autograd.functional.jacobian(
            lambda z, one=one: flow.sample(one, z[None])[0], latent[index]
        )
        assert isinstance(jacobian, torch.Tensor)
        expected = normal(latent[index]) - torch.linalg.det(jacobian).abs().log()
        found = flow.log_prob(x[index : index + 1], one).detach()
        # The rotations are orthogonal to float32's precision.
        assert float(found) == pytest.approx(float(expected.detach()), abs=1e-5)


def test_the_toy_reports_what_it_finds() -> None:
    found = toy("affine", steps=3)
    json.dumps(found, allow_nan=False)
    assert found["inside"]["condition"] == list(INSIDE)
    assert found["outside"]["radius"] == 6.0
    assert len(found["inside"]["points"]) > 100


def test_training_points_fill_the_parallelogram() -> None:
    y = torch.tensor([[0.0, 0.0]])
    assert parallelogram(y, torch.tensor([[1.0, 1.0]])).tolist() == [[1.0, pytest.approx(0.6)]]


def test_looser_slopes_cost_precision() -> None:
    rows = round_trips(20_000, seed=0)
    worst = {row["limit"]: row["worst"] for row in rows}
    assert len(rows) == len(LIMITS) + 1
    assert worst["this package"] < 1e-5
    assert worst["0.001, 1000"] > 100 * worst["0.1, 4"]

"""Strips: the same values, and never where a gradient or a graph is wanted."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from restoreflow.flows import layout
from restoreflow.flows.layout import stripwise
from tests.flows.table import FEATURES
from tests.flows.test_flow import flow_of


class Counted(nn.Module):
    """A location's values twice, and how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.calls += 1
        return torch.cat((x * y, x - y), 1)


@pytest.mark.parametrize("size", [(1, 7), (37, 5), (40, 64), (3, 400)])
def test_strips_give_what_the_whole_gives(size, monkeypatch) -> None:
    monkeypatch.setattr(layout, "LOCATIONS", 300)
    x, y = torch.randn(2, 3, *size), torch.randn(1, 3, *size)
    counted = Counted()
    with torch.inference_mode():
        found = stripwise(counted, x, y)
    assert torch.equal(found, torch.cat((x * y, x - y), 1))
    rows = max(1, 300 * torch.get_num_threads() // size[1])
    assert counted.calls == -(-size[0] // rows)


def test_a_recorded_gradient_takes_the_whole(monkeypatch) -> None:
    monkeypatch.setattr(layout, "LOCATIONS", 1)
    counted, x = Counted(), torch.randn(1, 3, 9, 9, requires_grad=True)
    stripwise(counted, x, x).sum().backward()
    assert counted.calls == 1
    assert x.grad is not None


@pytest.mark.parametrize("kind", ["spline", "affine", "clamped_affine"])
def test_a_flow_samples_the_same_in_strips(kind, monkeypatch) -> None:
    flow, latent = flow_of(kind), torch.randn(2, 48, 13, 11)
    seen = torch.randn(1, FEATURES, 13, 11)
    whole = flow.sample(flow.prepare(seen), latent, 0.9)
    monkeypatch.setattr(layout, "LOCATIONS", 20)
    with torch.inference_mode():
        found = flow.sample(flow.prepare(seen), latent, 0.9)
    largest = float(whole.unlimited.detach().abs().max())
    assert torch.allclose(found.unlimited, whole.unlimited, atol=1e-5 * largest)

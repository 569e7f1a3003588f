"""Compiled maps are the eager ones, and the other maps are left alone."""

from __future__ import annotations

import shutil

import pytest
import torch

from restoreflow.flows.config import FlowConfig
from restoreflow.flows.coupling import Coupling
from restoreflow.flows.flow import build_flow
from restoreflow.lab.training.compiled_maps import compile_maps


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_map_gives_the_same_values() -> None:
    flow = build_flow(FlowConfig(steps=2, hidden=4), 4)
    maps = [part.map for part in flow.modules() if isinstance(part, Coupling)]
    x, raw = torch.randn(2, 24, 4, 4), torch.randn(2, 96, 4, 4)
    y, log_slope = maps[0].forward(x, raw)
    assert compile_maps(flow) == len(maps) > 1
    for map in maps:
        compiled_y, compiled_log_slope = map.forward(x, raw)
        assert torch.allclose(compiled_y, y, atol=1e-5)
        assert torch.allclose(compiled_log_slope, log_slope, atol=1e-5)
    assert "forward" in vars(maps[0]) and "inverse" in vars(maps[0])


def test_affine_maps_stay_as_they_are() -> None:
    assert compile_maps(build_flow(FlowConfig("affine", steps=2, hidden=4), 4)) == 0

"""Taps give what the encoder computes, leave it as it was, and stop it early."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from restoreflow.errors import UsageError
from restoreflow.networks.low_light import LowLightEncoder
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.features import extract, layer_names, pooled
from tests.ood import fakes


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_every_layer_lies_on_the_grid(scale: int) -> None:
    net = fakes.network(scale=scale)
    degraded = torch.rand(2, 3, 16, 24)
    found = extract(net, degraded, layer_names(net))
    cells = (16 * scale // 4, 24 * scale // 4)
    assert {tuple(values.shape[-2:]) for values in found.values()} == {cells}
    assert found["mean"].shape[1] == 48


def test_taps_agree_with_the_encoder_and_leave_no_hook(network: RestorationNetwork) -> None:
    encoder = network.encoder
    degraded = torch.rand(1, 3, 16, 16)
    plain = network.encode(degraded)
    found = extract(network, degraded, layer_names(network))
    assert torch.equal(found["features"], plain.features)
    shallow = encoder.head(degraded - 0.5)  # pyright: ignore
    assert torch.equal(found["head"], shallow)
    trunk = shallow + found["tail"]
    assert torch.equal(found["trunk"], trunk)
    assert torch.equal(found["block2"], encoder.blocks(shallow))  # pyright: ignore
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in encoder.modules())


def test_nothing_runs_after_the_last_layer(
    network: RestorationNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("ran on")

    monkeypatch.setattr(network.encoder.blocks[1], "forward", refuse)  # pyright: ignore
    found = extract(network, torch.rand(1, 3, 16, 16), ("block1", "head"))
    assert list(found) == ["block1", "head"]
    with pytest.raises(AssertionError, match="ran on"):
        extract(network, torch.rand(1, 3, 16, 16), ("block2",))
    assert not any(m._forward_hooks for m in network.encoder.modules())


def test_an_unknown_layer_names_the_nearest(network: RestorationNetwork) -> None:
    with pytest.raises(UsageError, match='did you mean "block2"'):
        extract(network, torch.rand(1, 3, 16, 16), ("blok2",))


def test_the_low_light_encoder_has_taps() -> None:
    encoder = LowLightEncoder(width=6, depth=1, context=1, mean_range=0.5)
    flow = nn.Identity()
    net = RestorationNetwork(encoder, flow, "lowlight", 1)  # pyright: ignore[reportArgumentType]
    degraded = torch.rand(1, 3, 64, 64)
    found = extract(net, degraded, tuple(encoder.taps()))
    assert torch.equal(found["features"], encoder(degraded).features)
    assert found["block16"].shape[-1] * 4 == found["head"].shape[-1] == 16


def test_pooled_is_mean_and_deviation() -> None:
    x = torch.randn(2, 3, 4, 5)
    expected = torch.cat((x.mean((2, 3)), x.std((2, 3), unbiased=False)), 1)
    torch.testing.assert_close(pooled(x), expected)

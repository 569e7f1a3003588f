"""Low light through the restorer: one exposure for all tiles, moved by as much as is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from restoreflow.errors import UsageError
from restoreflow.flows.config import FlowConfig
from restoreflow.models.config import ModelConfig
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.exposure import srgb_to_linear
from restoreflow.networks.restoration_network import build_network
from restoreflow.ood.maps import energy_maps, feature_tiles
from restoreflow.ood.watch import Watch
from restoreflow.restoration.restorer import Restorer


def restorer(spread: float = 0.02) -> Restorer:
    """A small model whose weights, the zero-initialised ones too, are all drawn."""
    config = ModelConfig(
        name="tiny",
        task="lowlight",
        scale=1,
        network=NetworkConfig(kind="low_light", width=6, depth=1, context=1),
        flow=FlowConfig(steps=2, hidden=8),
    )
    torch.manual_seed(0)
    network = build_network(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return Restorer(network, config)


def scene(height: int, width: int, level: float = 0.1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(1, 3, 5, 6, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0]
    return level * (0.5 + 0.5 * smooth)


def test_no_tile_of_a_half_dark_picture_is_brighter_than_its_neighbour(monkeypatch) -> None:
    y, made = scene(96, 560), restorer()
    y[:, :, 280:] = (6.0 * y[:, :, 280:]).clamp(max=1.0)
    whole = made.restore(y, temperature=0.5)
    monkeypatch.setattr("restoreflow.restoration.tiles.MIN_WINDOW", 1)
    monkeypatch.setattr(Restorer, "_window", 24 * (made._context + 16))  # of 24 x 140 cells
    tiled = made.restore(y, temperature=0.5)
    assert tiled.report["tile"] < whole.report["tile"]
    assert np.abs(tiled.raw - whole.raw).max() < 1e-4


def linear_mean(values: np.ndarray) -> float:
    return float(srgb_to_linear(torch.from_numpy(values).clamp(0.0, 1.0)).mean())


@pytest.mark.parametrize("stops", [-1.0, 0.5])
def test_the_result_is_brighter_by_the_stops_asked_for(stops: float) -> None:
    y, made = scene(64, 64, 0.05), restorer(0.0)
    plain, moved = (made.restore(y, temperature=0, exposure=e).raw for e in (0.0, stops))
    assert np.log2(linear_mean(moved) / linear_mean(plain)) == pytest.approx(stops, abs=0.1)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_frames_come_back_as_they_are(level: float) -> None:
    made = restorer(0.05)
    frame, gray = torch.full((3, 40, 56), level), torch.full((3, 40, 56), 0.3)
    for temperature in (0.0, 1.0):
        result = made.restore(frame, temperature=temperature)
        assert set(np.unique(np.asarray(result.mean))) == {round(255 * level)}
        assert np.abs(result.raw - level).max() < 0.5 / 255
        assert result.raw.std() < 0.05 * made.restore(gray, temperature=temperature).raw.std()


@pytest.mark.parametrize("stops", [float("nan"), 9.0])
def test_an_exposure_out_of_range_is_refused(stops: float) -> None:
    with pytest.raises(UsageError, match="exposure is"):
        restorer().restore(scene(16, 16), exposure=stops)


def test_energies_taken_while_restoring_are_those_of_the_whole_picture(monkeypatch) -> None:
    made, picture = restorer(), scene(96, 560)
    tile = next(feature_tiles(made.network, picture, ("block4",)))
    features = tile.layers["block4"].flatten(1)
    gaussians = {"block4": (features.mean(1), torch.eye(len(features)))}
    expected = energy_maps(made.network, picture, gaussians)["block4"]
    monkeypatch.setattr("restoreflow.restoration.tiles.MIN_WINDOW", 1)
    monkeypatch.setattr(Restorer, "_window", 24 * (made._context + 16))
    watch = Watch(made.network, gaussians, (96, 560))
    result = made.restore(picture, watch=watch)
    assert result.report["tile"] < 560
    np.testing.assert_allclose(watch.maps["block4"], expected, rtol=1e-3, atol=1e-5)

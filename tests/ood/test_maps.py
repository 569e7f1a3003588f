"""A picture's map does not depend on the tiles, and covers each place once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from restoreflow.networks.low_light import LowLightEncoder
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.maps import energy_maps, feature_tiles
from restoreflow.restoration import tiles
from tests.ood import fakes


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "MIN_WINDOW", 1)


def low_light() -> RestorationNetwork:
    torch.manual_seed(0)
    encoder = LowLightEncoder(width=6, depth=1, context=1, mean_range=0.5)
    flow = torch.nn.Identity()
    return RestorationNetwork(encoder, flow, "lowlight", 1).eval()  # pyright: ignore


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_tiled_equals_whole(scale: int) -> None:
    network = fakes.network(scale=scale)
    picture = fakes.photo(0, 61, 83)
    layers = ("block1", "features")
    pieces = list(feature_tiles(network, picture, layers, tile=24))
    assert len(pieces) > 4
    whole = next(feature_tiles(network, picture, layers))
    rows, columns = (-(-side * scale // 4) for side in (61, 83))
    assert whole.layers["features"].shape[1:] == (rows, columns)
    seen = torch.zeros(rows, columns)
    for piece in pieces:
        for name in layers:
            found = piece.layers[name]
            area = (
                slice(piece.top, piece.top + found.shape[1]),
                slice(piece.left, piece.left + found.shape[2]),
            )
            expected = whole.layers[name][(slice(None), *area)]
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
        seen[area] += 1  # pyright: ignore[reportPossiblyUnboundVariable]
    assert (seen == 1).all()


@pytest.mark.usefixtures("small_windows")
def test_a_low_light_picture_is_judged_as_a_whole() -> None:
    network = low_light()
    picture = 0.2 * fakes.photo(0, 250, 330)
    channels = {"features": 6, "block16": 12}
    gaussians = {n: (torch.zeros(c), torch.eye(c)) for n, c in channels.items()}
    whole = energy_maps(network, picture, gaussians)
    padded = tiles.Geometry.of(network).padded(picture)[None]
    features = network.encoder(padded, network.encoder.global_context(picture[None])).features  # pyright: ignore
    plain = features[0].square().mean(0).detach()
    np.testing.assert_allclose(whole["features"], plain, atol=1e-5, rtol=1e-4)
    parts = energy_maps(network, picture, gaussians, tile=64)
    assert whole["features"].shape == (63, 83)
    assert whole["block16"].shape == (16, 21)
    for name in channels:
        np.testing.assert_allclose(parts[name], whole[name], atol=1e-4, rtol=1e-3)


def test_energies_are_those_of_the_layer() -> None:
    network = fakes.network()
    picture = fakes.photo(1, 20, 30)
    found = energy_maps(network, picture, {"features": (torch.zeros(8), torch.eye(8))})
    features = network.encode(picture[None]).features
    expected = features[0].square().mean(0).detach()
    np.testing.assert_allclose(found["features"], expected, rtol=1e-4)


def test_a_picture_smaller_than_a_tile_is_padded_but_not_judged_there() -> None:
    network = fakes.network()
    found = energy_maps(
        network, fakes.photo(1, 60, 72)[:, :3, :5], {"head": (torch.zeros(8), torch.eye(8))}
    )
    assert found["head"].shape == (3, 5)

"""Encoder and flow together: what tiling, sampling and training rely on."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor

from restoreflow.flows.actnorm import ActNorm
from restoreflow.flows.base import limit_norm
from restoreflow.flows.certificate import certificate
from restoreflow.flows.config import FlowConfig
from restoreflow.flows.search import search
from restoreflow.models.config import ModelConfig
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.encoder import Encoding
from restoreflow.networks.restoration_network import RestorationNetwork, build_network

SCALES = pytest.mark.parametrize("scale", [2, 4, 8])
KINDS = pytest.mark.parametrize("kind", ["spline", "affine", "clamped_affine"])


def network(
    scale: int = 4,
    kind: Literal["spline", "affine", "clamped_affine"] = "spline",
    spread: float = 0.2,
) -> RestorationNetwork:
    """A small network whose weights, the zero-initialised ones too, are all drawn."""
    config = ModelConfig(
        name="small",
        task="sr",
        scale=scale,
        network=NetworkConfig(width=10, depth=1, context=1),
        flow=FlowConfig(coupling=kind, steps=2, hidden=8),
    )
    made = build_network(config)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
        for part in made.modules():
            if isinstance(part, ActNorm):
                part.log_scale.sub_(3.0)
    return made.eval()


def reach(change: Tensor, cell: int, first: int, last: int) -> int:
    """How many cells beyond ``first`` .. ``last`` anything changes."""
    changed = change.abs().amax((0, 1))
    rows, columns = changed.amax(1).nonzero() // cell, changed.amax(0).nonzero() // cell
    return max(max(first - int(lines.min()), int(lines.max()) - last) for lines in (rows, columns))


@SCALES
@torch.inference_mode()
def test_the_estimate_is_the_encodings_mean(scale: int) -> None:
    restorer, y = network(scale), torch.rand(1, 3, 24, 32)
    assert torch.equal(restorer.estimate(y), restorer.encode(y).mean)


@SCALES
@torch.no_grad()
def test_no_pixel_of_the_input_reaches_farther_than_the_halo(scale: int) -> None:
    restorer = network(scale).double()
    side = 4 * (2 * restorer.halo + 5) // scale // 2 * 2
    picture = 0.4 + 0.2 * torch.rand(1, 3, side, side, dtype=torch.float64)
    moved, at = picture.clone(), side // 2 // 2 * 2
    moved[..., at, at] += 0.05
    latent = torch.randn(1, 48, side * scale // 4, side * scale // 4, dtype=torch.float64)
    before, after = (
        restorer.sample(restorer.encode(x), latent, 0.8).image for x in (picture, moved)
    )
    far = reach(after - before, 4, at * scale // 4, (at * scale + scale - 1) // 4)
    assert restorer.halo - 2 <= far <= restorer.halo  # and no larger than tiles need


@torch.no_grad()
def test_no_latent_reaches_farther_than_the_halo_of_the_flow() -> None:
    restorer = network().double()
    side = 2 * restorer.flow.halo + 5
    encoding = restorer.encode(torch.rand(1, 3, side, side, dtype=torch.float64))
    latent = torch.randn(1, 48, side, side, dtype=torch.float64)
    moved, at = latent.clone(), side // 2
    moved[..., at, at] += 1.0
    before, after = (restorer.sample(encoding, e, 0.8).image for e in (latent, moved))
    assert reach(after - before, 4, at, at) == restorer.flow.halo


@torch.no_grad()
def test_a_tile_with_its_halo_is_the_crop_of_the_whole() -> None:
    """What the halo is for."""
    restorer = network().double()
    halo, side = restorer.halo, 2 * restorer.halo + 9
    picture = torch.rand(1, 3, side, side, dtype=torch.float64)
    latent = torch.randn(1, 48, side, side, dtype=torch.float64)
    whole = restorer.sample(restorer.encode(picture), latent, 0.8).image
    window = slice(2, 2 + 2 * halo + 3)
    tile = restorer.sample(
        restorer.encode(picture[..., window, window]), latent[..., window, window], 0.8
    ).image
    inner = slice(4 * halo, 4 * (halo + 3))
    placed = slice(4 * (2 + halo), 4 * (2 + halo + 3))
    assert torch.allclose(tile[..., inner, inner], whole[..., placed, placed], atol=1e-12)


@SCALES
@torch.no_grad()
def test_shapes(scale: int) -> None:
    restorer = network(scale)
    for height, width in ((6, 10), (2, 2), (4, 2)):
        encoding = restorer.encode(torch.rand(2, 3, height, width))
        grid = encoding.features.shape[-2:]
        assert grid == (height * scale // 4, width * scale // 4)
        sample = restorer.sample(encoding, torch.randn(2, 48, *grid), 0.8)
        assert sample.image.shape == sample.detail.shape == (2, 3, height * scale, width * scale)
        assert sample.image.shape == encoding.mean.shape


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (7, 1), (5, 3)])
@torch.no_grad()
def test_odd_sizes_and_single_rows(size: tuple[int, int]) -> None:
    restorer = network(4)
    encoding = restorer.encode(torch.rand(1, 3, *size))
    sample = restorer.sample(encoding, torch.randn(1, 48, *size), 0.8)
    assert sample.image.shape == (1, 3, 4 * size[0], 4 * size[1])


@torch.no_grad()
def test_one_encoding_serves_several_samples_and_temperatures() -> None:
    restorer = network()
    encoding = restorer.encode(torch.rand(1, 3, 5, 6))
    condition = restorer.prepare(encoding.features)
    latent = torch.randn(3, 48, 5, 6)
    together = restorer.sample(encoding, latent, 0.5, condition)
    for i in range(3):
        alone = restorer.sample(encoding, latent[i : i + 1], 0.5)
        assert torch.allclose(together.image[i : i + 1], alone.image, atol=1e-5)


@torch.no_grad()
def test_detail_is_scaled_by_its_reach_and_so_is_its_density() -> None:
    restorer = network().double()
    plain = restorer.encode(torch.rand(2, 3, 5, 6).double())
    reach = 0.01 + 0.99 * torch.rand(2, 1, 20, 24).double()
    scaled, condition = plain._replace(reach=reach), restorer.prepare(plain.features)
    latent = torch.randn(2, 48, 5, 6).double()
    expected = restorer.sample(plain, latent, 0.7, condition)
    found = restorer.sample(scaled, latent, 0.7, condition)
    torch.testing.assert_close(found.image - plain.mean, reach * (expected.image - plain.mean))
    torch.testing.assert_close(found.detail, reach * expected.detail)
    change = restorer.detail_log_prob(scaled, found.image, condition)
    change -= restorer.detail_log_prob(plain, expected.image, condition)
    torch.testing.assert_close(change, -3 * reach.log().sum((1, 2, 3)))


@KINDS
@pytest.mark.parametrize("size", [1.0, 1e3, 1e6])
@torch.no_grad()
def test_every_sample_stays_between_minus_a_half_and_one_and_a_half(kind, size: float) -> None:
    """Whatever the features, the affine flow's explosions included."""
    restorer = network(4, kind, spread=1.0)
    mean = torch.rand(4, 3, 24, 24)
    latent = limit_norm(3.0 * torch.randn(4, 48, 6, 6))
    features = size * torch.randn(4, 10, 6, 6)
    image = restorer.sample(Encoding(mean, features), latent, 1.0).image
    assert torch.isfinite(image).all()
    assert image.min() >= -0.5 and image.max() <= 1.5


def test_the_certificate_of_a_network_holds_for_features_of_any_size() -> None:
    restorer = network(4, spread=0.5)
    found = search(restorer, cells=3, steps=50)
    assert found.bound == certificate(restorer).before_limiter
    assert 0.02 < found.ratio <= 1.0


@KINDS
def test_log_prob_trains_every_parameter_but_those_of_the_mean(kind) -> None:
    restorer = network(4, kind).train()
    degraded, clean = torch.rand(2, 3, 5, 6), torch.rand(2, 3, 20, 24)
    log_prob = restorer.log_prob(degraded, clean)
    assert log_prob.shape == (2,) and torch.isfinite(log_prob).all()
    log_prob.sum().backward()
    mean = {id(parameter) for parameter in restorer.encoder.mean_parameters()}
    for name, parameter in restorer.named_parameters():
        if id(parameter) not in mean:
            assert parameter.grad is not None and (parameter.grad != 0).any(), name


@torch.no_grad()
def test_reduced_precision_changes_little_and_leaves_float32() -> None:
    restorer = network()
    picture, latent = torch.rand(1, 3, 6, 6), torch.randn(1, 48, 6, 6)
    exact = restorer.sample(restorer.encode(picture), latent, 0.5).image
    restorer.set_precision(torch.bfloat16)
    encoding = restorer.encode(picture)
    assert encoding.mean.dtype == torch.float32 and encoding.features.dtype == torch.bfloat16
    reduced = restorer.sample(encoding, latent, 0.5)
    assert reduced.image.dtype == reduced.detail.dtype == torch.float32
    assert 0 < (reduced.image - exact).abs().mean() < 0.02
    restorer.set_precision(None)
    again = restorer.sample(restorer.encode(picture), latent, 0.5).image
    assert torch.equal(again, exact)

from __future__ import annotations

import pytest
import torch

from restoreflow.lab.degradations import camera


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def items(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(-1, 1, 1, 1)


def smooth_picture(size: int = 48) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(size) / size, torch.arange(size) / size, indexing="ij")
    return torch.stack((0.2 + 0.5 * x, 0.3 + 0.3 * y, 0.6 - 0.3 * x * y))[None]


def test_smoothstep_and_its_inverse() -> None:
    x = torch.linspace(0, 1, 501)
    torch.testing.assert_close(
        camera.inverse_smoothstep(camera.smoothstep(x)), x, atol=2e-4, rtol=0
    )
    torch.testing.assert_close(camera.smoothstep(torch.tensor([0.0, 0.5, 1.0])), x[[0, 250, 500]])
    assert torch.equal(camera.smoothstep(x, 0.0), x)


def test_colour_multiplies_each_items_own_matrix() -> None:
    x = torch.rand(2, 3, 4, 5)
    matrix = torch.randn(2, 3, 3)
    expected = torch.einsum("nij,njhw->nihw", matrix, x)
    torch.testing.assert_close(camera.colour(x, matrix), expected)


def test_illumination_field_of_a_part_is_the_part_of_the_whole() -> None:
    grid = 0.3 + 0.7 * torch.rand(2, 1, 4, 4, generator=generator())
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(2, 4)
    part = torch.tensor([[0.25, 0.5, 0.5, 0.25]]).expand(2, 4)
    field = camera.illumination_field(grid, whole, (64, 64))
    cut = camera.illumination_field(grid, part, (32, 16))
    torch.testing.assert_close(cut, field[:, :, 16:48, 32:48], atol=1e-5, rtol=0)
    assert field.min() >= grid.min() and field.max() <= grid.max()


@pytest.mark.parametrize("phase", range(4))
def test_bayer_masks_hold_one_colour_a_site_and_twice_the_green(phase: int) -> None:
    masks = camera.bayer_masks(torch.tensor([phase]), (6, 8))[0]
    assert torch.equal(masks.sum(0), torch.ones(6, 8))
    assert masks.sum((1, 2)).tolist() == [12, 24, 12]
    corner = masks[:, :2, :2]
    red = torch.nonzero(corner[0])[0].tolist()
    assert red == [[0, 0], [0, 1], [1, 0], [1, 1]][phase]


@pytest.mark.parametrize("demosaic", [camera.demosaic_bilinear, camera.demosaic_malvar])
def test_demosaic_keeps_measured_sites_and_linear_colour(demosaic) -> None:
    picture = smooth_picture().expand(4, -1, -1, -1)
    masks = camera.bayer_masks(torch.arange(4), (48, 48))
    mosaic = (picture * masks).sum(1, keepdim=True)
    out = demosaic(mosaic, masks)
    torch.testing.assert_close(out * masks, picture * masks)
    inner = (out - picture)[:, :, 3:-3, 3:-3].abs().max()
    assert inner < 2e-3  # x y is the only part that is not linear
    flat = torch.full((4, 3, 16, 16), 0.25) * torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    masks = masks[:, :, :16, :16]
    out = demosaic((flat * masks).sum(1, keepdim=True), masks)
    assert (out - flat)[:, :, 2:-2, 2:-2].abs().max() < (1e-6 if "bilin" in str(demosaic) else 1)


def test_malvar_resolves_gray_edges_better_than_bilinear() -> None:
    wave = 0.5 + 0.4 * torch.sin(torch.arange(64) * 1.1)
    picture = wave.reshape(1, 1, 1, 64).expand(1, 3, 64, 64)
    masks = camera.bayer_masks(torch.tensor([0]), (64, 64))
    mosaic = (picture * masks).sum(1, keepdim=True)
    errors = [
        (f(mosaic, masks) - picture)[:, :, 4:-4, 4:-4].abs().mean()
        for f in (camera.demosaic_bilinear, camera.demosaic_malvar)
    ]
    assert errors[1] < 0.6 * errors[0]


def test_sensor_noise_has_the_stated_variance() -> None:
    light = torch.tensor([0.0, 0.1, 0.8]).reshape(1, 3, 1, 1).expand(1, 3, 200, 200)
    noisy = camera.sensor_noise(light, items(0.01), items(0.0004), generator())
    variance = (noisy - light).var((0, 2, 3))
    torch.testing.assert_close(variance, 0.01 * light[0, :, 0, 0] + 0.0004, rtol=0.04, atol=0)
    assert (noisy - light).mean((0, 2, 3)).abs().max() < 2e-3


def test_row_noise_is_one_offset_a_row() -> None:
    noise = camera.row_noise(torch.zeros(1, 1, 400, 7), items(0.02), generator())
    assert torch.equal(noise, noise[..., :1].expand_as(noise))
    assert 0.017 < float(noise[..., 0].std()) < 0.023


def test_quantise_rounds_to_the_converters_levels_and_clips_as_asked() -> None:
    x = torch.tensor([-0.01, 0.1001, 0.7, 1.4]).expand(2, 1, 1, 4)
    out = camera.quantise(x, 12, items(0.0, 1.0))
    torch.testing.assert_close(out * 4095, (out * 4095).round(), atol=1e-3, rtol=0)
    assert out[0, 0, 0, 0] < 0 and out[1, 0, 0, 0] == 0
    assert (out[..., 3] == 1).all()
    assert (out - x.clamp(max=1))[:, :, :, 1:].abs().max() <= 0.5 / 4095 + 1e-6


def test_noise_reductions_keep_flat_colour_and_remove_noise() -> None:
    flat = torch.tensor([0.2, 0.3, 0.1]).reshape(1, 3, 1, 1).expand(1, 3, 40, 40)
    noisy = flat + 0.02 * torch.randn(1, 3, 40, 40, generator=generator())
    blurs = torch.tensor([0.8]), torch.tensor([2.0])
    for reduce in (
        lambda x: camera.reduce_noise(x, *blurs),
        lambda x: camera.edge_preserving(x, items(0.06)),
    ):
        torch.testing.assert_close(reduce(flat), flat, atol=1e-5, rtol=0)
        assert (reduce(noisy) - flat).std() < 0.6 * (noisy - flat).std()


def test_edge_preserving_keeps_an_edge_that_the_blur_softens() -> None:
    edge = torch.where(torch.arange(40) < 20, 0.1, 0.8).expand(1, 3, 40, 40)
    kept = camera.edge_preserving(edge, items(0.05))
    blurred = camera.reduce_noise(edge, torch.tensor([1.5]), torch.tensor([1.5]))
    assert (kept - edge).abs().max() < 0.02
    assert (blurred - edge).abs().max() > 0.2


def test_sharpen_overshoots_at_an_edge_only() -> None:
    edge = torch.where(torch.arange(40) < 20, 0.3, 0.6).expand(2, 3, 40, 40)
    out = camera.sharpen(edge, items(0.0, 0.5), torch.ones(2))
    assert torch.equal(out[0], edge[0])
    assert out[1].max() > 0.63 and out[1].min() < 0.27
    torch.testing.assert_close(out[1, :, :, :8], edge[1, :, :, :8], atol=1e-5, rtol=0)

from __future__ import annotations

import dataclasses

import pytest
import torch

from restoreflow.lab.degradations.low_light import (
    expose,
    exposure_stops,
    make_pair,
    simulate,
    true_stops,
)
from restoreflow.lab.degradations.low_light_shot import LowLightSettings, draw_shot
from restoreflow.lab.training.contact_sheet import pair_sheet
from restoreflow.networks.exposure import exposure_curve, linear_to_srgb, srgb_to_linear

QUIET = LowLightSettings(
    normal_share=0.0,
    field_share=0.0,
    lights_share=0.0,
    contrast_share=0.0,
    inverse_tone_share=0.0,
    tone_share=0.0,
    balance_jitter=0.0,
    matrix_jitter=0.0,
    shot_noise=(1e-9, 2e-9),
    shot_noise_darkest=2e-9,
    bits=16,
    mosaic_share=0.0,
    denoise_share=0.0,
    sharpen_share=0.0,
    jpeg_share=0.0,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scenes(count: int, size: int = 48, seed: int = 0) -> torch.Tensor:
    """Smooth coloured blobs with a mean near 0.45."""
    grid = torch.rand(count, 3, 5, 5, generator=generator(seed))
    blobs = torch.nn.functional.interpolate(grid, (size, size), mode="bicubic")
    return (0.05 + 0.8 * blobs).clamp(0, 1)


def test_pairs_are_seeded_finite_and_8_bit() -> None:
    clean = scenes(6)
    dark, target = make_pair(clean, generator(3))
    again, _ = make_pair(clean, generator(3))
    other, _ = make_pair(clean, generator(4))
    assert torch.equal(dark, again) and not torch.equal(dark, other)
    assert dark.shape == target.shape == clean.shape and dark.dtype == torch.float32
    for picture in (dark, target):
        assert picture.min() >= 0 and picture.max() <= 1
    torch.testing.assert_close(dark * 255, (dark * 255).round(), atol=1e-4, rtol=0)


def test_bright_regions_may_be_spared_with_sharp_borders() -> None:
    settings = dataclasses.replace(
        QUIET, stops=(4.0, 4.0), contrast_share=1.0, contrast=(1.0, 1.0), contrast_power=(1.0, 1.0)
    )
    scene = torch.full((1, 3, 64, 64), 0.3)
    scene[..., :30, :] = 0.95
    dark, target = make_pair(scene, generator(), settings)
    gained = torch.log2(srgb_to_linear(target) / srgb_to_linear(dark).clamp(min=1e-6)).mean((0, 1))
    assert gained[:28].max() < 1.0 and gained[32:].min() > 3.0


def test_without_disturbances_only_the_exposure_changes() -> None:
    settings = dataclasses.replace(QUIET, stops=(3.0, 3.0))
    dark, target = make_pair(scenes(4), generator(), settings)
    expected = linear_to_srgb(srgb_to_linear(target) / 8)
    assert (dark - expected).abs().max() <= 1.0 / 255


@pytest.mark.parametrize(
    "change",
    [
        {"field_share": 1.0},
        {"inverse_tone_share": 1.0},
        {"tone_share": 1.0},
        {"balance_jitter": 0.08},
        {"matrix_jitter": 0.3},
        {"shot_noise": (1e-3, 2e-3), "shot_noise_darkest": 2e-3},
        {"mosaic_share": 1.0},
        {"jpeg_share": 1.0, "jpeg_quality": (70.0, 71.0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_disturbance_shows_in_the_dark_picture_alone(change: dict) -> None:
    settings = dataclasses.replace(QUIET, stops=(2.0, 2.0))
    plain, target = make_pair(scenes(8), generator(), settings)
    dark, same = make_pair(scenes(8), generator(), dataclasses.replace(settings, **change))
    assert torch.equal(target, same)
    assert (dark - plain).abs().mean() > 1e-4


@pytest.mark.parametrize("change", ["denoise_share", "sharpen_share", "row_noise_share"])
def test_development_acts_on_the_noise(change: str) -> None:
    noisy = {"shot_noise": (5e-3, 6e-3), "shot_noise_darkest": 6e-3, "row_noise": 1.0}
    settings = dataclasses.replace(QUIET, stops=(2.0, 2.0), **noisy, row_noise_share=0.0)
    plain, _ = make_pair(scenes(8), generator(), settings)
    dark, _ = make_pair(scenes(8), generator(), dataclasses.replace(settings, **{change: 1.0}))
    rough, changed = ((p[..., 1:] - p[..., :-1]).abs().mean() for p in (plain, dark))
    assert changed < 0.9 * rough if change == "denoise_share" else changed != rough


def test_light_sources_are_spared() -> None:
    clean = scenes(4).clamp(max=0.7)
    clean[:, :, 10:20, 10:20] = 1.0
    settings = dataclasses.replace(QUIET, stops=(4.0, 4.0), lights_share=1.0)
    dark, target = make_pair(clean, generator(), settings)
    assert (target[:, :, 12:18, 12:18] > 0.9999).all()
    assert dark[:, :, 12:18, 12:18].min() > 0.35
    assert dark[:, :, 30:, 30:].max() < 0.28


def test_normal_exposures_come_as_they_are() -> None:
    settings = LowLightSettings(normal_share=1.0, jpeg_share=0.0)
    clean = 0.65 * scenes(8)  # below the wanted mean: still left alone
    pair = simulate(clean, generator(), settings)
    assert torch.equal(pair.target, clean)
    assert pair.stops.abs().max() < 0.03
    error = (pair.dark - clean).square().mean((1, 2, 3))
    assert (error < 2.5e-3).all() and (error < 2e-6).any()


def test_photos_that_are_dark_themselves_are_inputs_to_be_brightened() -> None:
    settings = LowLightSettings(normal_share=1.0, jpeg_share=0.0)
    clean = 0.3 * scenes(8)
    pair = simulate(clean, generator(), settings, thumbnail=clean)
    assert pair.target.mean((1, 2, 3)).min() > 0.33
    assert pair.stops.min() > 0.5
    error = (pair.dark - clean).square().mean((1, 2, 3))
    assert (error < 2.5e-3).all() and (error < 2e-6).any()
    assert pair.thumbnail is not None
    assert (pair.thumbnail.mean((1, 2, 3)) - clean.mean((1, 2, 3))).abs().max() < 0.02


def test_targets_are_well_exposed() -> None:
    for gain in (0.5, 1.0, 1.6):
        clean = (gain * scenes(6)).clamp(0, 1)
        _, target = make_pair(clean, generator(), dataclasses.replace(QUIET))
        means = target.mean((1, 2, 3))
        assert means.min() > 0.33 and means.max() < 0.62


def test_expose_keeps_black_and_white_and_reaches_the_mean() -> None:
    ends = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2).expand(1, 3, 1, 2)
    for stops in (-3.0, 0.0, 3.0):
        torch.testing.assert_close(expose(ends, torch.tensor(stops)), ends)
    dim = 0.5 * scenes(5)
    stops = exposure_stops(dim, (0.4, 0.5))
    means = expose(dim, stops).mean((1, 2, 3))
    assert (means - 0.4).abs().max() < 0.01
    assert (exposure_stops(scenes(5), (0.2, 0.8)) == 0).all()


def test_true_stops_finds_a_known_exposure_and_tint() -> None:
    target = srgb_to_linear(scenes(3))
    gains = torch.tensor([0.05, 0.06, 0.04])
    found = true_stops(target * gains.reshape(1, 3, 1, 1), target)
    torch.testing.assert_close(found, -torch.log2(gains).expand(3, 3), atol=1e-3, rtol=0)
    assert torch.isfinite(true_stops(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4))).all()


def test_stops_of_a_pair_bring_the_dark_picture_to_its_target() -> None:
    settings = dataclasses.replace(QUIET, stops=(2.0, 4.0), balance_jitter=0.08)
    pair = simulate(scenes(6), generator(2), settings)
    light = exposure_curve(srgb_to_linear(pair.dark), pair.stops[:, :, None, None])
    error = (linear_to_srgb(light) - pair.target).abs().mean()
    assert error < 0.03
    assert (pair.dark - pair.target).abs().mean() > 0.2


def test_thumbnail_is_the_whole_pictures_dark_view() -> None:
    whole = scenes(4, 128)
    box = torch.tensor([[0.25, 0.25, 0.5, 0.5]]).expand(4, 4)
    small = torch.nn.functional.adaptive_avg_pool2d(whole, (32, 32))
    settings = dataclasses.replace(QUIET, field_share=1.0, stops=(3.0, 3.0))
    pair = simulate(whole[:, :, 32:96, 32:96], generator(), settings, small, box)
    assert pair.thumbnail is not None and pair.thumbnail.shape == (4, 3, 32, 32)
    patch = torch.nn.functional.adaptive_avg_pool2d(pair.dark, (16, 16))
    torch.testing.assert_close(pair.thumbnail[:, :, 8:24, 8:24], patch, atol=0.02, rtol=0)


def test_noise_follows_the_priors_and_leaves_a_signal() -> None:
    settings = LowLightSettings(normal_share=0.0, merged_share=0.0)
    light = torch.full((4000,), 0.18)
    shot = draw_shot(light, generator(), settings)
    assert shot.stops.min() >= 1.5 and shot.stops.max() <= 6.0
    bright = shot.stops < 2.5
    slope = torch.log(shot.read) - settings.read_slope * torch.log(shot.shot) - settings.read_offset
    assert abs(float(slope.mean())) < 0.02 and abs(float(slope.std()) - 0.26) < 0.02
    assert shot.shot[bright].max() <= 1.5e-2
    dark = 0.18 * torch.exp2(-shot.stops)
    ratio = dark / (shot.shot * dark + shot.read).sqrt()
    assert ratio.min() > 0.99 * settings.signal_to_noise[0]


def test_a_picture_that_is_black_already_is_not_darkened_below_the_first_levels() -> None:
    shot = draw_shot(torch.full((100,), 0.003), generator(), LowLightSettings(normal_share=0.0))
    assert float((0.003 * torch.exp2(-shot.stops)).min()) > 0.00149


def test_pair_sheet_shows_each_picture_as_it_is() -> None:
    dark, target = make_pair(scenes(3), generator())
    sheet = pair_sheet([(dark[i], target[i]) for i in range(3)], ["a", "b", "c"])
    width, height = sheet.size
    assert width > 6 * 48 and height > 2 * 48
    first = torch.tensor(list(sheet.crop((6, 20, 54, 68)).tobytes())).reshape(48, 48, 3)
    assert torch.equal(first, (dark[0] * 255).round().permute(1, 2, 0).long())
    with pytest.raises(ValueError, match="2 pairs and 1 captions"):
        pair_sheet([(dark[0], target[0])] * 2, ["a"])

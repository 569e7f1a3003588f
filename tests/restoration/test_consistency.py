"""The operators are Pillow's, and a projected sample downscales to its input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow.restoration import consistency
from restoreflow.restoration.consistency import correction, lr_psnr, parts, project
from restoreflow.restoration.pixels import eight_bit as rounded
from restoreflow.tasks.task import Operator, downscale, upscale
from tests.restoration.fakes import picture

SIDES = [(1, 1), (3, 2), (37, 51), (64, 9)]


def pillow(values: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Pillow's bicubic resize in float, channel by channel."""
    planes = [Image.fromarray(plane.numpy()) for plane in values]
    resized = [np.array(p.resize((width, height), Image.Resampling.BICUBIC)) for p in planes]
    return torch.from_numpy(np.stack(resized))


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(("height", "width"), SIDES)
def test_downscaling_is_pillows(scale, height, width):
    x = torch.rand(3, height * scale, width * scale)
    assert torch.allclose(downscale(x, scale), pillow(x, height, width), atol=1e-6)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(("height", "width"), SIDES)
def test_upscaling_is_pillows(scale, height, width):
    y = torch.rand(3, height, width)
    expected = pillow(y, height * scale, width * scale)
    assert torch.allclose(upscale(y, scale), expected, atol=1e-6)


def eight_bit(values: torch.Tensor) -> Image.Image:
    return Image.fromarray(rounded(values).permute(1, 2, 0).contiguous().numpy())


def low_of(image: Image.Image, scale: int) -> torch.Tensor:
    size = (image.width // scale, image.height // scale)
    low = np.array(image.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    return torch.from_numpy(low / 255).permute(2, 0, 1)


@pytest.mark.parametrize(("scale", "share"), [(2, 0.03), (4, 5e-3), (8, 1e-3)])
def test_a_projected_sample_gives_its_input_back_within_8_bit_rounding(scale, share):
    """But for a few values, by one level: the result's own rounding, averaged less at scale 2."""
    truth = picture(43 * scale, 31 * scale)
    y = low_of(eight_bit(truth), scale)
    sample = upscale(y, scale) + 0.05 * torch.randn(truth.shape)
    before = lr_psnr(eight_bit(sample), y)
    result = eight_bit(project(sample, y, scale))
    missed = (low_of(result, scale) - y).abs() * 255
    assert missed.max() < 1.5
    assert (missed > 0.5).float().mean() < share
    assert lr_psnr(result, y) > max(60, before + 15)


def test_plain_back_projection_needs_many_more_passes():
    y = low_of(eight_bit(picture(128, 128)), 4)
    sample = upscale(y, 4) + 0.05 * torch.randn(3, 128, 128)
    x = sample.clamp(0, 1)
    for _ in range(2):
        x = (x + upscale(y - downscale(x, 4), 4)).clamp(0, 1)
    ours = project(sample, y, 4, passes=2)
    assert lr_psnr(eight_bit(ours), y) > lr_psnr(eight_bit(x), y) + 6


def test_hard_edges_take_more_passes_and_still_improve():
    cells = (torch.arange(40)[:, None] // 3 + torch.arange(40)[None] // 3) % 2
    y = low_of(eight_bit(cells.float().expand(3, 40, 40).repeat_interleave(2, 1)), 2)
    sample = upscale(y, 4) + 0.03 * torch.randn(3, y.shape[-2] * 4, y.shape[-1] * 4)
    found = [lr_psnr(eight_bit(project(sample, y, 4, p)), y) for p in (0, 1, 4, 8)]
    assert found == sorted(found)
    assert found[-1] > found[0] + 12


def test_a_sample_that_is_consistent_is_left_alone():
    truth = picture(64, 64)
    found = correction(truth, downscale(truth, 4).clamp(0, 1), 4)
    assert found.passes == 0
    assert not found.values.any()
    assert torch.equal(project(truth, downscale(truth, 4).clamp(0, 1), 4), truth)


def test_what_the_tolerance_leaves_open_is_left():
    y = torch.rand(3, 24, 20, generator=torch.Generator().manual_seed(1)) * 0.5 + 0.25
    x = upscale(y, 4) + 0.05
    found = correction(x, y, 4, tolerance=0.02)
    moved = consistency.corrected(x, found.values, 4, 0, 24)
    missed = (downscale(moved, 4) - y).abs()
    assert missed.max() < 0.02 + 1 / 255
    assert missed.mean() > 0.015  # no further than it must
    assert not correction(x, downscale(x, 4) + 0.01, 4, tolerance=0.02).values.any()


def test_one_pixel_can_be_projected():
    y = torch.tensor([0.2, 0.5, 0.9])[:, None, None]
    x = project(torch.zeros(3, 4, 4), y, 4)
    assert torch.allclose(downscale(x, 4), y, atol=0.5 / 255)


def test_values_outside_the_range_are_clamped():
    x = project(torch.randn(3, 32, 32) * 3, torch.rand(3, 8, 8), 4)
    assert float(x.min()) >= 0
    assert float(x.max()) <= 1


def test_the_sample_is_only_read():
    sample = torch.rand(3, 32, 32)
    before = sample.clone()
    project(sample, torch.rand(3, 8, 8), 4)
    assert torch.equal(sample, before)


def test_bands_change_nothing(monkeypatch):
    y, x = torch.rand(3, 70, 33), torch.rand(3, 280, 132)
    whole = project(x, y, 4)
    monkeypatch.setattr(consistency, "_BAND_PIXELS", 1)
    assert len(consistency.bands(parts(70, 33, 4)[0], 4, 33)) == 5
    assert torch.allclose(project(x, y, 4), whole, atol=2e-6)


def test_projecting_in_parts_changes_nothing_that_can_be_seen(monkeypatch):
    """Noise in black and white, where the clamp binds most, all passes made everywhere."""
    y = torch.rand(3, 120, 20).round()
    x = upscale(y, 4) + 0.05 * torch.randn(3, 480, 80)
    whole = project(x, y, 4)
    monkeypatch.setattr(consistency, "_PART_PIXELS", 480 * 80 // 3)
    assert len(parts(120, 20, 4)) == 3
    assert (project(x, y, 4) - whole).abs().max() * 255 < 2e-3
    monkeypatch.setattr(consistency, "_CONTEXT", 2)
    assert (project(x, y, 4) - whole).abs().max() * 255 > 1


@pytest.mark.parametrize("size", [(1, 1), (3, 10**6), (10**6, 3), (4000, 6000), (1023, 1025)])
def test_parts_cover_a_picture_once_with_context(size):
    height, width = size
    found = parts(height, width, 4)
    assert [part.start for part in found] == [0, *(part.stop for part in found[:-1])]
    assert found[-1].stop == height
    for part in found:
        assert part.start < part.stop
        assert (part.first, part.last) == (max(part.start - 16, 0), min(part.stop + 16, height))


def test_another_operator_is_projected_by_itself() -> None:
    def resize(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
        flat = x.reshape(-1, 1, *x.shape[-2:])
        found = torch.nn.functional.interpolate(
            flat, (height, width), mode="bilinear", antialias=True
        )
        return found.reshape(*x.shape[:-2], height, width)

    bilinear = Operator("bilinear", resize, reach=1, filter="BILINEAR")
    torch.manual_seed(3)
    truth = upscale(torch.rand(3, 8, 9), 8).clamp(0, 1)
    y = bilinear.reduce(truth, 4).clamp(0, 1)
    x = truth + 0.1 * torch.randn_like(truth)

    def missed(values: torch.Tensor) -> float:
        return float((bilinear.reduce(values, 4) - y).abs().mean())

    assert missed(project(x, y, 4, operator=bilinear)) < 0.05 * missed(project(x, y, 4))

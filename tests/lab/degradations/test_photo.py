from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from restoreflow.lab.degradations.operations import blur, downscale, round_8bit
from restoreflow.lab.degradations.photo import (
    PhotoSettings,
    Round,
    Worn,
    blur_kernel,
    degrade_photo,
    sinc_kernel,
)
from restoreflow.networks.wear import MOST_BLUR, MOST_NOISE

NOTHING = Round(blur_share=0.0, resize=(1.0, 1.0), noise_share=0.0, compressed_share=0.0)
BARE = PhotoSettings(clean_share=0.0, mild_share=1.0, mild=NOTHING, sharpened_share=0.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(count: int, size: int = 64) -> torch.Tensor:
    grid = torch.rand(count, 3, 4, 4, generator=generator(9))
    return torch.nn.functional.interpolate(grid, (size, size), mode="bicubic").clamp(0, 1)


def test_degraded_photos_are_seeded_8_bit_and_of_the_right_size() -> None:
    x = photos(10)
    y = degrade_photo(x, 4, generator(1)).picture
    assert y.shape == (10, 3, 16, 16)
    assert y.min() >= 0 and y.max() <= 1
    torch.testing.assert_close(y * 255, (y * 255).round(), atol=1e-4, rtol=0)
    assert torch.equal(y, degrade_photo(x, 4, generator(1)).picture)
    assert not torch.equal(y, degrade_photo(x, 4, generator(2)).picture)


def test_clean_ones_are_plain_reductions_that_suffer_from_nothing() -> None:
    x = photos(4)
    y = degrade_photo(x, 4, generator(), PhotoSettings(clean_share=1.0))
    torch.testing.assert_close(y.picture, round_8bit(downscale(x, 4)))
    assert not y.wear.any()


def test_mild_wear_is_milder() -> None:
    x = photos(40)
    plain = downscale(x, 4)
    errors = []
    for share in (1.0, 0.0):
        settings = PhotoSettings(clean_share=0.0, mild_share=share)
        errors.append((degrade_photo(x, 4, generator(3), settings).picture - plain).abs().mean())
    assert errors[0] < 0.8 * errors[1]
    assert errors[0] < 0.05


CHANGES: dict[str, dict] = {
    "blur": {"blur_share": 1.0, "blur": (3.0, 3.0)},
    "noise": {"noise_share": 1.0, "noise": (10.0, 10.0)},
    "compression": {"compressed_share": 1.0, "quality": (40.0, 40.0)},
    "resize": {"resize": (0.3, 0.3)},
}


def worn(x: torch.Tensor, scale: int, change: dict, **kinds: float) -> Worn:
    mild = dataclasses.replace(NOTHING, **change)
    return degrade_photo(x, scale, generator(), dataclasses.replace(BARE, mild=mild, **kinds))


@pytest.mark.parametrize("name", CHANGES)
def test_every_part_does_something_by_itself(name: str) -> None:
    x = photos(6)
    plain = worn(x, 2, {}).picture
    assert (worn(x, 2, CHANGES[name]).picture - plain).abs().mean() > 2e-3


@pytest.mark.parametrize("kind", ["sharpened_share", "webp_share", "smooth_share"])
def test_every_kind_does_something_by_itself(kind: str) -> None:
    x, change = photos(6), CHANGES["noise"] | CHANGES["compression"]
    without, with_it = (worn(x, 2, change, **{kind: share}).picture for share in (0.0, 1.0))
    assert (with_it - without).abs().mean() > 2e-3


@pytest.mark.parametrize("poisson", [0.0, 1.0])
@pytest.mark.parametrize("gray", [0.0, 1.0])
def test_noise_has_the_stated_strength_and_colour(poisson: float, gray: float) -> None:
    x = torch.full((6, 3, 64, 64), 0.5)
    change = {"noise_share": 1.0, "noise": (10.0, 10.0), "photons": (400.0, 400.0)}
    kinds = {"poisson_share": poisson, "gray_share": gray, "smooth_share": 0.0}
    noise = worn(x, 1, change, **kinds).picture - x
    expected = math.sqrt(0.5 / 400) if poisson else 10 / 255
    gray_noise = noise.mean(1)
    if gray:
        assert float(gray_noise.std()) == pytest.approx(expected, rel=0.1)
    else:
        assert float(gray_noise.std()) == pytest.approx(expected / math.sqrt(3), rel=0.15)
    assert abs(float(noise.mean())) < 2e-3


def test_what_is_told_is_what_was_done() -> None:
    x = torch.rand(4, 3, 64, 64, generator=generator(5))
    x = torch.nn.functional.interpolate(x, scale_factor=2.0, mode="bicubic").clamp(0, 1)
    kinds = {"smooth_share": 0.0, "poisson_share": 0.0, "sinc_share": 0.0}
    kinds |= {"anisotropic_share": 0.0, "generalised_share": 0.0}
    noisy = worn(x, 2, {"noise_share": 1.0, "noise": (6.0, 6.0)}, **kinds)
    torch.testing.assert_close(
        noisy.wear[:, 0] * MOST_NOISE, torch.full((4,), 6.0), atol=0.6, rtol=0
    )
    packed = worn(x, 2, CHANGES["compression"], **kinds)
    torch.testing.assert_close(packed.wear[:, 1], torch.full((4,), 0.6))
    soft = worn(x, 2, {"blur_share": 1.0, "blur": (1.1, 1.1)}, **kinds)
    torch.testing.assert_close(soft.wear[:, 2] * MOST_BLUR, torch.full((4,), 1.1), atol=0.2, rtol=0)


def test_blur_kernels_have_the_stated_axes() -> None:
    kernel = blur_kernel(3.0, 1.0, math.pi / 2)
    place = torch.arange(21.0) - 10
    rows = (kernel.sum(1) * place**2).sum().sqrt()
    columns = (kernel.sum(0) * place**2).sum().sqrt()
    assert float(rows) == pytest.approx(3.0, rel=0.02)
    assert float(columns) == pytest.approx(1.0, rel=0.02)
    pointed, plateau = blur_kernel(2, 2, 0, 0.5), blur_kernel(2, 2, 0, 4.0)
    assert pointed[10, 10] / pointed[10, 12] > 1.5
    assert plateau[10, 10] / plateau[10, 11] < 1.1


def test_sinc_cuts_high_frequencies_and_rings() -> None:
    kernel = sinc_kernel(math.pi / 2)
    assert float(kernel.sum()) == pytest.approx(1.0, abs=1e-5) and kernel.min() < 0
    x = torch.arange(64.0)
    for frequency, low, high in ((0.3, 0.9, 1.1), (2.6, 0.0, 0.1)):
        wave = torch.sin(frequency * x).expand(1, 1, 64, 64)
        ratio = blur(wave, kernel[None])[..., 21:43, 21:43].std() / wave[..., 21:43, 21:43].std()
        assert low <= float(ratio) <= high


def test_sizes_that_cannot_be_degraded_are_refused() -> None:
    for shape in ((1, 3, 63, 64), (1, 3, 40, 64)):
        with pytest.raises(ValueError, match="cannot degrade"):
            degrade_photo(torch.zeros(shape), 4, generator())

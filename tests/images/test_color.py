"""Colours survive: sRGB inside, the file's own profile outside."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage.color import deltaE_ciede2000

from restoreflow.images.decode import decode
from restoreflow.images.encode import encode
from restoreflow.images.working_color import from_srgb, is_srgb, is_usable, profile_space, to_srgb
from tests.images import samples

WIDE = {"display p3": samples.display_p3, "adobe rgb": samples.adobe_rgb}


def _patches(side: int = 6) -> np.ndarray:
    steps = np.linspace(0, 255, side).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return grid.reshape(side, side * side, 3)


def _lab(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    # By Pillow's own colour management, at 8 bits: an oracle apart from the code under test.
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    lab = ImageCms.profileToProfile(image, source, ImageCms.createProfile("LAB"), outputMode="LAB")
    values = np.asarray(lab).astype(np.float64)
    values[..., 1:] = values[..., 1:].astype(np.uint8).astype(np.int8)
    values[..., 0] *= 100 / 255
    return values


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("format", ["png", "tiff"])
def test_wide_gamut_patches_come_back_exactly(name: str, format: str) -> None:
    icc, patches = WIDE[name](), _patches()
    data = samples.saved(Image.fromarray(patches), format.upper(), icc_profile=icc)
    picture = decode(data)
    assert picture.beyond_gamut is not None
    again = encode(picture, format)
    with Image.open(io.BytesIO(again)) as image:
        assert image.info["icc_profile"] == icc
        levels = np.abs(np.asarray(image).astype(int) - patches)
        seen = np.asarray(image) / 255
    assert levels.max() <= 1
    assert deltaE_ciede2000(_lab(seen, icc), _lab(patches / 255, icc)).max() < 1


@pytest.mark.parametrize("name", WIDE)
def test_the_pixels_are_the_same_colours_in_srgb(name: str) -> None:
    icc, patches = WIDE[name](), _patches()
    picture = decode(samples.saved(Image.fromarray(patches), "PNG", icc_profile=icc))
    assert picture.beyond_gamut is not None
    inside = np.abs(picture.beyond_gamut).max(axis=2) == 0
    assert inside.mean() > 0.2
    there = deltaE_ciede2000(_lab(picture.pixels, samples.srgb()), _lab(patches / 255, icc))
    assert there[inside].max() < 1


def test_restored_wide_gamut_pictures_keep_their_colours_at_another_size() -> None:
    icc = samples.display_p3()
    patch = np.zeros((4, 6, 3), np.uint8)
    patch[:, :3], patch[:, 3:] = (255, 0, 0), (0, 255, 0)  # outside sRGB both
    picture = decode(samples.saved(Image.fromarray(patch), "PNG", icc_profile=icc))
    restored = picture.with_pixels(picture.pixels.repeat(4, axis=0).repeat(4, axis=1))
    with Image.open(io.BytesIO(encode(restored))) as image:
        result = np.asarray(image).astype(int)
    assert result.shape == (16, 24, 3)
    assert np.abs(result[:, :8] - (255, 0, 0)).max() <= 1
    assert np.abs(result[:, -8:] - (0, 255, 0)).max() <= 1


def test_sixteen_bit_wide_gamut_has_no_eight_bit_step() -> None:
    ramp = np.arange(0, 65536, 13, dtype=np.uint16)[None, :, None].repeat(3, axis=2)
    icc = samples.adobe_rgb()
    picture = decode(samples.tiff(ramp, photometric="rgb", iccprofile=icc))
    again = decode(encode(picture, "tiff"))
    assert again.metadata.icc == icc
    assert np.abs(again.pixels - picture.pixels).max() < 1e-3
    assert len(np.unique(picture.pixels[..., 0])) > 5000


def test_gray_profile_round_trip() -> None:
    icc, gray = samples.gray_gamma(1.8), np.arange(256, dtype=np.uint8)[None]
    picture = decode(samples.saved(Image.fromarray(gray), "PNG", icc_profile=icc))
    assert picture.grayscale
    # gamma 1.8 against sRGB's curve: the middle lies far from where a plain reading puts it
    linear = (128 / 255) ** 1.8
    expected = 1.055 * linear ** (1 / 2.4) - 0.055
    assert picture.pixels[0, 128, 0] == pytest.approx(expected, abs=2e-3)
    with Image.open(io.BytesIO(encode(picture))) as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), gray)


def test_gray_file_with_an_rgb_profile() -> None:
    gray = np.arange(256, dtype=np.uint8)[None]
    data = samples.saved(Image.fromarray(gray), "JPEG", icc_profile=samples.adobe_rgb())
    picture = decode(data)
    assert picture.grayscale
    assert picture.metadata.icc is None
    assert any("profile" in note for note in picture.notes)
    assert np.ptp(picture.pixels, axis=2).max() < 2e-4


def test_cmyk_profile_is_used() -> None:
    icc = samples.cmyk_profile()
    assert profile_space(icc) == "cmyk"
    assert is_usable(icc)
    inks = np.zeros((1, 4, 4), np.uint8)
    inks[0, 1] = (0, 0, 0, 255)
    inks[0, 2] = (255, 0, 0, 0)
    inks[0, 3] = (0, 0, 255, 0)
    picture = decode(
        samples.saved(Image.frombytes("CMYK", (4, 1), inks.tobytes()), "TIFF", icc_profile=icc)
    )
    white, black, cyan, yellow = picture.pixels[0]
    assert white.min() > 0.97
    assert black.max() < 0.2
    assert cyan[0] < cyan[1] and cyan[0] < cyan[2]
    assert yellow[2] < yellow[0] and yellow[2] < yellow[1]
    assert picture.metadata.icc is None


def test_srgb_is_known_by_what_it_does() -> None:
    assert is_srgb(samples.srgb())
    by_pillow = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert is_srgb(by_pillow)
    assert not any(is_srgb(make()) for make in WIDE.values())
    assert not is_srgb(samples.gray_gamma())


def test_srgb_profile_is_kept_and_pixels_untouched() -> None:
    pixels, profile = samples.gradient(3, np.uint8), samples.srgb()  # it holds the time
    data = samples.saved(Image.fromarray(pixels), "PNG", icc_profile=profile)
    picture = decode(data)
    assert picture.metadata.icc == profile
    assert picture.beyond_gamut is None
    np.testing.assert_allclose(picture.pixels * 255, pixels, atol=1e-4)


@pytest.mark.parametrize(
    "icc", [b"", b"not a profile", samples.adobe_rgb()[:200], samples.adobe_rgb()[:128] + bytes(99)]
)
def test_damaged_profiles_are_not_usable(icc: bytes) -> None:
    assert not is_usable(icc)


def test_a_damaged_or_foreign_profile_is_dropped_and_said_so() -> None:
    image = Image.fromarray(samples.gradient(3, np.uint8))
    for icc in (samples.adobe_rgb()[:300], samples.gray_gamma(), samples.cmyk_profile()):
        picture = decode(samples.saved(image, "JPEG", icc_profile=icc))
        assert picture.metadata.icc is None
        assert any("profile" in note for note in picture.notes)


def test_stripping_metadata_leaves_plain_srgb() -> None:
    icc = samples.display_p3()
    data = samples.saved(Image.new("RGB", (4, 4), (200, 100, 50)), "PNG", icc_profile=icc)
    stripped = decode(encode(decode(data).without_metadata()))
    assert stripped.metadata.icc is None
    np.testing.assert_allclose(stripped.pixels, decode(data).pixels, atol=0.5 / 255)


@pytest.mark.parametrize("height", [1, 7])
def test_transforms_in_bands_equal_the_whole(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((height, 11, 3)).astype(np.float32)
    whole = to_srgb(values, samples.adobe_rgb())
    monkeypatch.setattr("restoreflow.images.working_color._BAND_PIXELS", 22)
    np.testing.assert_array_equal(to_srgb(values, samples.adobe_rgb()), whole)
    np.testing.assert_allclose(from_srgb(whole, samples.adobe_rgb()), values, atol=1e-3)

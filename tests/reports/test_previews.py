"""Pictures in a page: exact where small, limited where large, of any mode."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from restoreflow.images.colormap import cividis
from restoreflow.reports.previews import (
    Preview,
    Previews,
    detail_box,
    embed,
    embed_map,
    fitted_size,
)
from tests.reports.examples import picture


def _opened(preview: Preview) -> Image.Image:
    image = Image.open(io.BytesIO(preview.data))
    assert image.size == (preview.width, preview.height)
    assert Image.MIME[image.format or ""] == preview.mime
    return image


def test_small_pictures_are_exact() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    preview = embed(Image.fromarray(noise), Previews())
    np.testing.assert_array_equal(np.asarray(_opened(preview).convert("RGB")), noise)


def test_large_pictures_are_reduced_in_proportion() -> None:
    preview = embed(picture(900, 300), Previews(max_side=600, lossless_side=64))
    image = _opened(preview)
    assert image.size == (600, 200) and preview.mime == "image/jpeg"
    difference = np.asarray(image, float) - np.asarray(picture(600, 200), float)
    assert np.abs(difference).mean() < 2


def test_the_largest_noise_is_encoded_too() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    for quality in (50, 90, 94, 95, 100):
        previews = Previews(lossless_side=0, quality=quality)
        assert _opened(embed(Image.fromarray(noise), previews)).size == (300, 300)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("lossless", [0, 512])
def test_every_mode_is_shown(mode: str, lossless: int) -> None:
    base = picture(30, 20)
    if mode == "I;16":
        image = Image.fromarray(np.full((20, 30), 40000, np.uint16))
    else:
        image = base.convert("L").convert(mode) if mode in ("LA", "F") else base.convert(mode)
    assert _opened(embed(image, Previews(lossless_side=lossless))).size == (30, 20)


def test_sixteen_bits_keep_their_brightness() -> None:
    image = Image.fromarray(np.full((8, 8), 32896, np.uint16))
    shown = np.asarray(_opened(embed(image, Previews())).convert("L"))
    assert np.abs(shown.astype(int) - 128).max() <= 1


@pytest.mark.parametrize("lossless", [0, 512])
def test_transparency_stays(lossless: int) -> None:
    image = picture(30, 20).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((30, 20)))
    alpha = np.asarray(_opened(embed(image, Previews(lossless_side=lossless))))[..., 3]
    np.testing.assert_array_equal(alpha, np.asarray(image)[..., 3])


def test_no_metadata_travels() -> None:
    image = picture(30, 20)
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    image.info["exif"] = exif.tobytes()
    for lossless in (0, 512):
        assert b"where I live" not in embed(image, Previews(lossless_side=lossless)).data


def test_the_url_holds_the_bytes() -> None:
    preview = embed(picture(8, 8), Previews())
    head, _, data = preview.url.partition(",")
    assert head == "data:image/webp;base64" and base64.b64decode(data) == preview.data


def test_a_heat_map_has_the_colours_of_its_scale() -> None:
    values = np.array([[0.0, 4.0, 8.0, 99.0, np.nan, np.inf]])
    colors = np.asarray(_opened(embed_map(values, 8.0, 100)).convert("RGB"))
    np.testing.assert_allclose(colors.astype(int), cividis(values, 8.0).astype(int), atol=1)


def test_a_reduced_heat_map_shows_means() -> None:
    values = np.zeros((8, 8))
    values[:4, :4] = np.tile([0.0, 2.0], (4, 2))
    colors = np.asarray(_opened(embed_map(values, 2.0, 2)).convert("RGB"))
    expected = cividis(np.array([[1.0, 0.0], [0.0, 0.0]]), 2.0)
    np.testing.assert_allclose(colors.astype(int), expected.astype(int), atol=1)


def test_sizes_never_grow_and_never_vanish() -> None:
    assert fitted_size(100, 50, 400) == (100, 50)
    assert fitted_size(10_000, 3, 100) == (100, 1)


def test_many_pictures_are_smaller() -> None:
    few, many = Previews.for_pictures(4), Previews.for_pictures(400)
    assert few.max_side == 1600 and many.max_side < 800
    assert Previews.for_pictures(100_000).max_side == 320
    assert Previews.for_pictures(0).max_side == 1600


@pytest.mark.parametrize(
    "wrong", [{"max_side": 0}, {"detail_side": 0}, {"lossless_side": -1}, {"quality": 0}]
)
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"quality|positive"):
        Previews(**wrong)


def test_the_detail_is_where_samples_differ() -> None:
    spread = np.zeros((300, 400), np.float32)
    spread[200:220, 301:330] = 9
    left, top, right, bottom = detail_box(picture(400, 300), spread, 80, 60, step=4)
    assert (right - left, bottom - top) == (80, 60) and left % 4 == top % 4 == 0
    assert left <= 301 and right >= 330 and top <= 200 and bottom >= 220


@pytest.mark.parametrize("spread", [None, np.zeros((300, 400), np.float32)])
def test_without_a_spread_the_detail_is_where_contrast_is(spread: np.ndarray | None) -> None:
    pixels = np.full((300, 400, 3), 128, np.uint8)
    pixels[10:50:2, 20:60] = 255
    left, top, right, bottom = detail_box(Image.fromarray(pixels), spread, 80, 60)
    assert left <= 22 and right >= 58 and top <= 12 and bottom >= 48


def test_the_detail_lies_within_the_picture() -> None:
    spread = np.full((37, 53), np.nan, np.float32)
    spread[-1, -1] = 5
    for size in ((53, 37), (1, 1), (13, 36)):
        left, top, right, bottom = detail_box(picture(53, 37), spread, *size, step=3)
        assert left >= 0 and top >= 0 and right <= 53 and bottom <= 37
        assert (right - left, bottom - top) == size

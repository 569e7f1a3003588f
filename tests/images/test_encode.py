"""Round trips: formats x depth x grayscale x transparency, with all that travels along."""

from __future__ import annotations

import io
from itertools import product

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from restoreflow.errors import LimitError, OutputError, UsageError
from restoreflow.images.decode import decode
from restoreflow.images.encode import encode, losses, to_image
from restoreflow.images.formats import FORMATS, OUTPUT_FORMATS, check_size
from restoreflow.images.picture import Metadata, Picture, unit_range
from tests.images import samples

LOSSLESS = {"png", "tiff"}
CASES = list(product(OUTPUT_FORMATS, (8, 16), (False, True), (False, True)))


def _picture(
    depth: int, gray: bool, transparent: bool, metadata: Metadata | None = None
) -> Picture:
    values = unit_range(samples.gradient(4, np.uint16 if depth == 16 else np.uint8))
    pixels = np.repeat(values[..., :1], 3, axis=2) if gray else values[..., :3]
    alpha = values[..., 3] if transparent else None
    return Picture(pixels, alpha, gray, depth, metadata=metadata or Metadata())


@pytest.mark.parametrize(("format", "depth", "gray", "transparent"), CASES)
def test_round_trip(format: str, depth: int, gray: bool, transparent: bool) -> None:
    picture = _picture(depth, gray, transparent)
    again = decode(encode(picture, format))
    fmt = FORMATS[format]
    assert again.format == format
    assert again.grayscale is gray
    assert (again.alpha is not None) is (transparent and fmt.alpha)
    assert again.bit_depth == (depth if fmt.sixteen_bit else 8)
    expected = picture.pixels
    if picture.alpha is not None and not fmt.alpha:
        expected = expected * picture.alpha[..., None] + 1 - picture.alpha[..., None]
    if format in LOSSLESS:
        np.testing.assert_allclose(again.pixels, expected, atol=0.1 / 65535)
        if again.alpha is not None and picture.alpha is not None:
            np.testing.assert_allclose(again.alpha, picture.alpha, atol=0.1 / 65535)
    else:
        # WebP halves the chroma's resolution
        assert np.abs(again.pixels - expected).mean() < (0.04 if format == "webp" else 0.01)
    lost = (transparent and not fmt.alpha) + (depth == 16 and not fmt.sixteen_bit)
    assert len(losses(picture, format)) == lost


@pytest.mark.parametrize(("format", "depth", "gray", "transparent"), CASES)
def test_metadata_travels(format: str, depth: int, gray: bool, transparent: bool) -> None:
    xmp = b'<x:xmpmeta tiff:Orientation="1">\xc3\xa9</x:xmpmeta>'
    icc = samples.gray_gamma() if gray else samples.display_p3()
    metadata = Metadata(samples.exif(width=999), icc, xmp, (300.0, 150.0))
    picture = _picture(depth, gray, transparent, metadata)
    data = encode(picture, format)
    again = decode(data).metadata
    _check_exif(again.exif)
    assert again.xmp == xmp
    assert again.icc == (icc if FORMATS[format].grayscale or not gray else None)
    if format in ("png", "jpeg", "tiff"):  # the others have no field of their own for it
        assert again.dpi == pytest.approx((300, 150), abs=0.02)
    if format == "tiff" and depth == 16:  # seen by other readers than ours too
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            tags = file.pages.first.tags
            assert tags["Make"].value == "Maker"
            assert tags["ExifTag"].value["DateTimeOriginal"] == "2020:02:03 04:05:06"
        return
    with Image.open(io.BytesIO(data)) as seen:
        seen.load()
        assert seen.size == (samples.WIDTH, samples.HEIGHT)
        assert seen.getexif()[ExifTags.Base.Make] == "Maker"


def _check_exif(exif: bytes | None) -> None:
    assert exif is not None
    block = Image.Exif()
    block.load(exif)
    details = block.get_ifd(ExifTags.IFD.Exif)
    place = block.get_ifd(ExifTags.IFD.GPSInfo)
    assert block[ExifTags.Base.Make] == "Maker"
    assert block[ExifTags.Base.Orientation] == 1
    assert details[ExifTags.Base.DateTimeOriginal] == "2020:02:03 04:05:06"
    assert float(details[ExifTags.Base.ExposureTime]) == pytest.approx(1 / 250)
    assert details[ExifTags.Base.ExifImageWidth] == samples.WIDTH
    assert place[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert [float(v) for v in place[ExifTags.GPS.GPSLatitude]] == [52, 31, 12.5]


@pytest.mark.parametrize("format", OUTPUT_FORMATS)
def test_nothing_is_invented_where_nothing_was(format: str) -> None:
    again = decode(encode(_picture(8, False, False), format))
    assert again.metadata == Metadata()
    assert again.notes == ()


@pytest.mark.parametrize("format", OUTPUT_FORMATS)
def test_encoding_is_deterministic(format: str) -> None:
    metadata = Metadata(samples.exif(), samples.display_p3(), b"<x/>", (72.0, 72.0))
    picture = _picture(16, False, True, metadata)
    assert encode(picture, format) == encode(picture, format)


def test_quality_and_chroma() -> None:
    picture = _picture(8, False, False)
    assert len(encode(picture, "jpeg", 60)) < len(encode(picture, "jpeg", 98))
    with Image.open(io.BytesIO(encode(picture, "jpeg"))) as jpeg:
        assert {(h, v) for _, h, v, _ in jpeg.layer} == {(1, 1)}  # type: ignore[attr-defined]
    exact = decode(encode(picture, "webp", quality=100))
    np.testing.assert_allclose(exact.pixels, picture.pixels, atol=1e-6)


def test_depth_can_be_chosen() -> None:
    assert decode(encode(_picture(8, False, False), "png", bit_depth=16)).bit_depth == 16
    assert decode(encode(_picture(16, False, False), "tiff", bit_depth=8)).bit_depth == 8


def test_a_format_that_is_only_read_becomes_png() -> None:
    picture = decode(samples.files()["gif"][0])
    assert decode(encode(picture)).format == "png"


def test_values_outside_the_range_are_clipped_and_no_numbers_refused() -> None:
    pixels = np.array([[[-0.4, 0.5, 1.4]]], np.float32)
    np.testing.assert_allclose(decode(encode(Picture(pixels))).pixels, [[[0, 128 / 255, 1]]])
    pixels[0, 0, 1] = np.nan
    with pytest.raises(OutputError, match="not finite"):
        encode(Picture(pixels))


def test_a_restored_grayscale_picture_that_came_out_coloured_is_written_gray() -> None:
    pixels = np.full((2, 2, 3), 0.5, np.float32) + np.array([0.02, 0, -0.02], np.float32)
    again = decode(encode(Picture(pixels, grayscale=True)))
    assert again.grayscale
    np.testing.assert_allclose(again.pixels, 0.5, atol=0.01)


@pytest.mark.parametrize(
    "options", [{"format": "gif"}, {"format": "doc"}, {"quality": 0}, {"bit_depth": 12}]
)
def test_wrong_options_are_usage_errors(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        encode(_picture(8, False, False), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_the_stated_side_is_what_the_encoder_takes(format: str) -> None:
    side = FORMATS[format].max_side
    row = Picture(np.zeros((1, side, 3), np.float32))
    assert decode(encode(row, format)).width == side
    with pytest.raises(LimitError, match="--output-format png"):
        check_size(format, side + 1, 1)
    with pytest.raises(LimitError):
        encode(Picture(np.zeros((side + 1, 1, 3), np.float32)), format)


def test_size_limits_in_pixels() -> None:
    for format in OUTPUT_FORMATS:
        check_size(format, 16000, 16000)
    check_size("png", 100_000, 100_000)
    for format in ("avif", "tiff"):
        with pytest.raises(LimitError, match="megapixels"):
            check_size(format, 30000, 30000)


def test_metadata_too_long_for_jpeg_is_dropped_and_said_so() -> None:
    block = Image.Exif()
    block[ExifTags.Base.ImageDescription] = "x" * 70_000
    picture = _picture(8, False, False, Metadata(block.tobytes(), xmp=b"<x/>" + bytes(70_000)))
    assert len(losses(picture, "jpeg")) == 2
    again = decode(encode(picture, "jpeg")).metadata
    assert again.exif is None
    assert again.xmp is None
    assert losses(picture, "png") == ()


@pytest.mark.parametrize(("gray", "alpha", "mode"), [(0, 0, "RGB"), (1, 1, "LA"), (0, 1, "RGBA")])
def test_to_image(gray: bool, alpha: bool, mode: str) -> None:
    picture = _picture(8, bool(gray), bool(alpha), Metadata(icc=samples.adobe_rgb()))
    image = to_image(picture)
    assert image.mode == mode
    expected = np.rint(picture.pixels[..., 0] * 255)
    np.testing.assert_array_equal(np.asarray(image)[..., 0], expected)


@pytest.mark.parametrize("quality", [94, 95, 100])
def test_strong_noise_is_written_as_jpeg(quality: int) -> None:
    noise = np.random.default_rng(0).random((640, 640, 3), np.float32)
    assert decode(encode(Picture(noise), "jpeg", quality)).pixels.shape == (640, 640, 3)

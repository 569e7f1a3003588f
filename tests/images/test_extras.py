"""HEIC and JPEG XL: what stands beside their samples, and what is said without their extras."""

from __future__ import annotations

import io
import sys

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from restoreflow.errors import InputError, LimitError
from restoreflow.images.codecs import jxl
from restoreflow.images.decode import decode, read_size
from restoreflow.images.picture import unit_range
from tests.images import samples

XMP = b"<x:xmpmeta>said here</x:xmpmeta>"
RGB = samples.gradient(3, np.uint8)
WITH_HEIF = pytest.mark.skipif(not samples.installed("pillow_heif"), reason="needs pillow-heif")
WITH_JXL = pytest.mark.skipif(not samples.installed("pillow_jxl"), reason="needs pillow-jxl-plugin")


@WITH_HEIF
@pytest.mark.parametrize(("name", "most"), [("heif rgb", 2 / 255), ("heif 10 rgb", 3 / 1023)])
def test_heic_is_near_the_picture_at_its_depth(name: str, most: float) -> None:
    picture = decode(samples.files_of_extras()[name][0])
    expected = unit_range(samples.gradient(3, np.uint16 if "10" in name else np.uint8))
    assert np.abs(picture.pixels - expected).max() < most


@WITH_HEIF
def test_heic_keeps_metadata_and_turns_by_its_own_mark() -> None:
    profile = samples.display_p3()
    data = samples.heif(RGB, "RGB", exif=samples.exif(6), xmp=XMP, icc_profile=profile)
    picture = decode(data)
    assert read_size(data) == (picture.width, picture.height) == (samples.HEIGHT, samples.WIDTH)
    assert picture.metadata.icc == profile
    assert picture.metadata.xmp == XMP
    exif = samples.parsed(picture.metadata.exif)
    assert (exif[271], exif.get(274, 1)) == ("Maker", 1)


@WITH_HEIF
def test_the_main_picture_of_several_is_read_and_the_others_told_of() -> None:
    import pillow_heif

    first, second = Image.fromarray(RGB), Image.fromarray(RGB[:8, :8])
    file, buffer = pillow_heif.from_pillow(first), io.BytesIO()
    file.add_from_pillow(second)
    file.save(buffer, quality=-1, primary_index=1)
    picture = decode(buffer.getvalue())
    assert (picture.width, picture.height) == (8, 8)
    assert any("main one of the file's 2 pictures" in note for note in picture.notes)


@WITH_JXL
def test_jpeg_xl_is_read_in_16_bits_and_its_profile_is_believed() -> None:
    expected = unit_range(samples.gradient(3, np.uint16))
    data = samples.files_of_extras()["jxl 16 rgb"][0]
    raster = jxl.CODEC.read(data, "it")
    np.testing.assert_array_equal(raster.samples, expected)
    curve = np.where(expected > 0.0031308, 1.055 * expected ** (1 / 2.4) - 0.055, 12.92 * expected)
    np.testing.assert_allclose(decode(data).pixels, curve, atol=1e-3)  # the file is in linear light


@WITH_JXL
def test_jpeg_xl_keeps_metadata_and_profile() -> None:
    profile = samples.display_p3()
    jpeg, data = samples.jxl_of_jpeg(profile, XMP)
    picture = decode(data)
    assert picture.metadata.icc == profile
    assert picture.metadata.xmp == XMP
    assert samples.parsed(picture.metadata.exif)[271] == "Maker"
    assert np.abs(picture.pixels - decode(jpeg).pixels).mean() < 0.005  # 0.03 in another space


@WITH_JXL
@pytest.mark.parametrize(
    "size", [(8, 8), (16, 8), (24, 16), (1, 1), (700, 3), (40, 256), (9000, 1)]
)
def test_the_size_of_jpeg_xl_is_read_as_it_was_written(size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    for container in (True, False):
        data = bytes(imagecodecs.jpegxl_encode(pixels, lossless=True, usecontainer=container))
        assert jxl.CODEC.header(data, "it")[:2] == size


@WITH_JXL
def test_a_large_jpeg_xl_is_refused_before_it_is_decoded() -> None:
    data = samples.files_of_extras()["jxl rgb"][0]
    with pytest.raises(LimitError, match="the limit is"):
        decode(data, max_pixels=samples.WIDTH * samples.HEIGHT - 1)


@pytest.mark.parametrize("data", [b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n", b"\xff\x0a" * 9])
def test_a_damaged_jpeg_xl_is_said_to_be(data: bytes) -> None:
    with pytest.raises(InputError):
        decode(data)


@pytest.mark.parametrize(
    ("data", "module", "extra"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "pillow_heif", "heif"),
        (bytes(imagecodecs.jpegxl_encode(RGB)), "pillow_jxl.JpegXLImagePlugin", "jxl"),
    ],
)
def test_a_missing_extra_is_named(
    data: bytes, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match="not installed") as error:
        decode(io.BytesIO(data))
    assert f'"restoreflow[{extra}]"' in error.value.hint


@WITH_JXL
def test_a_jxl_animation_and_values_beyond_white_are_told() -> None:
    two = np.stack([RGB, RGB[::-1]])
    raster = jxl.CODEC.read(bytes(imagecodecs.jpegxl_encode(two, lossless=True)), "it")
    assert np.array_equal(raster.samples, unit_range(RGB))
    assert raster.notes == ("only the first of an animation's frames is read",)
    bright = np.float32(RGB) / 255 * 3
    raster = jxl.CODEC.read(bytes(imagecodecs.jpegxl_encode(bright, lossless=True)), "it")
    assert raster.samples.max() == 1
    assert raster.notes[0].endswith(" are cut to 0 to 1")
    assert jxl.CODEC.read(bytes(imagecodecs.jpegxl_encode(RGB, lossless=True)), "it").notes == ()

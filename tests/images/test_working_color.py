"""What values mean is taken from where a file says so, most trusted first."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from restoreflow.images.ancillary import Ancillary, by_chromaticities, by_code_points, profile_of
from restoreflow.images.decode import decode
from restoreflow.images.encode import encode, losses
from restoreflow.images.picture import Raster
from restoreflow.images.working_color import is_reversible, is_usable, working_color
from tests.images import containers as made
from tests.images import samples
from tests.images.kept_table import ADOBE_RGB
from tests.images.tag_blocks import block, ratios, shorts

P3 = made.png_chunk(b"cICP", bytes((12, 13, 0, 1)))
PQ = made.png_chunk(b"cICP", bytes((9, 16, 0, 1)))
LINEAR = made.png_chunk(b"gAMA", struct.pack(">I", 100_000))
USUAL = made.png_chunk(b"gAMA", struct.pack(">I", 45455))
SRGB = made.png_chunk(b"sRGB", b"\x00")
ADOBE_POINTS = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
ADOBE = made.png_chunk(b"cHRM", struct.pack(">8I", *ADOBE_POINTS))


def _values(data: bytes) -> np.ndarray:
    picture = decode(data)
    beyond = picture.beyond_gamut
    return picture.pixels if beyond is None else picture.pixels + beyond


def _linear() -> np.ndarray:
    values = samples.gradient(3, np.uint8) / 255
    return np.where(values > 0.0031308, 1.055 * values ** (1 / 2.4) - 0.055, 12.92 * values)


def test_linear_light_is_read_as_such_and_written_so_again() -> None:
    data = made.png(LINEAR)
    np.testing.assert_allclose(_values(data), _linear(), atol=2e-3)
    with Image.open(io.BytesIO(encode(decode(data)))) as image:
        np.testing.assert_array_equal(np.asarray(image), made.PIXELS)
        assert len(image.info["icc_profile"]) > 300


def test_code_points_are_what_a_profile_with_the_same_meaning_is() -> None:
    profile = profile_of(by_code_points(12, 13, "it"), False)  # type: ignore[arg-type]
    expected = _values(made.png(icc_profile=profile))
    np.testing.assert_array_equal(_values(made.png(P3)), expected)
    data = made.with_code_points(made.avif(quality=100, subsampling="4:4:4"), 12, 13)
    assert np.abs(_values(data) - expected).mean() < 0.01
    # Against the matrix of Display P3 by its specification: full red.
    red = samples.saved(Image.new("RGB", (2, 2), (255, 0, 0)), "PNG")
    found = _values(red[:33] + P3 + red[33:])[0, 0]
    linear = np.where(
        np.abs(found) > 0.04045, ((np.abs(found) + 0.055) / 1.055) ** 2.4, found / 12.92
    )
    assert linear[0] == pytest.approx(1.2249, abs=2e-3)
    assert found[1] < 0 and found[2] < 0


@pytest.mark.parametrize(
    ("chunks", "options", "told"),
    [
        ((LINEAR, P3), {"icc_profile": samples.adobe_rgb()}, "icc"),
        ((P3, LINEAR), {}, "cICP"),
        ((SRGB, LINEAR), {}, None),
        ((LINEAR,), {"exif": b"Exif\x00\x00" + ADOBE_RGB}, "gAMA"),
        ((USUAL,), {"exif": b"Exif\x00\x00" + ADOBE_RGB}, "EXIF"),
        ((ADOBE, USUAL), {}, "cHRM"),
        ((USUAL,), {}, None),
        ((P3,), {"icc_profile": b"damaged"}, "cICP"),
    ],
)
def test_the_order_of_trust(chunks: tuple[bytes, ...], options: dict, told: str | None) -> None:
    picture = decode(made.png(*chunks, **options))
    notes = " ".join(picture.notes)
    if told == "icc":
        assert picture.metadata.icc == options["icc_profile"] and not picture.notes
    elif told is None:
        assert picture.metadata.icc is None and not picture.notes
    else:
        assert picture.metadata.icc is not None and f"{told} are written" in notes


@pytest.mark.parametrize(
    ("exif", "wide"),
    [
        (ADOBE_RGB, True),
        (block({271: shorts(1)}, {0xA001: shorts(2)}).data, True),
        (block({271: shorts(1)}, {0xA001: shorts(65535)}).data, False),
        (
            block(
                {
                    318: ratios(3127, 10000, 329, 1000),
                    319: ratios(68, 100, 32, 100, 265, 1000, 69, 100, 15, 100, 6, 100),
                },
                {0xA001: shorts(65535)},
            ).data,
            True,
        ),
        (block({318: ratios(3127, 10000, 329, 1000)}, {0xA001: shorts(1)}).data, False),
    ],
)
def test_cameras_tell_adobe_rgb_by_exif(exif: bytes, wide: bool) -> None:
    picture = decode(made.jpeg(exif=b"Exif\x00\x00" + exif))
    assert (picture.metadata.icc is not None) is wide


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("target", ["png", "avif"])
def test_hdr_is_restored_as_coded_and_labelled_again(transfer: int, target: str) -> None:
    picture = decode(made.png(made.png_chunk(b"cICP", bytes((9, transfer, 0, 1)))))
    np.testing.assert_allclose(picture.pixels * 255, made.PIXELS, atol=1e-4)
    assert any("8 bits" in note for note in picture.notes)
    for each in (picture, picture.without_metadata()):
        coding = decode(encode(each, target)).metadata.coding
        assert coding is not None and coding.code_points == (9, transfer)
    assert losses(picture, target) == ()
    assert any(("PQ", "HLG")[transfer == 18] in each for each in losses(picture, "jpeg"))


def test_code_points_that_nobody_knows_are_said() -> None:
    for points in ((200, 13), (12, 99)):
        picture = decode(made.png(made.png_chunk(b"cICP", bytes((*points, 0, 1)))))
        assert any("not known here" in note for note in picture.notes)
        assert picture.metadata.icc is None
    nowhere = made.png_chunk(b"cHRM", struct.pack(">8I", *(10000,) * 8))
    assert any("not known here" in note for note in decode(made.png(nowhere)).notes)


@pytest.mark.parametrize("points", [(1, 13), (2, 2), (1, 1), (2, 13), (1, 6)])
def test_srgb_by_code_points_changes_nothing(points: tuple[int, int]) -> None:
    picture = decode(made.png(made.png_chunk(b"cICP", bytes((*points, 0, 1)))))
    assert picture.metadata.icc is None and picture.notes == ()


def test_a_profile_with_no_way_back_is_used_for_the_way_in() -> None:
    profile = samples.scanner_profile()
    assert is_usable(profile) and not is_reversible(profile)
    exif = block({271: shorts(1)}, {0xA001: shorts(65535)}).data
    picture = decode(made.jpeg(icc_profile=profile, exif=b"Exif\x00\x00" + exif))
    assert picture.metadata.icc is None
    assert any("no way back" in note for note in picture.notes)
    plain = decode(made.jpeg())
    assert np.abs(picture.pixels - plain.pixels).mean() > 0.05
    details = samples.parsed(picture.metadata.exif).get_ifd(34665)
    assert details[0xA001] == 1  # the result is sRGB, and says so


def test_gray_pictures_take_the_curve() -> None:
    gray = samples.saved(Image.fromarray(samples.gradient(1, np.uint8)), "PNG")
    picture = decode(gray[:33] + LINEAR + gray[33:])
    assert picture.grayscale and picture.metadata.icc is not None
    values = samples.gradient(1, np.uint8) / 255
    expected = np.where(values > 0.0031308, 1.055 * values ** (1 / 2.4) - 0.055, 12.92 * values)
    np.testing.assert_allclose(picture.pixels[..., 0], expected, atol=2e-3)
    again = decode(encode(picture))
    np.testing.assert_allclose(again.pixels, picture.pixels, atol=1e-3)
    assert decode(gray[:33] + P3 + gray[33:]).notes == ()  # primaries are nothing to it


def test_bmp_tells_colours_in_its_header() -> None:
    body = struct.pack(
        "<9i3I", *(round(each * 2**30) for each in samples.END_POINTS), *[144179] * 3
    )
    expected = by_chromaticities((0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06), 2.2, "it")
    found = _values(made.bmp(0, body))
    profile = profile_of(expected, False)  # type: ignore[arg-type]
    assert np.abs(found - _values(made.png(icc_profile=profile))).max() < 0.02
    assert decode(made.bmp(0)).notes == ()  # end points left empty
    assert any("another file" in note for note in decode(made.bmp(0x4C494E4B)).notes)


def test_profiles_made_here_are_the_same_every_time() -> None:
    picture = decode(made.png(P3))
    profile_of.cache_clear()
    assert encode(decode(made.png(P3))) == encode(picture)


@pytest.mark.parametrize("depth", [8, 16])
def test_narrow_range_becomes_full(depth: int) -> None:
    """Video's black and white, 16 and 235, are those of the picture, whatever the colours."""
    step = 2 ** (depth - 8)
    values = np.array([0, 16, 125, 235, 255], np.float32) * step / (2**depth - 1)
    raster = Raster(np.repeat(values[None, :, None], 3, axis=2), "rgb", None, depth)
    coding = by_code_points(1, 13, "the chunk cICP", narrow=True)
    color = working_color(raster, Ancillary(coding=coding))
    assert np.allclose(color.colors[0, :, 0], [0, 0, 109 / 219, 1, 1], atol=1e-6)
    assert (color.icc, color.coding) == (None, None)
    assert color.notes == (
        "narrow range (16 to 235), told by the chunk cICP, is written as full range",
    )
    wide = working_color(raster, Ancillary(coding=by_code_points(12, 13, "x", narrow=True)))
    assert wide.icc is not None and len(wide.notes) == 2

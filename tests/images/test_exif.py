"""EXIF is copied as bytes: what changes is known by its place, and all else is the same."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import ExifTags, Image

from restoreflow.images.ancillary import EXIF_PREFIX
from restoreflow.images.decode import decode
from restoreflow.images.encode import encode
from restoreflow.images.exif import clean_exif, fit_exif
from restoreflow.images.exif_block import exif_resolution
from tests.images import samples
from tests.images.tag_blocks import Built, Value, ascii_value, block, longs, ratios, shorts

SIZE = (samples.WIDTH, samples.HEIGHT)
# A MakerNote whose inside tells of a place from the block's beginning, as Canon's does.
NOTE = b"Maker\x00\x00\x00" + bytes(range(40))
THUMBNAIL = b"\xff\xd8\xff" + b"old picture" * 9 + b"\xff\xd9"
TEXTS = {
    270: ascii_value("Café à Köln 京都"),
    271: Value(2, b"Latin-1 \xe4\xf6\xfc\x00"),
    315: Value(129, "Žižek".encode() + b"\x00"),
}


def _camera(order: str = "<", thumbnail: bytes = b"", orientation: int = 1) -> Built:
    return block(
        TEXTS | {274: shorts(orientation, order=order)},
        {
            33434: ratios(1, 250, order=order),
            37500: Value(7, NOTE),
            37510: Value(7, b"UNICODE\x00K\x00\xf6\x00"),
            0x9214: shorts(10, 4, 6, 2, order=order),
            0xA002: longs(SIZE[0], order=order),
            0xA003: shorts(SIZE[1], order=order),
            0xA20E: ratios(300, 1, order=order),
            0xA20F: ratios(600, 1, order=order),
        },
        {1: ascii_value("N"), 2: ratios(52, 1, 31, 1, 25, 2, order=order)},
        {1: ascii_value("R98"), 0x1001: shorts(SIZE[0], order=order)},
        thumbnail,
        order,
    )


def _file(block: bytes, format: str, **options: object) -> bytes:
    pixels = samples.gradient(3, np.uint8)
    return samples.saved(Image.fromarray(pixels), format, exif=EXIF_PREFIX + block, **options)


def _restored(data: bytes, format: str, times: int = 1) -> bytes:
    picture = decode(data)
    larger = picture.pixels.repeat(times, axis=0).repeat(times, axis=1)
    exif = decode(encode(picture.with_pixels(larger), format)).metadata.exif
    assert exif is not None and exif.startswith(EXIF_PREFIX)
    return exif[len(EXIF_PREFIX) :]


def _details(exif: bytes) -> dict[int, object]:
    return dict(samples.parsed(exif).get_ifd(ExifTags.IFD.Exif))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
def test_every_byte_stays(source: str, target: str, order: str) -> None:
    built = _camera(order)
    assert _restored(_file(built.data, source), target) == built.data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("back", ["tiff", "jpeg"])
def test_a_tiff_keeps_values_as_bytes_and_the_makernote_in_its_place(order: str, back: str) -> None:
    built = _camera(order)
    data = encode(decode(_file(built.data, "JPEG")), "tiff")
    assert data[built.maker_note : built.maker_note + len(NOTE)] == NOTE
    kept = _restored(data, back)
    assert kept[built.maker_note : built.maker_note + len(NOTE)] == NOTE
    for value in (*TEXTS.values(), Value(7, b"UNICODE\x00K\x00\xf6\x00")):
        assert value.data in kept
    before, after = samples.parsed(built.data), samples.parsed(kept)
    assert _details(kept) == _details(built.data)
    for ifd in (ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop):
        assert after.get_ifd(ifd) == before.get_ifd(ifd)


def test_sizes_and_places_are_of_the_new_picture_and_nothing_else_changes() -> None:
    built = _camera()
    kept = _restored(_file(built.data, "JPEG"), "jpeg", 4)
    details = _details(kept)
    assert (details[0xA002], details[0xA003]) == (4 * SIZE[0], 4 * SIZE[1])
    assert details[0x9214] == (40, 16, 24, 8)
    assert [float(details[tag]) for tag in (0xA20E, 0xA20F)] == [1200, 2400]  # type: ignore[arg-type]
    assert samples.parsed(kept).get_ifd(ExifTags.IFD.Interop)[0x1001] == 4 * SIZE[0]
    assert len(kept) == len(built.data)
    changed = sum(a != b for a, b in zip(kept, built.data, strict=True))
    assert changed <= 20


@pytest.mark.parametrize("orientation", range(1, 9))
def test_places_turn_with_the_pixels(orientation: int) -> None:
    width, height = 40, 30
    mark = np.zeros((height, width, 3), np.uint8)
    mark[4, 10] = 255
    exif = EXIF_PREFIX + _camera(orientation=orientation).data
    picture = decode(samples.saved(Image.fromarray(mark), "PNG", exif=exif))
    y, x = np.argwhere(picture.pixels[..., 0] > 0.5)[0]
    details = _details(picture.metadata.exif or b"")
    turned = orientation >= 5
    assert details[0x9214] == (x, y, *((2, 6) if turned else (6, 2)))
    planes = [float(details[tag]) for tag in (0xA20E, 0xA20F)]  # type: ignore[arg-type]
    assert planes == ([600, 300] if turned else [300, 600])


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_thumbnail_is_gone_and_everything_else_is_where_it_was(order: str) -> None:
    plain, built = _camera(order), _camera(order, THUMBNAIL)
    cleaned, notes = clean_exif(EXIF_PREFIX + built.data, 1, *SIZE)
    assert cleaned is not None and any("thumbnail" in note for note in notes)
    assert b"old picture" not in cleaned
    assert cleaned[len(EXIF_PREFIX) :].startswith(plain.data)
    assert not samples.parsed(cleaned).get_ifd(ExifTags.IFD.IFD1)


def test_a_thumbnail_that_lies_over_what_is_kept_erases_none_of_it() -> None:
    built = _camera(thumbnail=THUMBNAIL)
    data = bytearray(built.data)
    where = data.index(struct.pack("<HHI", 513, 4, 1)) + 8
    struct.pack_into("<I", data, where, 8)  # the first directory itself
    struct.pack_into("<I", data, where + 12, len(data))
    cleaned, _ = clean_exif(bytes(data), 1, *SIZE)
    assert _details(cleaned or b"") == _details(built.data)


def test_what_shows_the_old_picture_inside_exif_is_dropped_and_said() -> None:
    layers = Value(7, b"Adobe Photoshop Document Data Block\x00" + bytes(50))
    built = block({271: ascii_value("Maker"), 273: longs(99), 330: longs(8), 37724: layers})
    cleaned, notes = clean_exif(built.data, 1, *SIZE)
    assert list(samples.parsed(cleaned)) == [271]
    assert b"Adobe Photoshop" not in (cleaned or b"")
    assert len(notes) == 2


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (lambda data: b"", False),
        (lambda data: b"no TIFF header", False),
        (lambda data: data[:6], False),
        (lambda data: data[:4] + b"\xff\xff\xff\x7f" + data[8:], False),
        (lambda data: data[:60], True),
        (lambda data: data[:8] + b"\xff\xff" + data[10:], True),
        (lambda data: data.replace(struct.pack("<H", 34665), struct.pack("<H", 34853)), True),
    ],
)
def test_damage_is_said_or_left_alone(damage: object, kept: bool) -> None:
    data = damage(_camera(thumbnail=THUMBNAIL).data)  # type: ignore[operator]
    cleaned, notes = clean_exif(data, 6, *SIZE)
    assert (cleaned is not None) is kept
    if cleaned is not None:
        assert len(fit_exif(cleaned, SIZE, (10**9, 10**9))) == len(cleaned)
    elif data:
        assert "could not be read" in notes[0]


def test_a_size_beyond_sixteen_bits_becomes_a_long_in_its_place() -> None:
    kept = fit_exif(EXIF_PREFIX + _camera().data, SIZE, (70_000, 80_000))
    details = _details(kept)
    assert (details[0xA002], details[0xA003]) == (70_000, 80_000)
    assert 0x9214 in details
    assert 0x9214 not in _details(fit_exif(kept, SIZE, (SIZE[0] * 10**5, SIZE[1])))


@pytest.mark.parametrize(
    ("unit", "expected"),
    [(2, (300.0, 150.0)), (3, (762.0, 381.0)), (1, None), (None, (300.0, 150.0))],
)
def test_resolution_by_its_unit(unit: int | None, expected: tuple[int, int] | None) -> None:
    tags = {282: ratios(300, 1), 283: ratios(150, 1)} | ({296: shorts(unit)} if unit else {})
    assert exif_resolution(block(tags).data) == expected

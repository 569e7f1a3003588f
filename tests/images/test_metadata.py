"""What of the metadata is cleaned, dropped and said so, and what survives damage."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import ExifTags, Image

from restoreflow.images.decode import decode
from restoreflow.images.exif_block import exif_orientation
from restoreflow.images.metadata import clean_dpi
from restoreflow.images.xmp import clean_xmp
from tests.images import samples


def _jpeg(**options: object) -> bytes:
    return samples.saved(Image.fromarray(samples.gradient(3, np.uint8)), "JPEG", **options)


def test_thumbnail_is_dropped_and_said_so() -> None:
    block = samples.exif(thumbnail=True)
    assert samples.parsed(block).get_ifd(ExifTags.IFD.IFD1)  # the sample has one
    picture = decode(_jpeg(exif=block))
    assert any("thumbnail" in note for note in picture.notes)
    assert picture.metadata.exif is not None
    assert b"\xff\xd8\xff" not in picture.metadata.exif
    assert not samples.parsed(picture.metadata.exif).get_ifd(ExifTags.IFD.IFD1)
    assert samples.parsed(picture.metadata.exif)[ExifTags.Base.Make] == "Maker"


def test_no_thumbnail_no_note() -> None:
    assert decode(_jpeg(exif=samples.exif())).notes == ()


def test_content_credentials_are_dropped_and_said_so() -> None:
    manifest = b"JP\x00\x01\x00\x00\x00\x01" + struct.pack(">I", 40) + b"jumb" + b"c2pa" + bytes(28)
    segment = b"\xff\xeb" + struct.pack(">H", len(manifest) + 2) + manifest
    data = _jpeg()
    picture = decode(data[:2] + segment + data[2:])
    assert any("C2PA" in note for note in picture.notes)
    assert decode(data).notes == ()


def test_layout_tags_of_a_tiff_stay_behind() -> None:
    data = samples.tiff(
        samples.gradient(3, np.uint16), photometric="rgb", extratags=[(271, "s", 0, "Maker", True)]
    )
    exif = decode(data).metadata.exif
    assert exif is not None
    assert set(samples.parsed(exif)) == {ExifTags.Base.Make, ExifTags.Base.Software}


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\x00\x00",
        b"Exif\x00\x00garbage that is no TIFF",
        b"Exif\x00\x00II*\x00\xff\xff\xff\x7f",
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff" + bytes(20),
        samples.exif()[:40],
        samples.exif()[:90],
    ],
)
@pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged EXIF
def test_damaged_exif_costs_no_picture(block: bytes) -> None:
    picture = decode(_jpeg(exif=block))
    assert picture.width == samples.WIDTH


def test_a_wrong_orientation_is_upright() -> None:
    block = Image.Exif()
    for wrong in (0, 9, 4000):
        block[ExifTags.Base.Orientation] = wrong
        assert exif_orientation(block.tobytes()) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'<a tiff:Orientation="6" b="6"/>', b'<a tiff:Orientation="1" b="6"/>'),
        (b"<tiff:Orientation>8</tiff:Orientation>", b"<tiff:Orientation>1</tiff:Orientation>"),
        ("<a/>", b"<a/>"),
        ("", None),
        (None, None),
    ],
)
def test_xmp_orientation(before: bytes | str | None, after: bytes | None) -> None:
    assert clean_xmp(before) == (after, ())


@pytest.mark.parametrize("bad", [None, 72, (0, 0), (-1, 2), (float("nan"), 1), ("x", 1), (1, 2, 3)])
def test_resolutions_that_mean_nothing(bad: object) -> None:
    assert clean_dpi(bad) is None

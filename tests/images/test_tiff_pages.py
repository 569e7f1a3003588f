"""Pages of TIFF files are counted, and taken out with all that is theirs."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import ExifTags

from restoreflow.errors import InputError
from restoreflow.images.decode import decode
from restoreflow.images.tiff_pages import one_page, page_count
from tests.images import samples

RGB, GRAY = samples.gradient(3, np.uint8), samples.gradient(1, np.uint16)[:7, :5]
MAKE = ExifTags.Base.Make


def scan(**options: Any) -> bytes:
    """An RGB page with its thumbnail, and a smaller gray one of 16 bits."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, **options) as writer:
        for number, page in enumerate((RGB, RGB[::2, ::2], GRAY)):
            writer.write(
                page,
                metadata=None,
                compression="zlib",
                subfiletype=int(number == 1),
                resolution=(100 + number, 100 + number),
                resolutionunit="INCH",
                extratags=[(int(MAKE), "s", 0, f"Maker {number}", True)],
            )
    return buffer.getvalue()


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}])
def test_a_page_comes_with_all_that_is_its_own(options: dict[str, Any]) -> None:
    data = scan(**options)
    assert page_count(io.BytesIO(data)) == 2
    for number, (make, dpi, expected, depth) in enumerate(
        [(b"Maker 0", 100, RGB, 8), (b"Maker 2", 102, GRAY, 16)], start=1
    ):
        picture = decode(one_page(data, number, "scan"))
        levels = np.rint(picture.pixels * (2**depth - 1)).astype(expected.dtype)
        np.testing.assert_array_equal(levels if expected.ndim == 3 else levels[..., 0], expected)
        assert picture.grayscale is (expected.ndim == 2)
        assert (picture.bit_depth, picture.metadata.dpi) == (depth, (dpi, dpi))
        if not options.get("bigtiff"):  # whose EXIF Pillow does not read
            assert samples.parsed(picture.metadata.exif)[MAKE] == make.decode()


@pytest.mark.parametrize("number", [0, 3])
def test_there_is_no_other_page(number: int) -> None:
    with pytest.raises(InputError, match=f"scan has 2 pages, no page {number}"):
        one_page(scan(), number, "scan")


def test_what_is_no_tiff_has_no_pages() -> None:
    for data in (b"", b"II", b"II*\x00", b"\x89PNG\r\n\x1a\n" + bytes(64), samples.exif()):
        assert page_count(io.BytesIO(data)) == 0


def test_a_ring_of_directories_ends() -> None:
    directory = struct.pack("<HHHII", 1, 256, 3, 1, 1)
    data = b"II*\x00" + struct.pack("<I", 8) + directory + struct.pack("<I", 26)
    data += directory + struct.pack("<I", 8)
    assert page_count(io.BytesIO(data)) == 2


def test_damage_ends_the_pages_and_nothing_else() -> None:
    data = scan()
    generator = np.random.default_rng(0)
    for _ in range(300):
        spoilt = bytearray(data[: generator.integers(4, len(data) + 1)])
        for place in generator.integers(4, len(spoilt) + 1, 12):
            spoilt[min(place, len(spoilt) - 1)] = generator.integers(256)
        count = page_count(io.BytesIO(bytes(spoilt)))
        for number in range(1, count + 1):
            assert len(one_page(bytes(spoilt), number, "scan")) <= len(spoilt)


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}])
def test_other_pages_are_not_behind_a_page_and_what_none_refers_to_is(
    options: dict[str, Any],
) -> None:
    for behind, told in ((b"", False), (b"an archive", True), (bytes(64), False)):
        for number in (1, 2):
            notes = decode(one_page(scan(**options) + behind, number, "scan")).notes
            assert ("10 bytes behind the picture dropped" in notes) is told, (number, notes)

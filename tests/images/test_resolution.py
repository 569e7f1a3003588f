"""--dpi: what printers are told of a result, in every place that a file tells it, by other readers.

A picture of 300 x 150 pixels an inch is enlarged four times.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from restoreflow.batch.job import Job
from restoreflow.batch.read import read_picture
from restoreflow.batch.settings import Dpi, RestorationSettings
from restoreflow.errors import UsageError
from restoreflow.images.canvas import Canvas
from restoreflow.images.encode import encode_canvas
from restoreflow.restoration.options import Options, Size

_WIDTH, _HEIGHT = 16, 12
_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:XResolution="300/1" '
    b'tiff:ResolutionUnit="2"><tiff:YResolution>1500000/10000</tiff:YResolution>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def _exif(across: float, down: float, unit: int) -> Image.Exif:
    exif = Image.Exif()
    exif[282], exif[283], exif[296], exif[271] = across, down, unit, "Maker"
    return exif


def _saved(format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    levels = np.arange(_WIDTH * _HEIGHT * 3, dtype=np.uint8).reshape(_HEIGHT, _WIDTH, 3)
    Image.fromarray(levels).save(buffer, format, **options)
    return buffer.getvalue()


def _tiff(unit: str, across: float, down: float) -> bytes:
    buffer = io.BytesIO()
    levels = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
    tifffile.imwrite(buffer, levels, resolution=(across, down), resolutionunit=unit)
    return buffer.getvalue()


def _jfif(data: bytes) -> tuple[float, float]:
    assert data[6:11] == b"JFIF\x00"
    unit, across, down = struct.unpack(">BHH", data[13:18])
    assert unit == 1
    return across, down


def _phys(data: bytes) -> tuple[float, float]:
    place = data.index(b"pHYs") + 4
    across, down, unit = struct.unpack(">IIB", data[place : place + 9])
    assert unit == 1
    return across * 0.0254, down * 0.0254


def _of_exif(data: bytes) -> tuple[float, float]:
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        inch = {2: 1.0, 3: 2.54}[exif[296]]
        return float(exif[282]) * inch, float(exif[283]) * inch


def _of_tiff(data: bytes) -> tuple[float, float]:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages.first.tags
        inch = {2: 1.0, 3: 2.54}[int(tags["ResolutionUnit"].value)]
        sides = [tags[name].value for name in ("XResolution", "YResolution")]
        return sides[0][0] / sides[0][1] * inch, sides[1][0] / sides[1][1] * inch


def _of_xmp(data: bytes) -> tuple[float, float]:
    found = [
        re.search(rb"%sResolution[\">=]+([0-9]+)/([0-9]+)" % side, data) for side in (b"X", b"Y")
    ]
    across, down = (int(each[1]) / int(each[2]) for each in found if each is not None)
    return across, down


PLACES: dict[str, tuple[bytes, str, Callable[[bytes], tuple[float, float]]]] = {
    "JFIF": (_saved("JPEG", dpi=(300, 150)), "jpeg", _jfif),
    "EXIF in JPEG": (_saved("JPEG", exif=_exif(300, 150, 2)), "jpeg", _of_exif),
    "EXIF beside JFIF": (
        _saved("JPEG", dpi=(300, 150), exif=_exif(300, 150, 2)),
        "jpeg",
        _of_exif,
    ),
    "EXIF by the centimetre": (
        _saved("JPEG", exif=_exif(118.11024, 59.05512, 3)),
        "jpeg",
        _of_exif,
    ),
    "EXIF in WebP": (_saved("WEBP", exif=_exif(300, 150, 2)), "webp", _of_exif),
    "EXIF in AVIF": (_saved("AVIF", exif=_exif(300, 150, 2)), "avif", _of_exif),
    "PNG": (_saved("PNG", dpi=(300, 150)), "png", _phys),
    "PNG of JPEG": (_saved("JPEG", dpi=(300, 150)), "png", _phys),
    "TIFF": (_tiff("INCH", 300, 150), "tiff", _of_tiff),
    "TIFF by the centimetre": (_tiff("CENTIMETER", 118.11024, 59.05512), "tiff", _of_tiff),
    "BMP to PNG": (_saved("BMP", dpi=(300, 150)), "png", _phys),
    "XMP": (_saved("JPEG", xmp=_XMP, dpi=(300, 150)), "jpeg", _of_xmp),
}


def _result(data: bytes, format: str, dpi: Dpi, size: Size | None = None, **given: Any) -> bytes:
    settings = RestorationSettings("sr-x4", Options(size=size), dpi=dpi, **given)
    picture = read_picture(Job(Path("a"), (Path("b"),), format=format), settings, 4, data=data)
    width, height = settings.options.result_size(picture.width, picture.height, 4)
    canvas = Canvas(picture, width, height, format)
    canvas.put(0, np.zeros((height, width, 3), np.float32))
    return encode_canvas(canvas)


@pytest.mark.parametrize(
    ("dpi", "expected"), [("keep", (300, 150)), ("scale", (1200, 600)), (240.0, (240, 240))]
)
@pytest.mark.parametrize("place", PLACES)
def test_every_place_tells_it(place: str, dpi: Dpi, expected: tuple[float, float]) -> None:
    data, format, told = PLACES[place]
    assert told(_result(data, format, dpi)) == pytest.approx(expected, rel=2e-4)


def test_paper_stays_as_large_whatever_the_size() -> None:
    data = PLACES["PNG"][0]
    result = _result(data, "png", "scale", Size(width=40))
    across, down = _phys(result)
    with Image.open(io.BytesIO(result)) as image:
        width, height = image.size
    assert (width / across, height / down) == pytest.approx((16 / 300, 12 / 150), rel=1e-3)


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff"])
def test_nothing_is_made_up_but_a_number(format: str) -> None:
    plain = _saved("PNG")
    told = {"jpeg": _jfif, "png": _phys, "tiff": _of_tiff}[format]
    scaled, kept = (_result(plain, format, each) for each in ("scale", "keep"))
    assert scaled == kept
    assert told(_result(plain, format, 300.0)) == pytest.approx((300, 300), rel=2e-4)
    stripped = _result(PLACES["PNG"][0], format, 300.0, strip_metadata=True)
    assert told(stripped) == pytest.approx((300, 300), rel=2e-4)


@pytest.mark.parametrize("dpi", ["paper", "", 0.0, -300.0, float("nan"), float("inf"), 1e6])
def test_what_is_no_resolution(dpi: Any) -> None:
    with pytest.raises(UsageError, match="dpi"):
        RestorationSettings("sr-x4", dpi=dpi)


def test_a_manifest_without_it_still_is_of_the_same_settings() -> None:
    assert "dpi" not in RestorationSettings("sr-x4").deciding()
    assert RestorationSettings("sr-x4", dpi="scale").deciding()["dpi"] == "scale"

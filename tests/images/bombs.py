"""Small files of every format that hold, or claim, 67 to 144 megapixels."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from tests.images.samples import heif, installed, saved

__all__ = ["bombs"]

SIDE = 12_000


def bombs() -> dict[str, bytes]:
    """By their names; those that can be made in a moment are whole, the others only claim it."""
    plain = Image.new("1", (SIDE, SIDE))
    tiny = Image.new("RGB", (64, 64))
    files = {
        "png.png": saved(plain, "PNG"),
        "deep.png": _deep_png(),
        "jpeg.jpg": _jpeg(saved(tiny, "JPEG")),
        "cmyk.jpg": _jpeg(saved(tiny.convert("CMYK"), "JPEG")),
        "progressive.jpg": _jpeg(saved(tiny, "JPEG", progressive=True)),
        "gif.gif": saved(Image.new("P", (SIDE, SIDE)), "GIF"),
        "tiff.tiff": saved(plain, "TIFF", compression="tiff_adobe_deflate"),
        "fax.tiff": saved(plain, "TIFF", compression="group4"),
        "tile.tiff": _large_tile(),
        "webp.webp": _webp(saved(tiny, "WEBP", lossless=True)),
        "avif.avif": _claimed(saved(tiny, "AVIF")),
        "bmp.bmp": _bmp(),
        "ppm.ppm": b"P6 %d %d 255\n" % (SIDE, SIDE),
        "deep.ppm": b"P6 %d %d 65535\n" % (SIDE, SIDE),
        "text.ppm": b"P3 %d %d 65535\n0 " % (SIDE, SIDE),
    }
    if installed("pillow_heif"):
        files["heif.heic"] = _claimed(heif(np.zeros((64, 64, 3), np.uint8), "RGB"))
    if installed("pillow_jxl"):
        files["jxl.jxl"] = _jxl()
    return files


def _deep_png() -> bytes:
    import zlib

    def chunk(kind: bytes, payload: bytes) -> bytes:
        ends = struct.pack(">I", len(payload)), struct.pack(">I", zlib.crc32(kind + payload))
        return ends[0] + kind + payload + ends[1]

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 16, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(64)))


def _jpeg(data: bytes) -> bytes:
    frame = next(place for mark in (b"\xff\xc0", b"\xff\xc2") if (place := data.find(mark)) > 0)
    return data[: frame + 5] + struct.pack(">HH", SIDE, SIDE) + data[frame + 9 :]


def _webp(data: bytes) -> bytes:
    bits = int.from_bytes(data[21:25], "little")  # of one colour: no pixel has bits of its own
    bits = bits >> 28 << 28 | (SIDE - 1) << 14 | (SIDE - 1)
    return data[:21] + bits.to_bytes(4, "little") + data[25:]


def _claimed(data: bytes) -> bytes:
    """With other sides in the property that tells them."""
    place = data.find(b"ispe") + 8
    return data[:place] + struct.pack(">II", SIDE, SIDE) + data[place + 8 :]


def _bmp() -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, 8, 1, 2, 0, 0, 1, 0)
    return b"BM" + struct.pack("<IHHI", 60, 0, 0, 58) + head + bytes(4) + b"\x00\x01"


def _jxl() -> bytes:
    """Sides are told in 13 bits: at most 8192."""
    data = bytes(imagecodecs.jpegxl_encode(np.zeros((1024, 1032), np.uint8), lossless=True))
    start = data.find(b"\xff\x0a") + 2
    bits = int.from_bytes(data[start : start + 8], "little")
    assert bits & 0b111 == 0b010  # not small, height in 13 bits
    assert (bits >> 3) & 0x1FFF == 1023
    bits |= 0x1FFF << 3 | 0x1FFF << 21
    return data[:start] + bits.to_bytes(8, "little") + data[start + 8 :]


def _large_tile() -> bytes:
    """A picture of 64 x 64 in a single tile of 32,768 x 16,384."""
    buffer = io.BytesIO()
    samples = np.zeros((64, 64, 3), np.uint8)
    tifffile.imwrite(buffer, samples, tile=(64, 64), compression="zlib", photometric="rgb")
    data = buffer.getvalue()
    for tag, side in ((322, 32768), (323, 16384)):
        place = data.find(struct.pack("<HH", tag, 4))
        data = data[: place + 8] + struct.pack("<I", side) + data[place + 12 :]
    return data

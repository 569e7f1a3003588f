"""Files with something beside their pixels: pieces put into files of every format."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from tests.images import samples

__all__ = [
    "avif",
    "bmp",
    "box",
    "gif",
    "gif_block",
    "heif",
    "jpeg",
    "jxl",
    "png",
    "png_chunk",
    "ppm",
    "riff_chunk",
    "segment",
    "tiff",
    "webp",
    "with_code_points",
    "with_item",
]

PIXELS = samples.gradient(3, np.uint8)


def _image() -> Image.Image:
    return Image.fromarray(PIXELS)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(*chunks: bytes, sixteen: bool = False, behind: bool = False, **options: Any) -> bytes:
    """A PNG file with chunks after its header, or before its end."""
    data = samples.saved(_image(), "PNG", **options)
    if sixteen:
        data = bytes(imagecodecs.png_encode(samples.gradient(3, np.uint16)))
    place = len(data) - 12 if behind else 33
    return data[:place] + b"".join(chunks) + data[place:]


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(*segments: bytes, behind: bytes = b"", **options: Any) -> bytes:
    """A JPEG file with segments at its beginning and bytes behind its end."""
    data = samples.saved(_image(), "JPEG", **options)
    return data[:2] + b"".join(segments) + data[2:] + behind


def riff_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp(*chunks: bytes, **options: Any) -> bytes:
    """A WebP file with chunks at its end."""
    data = samples.saved(_image(), "WEBP", **options) + b"".join(chunks)
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def avif(*boxes: bytes, **options: Any) -> bytes:
    """An AVIF file with boxes at its end."""
    return samples.saved(_image(), "AVIF", **options) + b"".join(boxes)


def with_code_points(data: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF or HEIC file whose box nclx tells of other colours."""
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def with_item(data: bytes, kind: bytes) -> bytes:
    """An AVIF file of one picture with one more item that has no content."""
    item = box(b"infe", struct.pack(">IHH", 2 << 24, 99, 0) + kind + b"\x00")
    for name in (b"meta", b"iinf"):  # the boxes around it grow
        place = data.index(name) - 4
        (size,) = struct.unpack_from(">I", data, place)
        data = data[:place] + struct.pack(">I", size + len(item)) + data[place + 4 :]
    end = place + size
    (count,) = struct.unpack_from(">H", data, place + 12)
    data = (
        data[: place + 12]
        + struct.pack(">H", count + 1)
        + data[place + 14 : end]
        + item
        + data[end:]
    )
    iloc, pixels = data.index(b"iloc"), data.index(b"mdat") + 4
    content = data[iloc : data.index(b"iinf")]
    for old in range(pixels - len(item), len(data) - len(item)):
        told = struct.pack(">I", old)
        if told in content:
            content = content.replace(told, struct.pack(">I", old + len(item)))
    return data[:iloc] + content + data[iloc + len(content) :]


def heif(*boxes: bytes, second: bool = False, **options: Any) -> bytes:
    """A HEIC file with boxes at its end; with a second picture, if that is wanted."""
    import pillow_heif

    file, buffer = pillow_heif.from_pillow(_image()), io.BytesIO()
    if second:
        file.add_from_pillow(_image())
    file.save(buffer, quality=-1, chroma=444, primary_index=0, **options)
    return buffer.getvalue() + b"".join(boxes)


def jxl(*boxes: bytes) -> bytes:
    """A JPEG XL container with boxes at its end."""
    return bytes(imagecodecs.jpegxl_encode(PIXELS, lossless=True, usecontainer=True)) + b"".join(
        boxes
    )


def tiff(*tags: tuple[int, int, int, Any], **options: Any) -> bytes:
    """A TIFF file with tags (number, type, count, value)."""
    buffer = io.BytesIO()
    extra = [(number, kind, count, value, True) for number, kind, count, value in tags]
    tifffile.imwrite(
        buffer, PIXELS, photometric="rgb", metadata=None, extratags=extra, software=False, **options
    )
    return buffer.getvalue()


def gif_block(label: int, content: bytes, head: bytes = b"") -> bytes:
    parts = [content[start : start + 255] for start in range(0, len(content), 255)]
    blocks = b"".join(bytes((len(part),)) + part for part in parts)
    return bytes((0x21, label)) + (bytes((len(head),)) + head if head else b"") + blocks + b"\x00"


def gif(*blocks: bytes, **options: Any) -> bytes:
    """A GIF file with blocks before its picture."""
    data = samples.saved(_image().quantize(32), "GIF", **options)
    place = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    return data[:place] + b"".join(blocks) + data[place:]


def bmp(space: int, body: bytes = b"", profile: bytes = b"") -> bytes:
    """A BMP file with a header of version 5: a colour space, and its 48 bytes of end points."""
    plain = samples.saved(_image(), "BMP")
    pixels = plain[54:]
    head = plain[14:54][4:] + struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0)
    head = struct.pack("<I", 124) + head + struct.pack("<I", space) + body.ljust(48, b"\x00")
    head += struct.pack("<4I", 4, 124 + len(pixels) if profile else 0, len(profile), 0)
    file = struct.pack("<2sIHHI", b"BM", 14 + len(head) + len(pixels), 0, 0, 14 + len(head))
    return file + head + pixels + profile


def ppm(*comments: str) -> bytes:
    """A PPM file with comments in its header."""
    lines = "".join(f"# {each}\n" for each in comments).encode()
    return b"P6\n" + lines + b"%d %d\n255\n" % (samples.WIDTH, samples.HEIGHT) + PIXELS.tobytes()

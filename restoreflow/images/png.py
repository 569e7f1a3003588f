"""PNG at full depth, both ways; Pillow reads and writes 16-bit colour only as 8 bits."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np

from restoreflow.images.metadata import EXIF_PREFIX
from restoreflow.images.picture import Metadata

__all__ = ["is_sixteen_bit", "read_sixteen_bit", "write"]

_SIGNATURE_AND_HEADER = 8 + 25
_METERS_PER_INCH = 0.0254
_LEVEL = 4  # on photographs 4% larger than zlib's default 6, in a third of the time


def is_sixteen_bit(data: bytes) -> bool:
    """Whether a PNG file's header declares 16 bits a sample."""
    return len(data) > 24 and data[24] == 16


def read_sixteen_bit(data: bytes) -> np.ndarray:
    """Samples of a 16-bit PNG, uint16: (H, W), or (H, W, C) with C = 2 (gray, alpha), 3 or 4.

    A single transparent colour (chunk tRNS) comes out as an alpha channel. Checksums are checked.
    """
    return imagecodecs.png_decode(data)


def write(
    samples: np.ndarray, metadata: Metadata, exif: bytes | None, icc: bytes | None = None
) -> bytes:
    """Encode uint8 or uint16 samples, (H, W) or (H, W, 2 to 4), with their metadata chunks.

    Args:
        metadata: XMP and resolution are taken from it.
        exif: the EXIF block as it is to be written, or None.
        icc: the profile the samples are in, or None for sRGB, which is then said so.
    """
    data = bytes(imagecodecs.png_encode(np.ascontiguousarray(samples), level=_LEVEL))
    chunks = [
        _chunk(b"iCCP", b"ICC Profile\x00\x00" + zlib.compress(icc))
        if icc
        else _chunk(b"sRGB", b"\x00")
    ]
    if metadata.dpi:
        per_meter = [round(each / _METERS_PER_INCH) for each in metadata.dpi]
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", *per_meter, 1)))
    if exif:
        chunks.append(_chunk(b"eXIf", exif.removeprefix(EXIF_PREFIX)))
    if metadata.xmp:
        chunks.append(_chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + metadata.xmp))
    parts = memoryview(data)  # slices of bytes would be copies of a large file
    return b"".join((parts[:_SIGNATURE_AND_HEADER], *chunks, parts[_SIGNATURE_AND_HEADER:]))


def _chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)

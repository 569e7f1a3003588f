"""PNG at full depth, both ways; Pillow, which reads 8 bits, reads 16-bit colour only as 8."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
from PIL import Image, ImageFile, PngImagePlugin

from restoreflow.images.ancillary import EXIF_PREFIX
from restoreflow.images.codecs.pillow import CONVERTED, PillowCodec
from restoreflow.images.codecs.table import Encoder, refusal
from restoreflow.images.containers import png
from restoreflow.images.containers.png import chunk, chunks, essential, iptc_text, text_chunk
from restoreflow.images.picture import Metadata, Raster, from_samples, unit_range

__all__ = ["CODEC", "is_sixteen_bit", "read_sixteen_bit"]

_COLOUR_CHUNKS = {b"iCCP", b"gAMA", b"cHRM", b"cICP"}

_SIGNATURE_AND_HEADER = 8 + 25
_METERS_PER_INCH = 0.0254
_LEVEL = 4  # on photographs 4% larger than zlib's default 6, in a third of the time
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
# Adam7: first row and column of each pass, and their steps.
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4))
_PASSES += ((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_WHOLE = ((0, 0, 1, 1),)


def _read_deep(image: ImageFile.ImageFile, data: bytes, label: str) -> Raster:
    try:
        # Pillow first: it finds nearly all damage, on which imagecodecs (2026.3) loses a reference
        # to None each time.
        image.load()
        values = read_sixteen_bit(data)
    except MemoryError:
        raise
    except Exception as error:  # libpng's errors and Pillow's
        raise refusal(label, "PNG", error) from error
    channels = 1 if values.ndim == 2 else values.shape[2]
    model = "gray" if channels <= 2 else "rgb"
    colors, alpha = from_samples(unit_range(values), model, channels in (2, 4), label)
    return Raster(colors, model, alpha, 16)


def is_sixteen_bit(data: bytes) -> bool:
    """Whether a PNG file's header declares 16 bits a sample."""
    return len(data) > 24 and data[24] == 16


def read_sixteen_bit(data: bytes) -> np.ndarray:
    """Samples of a 16-bit PNG, uint16: (H, W), or (H, W, C) with C = 2 (gray, alpha), 3 or 4.

    A single transparent colour (chunk tRNS) comes out as an alpha channel. Checksums are checked.
    """
    # imagecodecs (2026.3) makes libpng warn on stderr of interlaced files and of wrong checksums in
    # the pixels' stream; its passes, made small files without either, are read in silence.
    width, height, _, kind = struct.unpack_from(">IIBB", data, 16)
    pixel = 2 * _CHANNELS[kind]
    found = list(chunks(data))
    packed = b"".join(data[start:end] for name, start, end in found if name == b"IDAT")[2:]
    keys = [chunk(name, data[start:end]) for name, start, end in found if name == b"tRNS"]
    stream, result = zlib.decompressobj(-zlib.MAX_WBITS), None
    for top, left, down, across in _PASSES if data[28] else _WHOLE:
        rows, columns = -(-(height - top) // down), -(-(width - left) // across)
        if rows < 1 or columns < 1:
            continue
        size = rows * (columns * pixel + 1)
        lines = stream.decompress(packed, size)
        packed = stream.unconsumed_tail
        if len(lines) < size:
            raise ValueError("truncated pixel data")
        head = struct.pack(">IIBBBBB", columns, rows, 16, kind, 0, 0, 0)
        parts = (chunk(b"IHDR", head), *keys, chunk(b"IDAT", zlib.compress(lines, 0)))
        part = imagecodecs.png_decode(b"".join((data[:8], *parts, chunk(b"IEND", b""))))
        if not data[28]:
            return part
        if result is None:
            result = np.empty((height, width, *part.shape[2:]), part.dtype)
        result[top::down, left::across] = part
    if result is None:
        raise ValueError("no pixels")
    return result


def _metadata_chunks(metadata: Metadata, icc: bytes | None) -> list[bytes]:
    if icc:
        found = [chunk(b"iCCP", b"ICC Profile\x00\x00" + zlib.compress(icc))]
    elif metadata.coding and metadata.coding.code_points:
        found = [chunk(b"cICP", bytes((*metadata.coding.code_points, 0, 1)))]
    else:
        found = [chunk(b"sRGB", b"\x00")]
    if metadata.dpi:
        per_meter = [round(each / _METERS_PER_INCH) for each in metadata.dpi]
        found.append(chunk(b"pHYs", struct.pack(">IIB", *per_meter, 1)))
    if metadata.exif:
        found.append(chunk(b"eXIf", metadata.exif.removeprefix(EXIF_PREFIX)))
    if metadata.xmp:
        found.append(chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + metadata.xmp))
    texts = [text_chunk(each) for each in metadata.texts]
    return [*found, *texts, *([text_chunk(iptc_text(metadata.iptc))] if metadata.iptc else ())]


class _Png(PillowCodec, Encoder):
    encoding = 18

    def opened(self, data: bytes, label: str) -> ImageFile.ImageFile:
        return super().opened(essential(data), label)  # texts cannot trouble it

    def peak(self, image: Image.Image, data: bytes) -> int:
        told = any(name in _COLOUR_CHUNKS for name, _, _ in chunks(data))
        return max(super().peak(image, data), CONVERTED if told else 0)

    def read(self, data: bytes, label: str) -> Raster:
        image = self.opened(data, label)
        if not is_sixteen_bit(data):
            return self.loaded(image, label)
        return _read_deep(image, essential(data), label)

    def encode(
        self, samples: np.ndarray, metadata: Metadata, icc: bytes | None, quality: int
    ) -> bytes:
        """Samples with their metadata's chunks; without a profile they are said to be sRGB."""
        data = bytes(imagecodecs.png_encode(np.ascontiguousarray(samples), level=_LEVEL))
        parts = memoryview(data)  # slices of bytes would be copies of a large file
        head, rest = parts[:_SIGNATURE_AND_HEADER], parts[_SIGNATURE_AND_HEADER:]
        return b"".join((head, *_metadata_chunks(metadata, icc), rest))


CODEC = _Png(PngImagePlugin.PngImageFile, "PNG", 24, 64, png.ancillary)

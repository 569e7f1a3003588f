"""Encode a picture: its own colours, depth, transparency and metadata, as far as a format can."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import Any

from PIL import Image

from restoreflow.errors import OutputError, UsageError
from restoreflow.images import png, tiff_write
from restoreflow.images.canvas import Canvas
from restoreflow.images.containers.jpeg import extra_segments
from restoreflow.images.exif_block import tiff_part
from restoreflow.images.formats import FORMATS, output_format
from restoreflow.images.metadata import fit_metadata, metadata_losses
from restoreflow.images.picture import Metadata, Picture

__all__ = ["encode", "encode_canvas", "losses", "to_image"]

_NCLX = b"colrnclx"


def encode(
    picture: Picture,
    format: str | None = None,
    quality: int = 95,
    bit_depth: int | None = None,
) -> bytes:
    """Encode a picture to a file's bytes.

    Args:
        format: one of `OUTPUT_FORMATS`; None: the picture's own, or png where that is not written.
        quality: 1 to 100, for jpeg (4:4:4), webp (100: lossless) and avif (4:4:4).
        bit_depth: 8 or 16; None: the picture's own. png and tiff hold 16; `losses` tells what a
            format does not hold.

    Raises:
        UsageError: an unknown format, quality or depth.
        LimitError: the format cannot hold a picture of this size.
        OutputError: the encoder failed, or the pixels hold NaN or infinity.
    """
    _check_quality(quality)
    return encode_canvas(Canvas.of(picture, format, bit_depth), quality)


def encode_canvas(canvas: Canvas, quality: int = 95) -> bytes:
    """Encode a canvas that is filled, with its source's metadata.

    Args:
        quality: as of `encode`.

    Raises: as `encode`.
    """
    _check_quality(quality)
    name, source = canvas.format.name, canvas.source
    metadata = source.metadata
    if metadata.size is None:
        metadata = replace(metadata, size=(source.width, source.height))
    metadata = fit_metadata(metadata, canvas.format, (canvas.width, canvas.height))
    try:
        if name == "png":
            return png.write(canvas.samples, metadata, canvas.icc)
        if name == "tiff":
            return tiff_write.write(canvas.samples, metadata, canvas.icc)
        options = _pillow_options(name, quality) | _pillow_metadata(name, metadata, canvas.icc)
        buffer = io.BytesIO()
        Image.fromarray(canvas.samples).save(buffer, name.upper(), **options)
        return _with_code_points(buffer.getvalue(), metadata)
    except (OSError, ValueError, RuntimeError) as error:  # the encoders' own errors
        raise OutputError(f"{canvas.format.title} encoding failed: {error}") from error


def losses(
    picture: Picture, format: str | None = None, bit_depth: int | None = None
) -> tuple[str, ...]:
    """Sentences for the user on what `encode` with these arguments will not keep; empty if all."""
    name = format or output_format(picture.format)
    fmt, metadata = FORMATS[name], picture.metadata
    found: list[str] = []
    if picture.alpha is not None and not fmt.alpha:
        found.append(f"{fmt.title} has no transparency: laid on white")
    if (bit_depth or picture.bit_depth) == 16 and not fmt.sixteen_bit:
        found.append(f"{fmt.title} is written with 8 bits, not 16")
    return (*found, *metadata_losses(metadata, fmt))


def to_image(picture: Picture) -> Image.Image:
    """The picture as a Pillow image in sRGB, 8 bits: L, LA, RGB or RGBA; without metadata."""
    return Image.fromarray(Canvas.of(picture.without_metadata(), "png", 8).samples)


def _check_quality(quality: int) -> None:
    if not 1 <= quality <= 100:
        raise UsageError(f"quality {quality} is out of range", "choose 1 to 100")


def _pillow_options(name: str, quality: int) -> dict[str, Any]:
    if name == "jpeg":
        # No "optimize": Pillow then needs a buffer that strong noise at 4:4:4 overflows.
        return {"quality": quality, "subsampling": "4:4:4"}
    if name == "webp":
        return {"quality": quality, "lossless": quality == 100, "use_sharp_yuv": True}
    return {"quality": quality, "subsampling": "4:4:4"}


class _Verbatim(Image.Exif):
    """EXIF that Pillow writes as the bytes it is; those it is given for AVIF it encodes anew."""

    def __init__(self, block: bytes) -> None:
        super().__init__()
        self._block = block

    def __bool__(self) -> bool:
        return True

    def tobytes(self, offset: int = 8) -> bytes:
        return self._block


def _pillow_metadata(name: str, metadata: Metadata, icc: bytes | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if metadata.exif:
        block = metadata.exif
        options["exif"] = _Verbatim(tiff_part(block)) if name == "avif" else block
    if metadata.xmp:
        options["xmp"] = metadata.xmp
    if icc:
        options["icc_profile"] = icc
    if name == "jpeg":
        options["extra"] = extra_segments(metadata.xmp_extension, metadata.iptc, metadata.texts)
        if metadata.dpi:
            options["dpi"] = metadata.dpi
    return options


def _with_code_points(data: bytes, metadata: Metadata) -> bytes:
    """An AVIF file whose colours are told as HDR's; Pillow writes sRGB's code points alone."""
    place = data.find(_NCLX)
    if metadata.coding is None or metadata.coding.code_points is None or place < 0:
        return data
    told = struct.pack(">HH", *metadata.coding.code_points)
    place += len(_NCLX)
    return data[:place] + told + data[place + len(told) :]

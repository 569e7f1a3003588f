"""Encode a picture: its own colours, depth, transparency and metadata, as far as a format can."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from restoreflow.errors import OutputError, UsageError
from restoreflow.images import png, tiff
from restoreflow.images.canvas import Canvas
from restoreflow.images.formats import FORMATS, output_format
from restoreflow.images.metadata import exif_for
from restoreflow.images.picture import Metadata, Picture

__all__ = ["encode", "encode_canvas", "losses", "to_image"]

_JPEG_BLOCK = 65533  # a JPEG segment's length field has 16 bits
_JPEG_XMP_HEADER = 29


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
    name, metadata = canvas.format.name, canvas.source.metadata
    exif = exif_for(metadata, canvas.width, canvas.height)
    try:
        if name == "png":
            return png.write(canvas.samples, metadata, exif, canvas.icc)
        if name == "tiff":
            return tiff.write(canvas.samples, metadata, exif, canvas.icc)
        options = _pillow_options(name, quality) | _pillow_metadata(
            name, metadata, exif, canvas.icc
        )
        buffer = io.BytesIO()
        Image.fromarray(canvas.samples).save(buffer, name.upper(), **options)
        return buffer.getvalue()
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
    if not _fits(name, metadata.exif or b""):
        found.append("EXIF is too long for JPEG and dropped")
    if not _fits(name, metadata.xmp or b"", _JPEG_XMP_HEADER):
        found.append("XMP is too long for JPEG and dropped")
    return tuple(found)


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


def _pillow_metadata(
    name: str, metadata: Metadata, exif: bytes | None, icc: bytes | None
) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if exif and _fits(name, exif):
        options["exif"] = exif
    if metadata.xmp and _fits(name, metadata.xmp, _JPEG_XMP_HEADER):
        options["xmp"] = metadata.xmp
    if icc:
        options["icc_profile"] = icc
    if metadata.dpi and name == "jpeg":
        options["dpi"] = metadata.dpi
    return options


def _fits(name: str, block: bytes, header: int = 0) -> bool:
    return name != "jpeg" or len(block) + header <= _JPEG_BLOCK

"""Encode a picture: its own colours, depth, transparency and metadata, as far as a format can."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from restoreflow.errors import OutputError, UsageError
from restoreflow.images.canvas import Canvas
from restoreflow.images.codecs.table import encoder
from restoreflow.images.formats import FORMATS, output_format
from restoreflow.images.metadata import fit_metadata, metadata_losses
from restoreflow.images.picture import Picture

__all__ = ["encode", "encode_canvas", "losses", "to_image"]


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
        return encoder(name).encode(canvas.samples, metadata, canvas.icc, quality)
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

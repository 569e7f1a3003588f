"""Encode a picture: its own colours, depth, transparency and metadata, as far as a format can."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from restoreflow.errors import OutputError, UsageError
from restoreflow.images import png, tiff
from restoreflow.images.alpha import flatten
from restoreflow.images.color import from_srgb, is_srgb, profile_space
from restoreflow.images.formats import FORMATS, OUTPUT_FORMATS, Format, check_size, output_format
from restoreflow.images.metadata import exif_for
from restoreflow.images.picture import Picture

__all__ = ["encode", "losses", "to_image"]

# sRGB's luminance weights: a gray triple keeps its value, a restored one that is slightly coloured
# keeps its lightness.
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_BAND_ROWS = 256
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
    name = format or output_format(picture.format)
    depth = _check_options(name, quality, bit_depth, picture)
    check_size(name, picture.width, picture.height)
    fmt = FORMATS[name]
    samples, icc = _samples(picture, fmt, 16 if depth == 16 and fmt.sixteen_bit else 8)
    exif = exif_for(picture.metadata, picture.width, picture.height)
    try:
        if name == "png":
            return png.write(samples, picture.metadata, exif, icc)
        if name == "tiff":
            return tiff.write(samples, picture.metadata, exif, icc)
        options = _pillow_options(name, quality) | _pillow_metadata(name, picture, exif, icc)
        buffer = io.BytesIO()
        Image.fromarray(samples).save(buffer, name.upper(), **options)
        return buffer.getvalue()
    except (OSError, ValueError, RuntimeError) as error:  # the encoders' own errors
        raise OutputError(f"{fmt.title} encoding failed: {error}") from error


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
    samples, _ = _samples(picture.without_metadata(), FORMATS["png"], 8)
    return Image.fromarray(samples)


def _check_options(name: str, quality: int, bit_depth: int | None, picture: Picture) -> int:
    if name not in OUTPUT_FORMATS:
        raise UsageError(f"{name!r} is not written", f"choose one of {', '.join(OUTPUT_FORMATS)}")
    if not 1 <= quality <= 100:
        raise UsageError(f"quality {quality} is out of range", "choose 1 to 100")
    if bit_depth not in (None, 8, 16):
        raise UsageError(f"bit depth {bit_depth} is not written", "choose 8 or 16")
    return bit_depth or picture.bit_depth


def _samples(picture: Picture, fmt: Format, depth: int) -> tuple[np.ndarray, bytes | None]:
    """Integer samples, (H, W) or (H, W, C), as the format takes them, and the profile they use."""
    gray = picture.grayscale and fmt.grayscale
    icc = picture.metadata.icc
    if icc and profile_space(icc) != ("gray" if gray else "rgb"):
        icc = None  # a profile describes the channels it stands beside, or nothing
    convert = icc if icc and not is_srgb(icc) else None
    keep_alpha = picture.alpha is not None and fmt.alpha
    channels = (1 if gray else 3) + keep_alpha
    dtype, largest = (np.uint16, 65535) if depth == 16 else (np.uint8, 255)
    result = np.empty((picture.height, picture.width, channels), dtype)
    # By bands: the copies in floating point stay small beside the picture.
    for top in range(0, picture.height, _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        colors = _colors(picture, rows, gray, convert, keep_alpha)
        if keep_alpha and picture.alpha is not None:
            colors = np.concatenate([colors, picture.alpha[rows, :, None]], axis=2)
        result[rows] = np.rint(np.clip(colors, 0, 1) * np.float32(largest))
    return (result[..., 0] if channels == 1 else result), icc


def _colors(
    picture: Picture, rows: slice, gray: bool, icc: bytes | None, keep_alpha: bool
) -> np.ndarray:
    """One band of colours, (h, w, 1 or 3) float32, in the profile to be written."""
    colors = picture.pixels[rows]
    if not np.isfinite(colors).all():
        raise OutputError("the result holds values that are not finite numbers; nothing is written")
    colors = np.clip(colors, 0, 1)
    beyond = picture.beyond_gamut[rows] if picture.beyond_gamut is not None and icc else None
    if picture.alpha is not None and not keep_alpha:
        colors = flatten(colors, picture.alpha[rows])
        beyond = beyond * picture.alpha[rows, :, None] if beyond is not None else None
    if picture.grayscale:
        light = colors @ _LUMINANCE
        colors = np.repeat(light[..., None], 3 if icc or not gray else 1, axis=2)
    if icc is None:
        return colors
    if beyond is not None:
        colors = colors + beyond
    return from_srgb(colors.astype(np.float32, copy=False), icc)


def _pillow_options(name: str, quality: int) -> dict[str, Any]:
    if name == "jpeg":
        # No "optimize": Pillow then needs a buffer that strong noise at 4:4:4 overflows.
        return {"quality": quality, "subsampling": "4:4:4"}
    if name == "webp":
        return {"quality": quality, "lossless": quality == 100, "use_sharp_yuv": True}
    return {"quality": quality, "subsampling": "4:4:4"}


def _pillow_metadata(
    name: str, picture: Picture, exif: bytes | None, icc: bytes | None
) -> dict[str, Any]:
    metadata, options = picture.metadata, {}
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

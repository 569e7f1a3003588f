"""Decode a picture file by what it contains, within limits, into upright sRGB.

Nothing trusts the file's name, its header's promises or its metadata; whatever a file holds, the
outcome is a `Picture` or a `RestoreflowError`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from restoreflow.errors import InputError, LimitError
from restoreflow.free_memory import is_out_of_memory
from restoreflow.images.color import is_srgb, is_usable, profile_space, to_srgb
from restoreflow.images.footprint import check_decoding
from restoreflow.images.formats import FORMATS, sniff
from restoreflow.images.input_bytes import read_picture_bytes
from restoreflow.images.metadata import clean_dpi, clean_exif, clean_xmp, has_content_credentials
from restoreflow.images.names import shown
from restoreflow.images.picture import Metadata, Picture
from restoreflow.images.raster import Raster
from restoreflow.images.readers import pillow_raster, read_header, read_raster
from restoreflow.images.tiff_pages import one_page
from restoreflow.local_files import file_size, open_regular

__all__ = ["DEFAULT_MAX_PIXELS", "decode", "from_image", "read_bytes", "read_size"]

DEFAULT_MAX_PIXELS = 300_000_000

_BYTES_A_PIXEL = 16  # the most an uncompressed file needs: four 32-bit samples
_BYTES_BESIDE_PIXELS = 2**26
_GAMUT_NOISE = 2e-4  # below this, being outside sRGB is rounding in the conversion
_CMYK_NOTE = "CMYK is converted to sRGB and written as RGB"
_CREDENTIALS_NOTE = "content credentials (C2PA) dropped: they sign the picture before restoration"


def decode(
    source: str | Path | bytes | BinaryIO,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    label: str | None = None,
) -> Picture:
    """Decode a file, its bytes or an open binary stream.

    Args:
        source: where the picture is; a stream is read to its end.
        max_pixels: the most pixels (width times height) decoded; None for no limit.
        label: what errors call it; None: the path, or "the data".

    Raises:
        InputError: missing, unreadable, not a picture, damaged or cut short.
        LimitError: more than `max_pixels`, or more than memory holds.
    """
    found, data = _read(source, max_pixels)
    label = label or found
    kind = sniff(data, label)
    read_header(data, kind, label, max_pixels)
    check_decoding(data, kind, label)
    try:
        picture = _picture(read_raster(data, kind, label, max_pixels), kind)
    except (MemoryError, InputError) as error:
        if isinstance(error, InputError) and not is_out_of_memory(error.__cause__):
            raise
        raise LimitError(f"{label} does not fit in memory", "restore a smaller part") from error
    if has_content_credentials(data):
        picture = replace(picture, notes=(*picture.notes, _CREDENTIALS_NOTE))
    return picture


def read_bytes(
    source: str | Path | bytes | BinaryIO,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    page: int | None = None,
) -> bytes:
    """A file's bytes, no more than a picture within the limit can have.

    Args:
        page: from 1: those of a TIFF file that has only this page of the source's.

    Raises: as `decode`, where the file cannot be read; InputError also where it lacks the page.
    """
    label, data = _read(source, max_pixels)
    return data if page is None else one_page(data, page, label)


def read_size(
    source: str | Path | bytes | BinaryIO,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    label: str | None = None,
) -> tuple[int, int]:
    """Width and height in pixels, upright, from the header: what planning a run needs.

    Raises: as `decode`, but damage further down in the file goes unseen.
    """
    found, data = _read(source, max_pixels)
    label = label or found
    kind = sniff(data, label)
    width, height, exif = read_header(data, kind, label, max_pixels)
    orientation = clean_exif(exif)[1] if exif is not None else 1
    return (height, width) if orientation >= 5 else (width, height)


def from_image(image: Image.Image, format: str = "png") -> Picture:
    """A `Picture` of a Pillow image in memory; its mode, profile and EXIF mean what a file's do.

    Raises:
        InputError: a mode that holds no picture (floating point, Lab).
    """
    return _picture(pillow_raster(image, "the image"), format)


def _read(source: str | Path | bytes | BinaryIO, max_pixels: int | None) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        return "the data", source
    most = None if max_pixels is None else max_pixels * _BYTES_A_PIXEL + _BYTES_BESIDE_PIXELS
    if not isinstance(source, (str, Path)):
        return "the stream", read_picture_bytes(source, most, "the stream")
    path, label = source if isinstance(source, Path) else Path(source), shown(source)
    try:
        with open_regular(path) as stream:
            return label, read_picture_bytes(stream, most, label, file_size(stream))
    except FileNotFoundError as error:
        raise InputError(f"{label} does not exist", "check the path") from error
    except PermissionError as error:
        raise InputError(f"{label} may not be read", "check its permissions") from error
    except IsADirectoryError as error:
        raise InputError(f"{label} is a folder, not a picture") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if _is_special(path):
            raise InputError(f"{label} is not a regular file") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{label} cannot be read: {reason}") from error


def _is_special(path: Path) -> bool:
    """Whether there is a pipe, a socket or a device."""
    try:
        return path.exists() and not path.is_file()
    except (OSError, ValueError):
        return False


def _picture(raster: Raster, kind: str) -> Picture:
    colors, icc, color_notes = _srgb(raster)
    exif, orientation, exif_notes = None, 1, ()
    if raster.exif is not None:
        exif, orientation, exif_notes = clean_exif(raster.exif)
    dpi = clean_dpi(raster.dpi)
    if dpi and orientation >= 5:
        dpi = (dpi[1], dpi[0])
    if raster.upright:
        orientation = 1
    colors = _upright(colors, orientation)
    pixels, beyond = colors, None
    if raster.icc:  # only a conversion can leave [0, 1]
        pixels = np.clip(colors, 0, 1)
        beyond = colors - pixels if icc else None
        if beyond is not None and np.abs(beyond).max() <= _GAMUT_NOISE:
            beyond = None
    return Picture(
        pixels=pixels,
        alpha=None if raster.alpha is None else _upright(raster.alpha, orientation),
        grayscale=raster.model == "gray" or (not FORMATS[kind].grayscale and _is_neutral(colors)),
        bit_depth=raster.bit_depth,
        format=kind,
        metadata=Metadata(exif=exif, icc=icc, xmp=clean_xmp(raster.xmp), dpi=dpi),
        notes=raster.notes + color_notes + exif_notes,
        beyond_gamut=beyond,
    )


def _srgb(raster: Raster) -> tuple[np.ndarray, bytes | None, tuple[str, ...]]:
    """(H, W, 3) sRGB, unclipped; the profile that the result is to have again; notes."""
    samples, icc, notes = raster.samples, raster.icc, ()
    space = profile_space(icc) if icc else None
    if icc and not is_usable(icc):
        icc, space, notes = None, None, ("the colour profile is damaged; sRGB is assumed",)
    elif icc and space != raster.model and not (space == "rgb" and raster.model == "gray"):
        icc, notes = None, (f"the profile is for {space} and does not fit; sRGB is assumed",)
    if raster.model == "cmyk":
        if icc is None:
            return (1 - samples[..., :3]) * (1 - samples[..., 3:]), None, (*notes, _CMYK_NOTE)
        return to_srgb(samples, icc), None, (*notes, _CMYK_NOTE)
    if raster.model == "gray" and (icc is None or space == "rgb"):
        samples = np.repeat(samples, 3, axis=2)
    if icc is None or is_srgb(icc):
        kept = None if raster.model == "gray" else icc
        return samples, kept, notes
    if raster.model == "gray" and space == "rgb":
        # A gray file may not carry an RGB profile, though some do: its meaning is kept, not it.
        notes = ("the RGB profile of a grayscale picture is converted to sRGB and dropped",)
        return to_srgb(samples, icc), None, notes
    return to_srgb(samples, icc), icc, notes


def _is_neutral(colors: np.ndarray) -> bool:
    # WebP, AVIF, GIF and BMP have no grayscale: a gray picture there has three channels that are
    # equal, up to the one level that WebP's chroma rounds by.
    return bool(np.ptp(colors, axis=2).max() < 1.5 / 255)


def _upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Apply EXIF's orientation, 1 to 8, to (H, W) or (H, W, C)."""
    if orientation in (5, 6, 7, 8):
        values = np.swapaxes(values, 0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)

"""Decode a picture file by what it contains, within limits, into upright sRGB.

Nothing trusts the file's name, its header's promises or its metadata; whatever a file holds, the
outcome is a `Picture` or a `RestoreflowError`.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from restoreflow.errors import InputError, LimitError, shown
from restoreflow.free_memory import is_out_of_memory
from restoreflow.images.ancillary import Ancillary
from restoreflow.images.codecs.pillow import image_ancillary, pillow_raster
from restoreflow.images.codecs.table import Header, ancillary_of, codec
from restoreflow.images.formats import FORMATS, sniff
from restoreflow.images.input_bytes import check_decoding, read_picture_bytes
from restoreflow.images.metadata import clean_metadata, credential_notes, orientation_of
from restoreflow.images.picture import Picture, Raster
from restoreflow.images.working_color import working_color
from restoreflow.local_files import file_size, open_regular
from restoreflow.remote_path import RemotePath

__all__ = ["DEFAULT_MAX_PIXELS", "decode", "from_image", "read_bytes", "read_levels", "read_size"]

DEFAULT_MAX_PIXELS = 300_000_000

_NAMES_LOOKED_AT = 4096
_BYTES_A_PIXEL = 16  # the most an uncompressed file needs: four 32-bit samples
_BYTES_BESIDE_PIXELS = 2**26
_GAMUT_NOISE = 2e-4  # below this, being outside sRGB is rounding in the conversion


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
    _checked_header(data, kind, label, max_pixels)
    check_decoding(data, kind, label)
    try:
        raster = codec(kind).read(data, label)
        found = ancillary_of(data, kind)
        picture = _picture(raster, replace(found, icc=raster.icc or found.icc), kind)
    except (MemoryError, InputError) as error:
        if isinstance(error, InputError) and not is_out_of_memory(error.__cause__):
            raise
        raise LimitError(f"{label} does not fit in memory", "restore a smaller part") from error
    notes = (*picture.notes, *credential_notes(data))
    return replace(picture, notes=notes, jpeg_quality=_jpeg_quality(data, kind))


def _jpeg_quality(data: bytes, kind: str) -> float | None:
    if kind != "jpeg":
        return None
    from restoreflow.images.jpeg_quality import quality_of_file

    return quality_of_file(data)


def read_levels(path: Path) -> NDArray[np.uint8]:
    """A photograph as a model sees it: (H, W, 3), upright, sRGB in 8 bits, without transparency.

    The way for training, evaluation and statistics, so that they see the pixels that restoring
    sees.

    Raises: as `decode`.
    """
    return np.rint(decode(path).pixels * np.float32(255.0)).astype(np.uint8)


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
    if page is None:
        return data
    from restoreflow.images.tiff_pages import one_page

    return one_page(data, page, label)


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
    width, height, upright = _checked_header(data, kind, label, max_pixels)
    turned = not upright and orientation_of(ancillary_of(data, kind)) >= 5
    return (height, width) if turned else (width, height)


def from_image(image: Image.Image, format: str = "png") -> Picture:
    """A `Picture` of a Pillow image in memory; its mode, profile and EXIF mean what a file's do.

    Raises:
        InputError: a mode that holds no picture (floating point, Lab).
    """
    return _picture(pillow_raster(image, "the image"), image_ancillary(image), format)


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
        raise InputError(f"{label} does not exist", _meant(path)) from error
    except PermissionError as error:
        raise InputError(f"{label} may not be read", "check its permissions") from error
    except IsADirectoryError as error:
        raise InputError(f"{label} is a folder, not a picture") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if _is_special(path):
            raise InputError(f"{label} is not a regular file") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{label} cannot be read: {reason}") from error


def _meant(path: Path) -> str:
    """What to do about a file that is not there: take the one that its name is a slip of.

    A store is not asked for it: it may hold very many names, and be slow to list them.
    """
    if isinstance(path, RemotePath):
        return "check the URL"
    if not path.parent.is_dir():
        return f"there is no folder {shown(path.parent)}"
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, _NAMES_LOOKED_AT)]
    except (OSError, ValueError):
        return "check the path"
    known = {ending for each in FORMATS.values() for ending in each.extensions}
    pictures = sorted(name for name in names if Path(name).suffix.lower() in known)
    same = [name for name in pictures if Path(name).stem.casefold() == path.stem.casefold()]
    near = same or difflib.get_close_matches(path.name, pictures, n=1, cutoff=0.8)
    return f"did you mean {shown(path.with_name(near[0]))}?" if near else "check the path"


def _is_special(path: Path) -> bool:
    """Whether there is a pipe, a socket or a device."""
    try:
        return path.exists() and not path.is_file()
    except (OSError, ValueError):
        return False


def _checked_header(data: bytes, kind: str, label: str, max_pixels: int | None) -> Header:
    header = codec(kind).header(data, label)
    width, height, _ = header
    if width < 1 or height < 1:
        raise InputError(f"{label} has no pixels ({width} x {height})")
    if max_pixels is not None and width * height > max_pixels:
        raise LimitError(
            f"{label} has {width} x {height} pixels ({width * height / 1e6:.4g} megapixels), "
            f"the limit is {max_pixels / 1e6:.4g} megapixels",
            "raise it with --max-pixels if you trust the file",
        )
    return header


def _picture(raster: Raster, found: Ancillary, kind: str) -> Picture:
    color = working_color(raster, found)
    orientation = orientation_of(found)
    height, width = raster.samples.shape[:2]
    if raster.upright and orientation >= 5:
        height, width = width, height
    metadata, notes = clean_metadata(found, width, height, color.converted)
    turn = 1 if raster.upright else orientation
    colors = _upright(color.colors, turn)
    pixels, beyond = colors, None
    if color.icc or color.converted:  # only a conversion can leave [0, 1]
        pixels = np.clip(colors, 0, 1)
        beyond = colors - pixels if color.icc else None
        if beyond is not None and np.abs(beyond).max() <= _GAMUT_NOISE:
            beyond = None
    return Picture(
        pixels=pixels,
        alpha=None if raster.alpha is None else _upright(raster.alpha, turn),
        grayscale=raster.model == "gray" or (not FORMATS[kind].grayscale and _is_neutral(colors)),
        bit_depth=raster.bit_depth,
        format=kind,
        metadata=replace(metadata, icc=color.icc, coding=color.coding),
        notes=raster.notes + color.notes + notes,
        beyond_gamut=beyond,
    )


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

"""EXIF, XMP and resolution: cleaned on reading, corrected on writing.

Cleaned means: the orientation is upright, since the pixels are; no thumbnail, since it shows the
old picture; none of the tags that describe how a TIFF file lays out its pixels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from PIL import ExifTags, Image

from restoreflow.images.picture import Metadata

__all__ = [
    "EXIF_PREFIX",
    "clean_dpi",
    "clean_exif",
    "clean_xmp",
    "exif_for",
    "has_content_credentials",
    "parse_exif",
    "split_directories",
]

EXIF_PREFIX = b"Exif\x00\x00"

_ORIENTATION = ExifTags.Base.Orientation
_PIXEL_SIZE = (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)
# Layout of a TIFF's pixels (strips, tiles, samples, JPEG tables, colour map, sub-images), and what
# is kept elsewhere: resolution (282, 283, 296), XMP (700), IPTC and Photoshop (33723, 34377),
# ICC (34675).
_STRUCTURAL = frozenset(
    (
        *range(254, 260),
        *(262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 282, 283, 284),
        *(288, 289, 290, 291, 292, 293, 296, 297, 301, 317, 320, 321),
        *range(322, 333),
        *range(338, 348),
        *range(512, 522),
        *(529, 530, 531, 532, 559, 700, 33723, 34377, 34675),
    )
)
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>)\s*)[2-8]""")


def parse_exif(data: bytes) -> Image.Exif:
    """Parse an EXIF block, with or without its prefix, or the tags of a whole classic TIFF file."""
    exif = Image.Exif()
    exif.load(data)
    return exif


def clean_exif(exif: Image.Exif) -> tuple[bytes | None, int, tuple[str, ...]]:
    """Clean parsed EXIF for a restored picture.

    Returns:
        the EXIF block (None where nothing is left), the orientation 1 to 8 that the pixels still
        need, and notes for the user.
    """
    notes: list[str] = []
    try:
        orientation = exif.get(_ORIENTATION, 1)
        orientation = orientation if orientation in range(1, 9) else 1
        if exif.get_ifd(ExifTags.IFD.IFD1):
            notes.append("EXIF thumbnail dropped: it shows the picture before restoration")
        kept = Image.Exif()
        for tag, value in _directories(exif):
            kept[tag] = value
        if _ORIENTATION in exif:
            kept[_ORIENTATION] = 1
        block = kept.tobytes() if len(kept) else None
    except Exception:  # damaged EXIF fails in many ways; the pixels are worth having without it
        return None, 1, ("EXIF could not be read and is dropped",)
    return block, orientation, tuple(notes)


def _directories(exif: Image.Exif) -> Iterator[tuple[int, Any]]:
    for tag in list(exif):
        if tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            directory = dict(exif.get_ifd(tag))
            interop = ExifTags.IFD.Interop
            if tag == ExifTags.IFD.Exif and interop in directory:
                directory[interop] = dict(exif.get_ifd(interop))
            if directory:
                yield tag, directory
        elif tag not in _STRUCTURAL:
            yield tag, exif[tag]


def split_directories(exif: bytes) -> tuple[dict[int, Any], dict[int, dict[int, Any]]]:
    """Cleaned EXIF as (plain tags of the first directory, {pointer tag: directory}), for TIFF."""
    plain: dict[int, Any] = {}
    nested: dict[int, dict[int, Any]] = {}
    for tag, value in _directories(parse_exif(exif)):
        if isinstance(value, dict):
            nested[tag] = value
        else:
            plain[tag] = value
    return plain, nested


def exif_for(metadata: Metadata, width: int, height: int) -> bytes | None:
    """The EXIF block for a written picture: its size tags, where present, give width x height."""
    if metadata.exif is None:
        return None
    exif = Image.Exif()
    for tag, value in _directories(parse_exif(metadata.exif)):
        if tag == ExifTags.IFD.Exif:
            for size_tag, size in zip(_PIXEL_SIZE, (width, height), strict=True):
                if size_tag in value:
                    value[size_tag] = size
        exif[tag] = value
    return exif.tobytes()


def clean_xmp(xmp: bytes | str | None) -> bytes | None:
    """The XMP packet as bytes, its orientation upright."""
    if not xmp:
        return None
    packet = xmp.encode("utf-8", "replace") if isinstance(xmp, str) else bytes(xmp)
    return _XMP_ORIENTATION.sub(rb"\g<1>1", packet)


def clean_dpi(dpi: Any) -> tuple[float, float] | None:
    """A resolution in pixels an inch, or None where it is absent, not finite or not positive."""
    try:
        horizontal, vertical = (float(each) for each in dpi)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    if not all(math.isfinite(each) and 0 < each < 1e6 for each in (horizontal, vertical)):
        return None
    return horizontal, vertical


def has_content_credentials(data: bytes) -> bool:
    """Whether a file carries a C2PA manifest, which signs the very bytes that restoring changes."""
    return b"c2pa" in data and (b"jumb" in data or b"caBX" in data)

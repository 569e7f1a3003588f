"""What stands beside the pixels, cleaned on reading and made to fit what is written.

Cleaned means that it holds for a restored picture: upright, without what shows or describes the
old pixels, and with no promise of what is not carried. What goes is said. What reads a kind of
block is imported where a file has one.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

from restoreflow.images.ancillary import Ancillary, Tag, has_credentials
from restoreflow.images.formats import Format
from restoreflow.images.picture import Metadata

__all__ = [
    "clean_dpi",
    "clean_metadata",
    "credential_notes",
    "fit_metadata",
    "metadata_losses",
    "orientation_of",
    "printed",
]

_JPEG_BLOCK = 65533  # a JPEG segment's length field has 16 bits
_JPEG_HEADERS = 300  # and a segment begins with what it is; numbers in XMP may grow too
_CREDENTIALS_NOTE = "content credentials (C2PA) dropped: they sign the picture before restoration"


def orientation_of(found: Ancillary) -> int:
    """What the pixels need, 1 to 8: by the container where it says so, else by EXIF."""
    if found.orientation or not found.exif:
        return found.orientation or 1
    from restoreflow.images.exif_block import exif_orientation

    return exif_orientation(found.exif)


def clean_metadata(
    found: Ancillary, width: int, height: int, srgb: bool
) -> tuple[Metadata, tuple[str, ...]]:
    """What is kept of what a file says, but for its colours; and notes for the user.

    Args:
        width, height: of the pixels as they are stored.
        srgb: they have been converted to sRGB for good.
    """
    orientation = orientation_of(found)
    turned = orientation >= 5
    block, dpi, packet, extension = None, found.dpi, None, None
    exif_notes = xmp_notes = more_notes = geo_notes = ()
    if found.exif:
        from restoreflow.images.exif import clean_exif
        from restoreflow.images.exif_block import exif_resolution

        block, exif_notes = clean_exif(found.exif, orientation, width, height, srgb)
        dpi = dpi or exif_resolution(found.exif)
    if found.xmp or found.xmp_extension:
        from restoreflow.images.xmp import clean_xmp

        extension, more_notes = clean_xmp(found.xmp_extension, orientation, srgb)
        packet, xmp_notes = clean_xmp(found.xmp, orientation, srgb, extension is not None)
    dpi, geo = clean_dpi(dpi), found.geo
    if geo and orientation != 1:
        geo, geo_notes = (), ("GeoTIFF's tags dropped: the picture was turned",)
    metadata = Metadata(
        exif=block,
        xmp=packet,
        xmp_extension=extension if packet else None,
        dpi=(dpi[1], dpi[0]) if dpi and turned else dpi,
        iptc=found.iptc,
        texts=found.texts,
        geo=geo,
        size=(height, width) if turned else (width, height),
    )
    notes = (*found.notes, *exif_notes, *xmp_notes, *more_notes, *geo_notes)
    return metadata, tuple(dict.fromkeys(notes))


def fit_metadata(metadata: Metadata, format: Format, size: tuple[int, int]) -> Metadata:
    """What of it a format holds, for a picture of width x height."""
    kept = _held(metadata, format)[0]
    before = kept.size or size
    exif, xmp, extension, geo = kept.exif, kept.xmp, kept.xmp_extension, kept.geo
    if exif:
        from restoreflow.images.exif import fit_exif

        exif = fit_exif(exif, before, size)
    if xmp:
        from restoreflow.images.xmp import fit_xmp

        extension = extension and fit_xmp(extension, before, size)
        xmp = fit_xmp(xmp, before, size, extension)
    if geo:
        from restoreflow.images.geotiff import scale_geo

        geo = scale_geo(geo, before, size) or ()
    return replace(kept, exif=exif, xmp=xmp, xmp_extension=extension, geo=geo, size=size)


def printed(
    metadata: Metadata, dpi: float | None, before: tuple[int, int], size: tuple[int, int]
) -> Metadata:
    """What travels with a picture, for a result with another resolution.

    What a file says twice, beside its pixels and in EXIF or XMP, is changed in both. Nothing is
    made up where a file does not say, unless a number is given.

    Args:
        metadata: the picture's, upright.
        dpi: pixels an inch; None: as many times what the file says as the sides grow, so that the
            result is as large on paper.
        before, size: width and height of the picture and of the result.
    """
    times = tuple(Fraction(new, old) for new, old in zip(size, before, strict=True))
    number = None if dpi is None else Fraction(dpi).limit_denominator(10_000)

    def told(axis: int, value: Fraction, inches: Fraction) -> Fraction:
        return value * times[axis] if number is None else number * inches

    found = metadata.dpi
    if dpi is not None:
        found = (dpi, dpi)
    elif found is not None:
        found = (found[0] * float(times[0]), found[1] * float(times[1]))
    exif, xmp = metadata.exif, metadata.xmp
    if exif:
        from restoreflow.images.exif import print_exif

        exif = print_exif(exif, told)
    if xmp:
        from restoreflow.images.xmp import print_xmp

        xmp = print_xmp(xmp, told)
    return replace(metadata, dpi=found, exif=exif, xmp=xmp)


def metadata_losses(metadata: Metadata, format: Format) -> tuple[str, ...]:
    """Sentences for the user on what of it a format does not hold."""
    return _held(metadata, format)[1]


def _held(metadata: Metadata, format: Format) -> tuple[Metadata, tuple[str, ...]]:
    kept, lost, title = metadata, list[str](), format.title
    blocks = {"exif": "EXIF", "xmp": "XMP", "xmp_extension": "extended XMP", "iptc": "IPTC"}
    for name, called in blocks.items():
        block = getattr(metadata, name)
        if block is None:
            continue
        if name == "iptc" and not format.iptc:
            lost.append(f"{title} has no place for the IPTC record: dropped")
        elif name == "xmp_extension" and format.name != "jpeg":
            lost.append("extended XMP dropped: only JPEG has it")
        elif format.name == "jpeg" and name != "xmp_extension" and not _fits_jpeg(block):
            lost.append(f"{called} is too long for JPEG and dropped")
        else:
            continue
        kept = replace(kept, **{name: None})
    if kept.xmp is None:
        kept = replace(kept, xmp_extension=None)
    texts = tuple(each for each in kept.texts if _has_place(each.keyword, each.text, format))
    if len(texts) < len(kept.texts):
        number = len(kept.texts) - len(texts)
        lost.append(f"{title} has no place for {number} text{'s' if number > 1 else ''}: dropped")
    if kept.geo and (format.name != "tiff" or not _is_scalable(kept.geo)):
        lost.append("the place on the earth (GeoTIFF) is dropped")
        kept = replace(kept, geo=())
    if kept.dpi and not format.resolution:
        if not _tells_resolution(kept.exif):
            lost.append(f"{title} has no place for the resolution: dropped")
        kept = replace(kept, dpi=None)
    if kept.coding and not format.code_points:
        lost.append(f"{title} cannot say that colours are {kept.coding.curve}: use png")
        kept = replace(kept, coding=None)
    return replace(kept, texts=texts), tuple(lost)


def _is_scalable(geo: tuple[Tag, ...]) -> bool:
    from restoreflow.images.geotiff import scale_geo

    return scale_geo(geo, (1, 1), (2, 2)) is not None


def _tells_resolution(exif: bytes | None) -> bool:
    if not exif:
        return False
    from restoreflow.images.exif_block import exif_resolution

    return exif_resolution(exif) is not None


def _has_place(keyword: str, text: str, format: Format) -> bool:
    if format.name == "jpeg":
        return keyword == "Comment" and _fits_jpeg(text.encode())
    return format.texts


def _fits_jpeg(block: bytes) -> bool:
    return len(block) + _JPEG_HEADERS <= _JPEG_BLOCK


def clean_dpi(dpi: Any) -> tuple[float, float] | None:
    """A resolution in pixels an inch, or None where it is absent, not finite or not positive."""
    try:
        horizontal, vertical = (float(each) for each in dpi)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    if not all(math.isfinite(each) and 0 < each < 1e6 for each in (horizontal, vertical)):
        return None
    return horizontal, vertical


def credential_notes(data: bytes) -> tuple[str, ...]:
    """A note if a file has content credentials."""
    return (_CREDENTIALS_NOTE,) if has_credentials(data) else ()

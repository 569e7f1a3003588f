"""TIFF: the tags that say something of the picture, carried as their bytes."""

from __future__ import annotations

import re
import struct

import tifffile

from restoreflow.images import ifd
from restoreflow.images.ancillary import Ancillary, Tag, behind_note, counted
from restoreflow.images.containers.photoshop import photoshop_resources
from restoreflow.images.containers.tiff_exif import Value, exif_block, little_endian, values_of
from restoreflow.images.containers.tiff_extent import reach
from restoreflow.images.exif_block import exif_resolution
from restoreflow.images.geotiff import GEO_TAGS

__all__ = ["ancillary", "is_layout"]

_DESCRIPTION, _XMP, _IPTC, _PHOTOSHOP, _ICC, _LAYERS = 270, 700, 33723, 34377, 34675, 37724
_POINTERS, _SUB_IFDS = (34665, 34853), 330
_RESOLUTION, _RESOLUTION_UNIT = (282, 283, 296), 296
_NO_UNIT = 1
# How the pixels lie in the file: strips, tiles, samples, compression, further pictures.
_LAYOUT = frozenset(
    (
        *range(254, 260),
        *(262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284),
        *(288, 289, 290, 291, 292, 293, 297, 317, 320, 321),
        *(*range(322, 335), 336),
        *range(338, 348),
        *range(512, 522),
        *(529, 530, 531, 532, 559),
    )
)
# Beyond TIFF 6.0's own tags: those that say something of a photograph (EXIF's, TIFF/EP's,
# Windows's), of whatever directory. Others are the business of programs that have measured or
# laid out these very pixels.
_KNOWN = frozenset((18246, 18249, 33432, 33434, 33437, 34850, 34852, 34855, 34856, 34857, 34858))
_KNOWN |= frozenset((*range(34864, 34870), *range(36864, 37400), 37500, 37510, 37520, 37521, 37522))
_KNOWN |= frozenset((*range(37888, 37894), *range(40091, 40096), *range(40960, 40964), 40964))
_KNOWN |= frozenset(
    (*range(41483, 41997), *range(42016, 42038), *range(42080, 42083), 42240, 50341)
)
_TIFF_6 = 700
_TRANSFER_FUNCTION, _IMAGEJ = 301, (50838, 50839)
_ELSEWHERE = frozenset((_XMP, _IPTC, _PHOTOSHOP, _ICC))
_LONG = 4
_MOST_BYTES, _MOST_GEO = 2**26, 2**20
_MOST_FOLLOWING = 1000
# What programs write into the description about the layout of the pixels they wrote.
_OF_PIXELS = re.compile(
    rb"(?s)ImageJ=|\{.*\"shape\":|shape=\(|SCANIMAGE|SI\.|state\.|Aperio |<MetaData>|ZEISS|"
    rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(OME|MetaData|Zeiss)\b"
)


def ancillary(data: bytes) -> Ancillary:
    """What the first page's tags say; of what is not carried, how many there are of each kind."""
    layout = ifd.LAYOUTS.get(data[:4])
    first = _first(data, layout) if layout else None
    if layout is None or first is None:
        return Ancillary()
    values = values_of(data, first, layout)
    resources = photoshop_resources(_bytes(values, _PHOTOSHOP) or b"")
    notes = [*resources.notes, *_without_pixels(values), *_without_scale(values, layout)]
    following = _following(data, first, layout)
    if following:
        notes.append("smaller copies of the page (thumbnails, masks) dropped")
    notes += behind_note(data[reach(data, [first.start, *following], layout) :])
    geo = tuple(
        Tag(tag, value.kind, value.length, little_endian(value.kind, value.data, layout.order))
        for tag in GEO_TAGS
        if (value := values.get(tag)) and len(value.data) <= _MOST_GEO
    )
    wanted = {tag: value for tag, value in values.items() if tag in _POINTERS or _is_known(tag)}
    exif, exif_notes = exif_block(data, layout, wanted)
    too_long = {tag for tag in _ELSEWHERE if tag in values and _bytes(values, tag) is None}
    told = wanted.keys() | {tag.number for tag in geo} | _LAYOUT | (_ELSEWHERE - too_long)
    unknown = [tifffile.TIFF.TAGS.get(tag, str(tag)) for tag in values if tag not in told]
    return Ancillary(
        exif=exif,
        icc=_bytes(values, _ICC) or resources.icc,
        xmp=_bytes(values, _XMP) or resources.xmp,
        iptc=_iptc(_bytes(values, _IPTC)) or resources.iptc,
        dpi=exif_resolution(exif) if exif else None,
        geo=geo,
        notes=(
            *notes,
            *exif_notes,
            *counted(unknown, "TIFF tag"),
            *(("damaged TIFF tags dropped",) if first.broken else ()),
        ),
    )


def _first(data: bytes, layout: ifd.Layout) -> ifd.Directory | None:
    if len(data) < layout.header:
        return None
    (place,) = struct.unpack_from(layout.order + layout.offset, data, layout.header - layout.inline)
    return ifd.read(data, place, layout)


def _following(data: bytes, first: ifd.Directory, layout: ifd.Layout) -> list[int]:
    """The places of the directories behind the first one."""
    places: list[int] = []
    found: ifd.Directory | None = first
    while found is not None and found.link + layout.inline <= len(data):
        (place,) = struct.unpack_from(layout.order + layout.offset, data, found.link)
        if not place or place in places or len(places) > _MOST_FOLLOWING:
            break
        places.append(place)
        found = ifd.read(data, place, layout)
    return places


def is_layout(tag: int) -> bool:
    """Whether a tag tells how pixels lie in a file, and nothing of the picture."""
    return tag in _LAYOUT


def _is_known(tag: int) -> bool:
    return tag in _KNOWN or (
        tag < _TIFF_6 and tag not in _LAYOUT | _ELSEWHERE | {_TRANSFER_FUNCTION}
    )


def _bytes(values: dict[int, Value], tag: int) -> bytes | None:
    value = values.get(tag)
    return bytes(value.data) if value and len(value.data) <= _MOST_BYTES else None


def _without_pixels(values: dict[int, Value]) -> list[str]:
    """Take out what tells of the old pixels; notes."""
    notes: list[str] = []
    if values.pop(_LAYERS, None):
        notes.append("Photoshop's layers dropped: they hold the picture before restoration")
    if values.pop(_SUB_IFDS, None):
        notes.append("only the page itself is read, and not its further pictures (sub-IFDs)")
    description = _bytes(values, _DESCRIPTION) or b""
    imagej = [values.pop(tag, None) for tag in _IMAGEJ]
    if _OF_PIXELS.match(description) or any(imagej):
        values.pop(_DESCRIPTION, None)
        notes.append("ImageDescription dropped: a program's record of the old pixels")
    return notes


def _without_scale(values: dict[int, Value], layout: ifd.Layout) -> list[str]:
    """Take out a resolution without a unit, which tells the pixels' shape at most; notes."""
    unit = values.get(_RESOLUTION_UNIT)
    if unit is None or bytes(unit.data[:2]) != struct.pack(layout.order + "H", _NO_UNIT):
        return []
    across, down, _ = (values.pop(tag, None) for tag in _RESOLUTION)
    if across is None or down is None or bytes(across.data) == bytes(down.data):
        return []
    return ["pixels that are not square are written as square"]


def _iptc(record: bytes | None) -> bytes | None:
    # Of type LONG, it may have been turned round in fours by a writer of the other byte order.
    if record and len(record) % 4 == 0 and record[:1] != b"\x1c" and record[3:4] == b"\x1c":
        return little_endian(_LONG, record, ">").rstrip(b"\x00")
    return record.rstrip(b"\x00") if record else None

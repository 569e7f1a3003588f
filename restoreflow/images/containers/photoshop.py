"""Photoshop's image resources, in JPEG's APP13 and in a TIFF tag: what they hold of value."""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["Resources", "iptc_resource", "photoshop_resources"]

_IPTC, _XMP, _EXIF, _ICC = 0x0404, 0x0424, 0x0422, 0x040F
_THUMBNAILS = (0x0409, 0x040C)
# Kept elsewhere or said otherwise: resolution, EXIF's second copy, IPTC's digest, the profile.
_ELSEWHERE = {0x03ED, _EXIF, 0x0423, 0x0425, _ICC}


class Resources(NamedTuple):
    """What was found: the IPTC record, an XMP packet, an ICC profile, and notes for the user."""

    iptc: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    notes: tuple[str, ...] = ()


def photoshop_resources(data: bytes) -> Resources:
    """Take apart the resources, as far as they are whole."""
    found: dict[int, bytes] = {}
    dropped, place, thumbnail = 0, 0, False
    while place + 12 <= len(data) and data[place : place + 4] in (b"8BIM", b"AgHg", b"MeSa"):
        (number,) = struct.unpack_from(">H", data, place + 4)
        named = place + 6 + (data[place + 6] | 1) + 1
        if named + 4 > len(data):
            break
        (size,) = struct.unpack_from(">I", data, named)
        content = data[named + 4 : named + 4 + size]
        if number in (_IPTC, _XMP, _ICC):
            found.setdefault(number, content)
        elif number in _THUMBNAILS:
            thumbnail = True
        elif number not in _ELSEWHERE:
            dropped += 1
        place = named + 4 + size + size % 2
    if place == 0 and data:
        dropped += 1
    notes: list[str] = []
    if thumbnail:
        notes.append("Photoshop's thumbnail dropped: it shows the picture before restoration")
    if dropped:
        notes.append(f"{dropped} of Photoshop's image resources not carried")
    return Resources(found.get(_IPTC), found.get(_XMP), found.get(_ICC), tuple(notes))


def iptc_resource(record: bytes) -> bytes:
    """An IPTC record as the one image resource there is."""
    padded = record + bytes(len(record) % 2)
    return b"8BIM" + struct.pack(">H", _IPTC) + bytes(2) + struct.pack(">I", len(record)) + padded

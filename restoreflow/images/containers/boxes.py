"""Boxes of the ISO's container (HEIF, AVIF) and of JPEG XL's: kind, and where the content is."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

__all__ = ["behind", "boxes", "tiff_in"]


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and end of the content of each box between two places."""
    place, end = start, len(data) if end is None else min(end, len(data))
    while place + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, place)
        begin = place + 8
        if size == 1 and begin + 8 <= end:
            (size,) = struct.unpack_from(">Q", data, begin)
            begin += 8
        behind = end if size == 0 else place + size
        if behind < begin:
            return
        yield kind, begin, min(behind, end)
        place = behind


def behind(data: bytes, known: Collection[bytes]) -> int:
    """Where the boxes end: at the data's end, at what is none, or at a cut one of no known kind.

    Args:
        data: the file.
        known: kinds that are taken for boxes though they are cut.
    """
    place = 0
    for kind, _, end in boxes(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if (size > len(data) - place and kind not in known) or not any(kind):
            return place
        place = end
    return place


def tiff_in(content: bytes) -> bytes | None:
    """EXIF from its TIFF header on, of a box or item that begins with how far off that is."""
    if len(content) < 8:
        return None
    (skip,) = struct.unpack_from(">I", content)
    block = content[4 + skip :]
    if not block.startswith((b"II*\x00", b"MM\x00*")):
        # Some writers leave the number out, or count from elsewhere.
        found = [at for mark in (b"II*\x00", b"MM\x00*") if 0 <= (at := content.find(mark)) < 64]
        block = content[min(found) :] if found else content
    return block

"""How far a TIFF file's directories reach: what stands behind that, none of them refers to."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from restoreflow.images import ifd
from restoreflow.images.ifd import Directory, Entry, Layout

__all__ = ["reach"]

_COMPRESSION, _OLD_JPEG = 259, 6
_PARTS = ((273, 279), (324, 325), (513, 514))  # strips, tiles, a thumbnail: places and lengths
_DIRECTORIES = frozenset((330, 400, 34665, 34853, 40965))  # sub-IFDs, globals, EXIF, GPS, interop
_MOST_DIRECTORIES = 10_000
_LETTERS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


def reach(data: bytes | memoryview, starts: Iterable[int], layout: Layout) -> int:
    """The end of the last byte that directories, all they lead to and their pixels take.

    All of the data where that cannot be told: pixels whose lengths are not there, or which find
    their own tables in the file.

    Args:
        data: the file.
        starts: places of directories; those that follow them are not looked at.
        layout: of the file.
    """
    end, wanted, seen = layout.header, list(starts), set[int]()
    while wanted and len(seen) < _MOST_DIRECTORIES:
        place = wanted.pop()
        found = None if place in seen else ifd.read(data, place, layout)
        seen.add(place)
        if found is None:
            continue
        end = max(end, found.link + layout.inline, *(each.end for each in found.entries))
        parts = _end_of_parts(data, found, layout)
        if parts is None:
            return len(data)
        end = max(end, parts)
        for entry in found.entries:
            if entry.tag in _DIRECTORIES:
                wanted += _numbers(data, entry, layout)
    return min(end, len(data))


def _end_of_parts(data: bytes | memoryview, found: Directory, layout: Layout) -> int | None:
    """Where the last strip, tile or thumbnail ends; None where that is not told."""
    if ifd.whole_numbers(data, found.find(_COMPRESSION), layout) == (_OLD_JPEG,):
        return None
    end = 0
    for places, lengths in _PARTS:
        begins = _numbers(data, found.find(places), layout)
        sizes = _numbers(data, found.find(lengths), layout)
        if len(begins) != len(sizes):
            return None
        end = max((end, *(begin + size for begin, size in zip(begins, sizes, strict=True))))
    return end


def _numbers(data: bytes | memoryview, entry: Entry | None, layout: Layout) -> tuple[int, ...]:
    if entry is None or entry.kind not in _LETTERS:
        return ()
    letters = f"{layout.order}{entry.length}{_LETTERS[entry.kind]}"
    return struct.unpack_from(letters, data, entry.value)

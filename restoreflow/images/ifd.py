"""Directories of tags, as TIFF and EXIF lay them out: where each entry and its value stand.

Values are not decoded. Whoever copies them copies bytes, and what must change is patched in place,
so that whatever else refers to places in the file, as MakerNotes do, still finds them.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["LAYOUTS", "WIDTHS", "Directory", "Entry", "Layout", "read", "whole_numbers"]


class Layout(NamedTuple):
    """How a file's numbers are stored.

    Attributes:
        order: of the bytes, as struct's first letter.
        header: bytes before anything else.
        offset: struct's letter of a place in the file.
        entries: struct's letter of a directory's number of entries.
        entry: bytes of each.
    """

    order: str
    header: int
    offset: str
    entries: str
    entry: int

    @property
    def inline(self) -> int:
        """Bytes of an entry that hold its value, or the place of a longer one."""
        return struct.calcsize("=" + self.offset)


LAYOUTS = {
    b"II*\x00": Layout("<", 8, "I", "H", 12),
    b"MM\x00*": Layout(">", 8, "I", "H", 12),
    b"II+\x00": Layout("<", 16, "Q", "Q", 20),
    b"MM\x00+": Layout(">", 16, "Q", "Q", 20),
}
# Bytes of one value by its type's number: TIFF 6.0, then UTF-8 of EXIF 3, then BigTIFF.
WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
WIDTHS |= {16: 8, 17: 8, 18: 8}
_WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}


class Entry(NamedTuple):
    """A tag: its type's number, how many values, and where the entry and its values begin."""

    tag: int
    kind: int
    length: int
    place: int
    value: int

    @property
    def size(self) -> int:
        """Bytes of all values."""
        return self.length * WIDTHS[self.kind]

    @property
    def end(self) -> int:
        """Where the values end."""
        return self.value + self.size


class Directory(NamedTuple):
    """A directory's place, its entries whose values are there, and where the next one is told.

    `broken` counts the entries that have no known type or lie, or point, beyond the data.
    """

    start: int
    entries: tuple[Entry, ...]
    link: int
    broken: int

    def find(self, tag: int) -> Entry | None:
        """The first entry of a tag."""
        return next((each for each in self.entries if each.tag == tag), None)


def read(data: bytes | bytearray | memoryview, start: int, layout: Layout) -> Directory | None:
    """The directory at `start`, or None where there is none or its head is damaged."""
    head = struct.calcsize("=" + layout.entries)
    if start < layout.header or start + head > len(data):
        return None
    (count,) = struct.unpack_from(layout.order + layout.entries, data, start)
    if not 1 <= count < 2**16:
        return None
    letters = f"{layout.order}HH{layout.offset}"
    entries: list[Entry] = []
    first = start + head
    there = min(count, (len(data) - first) // layout.entry)
    for place in range(first, first + there * layout.entry, layout.entry):
        tag, kind, number = struct.unpack_from(letters, data, place)
        if kind not in WIDTHS:
            continue
        value = place + layout.entry - layout.inline
        size = number * WIDTHS[kind]
        if size > layout.inline:
            (value,) = struct.unpack_from(layout.order + layout.offset, data, value)
            if value < layout.header:
                continue
        if value + size <= len(data):
            entries.append(Entry(tag, kind, number, place, value))
    link = first + count * layout.entry
    return Directory(start, tuple(entries), link, count - len(entries))


def whole_numbers(
    data: bytes | bytearray | memoryview, entry: Entry | None, layout: Layout
) -> tuple[int, ...]:
    """An entry's values as whole numbers, 16 at most; empty where it is absent or holds others."""
    if entry is None or entry.kind not in _WHOLE:
        return ()
    count = min(entry.length, 16)
    return struct.unpack_from(f"{layout.order}{count}{_WHOLE[entry.kind]}", data, entry.value)

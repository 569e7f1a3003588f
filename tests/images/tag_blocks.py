"""EXIF blocks and TIFF directories laid out byte by byte, as cameras and programs do."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Built", "Value", "ascii_value", "block", "longs", "ratios", "shorts"]

EXIF, GPS, INTEROP, MAKER_NOTE = 34665, 34853, 40965, 37500
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 12: 8, 13: 4, 129: 1}


class Value(NamedTuple):
    """A type's number and a value's bytes, already in the block's order."""

    kind: int
    data: bytes


class Built(NamedTuple):
    """A block, and where the MakerNote's bytes begin in it (0: there is none)."""

    data: bytes
    maker_note: int


def ascii_value(text: str) -> Value:
    """UTF-8 in a field of ASCII, as most programs write it."""
    return Value(2, text.encode() + b"\x00")


def shorts(*numbers: int, order: str = "<") -> Value:
    return Value(3, struct.pack(f"{order}{len(numbers)}H", *numbers))


def longs(*numbers: int, order: str = "<") -> Value:
    return Value(4, struct.pack(f"{order}{len(numbers)}I", *numbers))


def ratios(*numbers: int, order: str = "<") -> Value:
    return Value(5, struct.pack(f"{order}{len(numbers)}I", *numbers))


def block(
    first: Mapping[int, Value],
    details: Mapping[int, Value] | None = None,
    place: Mapping[int, Value] | None = None,
    interop: Mapping[int, Value] | None = None,
    thumbnail: bytes = b"",
    order: str = "<",
) -> Built:
    """Directories one behind the other, each before its values; the thumbnail last."""
    data = bytearray(b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
    parts = (dict(first), dict(details or {}), dict(place or {}), dict(interop or {}))
    pointers = ((EXIF, 1, 0), (GPS, 2, 0), (INTEROP, 3, 1))
    starts, at = [], 8
    counts = [len(part) for part in parts]
    for _, child, parent in pointers:
        counts[parent] += bool(parts[child])
    for count in counts:
        starts.append(at)
        at += 6 + 12 * count if count else 0
    data += bytes(at - 8)
    maker_note = 0
    for number, part in enumerate(parts):
        entries = {
            tag: struct.pack(order + "HHII", tag, 4, 1, starts[child])
            for tag, child, parent in pointers
            if parent == number and parts[child]
        }
        for tag, value in part.items():
            count = len(value.data) // _WIDTHS[value.kind]
            inline = value.data.ljust(4, b"\x00")
            if len(value.data) > 4:
                data += bytes(len(data) % 2)
                inline = struct.pack(order + "I", len(data))
                maker_note = len(data) if tag == MAKER_NOTE else maker_note
                data += value.data
            entries[tag] = struct.pack(order + "HHI", tag, value.kind, count) + inline
        if entries:
            packed = struct.pack(order + "H", len(entries))
            packed += b"".join(entries[tag] for tag in sorted(entries))
            data[starts[number] : starts[number] + len(packed)] = packed
    if thumbnail:
        data += bytes(len(data) % 2)
        link = starts[0] + 2 + 12 * counts[0]
        data[link : link + 4] = struct.pack(order + "I", len(data))
        where = len(data) + 6 + 24
        entries = struct.pack(order + "HHII", 513, 4, 1, where)
        entries += struct.pack(order + "HHII", 514, 4, 1, len(thumbnail))
        data += struct.pack(order + "H", 2) + entries + bytes(4) + thumbnail
    return Built(bytes(data), maker_note)

"""EXIF out of a TIFF file's directories: a block of its own, its values copied as bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from restoreflow.images import ifd

__all__ = ["Value", "exif_block", "little_endian", "values_of"]

_EXIF, _GPS, _INTEROP, _MAKER_NOTE = 34665, 34853, 40965, 37500
_LONG = 4
_NARROWER = {16: 4, 17: 9, 18: 13}  # BigTIFF's types, and what EXIF has in their place
_MOST_BYTES = 2**24
_PINNED = 60_000  # a block up to here fits JPEG
# MakerNotes whose places count from their own beginning.
_SELF_CONTAINED = (b"Nikon\x00\x02", b"OLYMPUS\x00", b"OM SYSTEM", b"FUJIFILM", b"PENTAX \x00")
_SELF_CONTAINED += (b"Apple iOS\x00",)
_MOVED_NOTE = "the camera's MakerNote had to move: places it tells of may be wrong"
_UNIT = {5: 4, 10: 4}  # a rational is two numbers


class Value(NamedTuple):
    """A tag's type, how many values it has, their bytes, and where in the file these begin."""

    kind: int
    length: int
    data: memoryview
    place: int


def values_of(data: bytes, directory: ifd.Directory, layout: ifd.Layout) -> dict[int, Value]:
    """The values of a directory by tag, BigTIFF's types made classic ones where they fit."""
    view, found = memoryview(data), dict[int, Value]()
    for entry in directory.entries:
        value: Value | None = Value(
            entry.kind, entry.length, view[entry.value : entry.end], entry.value
        )
        if entry.kind in _NARROWER:
            value = _narrowed(value, layout.order)
        if value is not None:
            found.setdefault(entry.tag, value)
    return found


def _narrowed(value: Value, order: str) -> Value | None:
    wide, narrow = ("q", "i") if value.kind == 17 else ("Q", "I")
    if value.length > _MOST_BYTES // 8:
        return None
    numbers = struct.unpack(f"{order}{value.length}{wide}", value.data)
    try:
        packed = struct.pack(f"{order}{value.length}{narrow}", *numbers)
    except struct.error:
        return None
    return Value(_NARROWER[value.kind], value.length, memoryview(packed), value.place)


def little_endian(kind: int, data: bytes | memoryview, order: str) -> bytes:
    """A value's bytes in, or from, little-endian order."""
    width = _UNIT[kind] if kind in _UNIT else ifd.WIDTHS[kind]
    data = bytes(data)
    if order == "<" or width == 1:
        return data
    return b"".join(data[at : at + width][::-1] for at in range(0, len(data), width))


def exif_block(
    data: bytes, layout: ifd.Layout, first: Mapping[int, Value]
) -> tuple[bytes | None, tuple[str, ...]]:
    """A block, from its TIFF header on, with some of the first directory's values and all of EXIF.

    The MakerNote stays at its place in the file, if that is near the beginning, since it may tell
    of places from there.

    Args:
        first: what is wanted of the first directory; pointers in it are followed.

    Returns: the block, None where it would be empty; notes.
    """
    plain = {tag: value for tag, value in first.items() if tag not in (_EXIF, _GPS)}
    notes: set[str] = set()
    details = _below(data, layout, first.get(_EXIF), "EXIF", notes)
    interop = _below(data, layout, details.pop(_INTEROP, None), "EXIF's interoperability", notes)
    position = _below(data, layout, first.get(_GPS), "GPS data", notes)
    if not (plain or details or position):
        return None, tuple(sorted(notes))
    parts = (plain, details, position, interop)
    notes |= {note for each in parts if (note := _cut(each))}
    writer = _Writer(layout.order, details.get(_MAKER_NOTE))
    pointers = (bool(details) + bool(position), bool(interop), 0, 0)
    places = [
        writer.room(6 + 12 * (len(each) + more)) if each or more else 0
        for each, more in zip(parts, pointers, strict=True)
    ]
    writer.directory(places[0], plain, {_EXIF: places[1], _GPS: places[2]})
    writer.directory(places[1], details, {_INTEROP: places[3]})
    writer.directory(places[2], position, {})
    writer.directory(places[3], interop, {})
    return writer.whole(places[0]), (*sorted(notes), *writer.notes)


def _below(
    data: bytes, layout: ifd.Layout, pointer: Value | None, what: str, notes: set[str]
) -> dict[int, Value]:
    """The values of the directory that a tag leads to; what is damaged is added to the notes."""
    if pointer is None:
        return {}
    directory = None
    if pointer.kind in (_LONG, 13) and pointer.length == 1:
        (place,) = struct.unpack(layout.order + "I", pointer.data)
        directory = ifd.read(data, place, layout)
    if directory is None:
        notes.add(f"{what} could not be read and is dropped")
        return {}
    if directory.broken:
        notes.add("damaged EXIF tags dropped")
    return values_of(data, directory, layout)


def _cut(values: dict[int, Value]) -> str | None:
    """Take out what is beyond measure: entries of a damaged file can all be as long as the file."""
    too_long, total = [tag for tag, v in values.items() if len(v.data) > _MOST_BYTES], 0
    for tag, value in values.items():
        total += len(value.data)
        if total > 2 * _MOST_BYTES and tag not in too_long:
            too_long.append(tag)
    for tag in too_long:
        del values[tag]
    return "EXIF values of over 16 MB dropped" if too_long else None


class _Writer:
    """A TIFF structure that is laid out from front to back, around one value with a fixed place."""

    def __init__(self, order: str, maker_note: Value | None) -> None:
        self.order = order
        self.notes: tuple[str, ...] = ()
        self._data = bytearray(8)
        self._next = 8
        self._fixed = (0, 0)
        if maker_note is None or len(maker_note.data) <= 4:
            return
        end = maker_note.place + len(maker_note.data)
        if end <= _PINNED:
            self._fixed = (maker_note.place, end)
        elif not bytes(maker_note.data[:16]).startswith(_SELF_CONTAINED):
            self.notes = (_MOVED_NOTE,)

    def room(self, size: int) -> int:
        """The place of so many bytes more, even."""
        start = self._next + self._next % 2
        if start < self._fixed[1] and start + size > self._fixed[0]:
            start = self._fixed[1] + self._fixed[1] % 2
        self._next = start + size
        self._grow(self._next)
        return start

    def _grow(self, end: int) -> None:
        self._data += bytes(max(0, end - len(self._data)))

    def directory(self, place: int, values: dict[int, Value], pointers: dict[int, int]) -> None:
        if not place:
            return
        entries = {
            tag: struct.pack(self.order + "HHII", tag, _LONG, 1, to)
            for tag, to in pointers.items()
            if to
        }
        for tag, value in values.items():
            entries[tag] = struct.pack(
                self.order + "HHI", tag, value.kind, value.length
            ) + self._put(tag, value)
        packed = struct.pack(self.order + "H", len(entries))
        packed += b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
        self._data[place : place + len(packed)] = packed

    def _put(self, tag: int, value: Value) -> bytes:
        if len(value.data) <= 4:
            return bytes(value.data).ljust(4, b"\x00")
        fixed = tag == _MAKER_NOTE and self._fixed[1]
        place = self._fixed[0] if fixed else self.room(len(value.data))
        self._grow(place + len(value.data))
        self._data[place : place + len(value.data)] = value.data
        return struct.pack(self.order + "I", place)

    def whole(self, first: int) -> bytes:
        mark = b"II*\x00" if self.order == "<" else b"MM\x00*"
        self._data[:8] = mark + struct.pack(self.order + "I", first)
        return bytes(self._data)

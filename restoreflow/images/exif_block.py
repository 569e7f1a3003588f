"""An EXIF block's bytes, open for patches in place, and what it says of the pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction

from restoreflow.images.ancillary import EXIF_PREFIX
from restoreflow.images.ifd import LAYOUTS, Directory, read, whole_numbers

__all__ = [
    "COLOR_SPACE",
    "EXIF_TAG",
    "GAMMA",
    "GPS_TAG",
    "INTEROP_INDEX",
    "INTEROP_TAG",
    "LONG",
    "ORIENTATION",
    "PRIMARIES",
    "RATIONAL",
    "RESOLUTION",
    "RESOLUTION_UNIT",
    "SHORT",
    "SRGB",
    "UNITS",
    "WHITE_POINT",
    "Block",
    "exif_color_space",
    "exif_orientation",
    "exif_resolution",
    "open_block",
    "ratios_of",
    "tiff_part",
]

SHORT, LONG, RATIONAL = 3, 4, 5
EXIF_TAG, GPS_TAG, INTEROP_TAG = 34665, 34853, 40965
COLOR_SPACE, SRGB, INTEROP_INDEX = 0xA001, 1, 1
WHITE_POINT, PRIMARIES, GAMMA = 318, 319, 0xA500
RESOLUTION, RESOLUTION_UNIT = (282, 283), 296
UNITS = {2: Fraction(1), 3: Fraction(50, 127)}
"""Inches, by the number that `RESOLUTION_UNIT` has for an inch and for a centimetre."""
ORIENTATION = 274
_ADOBE, _UNCALIBRATED = 2, 65535


def tiff_part(block: bytes) -> bytes:
    """A block from its TIFF header on; it may begin with one prefix or several."""
    while block.startswith(EXIF_PREFIX):
        block = block[len(EXIF_PREFIX) :]
    return block


class Block:
    """A block's bytes, open for patches, and its directories.

    Raises:
        ValueError: there is no TIFF header, or no directory.
    """

    def __init__(self, block: bytes) -> None:
        self.data = bytearray(tiff_part(block))
        layout = LAYOUTS.get(bytes(self.data[:4]))
        if layout is None or layout.header != 8:
            raise ValueError("no TIFF header")
        self.layout = layout
        self._first = self.number("I", 4)
        if self.first is None:
            raise ValueError("no directory")

    def number(self, letter: str, place: int) -> int:
        width = struct.calcsize("=" + letter)
        if place + width > len(self.data):
            return 0
        return struct.unpack_from(self.layout.order + letter, self.data, place)[0]

    def put(self, letters: str, place: int, *values: int) -> None:
        struct.pack_into(self.layout.order + letters, self.data, place, *values)

    def _at(self, place: int) -> Directory | None:
        return read(self.data, place, self.layout)

    @property
    def first(self) -> Directory | None:
        return self._at(self._first)

    @property
    def thumbnail(self) -> Directory | None:
        first = self.first
        return None if first is None else self._at(self.number("I", first.link))

    def within(self, *pointers: int) -> Directory | None:
        """The directory that a chain of pointer tags leads to; the first one without any."""
        found = self.first
        for tag in pointers:
            numbers = self.numbers(found, tag)
            found = self._at(numbers[0]) if numbers else None
        return found

    def directories(self) -> Iterator[Directory]:
        for chain in ((), (EXIF_TAG,), (GPS_TAG,), (EXIF_TAG, INTEROP_TAG)):
            directory = self.within(*chain)
            if directory is not None:
                yield directory

    def numbers(self, directory: Directory | None, tag: int) -> tuple[int, ...]:
        entry = directory.find(tag) if directory else None
        return whole_numbers(self.data, entry, self.layout)

    def set_number(self, directory: Directory | None, tag: int, value: int) -> None:
        """Make a tag that is there one whole number."""
        entry = directory.find(tag) if directory else None
        if entry is None:
            return
        kind = SHORT if entry.kind == SHORT and value < 2**16 else LONG
        inline = entry.place + 8
        self.put("HI", entry.place + 2, kind, 1)
        self.put("I", inline, 0)
        self.put("H" if kind == SHORT else "I", inline, value)

    def remove(self, chain: tuple[int, ...], tags: tuple[int, ...]) -> list[int]:
        """Take entries out of a directory; no value moves. Returns the tags that were there."""
        found: list[int] = []
        for tag in tags:
            directory = self.within(*chain)
            entry = directory.find(tag) if directory else None
            if directory is None or entry is None:
                continue
            end = min(directory.link + 4, len(self.data))
            self.data[entry.place : end] = self.data[entry.place + 12 : end] + bytes(12)
            self.put("H", directory.start, self.number("H", directory.start) - 1)
            found.append(tag)
        return found

    def erase(self, start: int, size: int) -> None:
        """Blank bytes, but those of directories and values in use; at the end, cut them off."""
        end = min(start + size, len(self.data))
        used = [(0, 8)]
        for directory in self.directories():
            used.append((directory.start, directory.link + 4))
            used += [(each.value, each.end) for each in directory.entries]
        place = max(start, 0)
        for first, last in sorted(used):
            if first > place:
                free = min(first, end)
                self.data[place:free] = bytes(max(free - place, 0))
            place = max(place, last)
        if place < end:
            self.data[place:end] = bytes(end - place)
            if end == len(self.data):
                del self.data[place:]


def open_block(block: bytes) -> Block | None:
    """A block to be read or patched, with or without prefix; None where it is damaged."""
    try:
        return Block(block)
    except (ValueError, struct.error):
        return None


def exif_orientation(block: bytes | None) -> int:
    """What a block says of the pixels, 1 to 8; 1 where it says nothing of sense."""
    opened = open_block(block) if block else None
    found = opened.numbers(opened.first, ORIENTATION) if opened else ()
    return found[0] if found and 1 <= found[0] <= 8 else 1


def exif_resolution(block: bytes) -> tuple[float, float] | None:
    """Pixels an inch, if the block tells them."""
    opened = open_block(block)
    if opened is None:
        return None
    unit = opened.numbers(opened.first, RESOLUTION_UNIT) or (2,)
    inches = UNITS.get(unit[0])
    sides = [ratios_of(opened, opened.first, tag) for tag in RESOLUTION]
    if inches is None or not all(sides):
        return None
    return float(sides[0][0] / inches), float(sides[1][0] / inches)


def exif_color_space(block: bytes) -> tuple[str | None, tuple[float, ...], float | None]:
    """What EXIF says of the colours.

    Returns: "srgb", "adobe" (by the rule for camera files, DCF) or None; the white point's and
    the primaries' x and y, eight numbers, or none; the gamma or None.
    """
    opened = open_block(block)
    if opened is None:
        return None, (), None
    details = opened.within(EXIF_TAG)
    space = opened.numbers(details, COLOR_SPACE)
    interop = opened.within(EXIF_TAG, INTEROP_TAG)
    index = interop.find(INTEROP_INDEX) if interop else None
    text = bytes(opened.data[index.value : index.end]).rstrip(b"\x00 ") if index else b""
    named = None
    if space[:1] == (SRGB,):
        named = "srgb"
    elif space[:1] == (_ADOBE,) or (text == b"R03" and space[:1] in ((_UNCALIBRATED,), ())):
        named = "adobe"
    chromaticities = ratios_of(opened, opened.first, WHITE_POINT) + ratios_of(
        opened, opened.first, PRIMARIES
    )
    gamma = ratios_of(opened, details, GAMMA)
    return (
        named,
        tuple(float(each) for each in chromaticities) if len(chromaticities) == 8 else (),
        float(gamma[0]) if gamma else None,
    )


def ratios_of(block: Block, directory: Directory | None, tag: int) -> tuple[Fraction, ...]:
    """A tag's values, 8 at most, if they are ratios and none is of zero."""
    entry = directory.find(tag) if directory else None
    if entry is None or entry.kind != RATIONAL:
        return ()
    numbers = struct.unpack_from(
        f"{block.layout.order}{2 * min(entry.length, 8)}I", block.data, entry.value
    )
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return tuple(Fraction(*pair) for pair in pairs) if all(pair[1] for pair in pairs) else ()

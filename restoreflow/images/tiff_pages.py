"""The pages of a TIFF file: how many there are, and one of them as a file of its own."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, NamedTuple

from restoreflow.errors import InputError
from restoreflow.images.containers.tiff_extent import reach
from restoreflow.images.ifd import LAYOUTS, Layout

__all__ = ["one_page", "page_count"]

_MOST_PAGES = 10_000
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE = 254, 255
_THUMBNAIL_OR_MASK = 1 | 4  # of NewSubfileType's bits
_OLD_THUMBNAIL = 2  # of SubfileType's values
_SHORT, _LONG = 3, 4


class _Directory(NamedTuple):
    """Where it begins, where the place of the next one stands, and whether it is a page's."""

    start: int
    link: int
    is_page: bool


def page_count(stream: BinaryIO) -> int:
    """How many pictures an open TIFF file holds, thumbnails and masks apart.

    Only directories are read. 0 for what is no TIFF file; a damaged one has the pages before the
    damage. At most 10,000 are counted.
    """
    return len(_pages(stream))


def one_page(data: bytes, number: int, label: str) -> bytes:
    """A file that has page `number`, from 1, of a TIFF file as its only one.

    What the file's other directories alone refer to is left out where it stands behind the page;
    what none refers to stays.

    Raises:
        InputError: there is no such page.
    """
    pages = _pages(io.BytesIO(data))
    if not 1 <= number <= len(pages):
        raise InputError(f"{label} has {len(pages)} pages, no page {number}")
    layout, page = LAYOUTS[data[:4]], pages[number - 1]
    first = struct.pack(layout.order + layout.offset, page.start)
    rest, behind = memoryview(data), page.link + len(first)
    before = layout.header - len(first)
    own = max(behind, reach(data, [page.start], layout))
    whole = reach(data, [each.start for each in _directories(io.BytesIO(data))], layout)
    return b"".join(
        (
            *(data[:before], first, rest[layout.header : page.link], bytes(len(first))),
            *(rest[behind:own], rest[max(own, whole) :]),
        )
    )


def _pages(stream: BinaryIO) -> list[_Directory]:
    return [each for each in _directories(stream) if each.is_page]


def _directories(stream: BinaryIO) -> list[_Directory]:
    stream.seek(0)
    layout = LAYOUTS.get(stream.read(4))
    if layout is None:
        return []
    width = struct.calcsize(layout.offset)
    found: list[_Directory] = []
    seen: set[int] = set()
    start = _number(stream, layout.header - width, layout.order + layout.offset)
    while start is not None and start >= layout.header and start not in seen:
        seen.add(start)
        count = _number(stream, start, layout.order + layout.entries)
        if count is None or not 1 <= count < 2**16 or len(seen) > _MOST_PAGES:
            break
        link = start + struct.calcsize("=" + layout.entries) + count * layout.entry
        following = _number(stream, link, layout.order + layout.offset)
        if following is None:
            break
        found.append(_Directory(start, link, _is_page(stream, layout, start, count)))
        start = following
    return found


def _is_page(stream: BinaryIO, layout: Layout, start: int, count: int) -> bool:
    stream.seek(start + struct.calcsize("=" + layout.entries))
    entries = stream.read(count * layout.entry)
    value_at = layout.entry - struct.calcsize(layout.offset)
    for place in range(0, len(entries), layout.entry):
        tag, kind = struct.unpack_from(layout.order + "HH", entries, place)
        if tag > _SUBFILE_TYPE:  # they are sorted
            break
        if tag in (_NEW_SUBFILE_TYPE, _SUBFILE_TYPE) and kind in (_SHORT, _LONG):
            letter = "H" if kind == _SHORT else "I"
            (value,) = struct.unpack_from(layout.order + letter, entries, place + value_at)
            if tag == _NEW_SUBFILE_TYPE:
                return not value & _THUMBNAIL_OR_MASK
            return value != _OLD_THUMBNAIL
    return True


def _number(stream: BinaryIO, place: int, letters: str) -> int | None:
    """A number in the file; None beyond its end."""
    try:
        stream.seek(place)
        return struct.unpack(letters, stream.read(struct.calcsize(letters)))[0]
    except (OverflowError, ValueError, OSError, struct.error):
        return None

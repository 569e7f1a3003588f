"""HEIF and AVIF: the items and properties of the container's "meta" box."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from restoreflow.images.ancillary import (
    GAIN_MAP_NOTE,
    Ancillary,
    Coding,
    behind_note,
    by_code_points,
    counted,
    has_credentials,
)
from restoreflow.images.containers.boxes import behind, boxes, tiff_in

__all__ = ["ancillary", "deep_av1_bits"]

_FULL = 4  # bytes of version and flags before a full box's content
_PICTURES = {b"hvc1", b"hev1", b"av01", b"avc1", b"grid", b"iden", b"iovl", b"jpeg", b"unci"}
_BOXES = {b"ftyp", b"mdat", b"idat", b"free", b"skip", b"wide"}
_KINDS = _BOXES | {b"meta", b"mpvd", b"moov"}
_GAIN_MAP = b"hdrgainmap"
_ALPHA = (b"alpha", b"urn:mpeg:hevc:2015:auxid:1")
_DEPTH = (b"depth", b"disparity", b"urn:mpeg:hevc:2015:auxid:2")
_MOST_ITEMS = 2**16
_MOST_BYTES = 2**26


@dataclass
class _Meta:
    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    content_types: dict[int, bytes] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    associated: dict[int, list[int]] = field(default_factory=dict)
    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def of(self, item: int) -> list[tuple[bytes, bytes]]:
        """An item's properties, kind and content."""
        count = len(self.properties)
        return [self.properties[i - 1] for i in self.associated.get(item, ()) if 0 < i <= count]


def ancillary(data: bytes) -> Ancillary:
    """What the container says of its main picture; of what is not carried, how many there are."""
    notes: list[str] = []
    boxes_beside: list[str] = []
    meta = _Meta()
    last = behind(data, _KINDS)
    for kind, start, end in boxes(data, 0, last):
        if kind == b"meta":
            try:
                meta = _meta(data, start + _FULL, end)
            except (struct.error, IndexError):
                notes.append("the metadata is damaged and dropped as far as it is")
        elif kind in (b"mpvd", b"moov"):
            notes.append("moving part of the file (video) dropped")
        elif kind not in _BOXES and not has_credentials(data[start:end]):
            boxes_beside.append(kind.decode("latin-1").strip())
    shown = _shown(meta)
    colors = [value for item in shown for kind, value in meta.of(item) if kind == b"colr"]
    exif, xmp, others = _items(data, meta)
    return Ancillary(
        exif=exif,
        orientation=_orientation(dict(meta.of(meta.primary))),
        icc=next((each[4:] for each in colors if each[:4] in (b"prof", b"rICC")), None),
        coding=next((found for each in colors if (found := _coding(each))), None),
        xmp=xmp,
        notes=(
            *(*notes, *_dropped(meta), *counted(others, "item"), *counted(boxes_beside, "box")),
            *behind_note(data[last:]),
        ),
    )


def deep_av1_bits(data: bytes) -> int:
    """Bits a sample of an AVIF file's main picture, where they are more than 8; 0 otherwise."""
    meta = _Meta()
    try:
        for kind, start, end in boxes(data):
            if kind == b"meta":
                meta = _meta(data, start + _FULL, end)
    except (struct.error, IndexError):
        return 0
    for item in _shown(meta):
        for kind, value in meta.of(item):
            if kind == b"av1C" and len(value) > 2 and value[2] & 0x40:
                return 12 if value[2] & 0x20 else 10
    return 0


def _shown(meta: _Meta) -> list[int]:
    """The items that the main picture is made of."""
    made_of = (to for k, item, to in meta.references if k == b"dimg" and item == meta.primary)
    return [meta.primary, *(item for to in made_of for item in to)]


def _coding(color: bytes) -> Coding | None:
    if color[:4] != b"nclx" or len(color) < 8:
        return None
    return by_code_points(*struct.unpack_from(">HH", color, 4), "the box nclx")


def _orientation(properties: dict[bytes, bytes]) -> int:
    """EXIF's number for how the container turns and mirrors its picture."""
    turn = (properties.get(b"irot") or b"\x00")[0] & 3
    if b"imir" not in properties:
        return (1, 8, 3, 6)[turn]
    axis = (properties[b"imir"] or b"\x00")[0] & 1
    return ((4, 2), (5, 7), (2, 4), (7, 5))[turn][axis]


def _items(data: bytes, meta: _Meta) -> tuple[bytes | None, bytes | None, list[str]]:
    """EXIF and XMP of the main picture, and the kinds of other items that say something."""
    about = {item: to for kind, item, to in meta.references if kind == b"cdsc"}
    exif = xmp = None
    others: list[str] = []
    for item, kind in meta.kinds.items():
        if kind in _PICTURES or kind == b"tmap":
            continue
        own = meta.primary in about.get(item, (meta.primary,))
        rdf = kind == b"mime" and b"rdf" in meta.content_types.get(item, b"")
        content = _content(data, meta, item) if own else b""
        if content and kind == b"Exif" and exif is None:
            exif = tiff_in(content)
        elif content and rdf and xmp is None:
            xmp = content
        elif own:
            others.append((meta.content_types.get(item) or kind).decode("latin-1").strip())
    return exif, xmp, others


def _content(data: bytes, meta: _Meta, item: int) -> bytes:
    parts = [data[start:end] for start, end in meta.places.get(item, ())]
    return b"".join(parts) if sum(map(len, parts)) <= _MOST_BYTES else b""


def _dropped(meta: _Meta) -> tuple[str, ...]:
    others: list[str] = []
    gain_map = b"tmap" in meta.kinds.values()
    for item in meta.kinds:
        for kind, value in meta.of(item):
            if kind != b"auxC" or any(word in value for word in _ALPHA):
                continue
            name = value[_FULL:].partition(b"\x00")[0]
            if _GAIN_MAP in name:
                gain_map = True
            elif any(word in name for word in _DEPTH):
                others.append("depth map")
            else:
                others.append(name.rpartition(b":")[2].decode("latin-1"))
    notes: list[str] = []
    if gain_map:
        notes.append(GAIN_MAP_NOTE)
    if any(kind == b"thmb" and meta.primary in to for kind, _, to in meta.references):
        notes.append("thumbnail dropped: it shows the picture before restoration")
    return (*notes, *counted(others, "auxiliary picture"))


def _meta(data: bytes, start: int, end: int) -> _Meta:
    meta = _Meta()
    found = {kind: (first, last) for kind, first, last in boxes(data, start, end)}
    if b"pitm" in found:
        first = found[b"pitm"][0]
        (meta.primary,) = struct.unpack_from(">I" if data[first] else ">H", data, first + _FULL)
    if b"iinf" in found:
        _read_items(data, *found[b"iinf"], meta)
    if b"iref" in found:
        _read_references(data, *found[b"iref"], meta)
    if b"iprp" in found:
        for kind, first, last in boxes(data, *found[b"iprp"]):
            if kind == b"ipco":
                meta.properties = [(k, data[a:b]) for k, a, b in boxes(data, first, last)]
            elif kind == b"ipma":
                _read_associations(data, first, last, meta)
    if b"iloc" in found:
        _read_places(data, *found[b"iloc"], found.get(b"idat", (0, 0)), meta)
    return meta


def _read_items(data: bytes, start: int, end: int, meta: _Meta) -> None:
    first = start + _FULL + (4 if data[start] else 2)
    for kind, place, last in boxes(data, first, end):
        if kind != b"infe" or data[place] < 2 or len(meta.kinds) > _MOST_ITEMS:
            continue
        wide = data[place] >= 3
        (item,) = struct.unpack_from(">I" if wide else ">H", data, place + _FULL)
        names = place + _FULL + (8 if wide else 6)
        meta.kinds[item] = data[place + _FULL + (6 if wide else 4) : names + 2]
        words = data[names + 2 : last].split(b"\x00")
        if meta.kinds[item] in (b"mime", b"uri ") and len(words) > 1:
            meta.content_types[item] = words[1]


def _read_references(data: bytes, start: int, end: int, meta: _Meta) -> None:
    letter = "I" if data[start] else "H"
    width = struct.calcsize(letter)
    for kind, place, last in boxes(data, start + _FULL, end):
        item, count = struct.unpack_from(f">{letter}H", data, place)
        count = min(count, (last - place - width - 2) // width)
        to = struct.unpack_from(f">{count}{letter}", data, place + width + 2)
        meta.references.append((kind, item, to))


def _read_associations(data: bytes, start: int, end: int, meta: _Meta) -> None:
    wide, letter = data[start + 3] & 1, "I" if data[start] else "H"
    (count,) = struct.unpack_from(">I", data, start + _FULL)
    place = start + _FULL + 4
    for _ in range(min(count, _MOST_ITEMS)):
        if place >= end:
            return
        item, number = struct.unpack_from(f">{letter}B", data, place)
        place += struct.calcsize(letter) + 1
        indices = struct.unpack_from(f">{number}{'H' if wide else 'B'}", data, place)
        meta.associated.setdefault(item, []).extend(i & (0x7FFF if wide else 0x7F) for i in indices)
        place += number * (2 if wide else 1)


def _read_places(data: bytes, start: int, end: int, inside: tuple[int, int], meta: _Meta) -> None:
    version = data[start]
    sizes, more = data[start + _FULL], data[start + _FULL + 1]
    widths = (sizes >> 4, sizes & 15, more >> 4, more & 15 if version else 0)
    letter = "I" if version == 2 else "H"
    place = start + _FULL + 2
    (count,) = struct.unpack_from(f">{letter}", data, place)
    place += struct.calcsize(letter)

    def number(width: int) -> int:
        nonlocal place
        place += width
        return int.from_bytes(data[place - width : place], "big")

    for _ in range(min(count, _MOST_ITEMS)):
        item = number(struct.calcsize(letter))
        method = number(2) & 15 if version else 0
        number(2)
        base = number(widths[2])
        extents: list[tuple[int, int]] = []
        for _ in range(number(2)):
            if place >= end:
                return
            number(widths[3])
            offset, length = number(widths[0]), number(widths[1])
            first = base + offset + (inside[0] if method == 1 else 0)
            last = inside[1] if method == 1 else len(data)
            extents.append((first, min(first + length, last) if length else last))
        if method in (0, 1):
            meta.places[item] = extents

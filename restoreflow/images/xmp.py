"""XMP packets: patched where they stand, so that they say nothing of the old pixels.

expat, the XML parser, tells where each element begins and ends; bytes are cut out or replaced
there, and all others stay as they were.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import NamedTuple
from xml.parsers import expat

from restoreflow.images.exif_block import UNITS

__all__ = ["clean_xmp", "extension_name", "fit_xmp", "print_xmp"]

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_NOTE, _XAP = "http://ns.adobe.com/xmp/note/", "http://ns.adobe.com/xap/1.0/"
_DC_TERMS = "http://purl.org/dc/terms/"
_REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
_MP_REGIONS = "http://ns.microsoft.com/photo/1.2/"
_DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_REGION_SIDES = ((_DIMENSIONS, "w"), (_DIMENSIONS, "h"))
_PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
# Of a packet that declares none; such packets are broken, and still read by most.
_USUAL = {"tiff": _TIFF, "exif": _EXIF, "xmpNote": _NOTE, "xmp": _XAP, "xap": _XAP}
# Everything in these tells of parts of the old file: gain maps, videos, depth maps, other pictures.
_PARTS = (
    "http://ns.adobe.com/hdr-gain-map/",
    "http://ns.adobe.com/hdr-metadata/",
    "http://ns.apple.com/HDRGainMap/",
    "http://ns.apple.com/HDRToneMap/",
    "http://ns.apple.com/pixeldatainfo/",
    "http://ns.apple.com/depthData/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/audio/",
    "http://ns.google.com/photos/dd/1.0/",
    "http://ns.xiaomi.com/photos/1.0/camera/",
)
_VIDEO = re.compile(r"(MotionPhoto|MicroVideo|VideoLength|EmbeddedVideo)")
# How the old file coded its pixels.
_LAYOUT = {"BitsPerSample", "Compression", "PhotometricInterpretation", "SamplesPerPixel"}
_LAYOUT |= {"PlanarConfiguration", "YCbCrSubSampling", "YCbCrPositioning"}
_WIDTHS = {(_TIFF, "ImageWidth"), (_EXIF, "PixelXDimension")}
_HEIGHTS = {(_TIFF, "ImageLength"), (_EXIF, "PixelYDimension")}
_RESOLUTIONS = ((_TIFF, "XResolution"), (_TIFF, "YResolution"))
_RATIO = re.compile(rb"(\d{1,9})(?:/([1-9]\d{0,8}))?")
_EXTENSION = (_NOTE, "HasExtendedXMP")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=<>/"']+)\s*=\s*("[^"]*"|'[^']*')""")
_NUMBER = re.compile(rb"\s*\d{1,9}\s*")
_MOST_DEEP, _MOST_PROPERTIES = 64, 200_000
_DAMAGED_NOTE = "XMP is damaged, or beyond measure, and dropped"


class _Property(NamedTuple):
    """An attribute, or an element.

    Attributes:
        name: namespace and local name.
        start, end: the whole of it, an attribute with the space before it.
        value: start and end of its value or content; None for an empty element.
        within: names of the elements around it.
        leaf: it has no elements inside.
    """

    name: tuple[str, str]
    start: int
    end: int
    value: tuple[int, int] | None
    within: tuple[tuple[str, str], ...]
    leaf: bool


class _Damaged(ValueError):
    pass


class _Packet:
    """A packet's properties, in the order in which they end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.properties: list[_Property] = []
        self.declared: list[tuple[str, int, int]] = []
        self._prefixes = dict(_USUAL)
        self._open: list[tuple[tuple[str, str], int, int, bool]] = []
        self._leaf = True
        self._ended = False
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse
        self._parser = parser
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, RecursionError, ValueError) as error:
            if not self._ended:  # what follows the last element is of no interest
                raise _Damaged from error

    def _refuse(self, *_: object) -> None:
        raise _Damaged

    def _name(self, qualified: str) -> tuple[str, str]:
        prefix, _, local = qualified.rpartition(":")
        return self._prefixes.get(prefix, prefix), local

    def _start(self, qualified: str, _: object) -> None:
        if len(self._open) >= _MOST_DEEP or len(self.properties) >= _MOST_PROPERTIES:
            raise _Damaged
        start = self._parser.CurrentByteIndex
        end = start + 1 + len(qualified.encode())
        found: list[tuple[str, int, int, int]] = []
        while match := _ATTRIBUTE.match(self.data, end):
            name = match[1].decode("utf-8", "replace")
            if name == "xmlns" or name.startswith("xmlns:"):
                uri = match[2][1:-1].decode("utf-8", "replace")
                self._prefixes[name[6:]] = uri
                self.declared.append((uri, match.start(), match.end()))
            else:
                found.append((name, match.start(), match.end(), match.start(2)))
            end = match.end()
        within = tuple(each[0] for each in self._open)
        name = self._name(qualified)
        for own, first, last, value in found:
            place = (value + 1, last - 1)
            self.properties.append(
                _Property(self._name(own), first, last, place, (*within, name), True)
            )
        close = self.data.find(b">", end)
        empty = self.data[close - 1 : close] == b"/"
        self._open.append((name, start, close + 1, empty))
        self._leaf = True

    def _end(self, _: str) -> None:
        name, start, inner, empty = self._open.pop()
        within = tuple(each[0] for each in self._open)
        closing = self._parser.CurrentByteIndex
        end = inner if empty else self.data.find(b">", closing) + 1
        value = None if empty else (inner, closing)
        self.properties.append(_Property(name, start, end, value, within, self._leaf))
        self._leaf = False
        self._ended = not self._open


_Edit = tuple[int, int, bytes]


def _edited(data: bytes, edits: Iterable[_Edit]) -> bytes:
    """Bytes with ranges replaced; an edit within another's range is left out."""
    parts: list[bytes] = []
    place = 0
    for start, end, new in sorted(edits, key=lambda each: (each[0], -each[1])):
        if start >= place:
            parts += [data[place:start], new]
            place = end
    return b"".join((*parts, data[place:]))


def _utf8(packet: bytes | str) -> bytes:
    data = packet.encode("utf-8", "replace") if isinstance(packet, str) else bytes(packet)
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace").encode()
    return data.rstrip(b"\x00")


def clean_xmp(
    packet: bytes | str | None, orientation: int = 1, srgb: bool = False, extended: bool = False
) -> tuple[bytes | None, tuple[str, ...]]:
    """A packet that holds for a restored picture, upright, but for its size; and notes.

    Args:
        orientation: what the pixels are turned by; what tells places in them is then dropped.
        srgb: the pixels have been converted to sRGB for good.
        extended: a second packet goes with it.
    """
    if not packet:
        return None, ()
    data = _utf8(packet)
    try:
        found = _Packet(data)
    except _Damaged:
        return None, (_DAMAGED_NOTE,) if data.strip() else ()
    edits: list[_Edit] = []
    reasons: set[str] = set()
    for each in found.properties:
        reason = _stale(each, data, orientation, extended)
        if reason:
            edits.append((each.start, each.end, b""))
            reasons.add(reason)
        elif (each.name == (_TIFF, "Orientation") and each.value and each.leaf) or (
            srgb and each.name == (_EXIF, "ColorSpace") and each.value and each.leaf
        ):
            edits.append((*each.value, b"1"))
    for uri, start, end in found.declared:
        if uri.startswith(_PARTS):
            edits.append((start, end, b""))
    return _edited(data, edits), tuple(sorted(reasons))


def _stale(found: _Property, data: bytes, orientation: int, extended: bool) -> str | None:
    """Why a property is to go; None where it may stay."""
    uri, local = found.name
    if uri.startswith(_PARTS) or _VIDEO.match(local):
        return "XMP freed of what it says of a gain map, a video or other parts of the old file"
    if found.name == (_XAP, "Thumbnails"):
        return "thumbnail in XMP dropped: it shows the picture before restoration"
    if uri == _TIFF and local in _LAYOUT:
        return "XMP freed of how the old file coded its pixels"
    if found.name == (_DC_TERMS, "provenance") and found.value:
        return "XMP freed of its link to content credentials"
    if found.name == _EXTENSION and not extended:
        return "extended XMP is not carried"
    if orientation != 1 and (
        found.name in ((_REGIONS, "Regions"), (_MP_REGIONS, "RegionInfo")) or uri == _PANORAMA
    ):
        return "XMP freed of places in the picture, which was turned"
    return None


def fit_xmp(
    packet: bytes, before: tuple[int, int], size: tuple[int, int], extension: bytes | None = None
) -> bytes:
    """A cleaned packet for a picture of another size.

    Args:
        before, size: width and height of the picture it was cleaned for and of the result.
        extension: the second packet that is written with it, if any.
    """
    try:
        found = _Packet(packet)
    except _Damaged:
        return packet
    edits: list[_Edit] = []
    for each in found.properties:
        if each.name == _EXTENSION:
            if extension is None or not each.value:
                edits.append((each.start, each.end, b""))
            else:
                edits.append((*each.value, extension_name(extension)))
        elif each.value and each.leaf and _NUMBER.fullmatch(packet, *each.value):
            number = _resized(each, int(packet[slice(*each.value)]), before, size)
            if number is not None:
                edits.append((*each.value, b"%d" % number))
    return _edited(packet, edits)


def print_xmp(packet: bytes, told: Callable[[int, Fraction, Fraction], Fraction]) -> bytes:
    """A cleaned packet with another resolution; one that has none stays as it is.

    Args:
        told: as of `exif.print_exif`.
    """
    try:
        found = _Packet(packet)
    except _Damaged:
        return packet
    places = [(each.name, each.value) for each in found.properties if each.value and each.leaf]
    texts = {name: packet[slice(*value)].strip() for name, value in places}
    unit = texts.get((_TIFF, "ResolutionUnit"), b"2")
    inches = UNITS.get(int(unit)) if unit.isdigit() else None
    edits: list[_Edit] = []
    for name, value in places:
        match = _RATIO.fullmatch(texts[name])
        if name in _RESOLUTIONS and match is not None and inches is not None:
            ratio = Fraction(int(match[1]), int(match[2] or 1))
            number = told(_RESOLUTIONS.index(name), ratio, inches).limit_denominator(10_000)
            edits.append((*value, b"%d/%d" % number.as_integer_ratio()))
    return _edited(packet, edits)


def _resized(
    found: _Property, number: int, before: tuple[int, int], size: tuple[int, int]
) -> int | None:
    """What a number of pixels is in a picture of another size; None for what is no such number."""
    uri, local = found.name
    across, down = (Fraction(new, old) for new, old in zip(size, before, strict=True))
    if found.name in _WIDTHS:
        return size[0]
    if found.name in _HEIGHTS:
        return size[1]
    if uri == _PANORAMA and ("Pixels" in local or "LargestValidInterior" in local):
        return round(number * (across if "Width" in local or "Left" in local else down))
    if found.name in _REGION_SIDES and (_REGIONS, "AppliedToDimensions") in found.within:
        return round(number * (across if local == "w" else down))
    return None


def extension_name(extension: bytes) -> bytes:
    """What a packet calls the second one that goes with it: its MD5 in hexadecimal digits."""
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()

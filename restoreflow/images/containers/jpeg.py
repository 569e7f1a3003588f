"""JPEG: the segments before the pixels, and what stands behind them."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from restoreflow.images.ancillary import (
    EXIF_PREFIX,
    GAIN_MAP_NOTE,
    XMP_HEADER,
    Ancillary,
    Text,
    behind_note,
    counted,
    decoded,
    has_credentials,
)
from restoreflow.images.containers.photoshop import iptc_resource, photoshop_resources
from restoreflow.images.xmp import extension_name

__all__ = [
    "ancillary",
    "extra_segments",
    "frame",
    "picture_end",
    "segments",
]

_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\x00"
_ICC_HEADER, _PHOTOSHOP_HEADER = b"ICC_PROFILE\x00", b"Photoshop 3.0\x00"
_GAIN_MAP_HEADER = b"urn:iso:std:iso:ts:21496:-1\x00"
_APP0, _APP1, _APP2, _APP11, _APP13, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xEF
_COMMENT, _SCAN, _END = 0xFE, 0xDA, 0xD9
_FRAMES = frozenset((*range(0xC0, 0xD0),)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_UNIT_INCH, _UNIT_CENTIMETER = 1, 2
_NAME = re.compile(rb"[A-Za-z0-9_/:. -]{2,40}")
_VIDEO = (b"ftyp", b"MotionPhoto_Data")
_MOST_EXTENSION, _EXTENSION_PART = 2**26, 65_400
# Within a scan; all others are stuffing, restarts or fill bytes.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, first byte and end of each segment's content, up to the first scan's head."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # fill bytes
            place += 1
            continue
        if marker in _ALONE:
            place += 2
            continue
        if marker == _END:
            return
        (length,) = struct.unpack_from(">H", data, place + 2)
        if length < 2:
            return
        yield marker, place + 4, min(place + 2 + length, len(data))
        if marker == _SCAN:
            return
        place += 2 + length


def frame(data: bytes) -> tuple[int, int, int, int, int] | None:
    """Marker of the frame, bits a sample, width, height and components; None if there is none."""
    for marker, start, end in segments(data):
        if marker in _FRAMES and end - start >= 6:
            bits, height, width, components = struct.unpack_from(">BHHB", data, start)
            return marker, bits, width, height, components
    return None


def ancillary(data: bytes) -> Ancillary:
    """What the segments say; of what is not carried, how many there are of each kind."""
    found = _Found()
    for marker, start, end in segments(data):
        if marker == _SCAN:
            break
        if _APP0 <= marker <= _APP15 or marker == _COMMENT:
            found.take(marker, data[start:end])
    found.behind(data)
    return found.whole()


class _Found:
    def __init__(self) -> None:
        self.exif = b""
        self.profile: dict[int, bytes] = {}
        self.xmp: bytes | None = None
        self.extension: dict[int, bytes] = {}
        self.photoshop = b""
        self.comments: list[Text] = []
        self.dpi: tuple[float, float] | None = None
        self.others: list[str] = []
        self.notes: list[str] = []
        self.gain_map = False
        self.boxes = False

    def take(self, marker: int, content: bytes) -> None:
        if marker == _COMMENT:
            text = content.rstrip(b"\x00")
            self.comments.append(Text("Comment", decoded(text)))
        elif marker == _APP0 and content.startswith(b"JFIF\x00"):
            self._density(content)
        elif marker == _APP1 and content.startswith(EXIF_PREFIX):
            # The first block only, unless it is cut into segments, as some writers do.
            more = content[len(EXIF_PREFIX) :]
            if not self.exif or not more.startswith((b"II*\x00", b"MM\x00*")):
                self.exif += more
            else:
                self.others.append("second EXIF block")
        elif marker == _APP1 and content.startswith(XMP_HEADER):
            if self.xmp is None:
                self.xmp = content[len(XMP_HEADER) :]
            else:
                self.others.append("second XMP packet")
        elif marker == _APP1 and content.startswith(_EXTENSION_HEADER):
            self._extend(content[len(_EXTENSION_HEADER) :])
        elif marker == _APP2 and content.startswith(_ICC_HEADER) and len(content) > 14:
            if self.profile.setdefault(content[12], content[14:]) != content[14:]:
                self.others.append("second ICC profile")
        elif marker == _APP2 and content.startswith(_GAIN_MAP_HEADER):
            self.gain_map = True
        elif marker == _APP2 and content.startswith(b"MPF\x00"):
            pass  # the list of the pictures behind, which are told of
        elif marker == _APP13 and content.startswith(_PHOTOSHOP_HEADER):
            self.photoshop += content[len(_PHOTOSHOP_HEADER) :]
        elif marker == _APP14 and content.startswith(b"Adobe"):
            pass  # how the samples are coded
        elif marker == _APP11 and b"jumb" in content[:64]:
            self.boxes = True
        else:
            self._other(marker, content)

    def _density(self, content: bytes) -> None:
        if len(content) < 12:
            return
        unit, across, down = struct.unpack_from(">BHH", content, 7)
        if unit in (_UNIT_INCH, _UNIT_CENTIMETER):
            scale = 2.54 if unit == _UNIT_CENTIMETER else 1.0
            self.dpi = (across * scale, down * scale)
        elif unit == 0 and across != down and across and down:
            self.notes.append(f"pixels in the proportion {down}:{across} are written as square")
        if len(content) > 14 and content[12] and content[13]:
            self.notes.append("JFIF thumbnail dropped: it shows the picture before restoration")

    def _extend(self, content: bytes) -> None:
        if len(content) > 40 and sum(map(len, self.extension.values())) < _MOST_EXTENSION:
            (place,) = struct.unpack_from(">I", content, 36)
            self.extension.setdefault(place, content[40:])

    def _other(self, marker: int, content: bytes) -> None:
        name = _NAME.match(content)
        title = f" {name[0].decode().strip()}" if name else ""
        if content.startswith(b"JFXX\x00"):
            self.notes.append("JFIF thumbnail dropped: it shows the picture before restoration")
        else:
            self.others.append(f"APP{marker - _APP0}{title}")

    def behind(self, data: bytes) -> None:
        """Pictures and videos behind the picture's end."""
        end = picture_end(data)
        rest = data[end:].strip(b"\x00\xff") if end else b""
        if self.boxes and not has_credentials(data):  # which are told by their name
            self.others.append("APP11 JUMBF")
        gain_map = self.gain_map or b"hdr-gain-map" in (self.xmp or b"")
        if gain_map:
            self.notes.append(GAIN_MAP_NOTE)
        if any(word in rest for word in _VIDEO):
            self.notes.append("motion video behind the picture dropped")
        elif b"\xd8\xff" in rest[:64]:
            if not gain_map:
                self.notes.append("only the first of the file's pictures is read")
        else:
            self.notes += behind_note(rest)

    def whole(self) -> Ancillary:
        parts = sorted(self.profile)
        resources = photoshop_resources(self.photoshop)
        extension = b"".join(self.extension[place] for place in sorted(self.extension))
        return Ancillary(
            exif=self.exif or None,
            icc=b"".join(self.profile[part] for part in parts) or None,
            xmp=self.xmp or resources.xmp,
            xmp_extension=extension or None,
            iptc=resources.iptc,
            texts=tuple(self.comments),
            dpi=self.dpi,
            notes=(*self.notes, *resources.notes, *counted(self.others, "JPEG segment")),
        )


def picture_end(data: bytes) -> int:
    """Where the first picture ends, or 0 where that is not known."""
    place = 0
    for marker, _, end in segments(data):
        place = end if marker == _SCAN else place
    while place and (found := _MARKER.search(data, place)):
        if found[0][1] == _END:
            return found.end()
        if found.end() + 2 > len(data):
            return 0
        # Another scan, or tables between scans.
        place = found.end() + struct.unpack_from(">H", data, found.end())[0]
    return 0


def extra_segments(extension: bytes | None, iptc: bytes | None, texts: tuple[Text, ...]) -> bytes:
    """Segments for a second XMP packet, an IPTC record and comments."""
    parts: list[bytes] = []
    if extension:
        name = extension_name(extension)
        for start in range(0, len(extension), _EXTENSION_PART):
            where = struct.pack(">II", len(extension), start)
            part = extension[start : start + _EXTENSION_PART]
            parts.append(_segment(_APP1, _EXTENSION_HEADER + name + where + part))
    if iptc:
        parts.append(_segment(_APP13, _PHOTOSHOP_HEADER + iptc_resource(iptc)))
    parts += [_segment(_COMMENT, each.text.encode()) for each in texts]
    return b"".join(parts)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content

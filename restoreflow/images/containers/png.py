"""PNG: the chunks beside the pixels."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from restoreflow.images.ancillary import (
    XMP_HEADER,
    Ancillary,
    Coding,
    Text,
    behind_note,
    by_chromaticities,
    by_code_points,
    counted,
)

__all__ = ["ancillary", "chunk", "chunks", "essential", "iptc_text", "text_chunk"]

_METERS_PER_INCH = 0.0254
_XMP = "XML:com.adobe.xmp"
_PIXELS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sRGB", b"iDOT"}
_FRAMES = {b"acTL", b"fcTL", b"fdAT"}
_MOST_TEXT = 2**24
_RAW_PROFILE = "Raw profile type "
# ImageMagick's copies of what other chunks and blocks say of the old pixels.
_STALE = re.compile(r"(?i)(exif|tiff|png|jpeg|icc):|thumb::")


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and end of each chunk's content."""
    place = 8
    while place + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        end = place + 8 + size
        if end > len(data):
            return
        yield kind, place + 8, end
        if kind == b"IEND":
            return
        place = end + 4


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length and checksum."""
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def text_chunk(text: Text) -> bytes:
    """A text as tEXt where it is Latin-1 and plain, else as iTXt."""
    keyword = text.keyword.encode("latin-1", "replace")[:79] or b"Comment"
    if not (text.language or text.translated):
        try:
            return chunk(b"tEXt", keyword + b"\x00" + text.text.encode("latin-1"))
        except UnicodeEncodeError:
            pass
    language, translated = text.language.encode("ascii", "replace"), text.translated.encode()
    head = keyword + b"\x00\x00\x00" + language + b"\x00" + translated + b"\x00"
    return chunk(b"iTXt", head + text.text.encode())


def essential(data: bytes) -> bytes:
    """The file with its picture's chunks alone: what stands beside them cannot trouble a decoder.

    What follows a chunk that is cut short is kept, so that damage stays damage.
    """
    parts: list[bytes | memoryview] = [data[:8]]
    view, place = memoryview(data), 8
    for kind, start, end in chunks(data):
        place = min(end + 4, len(data))
        if kind in _PIXELS:
            parts.append(view[start - 8 : place])
    if place + 12 <= len(data) and data[place - 8 : place - 4] != b"IEND":
        parts.append(view[place:])
    return b"".join(parts)


def ancillary(data: bytes) -> Ancillary:
    """What the chunks say; of what is not carried, how many there are of each kind."""
    found: dict[bytes, bytes] = {}
    texts, dropped, frames = _Texts(), list[str](), 0
    behind = b""
    for kind, start, end in chunks(data):
        if kind == b"IEND":
            behind = data[end + 4 :]
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            texts.take(kind, data[start:end])
        elif kind in (b"eXIf", b"iCCP", b"pHYs", b"cICP", b"gAMA", b"cHRM", b"sRGB", b"acTL"):
            if found.setdefault(kind, data[start:end]) != data[start:end]:
                dropped.append(f"second {kind.decode()}")
        elif kind not in _PIXELS | _FRAMES and not (kind == b"caBX" and b"c2pa" in data[start:end]):
            dropped.append(kind.decode("latin-1"))
    if len(found.get(b"acTL", b"")) >= 4:
        (frames,) = struct.unpack_from(">I", found[b"acTL"])
    several = (f"only the first of the file's {frames} frames is read",) if frames > 1 else ()
    resolution, notes = _resolution(found.get(b"pHYs", b""))
    return Ancillary(
        exif=found.get(b"eXIf") or texts.exif,
        icc=_profile(found.get(b"iCCP", b"")) or texts.icc,
        coding=_coding(found),
        xmp=texts.xmp,
        iptc=texts.iptc,
        texts=tuple(texts.kept),
        dpi=resolution,
        notes=(
            *several,
            *notes,
            *counted(dropped, "PNG chunk"),
            *counted(texts.damaged, "PNG text", "damaged or too long and dropped"),
            *counted(texts.repeated, "PNG text", "said once before and dropped"),
            *counted(texts.stale, "PNG text", "about the picture before restoration dropped"),
            *texts.notes,
            *behind_note(behind),
        ),
    )


def _resolution(content: bytes) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    if len(content) < 9:
        return None, ()
    across, down, unit = struct.unpack_from(">IIB", content)
    if unit == 1:
        return (across * _METERS_PER_INCH, down * _METERS_PER_INCH), ()
    if across != down:
        return None, (f"pixels in the proportion {across}:{down} are written as square",)
    return None, ()


def _profile(content: bytes) -> bytes | None:
    name, _, rest = content.partition(b"\x00")
    # What is damaged is handed on as bytes that are no profile, so that it is said to be.
    return (_inflated(rest[1:], _MOST_TEXT) or name) if content else None


def _inflated(data: bytes, most: int) -> bytes | None:
    """Inflated data; None where it is damaged or longer than `most` bytes."""
    try:
        stream = zlib.decompressobj()
        inflated = stream.decompress(data, max(most, 1))
    except zlib.error:
        return None
    return inflated if stream.eof else None


def _coding(found: dict[bytes, bytes]) -> Coding | None:
    if len(found.get(b"cICP", b"")) >= 4:
        primaries, transfer, _, full = found[b"cICP"][:4]
        return by_code_points(primaries, transfer, "the chunk cICP", narrow=not full)
    if b"sRGB" in found or not (b"gAMA" in found or b"cHRM" in found):
        return None
    gamma: float | None = None
    points: tuple[float, ...] = ()
    if len(found.get(b"gAMA", b"")) >= 4:
        (value,) = struct.unpack_from(">I", found[b"gAMA"])
        gamma = 100000 / value if value else 0.0
    if len(found.get(b"cHRM", b"")) >= 32:
        points = tuple(each / 100000 for each in struct.unpack_from(">8I", found[b"cHRM"]))
    told_by = " and ".join(each.decode() for each in (b"gAMA", b"cHRM") if each in found)
    return by_chromaticities(points, gamma, f"the chunk {told_by}")


class _Texts:
    """Text chunks told apart: texts, and the blocks that ImageMagick and others put in texts."""

    def __init__(self) -> None:
        self.kept: list[Text] = []
        self.damaged: list[str] = []
        self.repeated: list[str] = []
        self.stale: list[str] = []
        self.exif: bytes | None = None
        self.xmp: bytes | None = None
        self.icc: bytes | None = None
        self.iptc: bytes | None = None
        self.notes: tuple[str, ...] = ()
        self._left = _MOST_TEXT

    def take(self, kind: bytes, content: bytes) -> None:
        text = self._parsed(kind, content)
        if text is None:
            if kind != b"tEXt":
                self._left //= 2  # many that are too long are not worth a try each
            self.damaged.append(content.partition(b"\x00")[0].decode("latin-1")[:79])
            return
        self._left -= len(text.text)
        block = _raw_profile(text) if text.keyword.startswith(_RAW_PROFILE) else None
        if text.keyword == _XMP:
            if self.xmp is not None:
                self.repeated.append("XMP")
            self.xmp = self.xmp or text.text.encode()
        elif block is not None:
            self._block(text.keyword[len(_RAW_PROFILE) :].lower(), block, text)
        elif _STALE.match(text.keyword):
            self.stale.append(text.keyword)
        else:
            self.kept.append(text)

    def _parsed(self, kind: bytes, content: bytes) -> Text | None:
        keyword, end, rest = content.partition(b"\x00")
        name = keyword.decode("latin-1")
        if not end or not 1 <= len(name) <= 79:
            return None
        if kind == b"tEXt":
            return Text(name, rest.decode("latin-1"))
        if kind == b"zTXt":
            inflated = _inflated(rest[1:], self._left)
            return None if inflated is None else Text(name, inflated.decode("latin-1"))
        language, _, behind = rest[2:].partition(b"\x00")
        translated, _, body = behind.partition(b"\x00")
        text = _inflated(body, self._left) if rest[:1] == b"\x01" else body
        try:
            words = (language.decode("ascii"), translated.decode())
            return None if text is None else Text(name, text.decode(), *words)
        except UnicodeDecodeError:
            return None

    def _block(self, kind: str, block: bytes, text: Text) -> None:
        if kind in ("exif", "app1") and block.startswith(XMP_HEADER):
            self.xmp = self.xmp or block[len(XMP_HEADER) :]
        elif kind in ("exif", "app1"):
            self.exif = self.exif or block
        elif kind == "xmp":
            self.xmp = self.xmp or block
        elif kind in ("icc", "icm"):
            self.icc = self.icc or block
        elif kind in ("iptc", "8bim") and block.startswith(b"8BIM"):
            from restoreflow.images.containers.photoshop import photoshop_resources

            resources = photoshop_resources(block)
            self.iptc, self.notes = self.iptc or resources.iptc, self.notes + resources.notes
        elif kind == "iptc":
            self.iptc = self.iptc or block
        else:
            self.stale.append(text.keyword)


def _raw_profile(text: Text) -> bytes | None:
    """The bytes of a block written as a text: a name, their number, and themselves in hex."""
    parts = text.text.split(maxsplit=2)
    if len(parts) != 3 or not parts[1].isdigit():
        return None
    try:
        return bytes.fromhex("".join(parts[2].split()))
    except ValueError:
        return None


def iptc_text(record: bytes) -> Text:
    """An IPTC record as the text that ImageMagick and exiftool read."""
    from restoreflow.images.containers.photoshop import iptc_resource

    block = iptc_resource(record)
    digits = block.hex()
    lines = "\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return Text(f"{_RAW_PROFILE}iptc", f"\niptc\n{len(block):8d}\n{lines}\n")

"""What stands beside the pixels in a file, as it stands there, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from restoreflow.images.color_coding import Coding

__all__ = [
    "GAIN_MAP_NOTE",
    "Ancillary",
    "Tag",
    "Text",
    "behind_note",
    "counted",
    "decoded",
    "has_credentials",
]

GAIN_MAP_NOTE = "gain map (HDR) dropped: it belongs to the picture before restoration"
_MOST_NAMED = 6


class Text(NamedTuple):
    """A text beside a picture.

    Attributes:
        keyword: what it is about, Latin-1 of 1 to 79 characters; "Comment" for what has none.
        text: in full.
        language, translated: of PNG's international texts; empty elsewhere.
    """

    keyword: str
    text: str
    language: str = ""
    translated: str = ""


class Tag(NamedTuple):
    """A TIFF tag with its values' bytes, little-endian."""

    number: int
    kind: int
    length: int
    data: bytes


@dataclass(frozen=True)
class Ancillary:
    """What a file says of its picture, not cleaned yet.

    Attributes:
        exif: the block from its TIFF header on, with or without a prefix.
        orientation: what the pixels still need, 1 to 8; None: what EXIF says.
        icc: the colour profile.
        coding: colours told in another way than by a profile.
        xmp: the packet.
        xmp_extension: what JPEG files have in further segments, a packet of its own.
        iptc: the record, IPTC-IIM.
        texts: comments and text chunks.
        dpi: pixels an inch.
        geo: TIFF tags that place the pixels on the earth.
        notes: for the user, on what is there and not carried.
    """

    exif: bytes | None = None
    orientation: int | None = None
    icc: bytes | None = None
    coding: Coding | None = None
    xmp: bytes | None = None
    xmp_extension: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[Text, ...] = ()
    dpi: tuple[float, float] | None = None
    geo: tuple[Tag, ...] = ()
    notes: tuple[str, ...] = ()


def counted(names: list[str], what: str, why: str = "not carried") -> tuple[str, ...]:
    """One sentence on all that is not carried of one kind; none where there is nothing.

    >>> counted(["tIME", "bKGD", "tIME"], "PNG chunk")
    ('3 PNG chunks not carried: bKGD, tIME',)
    """
    if not names:
        return ()
    different = sorted(set(names))
    more = ", ..." if len(different) > _MOST_NAMED else ""
    listed = "".join(c for c in ", ".join(different[:_MOST_NAMED]) if c.isprintable())
    plural = "s" if len(names) > 1 else ""
    return (f"{len(names)} {what}{plural} {why}: {listed}{more}",)


def behind_note(rest: bytes) -> tuple[str, ...]:
    """One sentence on what stands behind a file's picture; none where that is nothing, or zeros."""
    rest = rest.strip(b"\x00\xff")
    return (f"{len(rest)} bytes behind the picture dropped",) if rest else ()


def decoded(text: bytes) -> str:
    """A text of unknown coding: UTF-8 where it is that, else Latin-1, which loses nothing."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def has_credentials(data: bytes) -> bool:
    """Whether a file carries a C2PA manifest, which signs the very bytes that restoring changes."""
    return b"c2pa" in data and (b"jumb" in data or b"caBX" in data)

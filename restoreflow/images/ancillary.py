"""What stands beside the pixels in a file, as it stands there, whatever the format.

Colours may be told by numbers instead of by an ICC profile: cICP chunks, nclx boxes, gAMA and cHRM
chunks, the headers of BMP files and EXIF tell what a profile would, by code points of H.273, gamma
and primaries. They are made one here, so that colours have one way in and out; HDR curves (PQ,
HLG), which no such profile holds, stay code points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import imagecodecs
import numpy as np

__all__ = [
    "EXIF_PREFIX",
    "GAIN_MAP_NOTE",
    "XMP_HEADER",
    "Ancillary",
    "Coding",
    "Tag",
    "Text",
    "adobe_rgb",
    "behind_note",
    "by_chromaticities",
    "by_code_points",
    "counted",
    "decoded",
    "has_credentials",
    "profile_of",
]

EXIF_PREFIX = b"Exif\x00\x00"
"""What an EXIF block begins with, before its TIFF structure."""
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\x00"
"""What a packet stands behind in JPEG's segments and PNG's raw profiles."""

_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
# ITU-T H.273, table 2: white point, red, green, blue.
_PRIMARIES: dict[int, tuple[float, ...]] = {
    1: (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060),
    4: (*_C, 0.670, 0.330, 0.210, 0.710, 0.140, 0.080),
    5: (*_D65, 0.640, 0.330, 0.290, 0.600, 0.150, 0.060),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
_ADOBE = (*_D65, 0.640, 0.330, 0.210, 0.710, 0.150, 0.060)
_UNSPECIFIED = 2
# Table 3. The curves of video cameras (1, 6, 14, 15) are shown as sRGB's by what shows pictures.
_CURVES: dict[int, float | str] = {4: 2.2, 5: 2.8, 7: "240m", 8: 1.0, 17: 2.6}
_CURVES |= dict.fromkeys((1, 2, 6, 11, 12, 13, 14, 15), "srgb")
_HDR = {16: "PQ", 18: "HLG"}
_STEPS = 1024
_SRGB_GAMMA = (2.1, 2.3)  # of this gamma is what a file in sRGB says that tells gamma alone
_DATE = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # of profiles made here: a run is repeatable


@dataclass(frozen=True)
class Coding:
    """What RGB or gray values mean.

    Attributes:
        told_by: what in the file says so.
        chromaticities: x and y of white, red, green and blue.
        curve: gamma, "srgb", "240m", "PQ", "HLG", or "" for one that is not known.
        code_points: primaries and transfer of H.273, where told by them.
        narrow: black and white are 16 and 235 of 255, as in video.
    """

    told_by: str
    chromaticities: tuple[float, ...]
    curve: float | str
    code_points: tuple[int, int] | None = None
    narrow: bool = False

    @property
    def hdr(self) -> bool:
        """Whether the curve reaches beyond white, as no profile of this package does."""
        return self.curve in _HDR.values()

    @property
    def known(self) -> bool:
        """Whether the values' meaning is known here."""
        return bool(self.chromaticities) and self.curve != ""


def by_code_points(
    primaries: int, transfer: int, told_by: str, narrow: bool = False
) -> Coding | None:
    """The coding of two code points; None where they are unspecified, or are sRGB's.

    Args:
        narrow: as of `Coding`; such a coding is never None.
    """
    curve = _HDR.get(transfer) or _CURVES.get(transfer, "")
    told = (1 if primaries == _UNSPECIFIED else primaries, transfer)
    chromaticities = _PRIMARIES.get(told[0], ())
    if told[0] == 1 and curve == "srgb" and not narrow:
        return None
    return Coding(told_by, chromaticities, curve, (primaries, transfer), narrow)


def by_chromaticities(
    chromaticities: tuple[float, ...], gamma: float | None, told_by: str
) -> Coding | None:
    """The coding of eight numbers (or none: sRGB's) and of a gamma, that of the display.

    None where they are sRGB's as nearly as such numbers tell.
    """
    curve: float | str = "srgb"
    if gamma is not None and not _SRGB_GAMMA[0] <= gamma <= _SRGB_GAMMA[1]:
        curve = gamma if 0.1 <= gamma <= 10 else ""
    usual = np.array(_PRIMARIES[1])
    given = np.array(chromaticities or usual)
    if curve == "srgb" and np.abs(given - usual).max() < 0.005:
        return None
    if np.abs(given - np.array(_ADOBE)).max() < 0.005 and curve == "srgb":
        return adobe_rgb(told_by)
    return Coding(told_by, tuple(float(each) for each in given), curve)


def adobe_rgb(told_by: str) -> Coding:
    """Adobe RGB (1998), the other colour space of cameras."""
    return Coding(told_by, _ADOBE, 563 / 256)


@lru_cache(maxsize=16)
def profile_of(coding: Coding, gray: bool) -> bytes | None:
    """An ICC profile that means what the coding does, or None where none can be made.

    Args:
        gray: a profile of one channel.
    """
    if coding.hdr or not coding.known:
        return None
    white, primaries = coding.chromaticities[:2], coding.chromaticities[2:]
    table = _table(coding.curve) if isinstance(coding.curve, str) else None
    gamma = None if isinstance(coding.curve, str) else coding.curve
    try:
        profile = imagecodecs.cms_profile(
            "gray" if gray else "rgb",
            whitepoint=list(white),
            primaries=None if gray else list(primaries),
            transferfunction=table,
            gamma=gamma,
        )
    except Exception:  # lcms refuses points that make no colour space
        return None
    return profile[:24] + _DATE + profile[36:84] + bytes(16) + profile[100:]


def _table(curve: str) -> np.ndarray:
    """The display's light, 0 to 65535, of evenly spaced values."""
    values = np.linspace(0, 1, _STEPS)
    if curve == "240m":
        light = np.where(values < 0.0913, values / 4, ((values + 0.1115) / 1.1115) ** (1 / 0.45))
    else:
        light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.rint(light * 65535).astype(np.uint16)


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

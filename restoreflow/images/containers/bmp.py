"""BMP: resolution and colours of its later headers."""

from __future__ import annotations

import struct

from restoreflow.images.ancillary import Ancillary, Coding, behind_note, by_chromaticities

__all__ = ["ancillary"]

_METERS_PER_INCH = 0.0254
_INFO, _V4, _V5 = 40, 108, 124
_UNCOMPRESSED = (0, 3, 6)  # without or with masks of the channels
_CALIBRATED, _EMBEDDED, _LINKED = 0, 0x4D424544, 0x4C494E4B


def ancillary(data: bytes) -> Ancillary:
    """What the header says."""
    if len(data) < 18:
        return Ancillary()
    (size,) = struct.unpack_from("<I", data, 14)
    if size < _INFO or len(data) < 14 + size:
        return Ancillary()
    across, down = struct.unpack_from("<ii", data, 14 + 24)
    dpi = (across * _METERS_PER_INCH, down * _METERS_PER_INCH)
    space = struct.unpack_from("<I", data, 14 + 56)[0] if size >= _V4 else None
    icc, notes, coding = None, (), None
    end = _end_of_pixels(data)
    if space == _CALIBRATED:
        coding = _calibrated(data)
    elif space == _EMBEDDED and size >= _V5:
        start, length = struct.unpack_from("<II", data, 14 + 112)
        start += 14
        icc, end = data[start : start + length], max(end, start + length)
    elif space == _LINKED:
        notes = ("the colour profile is in another file; sRGB is assumed",)
    return Ancillary(dpi=dpi, icc=icc, coding=coding, notes=(*notes, *behind_note(data[end:])))


def _end_of_pixels(data: bytes) -> int:
    """Where the file ends by its header, which often says too little, or its pixels do."""
    said, start = struct.unpack_from("<I4xI", data, 2)
    width, height = struct.unpack_from("<ii", data, 18)
    bits, compression = struct.unpack_from("<HI", data, 28)
    if compression not in _UNCOMPRESSED:
        return len(data)
    return max(said, start + (width * bits + 31) // 32 * 4 * abs(height))


def _calibrated(data: bytes) -> Coding | None:
    """The coding of end points as CIE XYZ (2.30 bits each) and of gammas (16.16)."""
    numbers = struct.unpack_from("<9i3I", data, 14 + 60)
    points = [numbers[start : start + 3] for start in (0, 3, 6)]
    white = tuple(map(sum, zip(*points, strict=True)))
    pairs = [(each[0], each[1], sum(each)) for each in (white, *points)]
    gammas = [each / 65536 for each in numbers[9:]]
    if any(each[2] <= 0 for each in pairs) or max(gammas) - min(gammas) > 0.01:
        return None  # end points left empty mean nothing
    chromaticities = tuple(each / total for x, y, total in pairs for each in (x, y))
    return by_chromaticities(chromaticities, gammas[0] or None, "the header")

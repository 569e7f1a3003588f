"""WebP: the chunks of its RIFF container."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from restoreflow.images.ancillary import Ancillary, behind_note, counted, has_credentials

__all__ = ["ancillary"]

_PIXELS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM"}
_FRAME = b"ANMF"


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and end of the content of each chunk, and of no kind what is none.

    Some writers put chunks behind the end that the file tells, which are taken where they are whole
    and their kind is a word.
    """
    place, told = 12, 8 + int.from_bytes(data[4:8], "little")
    while place + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, place)
        end = place + 8 + size
        if place >= told and (end > len(data) or not kind.strip().isalnum()):
            break
        yield kind, place + 8, min(end, len(data))
        place = end + size % 2
    yield b"", min(place, len(data)), len(data)


def ancillary(data: bytes) -> Ancillary:
    """What the chunks say; of what is not carried, how many there are."""
    found: dict[bytes, bytes] = {}
    dropped: list[str] = []
    frames = 0
    behind = b""
    for kind, start, end in _chunks(data):
        if kind in (b"EXIF", b"ICCP", b"XMP "):
            if found.setdefault(kind, data[start:end]) != data[start:end]:
                dropped.append("second " + kind.decode().strip())
        elif not kind:
            behind = data[start:end]
        elif kind == _FRAME:
            frames += 1
        elif kind not in _PIXELS and not (kind == b"C2PA" and has_credentials(data)):
            dropped.append(kind.decode("latin-1").strip())
    several = (f"only the first of the file's {frames} frames is read",) if frames > 1 else ()
    return Ancillary(
        exif=found.get(b"EXIF"),
        icc=found.get(b"ICCP"),
        xmp=found.get(b"XMP "),
        notes=(*several, *counted(dropped, "WebP chunk"), *behind_note(behind)),
    )

"""JPEG XL: the boxes of its container beside the codestream, Brotli-compressed ones too."""

from __future__ import annotations

import imagecodecs

from restoreflow.images.ancillary import GAIN_MAP_NOTE, Ancillary, behind_note, counted
from restoreflow.images.containers.boxes import behind, boxes, tiff_in

__all__ = ["ancillary"]

_PICTURE = {b"JXL ", b"ftyp", b"jxlc", b"jxlp", b"jxll", b"jxli", b"jbrd", b"free"}
_KEPT = (b"Exif", b"xml ")
_COMPRESSED = b"brob"
_KINDS = {*_PICTURE, *_KEPT, _COMPRESSED}
_GAIN_MAP = b"jhgm"
_MOST_BYTES = 2**24
_BARE = b"\xff\x0a"


def ancillary(data: bytes) -> Ancillary:
    """What the boxes say; of what is not carried, how many there are."""
    found: dict[bytes, bytes] = {}
    dropped: list[str] = []
    damaged: list[str] = []
    gain_map = False
    last = behind(data, _KINDS) if data[:2] != _BARE else 0  # of a bare one, reading it tells
    for kind, start, end in boxes(data, 0, last):
        if kind == _COMPRESSED:
            kind = data[start : start + 4]
            wanted = kind in _KEPT and kind not in found and not damaged
            content = _decompressed(data[start + 4 : end]) if wanted else b""
        else:
            content = data[start:end] if kind in _KEPT else b""
        if content is None:
            damaged.append(kind.decode("latin-1").strip())
        elif kind in _KEPT and kind not in found:
            found[kind] = content
        elif kind == _GAIN_MAP:
            gain_map = True
        elif kind not in _PICTURE and not (kind == b"jumb" and b"c2pa" in data[start:end]):
            again = "second " if kind in _KEPT else ""
            dropped.append(again + kind.decode("latin-1").strip())
    return Ancillary(
        exif=tiff_in(found[b"Exif"]) if b"Exif" in found else None,
        xmp=found.get(b"xml "),
        notes=(
            *((GAIN_MAP_NOTE,) if gain_map else ()),
            *counted(dropped, "JPEG XL box"),
            *(behind_note(data[last:]) if last else ()),
            *counted(damaged, "JPEG XL box", "damaged or too long and dropped"),
        ),
    )


def _decompressed(content: bytes) -> bytes | None:
    try:
        return bytes(imagecodecs.brotli_decode(content, out=_MOST_BYTES))
    except Exception:  # damaged, or longer than that
        return None

"""GIF: comments and the blocks of applications."""

from __future__ import annotations

from restoreflow.images.ancillary import Ancillary, Text, behind_note, counted, decoded

__all__ = ["ancillary"]

_EXTENSION, _PICTURE, _END = 0x21, 0x2C, 0x3B
_COMMENT, _PLAIN_TEXT, _APPLICATION = 0xFE, 0x01, 0xFF
_TABLE = 0x80
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def ancillary(data: bytes) -> Ancillary:
    """What the blocks say; of what is not carried, how many there are."""
    texts: list[Text] = []
    dropped: list[str] = []
    blocks: dict[bytes, bytes] = {}
    place, frames = 13 + _table_size(data[10:11]), 0
    while place + 2 < len(data):
        if data[place] == _PICTURE:
            frames += 1
            place = _behind(data, place + 11 + _table_size(data[place + 9 : place + 10]))
        elif data[place] == _EXTENSION:
            label, start = data[place + 1], place + 2
            place = _behind(data, start)
            if label == _COMMENT:
                content = _joined(data, start, place)
                texts.append(Text("Comment", decoded(content)))
            elif label == _APPLICATION:
                name = data[start + 1 : start + 12]
                if blocks.setdefault(name, data[start + 12 : place]) != data[start + 12 : place]:
                    dropped.append("second " + name.decode("latin-1"))
            elif label == _PLAIN_TEXT:
                dropped.append("plain text")
        else:
            break
    behind = data[place + 1 :] if data[place : place + 1] == bytes((_END,)) else b""
    xmp = blocks.pop(b"XMP DataXMP", None)
    icc = blocks.pop(b"ICCRGBG1012", None)
    dropped += [name.decode("latin-1") for name in blocks if name not in _LOOPS]
    several = (f"only the first of the file's {frames} frames is read",) if frames > 1 else ()
    return Ancillary(
        icc=None if icc is None else _joined(icc, 0, len(icc)),
        # The packet stands there as it is, and a trailer makes it end as sub-blocks do.
        xmp=None if xmp is None else xmp.rpartition(b"\x01\xff\xfe")[0] or None,
        texts=tuple(texts),
        notes=(*several, *counted(dropped, "GIF block"), *behind_note(behind)),
    )


def _table_size(packed: bytes) -> int:
    return 3 * 2 ** ((packed[0] & 7) + 1) if packed and packed[0] & _TABLE else 0


def _behind(data: bytes, place: int) -> int:
    """The end of the sub-blocks that begin at a place."""
    while place < len(data) and data[place]:
        place += data[place] + 1
    return place + 1


def _joined(data: bytes, place: int, end: int) -> bytes:
    parts: list[bytes] = []
    while place < min(end, len(data)) and data[place]:
        parts.append(data[place + 1 : place + 1 + data[place]])
        place += data[place] + 1
    return b"".join(parts)

"""PPM and its kin: the comments in their header, and what stands behind the picture."""

from __future__ import annotations

import re

from restoreflow.images.ancillary import Ancillary, Text, behind_note, decoded

__all__ = ["ancillary"]

_HEAD = 4096
_BINARY = {b"4": 0, b"5": 1, b"6": 3}
"""Kinds whose samples are no text, and how many a pixel has; those of the first are bits."""
_NEXT = re.compile(rb"\s*P[1-6]\s")
_NUMBER = re.compile(rb"[^\s#]+")


def ancillary(data: bytes) -> Ancillary:
    """The comments; of what stands behind binary samples, how much it is."""
    fields, place, texts = 2 if data[1:2] in b"14" else 3, 2, list[Text]()
    numbers: list[int] = []
    while fields and place < min(len(data), _HEAD):
        if data[place : place + 1] == b"#":
            end = data.find(b"\n", place)
            end = len(data) if end < 0 else end
            words = data[place + 1 : min(end, place + _HEAD)].strip()
            texts += [Text("Comment", decoded(words))] if words else []
            place = end + 1
        elif data[place : place + 1].isspace():
            place += 1
        else:
            number = _NUMBER.match(data, place)
            place, fields = number.end() if number else len(data), fields - 1
            numbers.append(int(number[0]) if number and number[0].isdigit() else 0)
    return Ancillary(texts=tuple(texts), notes=_behind(data, place + 1, numbers))


def _behind(data: bytes, start: int, numbers: list[int]) -> tuple[str, ...]:
    kind = data[1:2]
    if kind not in _BINARY or len(numbers) < 2:
        return ()
    width, height, most = (*numbers, 1)[:3]
    row = width * _BINARY[kind] * (2 if most > 255 else 1) or -(-width // 8)
    rest = data[start + row * height :]
    if _NEXT.match(rest):
        return ("only the first of the file's pictures is read",)
    return behind_note(rest)

"""PPM and its kin: the comments in their header."""

from __future__ import annotations

import re

from restoreflow.images.ancillary import Ancillary, Text, decoded

__all__ = ["ancillary"]

_HEAD = 4096
_NUMBER = re.compile(rb"[^\s#]+")


def ancillary(data: bytes) -> Ancillary:
    """The comments."""
    fields, place, texts = 2 if data[1:2] in b"14" else 3, 2, list[Text]()
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
    return Ancillary(texts=tuple(texts))

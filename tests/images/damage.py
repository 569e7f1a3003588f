"""Files of every kind that is read, and what can have happened to them, for hypothesis."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from restoreflow.images.decode import decode
from restoreflow.images.encode import encode
from restoreflow.images.picture import Metadata
from tests.images import samples
from tests.images.kept_table import files

__all__ = ["damaged", "whole_files"]


def whole_files() -> dict[str, bytes]:
    """Small valid files by what they are, with and without metadata."""
    plain = samples.files() | samples.files_of_extras()
    corpus = {name: row[0] for name, row in plain.items()}
    rich = Metadata(samples.exif(6, thumbnail=True), samples.display_p3(), b"<x/>", (72.0, 72.0))
    picture = replace(decode(corpus["png 16 rgba"]), metadata=rich)
    for format in ("png", "jpeg", "webp", "avif", "tiff"):
        corpus[f"{format} with metadata"] = encode(picture, format)
    return corpus | {f"{format} with {kind}": data for (format, kind), data in files().items()}


_CORPUS = whole_files()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of the corpus with bytes changed, cut out, doubled or taken from another file."""
    data = bytearray(_CORPUS[draw(st.sampled_from(sorted(_CORPUS)))])
    for _ in range(draw(st.integers(1, 4))):
        if not data:
            break
        # Headers decide the most, so half of the damage goes there.
        end = draw(st.sampled_from([min(64, len(data)), len(data)]))
        place = draw(st.integers(0, end - 1))
        length = draw(st.integers(1, 32))
        kind = draw(st.sampled_from(["change", "set", "cut", "double", "splice", "end"]))
        if kind == "change":
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set":
            value = draw(st.sampled_from([b"\x00", b"\xff", b"\x7f", b"\x80", b"\x01"]))
            data[place : place + length] = value * min(length, len(data) - place)
        elif kind == "cut":
            del data[place : place + length]
        elif kind == "double":
            data[place:place] = data[place : place + length]
        elif kind == "splice":
            other = _CORPUS[draw(st.sampled_from(sorted(_CORPUS)))]
            data[place : place + length] = other[place : place + length]
        else:
            del data[place:]
    return bytes(data)

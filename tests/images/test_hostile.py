"""Damaged files of every kind: a picture or an error for the user, never anything else."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from restoreflow.errors import InputError, LimitError
from restoreflow.images.decode import decode, read_size
from restoreflow.images.encode import encode
from restoreflow.images.picture import Metadata
from tests.images import samples

PIXELS = 100_000


def _corpus() -> dict[str, bytes]:
    corpus = {name: row[0] for name, row in samples.files().items()}
    rich = Metadata(samples.exif(6, thumbnail=True), samples.display_p3(), b"<x/>", (72.0, 72.0))
    picture = replace(decode(corpus["png 16 rgba"]), metadata=rich)
    for format in ("png", "jpeg", "webp", "avif", "tiff"):
        corpus[f"{format} with metadata"] = encode(picture, format)
    return corpus


CORPUS = _corpus()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of the corpus with bytes changed, cut out, doubled or taken from another file."""
    data = bytearray(CORPUS[draw(st.sampled_from(sorted(CORPUS)))])
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
            other = CORPUS[draw(st.sampled_from(sorted(CORPUS)))]
            data[place : place + length] = other[place : place + length]
        else:
            del data[place:]
    return bytes(data)


@settings(
    max_examples=400,
    deadline=5000,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(damaged())
def test_damage_never_escapes(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on damaged metadata
        picture = refusal = None
        try:
            picture = decode(data, max_pixels=PIXELS)
        except (InputError, LimitError) as error:
            refusal = str(error)
        if picture is None:
            assert refusal is not None and refusal.isprintable()
        else:
            assert picture.width * picture.height <= PIXELS
            assert np.isfinite(picture.pixels).all()
            assert 0 <= picture.pixels.min() <= picture.pixels.max() <= 1
            encode(picture)
        with contextlib.suppress(InputError, LimitError):
            read_size(data, max_pixels=PIXELS)


@settings(max_examples=100, deadline=1000, derandomize=True)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises((InputError, LimitError)):
        decode(data)

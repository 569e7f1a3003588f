"""Damaged files of every kind: a picture or an error for the user, never anything else."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from restoreflow.errors import InputError, LimitError
from restoreflow.images.decode import decode, read_size
from restoreflow.images.encode import encode
from tests.images.damage import damaged

PIXELS = 100_000


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

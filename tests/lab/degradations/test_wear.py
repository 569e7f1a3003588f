"""Worn inputs: what was asked for, in this order, alike every time."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from restoreflow.errors import UsageError
from restoreflow.lab.degradations.wear import Wear
from tests.lab.evaluation.fakes import scene


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(float)


def test_nothing_is_done_where_nothing_is_asked_for():
    picture = scene(40, 32)
    assert not Wear()
    assert Wear().apply(picture, 0) is picture


def test_noise_has_the_deviation_asked_for_and_depends_on_the_seed():
    gray = Image.new("RGB", (200, 160), (128, 128, 128))
    first, second, again = (Wear(noise=5).apply(gray, seed) for seed in (0, 1, 0))
    assert levels(first).std() == pytest.approx(5, rel=0.02)
    assert levels(first).mean() == pytest.approx(128, abs=0.1)
    np.testing.assert_array_equal(levels(first), levels(again))
    assert np.abs(levels(first) - levels(second)).mean() > 3


def test_blur_spreads_a_point_by_its_deviation():
    point = Image.new("RGB", (41, 41))
    point.putpixel((20, 20), (255, 255, 255))
    seen = levels(Wear(blur=1).apply(point, 0))[..., 0]
    assert seen[20, 20] == pytest.approx(255 / (2 * np.pi), rel=0.03)
    assert seen[20, 21] == pytest.approx(seen[20, 20] * np.exp(-0.5), rel=0.05)


def test_jpeg_is_pillows_and_comes_last():
    picture = scene(48, 48)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=50, subsampling=2)
    expected = Image.open(stream).convert("RGB")
    np.testing.assert_array_equal(levels(Wear(jpeg=50).apply(picture, 0)), levels(expected))
    noisy = Wear(noise=30).apply(picture, 3)
    stream = io.BytesIO()
    noisy.save(stream, "JPEG", quality=50, subsampling=2)
    expected = Image.open(stream).convert("RGB")
    worn = Wear(noise=30, jpeg=50).apply(picture, 3)
    np.testing.assert_array_equal(levels(worn), levels(expected))


@pytest.mark.parametrize(
    ("values", "message"),
    [((-1, 0, 0), "--blur"), ((0, 200, 0), "--noise"), ((0, 0, 101), "--jpeg")],
)
def test_values_out_of_range_are_refused(values: tuple[float, float, int], message: str):
    with pytest.raises(UsageError, match=message):
        Wear(*values)

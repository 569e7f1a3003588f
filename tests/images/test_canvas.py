"""A canvas that is filled by bands holds what a whole picture's holds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from restoreflow.errors import LimitError, OutputError, UsageError
from restoreflow.images.canvas import Canvas
from restoreflow.images.encode import encode, encode_canvas
from restoreflow.images.picture import Metadata, Picture, resize_rows, unit_range
from tests.images import samples

SCALE = 4


def source(gray: bool, opacity: str, wide: bool) -> Picture:
    values = unit_range(samples.gradient(4, np.uint16))
    pixels = np.repeat(values[..., :1], 3, axis=2) if gray else values[..., :3]
    alpha = {"opaque": None, "veil": np.full_like(values[..., 3], 0.4), "shape": values[..., 3]}
    profile = (samples.gray_gamma() if gray else samples.display_p3()) if wide else None
    beyond = 0.1 * (values[..., 1:] - 0.5) if wide and not gray else None
    return Picture(
        pixels, alpha[opacity], gray, metadata=Metadata(icc=profile), beyond_gamut=beyond
    )


def restored(picture: Picture) -> np.ndarray:
    bigger = picture.pixels.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    noise = np.random.default_rng(0).normal(0, 0.1, bigger.shape)
    return (bigger + noise).astype(np.float32)


@pytest.mark.parametrize(
    ("format", "depth", "gray", "opacity", "wide"),
    list(
        product(
            ("png", "tiff", "jpeg"),
            (8, 16),
            (False, True),
            ("opaque", "veil", "shape"),
            (False, True),
        )
    ),
)
def test_bands_and_the_whole_are_one_file(
    format: str, depth: int, gray: bool, opacity: str, wide: bool
) -> None:
    picture = source(gray, opacity, wide)
    pixels = restored(picture)
    canvas = Canvas(picture, pixels.shape[1], pixels.shape[0], format, depth)
    # As a restorer gives them: planes, seen with the channels last.
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    for top in range(0, pixels.shape[0], 7):
        canvas.put(top, planes[:, top : top + 7].transpose(1, 2, 0))
    assert encode_canvas(canvas) == encode(picture.with_pixels(pixels), format, 95, depth)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("size", [(84, 52), (84, 39), (50, 31)])
def test_resized_rows_are_those_of_the_whole(size: tuple[int, int], smooth: bool) -> None:
    width, height = size
    colors = np.random.default_rng(0).random((13, 21, 3), dtype=np.float32)
    whole = resize_rows(colors, width, height, 0, height, smooth)
    assert whole.shape == (height, width, 3)
    bands = [
        resize_rows(colors, width, height, top, min(top + 5, height), smooth)
        for top in range(0, height, 5)
    ]
    np.testing.assert_allclose(np.concatenate(bands), whole, atol=1e-6)


def test_what_is_not_a_number_is_refused() -> None:
    canvas = Canvas(source(False, "opaque", False), 84, 52)
    with pytest.raises(OutputError, match="not finite"):
        canvas.put(0, np.full((2, 84, 3), np.nan, np.float32))


def test_settings_are_checked_before_any_row() -> None:
    picture = source(False, "opaque", False)
    with pytest.raises(UsageError, match="'gif' is not written"):
        Canvas(picture, 84, 52, "gif")
    with pytest.raises(UsageError, match="bit depth 12"):
        Canvas(picture, 84, 52, "png", 12)
    with pytest.raises(LimitError, match="does not fit WebP"):
        Canvas(picture, 20000, 52, "webp")

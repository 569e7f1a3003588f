"""Transparency without fringes."""

from __future__ import annotations

import numpy as np
import pytest

from restoreflow.images.picture import (
    Picture,
    constant_alpha,
    fill_transparent,
    flatten,
    resize_alpha,
    resize_colors,
    unpremultiply,
)


def _disc(size: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """An orange disc, antialiased, on hidden black: how drawing programs save a logo."""
    y, x = np.mgrid[0:size, 0:size]
    distance = np.hypot(x - size / 2, y - size / 2)
    alpha = np.clip(size / 3 - distance, 0, 1).astype(np.float32)
    pixels = np.zeros((size, size, 3), np.float32)
    pixels[alpha > 0] = (1.0, 0.6, 0.1)
    return pixels, alpha


def test_hidden_pixels_take_the_visible_colour_near_them() -> None:
    pixels, alpha = _disc()
    filled = fill_transparent(pixels, alpha)
    np.testing.assert_allclose(filled, np.broadcast_to((1.0, 0.6, 0.1), filled.shape), atol=1e-5)
    assert filled.dtype == np.float32


def test_nearer_colours_count() -> None:
    pixels, alpha = np.zeros((8, 64, 3), np.float32), np.zeros((8, 64), np.float32)
    pixels[:, 0], pixels[:, -1] = (1, 0, 0), (0, 0, 1)
    alpha[:, 0] = alpha[:, -1] = 1
    filled = fill_transparent(pixels, alpha)
    assert filled[4, 4, 0] > 0.9
    assert filled[4, -5, 2] > 0.9


def test_visible_pixels_are_untouched() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.random((17, 23, 3)).astype(np.float32)
    alpha = np.where(rng.random((17, 23)) < 0.5, 0, rng.random((17, 23))).astype(np.float32)
    filled = fill_transparent(pixels, alpha)
    np.testing.assert_array_equal(filled[alpha > 0], pixels[alpha > 0])
    assert np.isfinite(filled).all()
    assert 0 <= filled.min() <= filled.max() <= 1


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_nothing_to_fill(value: float) -> None:
    pixels = np.random.default_rng(0).random((5, 6, 3)).astype(np.float32)
    assert fill_transparent(pixels, np.full((5, 6), value, np.float32)) is pixels


def test_enlarging_leaves_no_dark_fringe() -> None:
    pixels, alpha = _disc()
    size = 4 * len(alpha)
    colors = resize_colors(fill_transparent(pixels, alpha), size, size)
    cover = resize_alpha(alpha, size, size)
    shown = flatten(colors, cover)
    # On white, orange at any opacity is as red as white is.
    assert shown[..., 0].min() > 0.999
    dark = flatten(resize_colors(pixels, size, size), cover)
    assert dark[..., 0].min() < 0.9  # what the filling is for


def test_constant_alpha() -> None:
    assert constant_alpha(np.full((3, 4), 0.25, np.float32)) == 0.25
    assert constant_alpha(np.eye(3, dtype=np.float32)) is None
    resized = resize_alpha(np.full((3, 4), 77 / 255, np.float32), 12, 9)
    assert resized.shape == (9, 12)
    assert np.ptp(resized) == 0
    assert resized[0, 0] == np.float32(77 / 255)


def test_resized_alpha_stays_in_range() -> None:
    alpha = (np.random.default_rng(0).random((9, 9)) > 0.5).astype(np.float32)
    resized = resize_alpha(alpha, 36, 36)
    assert 0 <= resized.min() <= resized.max() <= 1


def test_unpremultiply_inverts_premultiplying() -> None:
    rng = np.random.default_rng(0)
    pixels, alpha = rng.random((6, 7, 3)).astype(np.float32), rng.random((6, 7)).astype(np.float32)
    alpha[0] = 0
    straight = unpremultiply(pixels * alpha[..., None], alpha)
    np.testing.assert_allclose(straight[1:], pixels[1:], atol=1e-5)
    assert (straight[0] == 0).all()


def test_with_pixels_resizes_what_travels_along() -> None:
    pixels, alpha = _disc(12)
    picture = Picture(pixels, alpha, notes=("kept",))
    restored = picture.with_pixels(np.zeros((48, 48, 3), np.float32))
    assert restored.alpha is not None
    assert restored.alpha.shape == (48, 48)
    assert restored.notes == ("kept",)
    own = np.ones((48, 48), np.float32)
    assert picture.with_pixels(restored.pixels, own).alpha is own


@pytest.mark.parametrize(
    "arguments",
    [
        {"pixels": np.zeros((2, 3), np.float32)},
        {"pixels": np.zeros((2, 3, 4), np.float32)},
        {"pixels": np.zeros((0, 3, 3), np.float32)},
        {"pixels": np.zeros((2, 3, 3), np.float32), "alpha": np.zeros((3, 2), np.float32)},
        {"pixels": np.zeros((2, 3, 3), np.float32), "bit_depth": 12},
    ],
)
def test_pictures_of_a_wrong_shape_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Picture(**arguments)  # type: ignore[arg-type]

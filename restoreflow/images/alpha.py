"""Transparency: restoring colour and opacity apart without dark or coloured fringes."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

__all__ = [
    "constant_alpha",
    "fill_transparent",
    "flatten",
    "resize_alpha",
    "resize_colors",
    "resize_rows",
    "unpremultiply",
]

_BAND_PIXELS = 250_000
_SUPPORT = 2  # pixels of the smaller grid that bicubic reaches


def constant_alpha(alpha: np.ndarray) -> float | None:
    """The value of an alpha that is the same everywhere (then nothing need be restored), or None.

    Args:
        alpha: (H, W) float32.
    """
    first = alpha.flat[0]
    return float(first) if bool((alpha == first).all()) else None


def fill_transparent(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Give fully transparent pixels the colour of the visible ones near them.

    Hidden pixels hold any colour, mostly black; a restorer would draw it into the visible edge as a
    fringe. Averages weighted by alpha, over blocks of 2, 4, 8... pixels, fill them from the finest
    block that has something visible. Visible pixels are returned as they are.

    Args:
        pixels: (H, W, 3) float32, not premultiplied.
        alpha: (H, W) float32 in [0, 1].
    """
    hidden = alpha <= 0
    if not hidden.any() or hidden.all():
        return pixels
    height, width = alpha.shape
    rows = max(1, _BAND_PIXELS // width) * 2  # whole arrays would be six times the colours
    bands = [slice(top, top + rows) for top in range(0, height, rows)]
    weights = [np.where(hidden[band], 0, alpha[band])[..., None] for band in bands]
    weighted = [_halve(pixels[band] * weight) for band, weight in zip(bands, weights, strict=True)]
    halved = np.concatenate([_halve(weight) for weight in weights])
    coarse = _spread(np.concatenate(weighted), halved)
    filled = pixels.copy()
    for band in bands:
        bottom = min(band.stop, height)
        near = resize_rows(coarse, width, height, band.start, bottom)
        np.copyto(filled[band], near, where=hidden[band][..., None])
    return filled


def _spread(weighted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    # Every 2 x 2 block's sum keeps the weight of its visible pixels, so a block with none is known
    # by its zero and taken from the level above; the top level is one pixel and has some weight.
    height, width = weight.shape[:2]
    known = weight > 0
    colors = weighted / np.where(known, weight, 1)
    if known.all() or height * width == 1:
        return colors
    coarse = _spread(_halve(weighted), _halve(weight))
    return np.where(known, colors, resize_colors(coarse, width, height))


def _halve(values: np.ndarray) -> np.ndarray:
    height, width, channels = values.shape
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, channels)
    return blocks.mean(axis=(1, 3))


def resize_alpha(alpha: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize an alpha to (height, width), bicubic and clipped to [0, 1]; a constant stays exact."""
    constant = constant_alpha(alpha)
    if constant is not None:
        return np.full((height, width), constant, np.float32)
    return np.clip(resize_rows(alpha, width, height, 0, height, smooth=True), 0, 1)


def resize_colors(colors: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize (H, W, C) float32 of any range to (height, width, C), bilinear: no overshoot."""
    return resize_rows(colors, width, height, 0, height)


def resize_rows(
    values: np.ndarray, width: int, height: int, top: int, bottom: int, smooth: bool = False
) -> np.ndarray:
    """Rows top .. bottom of what a resize of (H, W) or (H, W, C) float32 to height x width gives.

    Args:
        smooth: bicubic, which may overshoot; otherwise bilinear.
    """
    source = values.shape[0]
    if values.shape[:2] == (height, width):
        return values[top:bottom]
    ratio = source / height
    context = math.ceil(_SUPPORT * max(ratio, 1)) + 1
    first = max(math.floor(top * ratio) - context, 0)
    last = min(math.ceil(bottom * ratio) + context, source)
    box = (0, top * ratio - first, width, bottom * ratio - first)
    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.BILINEAR
    seen = values[first:last].reshape(last - first, values.shape[1], -1)
    planes = [
        Image.fromarray(np.ascontiguousarray(seen[..., channel], np.float32))
        for channel in range(seen.shape[2])
    ]
    # In two steps, since Pillow chooses by the picture's shape which direction comes first.
    wide = [plane.resize((width, last - first), method) for plane in planes]
    resized = [plane.resize((width, bottom - top), method, box) for plane in wide]
    return np.stack([np.asarray(plane) for plane in resized], axis=-1).reshape(
        bottom - top, width, *values.shape[2:]
    )


def unpremultiply(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Straight colours from premultiplied ones, in [0, 1]; fully transparent pixels become 0."""
    visible = alpha > 0
    divisor = np.where(visible, alpha, 1)[..., None]
    return np.where(visible[..., None], np.clip(pixels / divisor, 0, 1), 0).astype(np.float32)


def flatten(pixels: np.ndarray, alpha: np.ndarray, background: float = 1.0) -> np.ndarray:
    """Lay the picture on a plain background (white by default), for formats without alpha."""
    cover = alpha[..., None]
    return pixels * cover + np.float32(background) * (1 - cover)

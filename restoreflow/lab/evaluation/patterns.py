"""Synthetic pictures that photographs are not: noise, regular patterns, drawings, ramps.

All are (H, W, 3) float32 RGB in [0, 1], square with `size` pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = [
    "BLACK_WHITE",
    "RED_BLUE",
    "Drawing",
    "checker",
    "diagonals",
    "grating",
    "lines",
    "primaries",
    "qr",
    "ramp",
    "stand_in_photo",
    "stripes",
    "text",
    "two_colours",
    "uniform",
]

Picture = NDArray[np.float32]
BLACK_WHITE = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
RED_BLUE = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
Colours = tuple[tuple[float, float, float], tuple[float, float, float]]
Drawing = Callable[[int, int, Colours], Picture]


def two_colours(mask: NDArray[np.bool_], colours: Colours = BLACK_WHITE) -> Picture:
    """The first colour where the mask (H, W) is false, the second where it is true."""
    return np.asarray(colours, np.float32)[mask.astype(np.intp)]


def checker(size: int, cell: int, colours: Colours = BLACK_WHITE) -> Picture:
    """A checkerboard of `cell` pixels a side."""
    row, column = np.indices((size, size)) // cell
    return two_colours((row + column) % 2 == 1, colours)


def stripes(size: int, cell: int, colours: Colours = BLACK_WHITE) -> Picture:
    """Vertical stripes of `cell` pixels."""
    column = np.indices((size, size))[1] // cell
    return two_colours(column % 2 == 1, colours)


def diagonals(size: int, cell: int, colours: Colours = BLACK_WHITE) -> Picture:
    """Stripes at 45 degrees, `cell` pixels wide along a row."""
    row, column = np.indices((size, size))
    return two_colours((row + column) // cell % 2 == 1, colours)


def grating(size: int) -> Picture:
    """A sine whose frequency grows along the row from 0 to half a cycle a pixel (Nyquist)."""
    column = np.arange(size, dtype=np.float64)
    # The phase's derivative, the frequency in radians, is pi x / size.
    wave = 0.5 + 0.5 * np.cos(0.5 * np.pi * column**2 / size)
    return np.broadcast_to(wave[None, :, None], (size, size, 3)).astype(np.float32)


def uniform(size: int, level: float) -> Picture:
    """One gray level."""
    return np.full((size, size, 3), level, np.float32)


def primaries(size: int) -> Picture:
    """Fields of the eight corners of the RGB cube, 4 x 2."""
    row, column = np.indices((size, size))
    code = 4 * row // size + 4 * (2 * column // size)
    return np.stack([code & 1, code >> 1 & 1, code >> 2 & 1], axis=-1).astype(np.float32)


def ramp(size: int) -> Picture:
    """Red grows along the row, green along the column, blue falls along the diagonal."""
    row, column = np.indices((size, size)) / max(size - 1, 1)
    return np.stack([column, row, 1.0 - 0.5 * (row + column)], axis=-1).astype(np.float32)


def text(size: int) -> Picture:
    """Black letters on white, in sizes from 6 pixels up."""
    canvas, draw = _canvas(size)
    top, height = 1, 6
    while top < size:
        font = ImageFont.load_default(height)
        draw.text((1, top), "The quick brown fox jumps 0123456789 " * 3, fill=0, font=font)
        top, height = top + height + 2, height + 2
    return _picture(canvas)


def lines(size: int) -> Picture:
    """Black lines one to three pixels wide on white: a fan, circles and a frame."""
    canvas, draw = _canvas(size)
    for index, end in enumerate(range(0, size, max(size // 12, 1))):
        draw.line((0, 0, size - 1, end), fill=0, width=1 + index % 3)
    for radius in range(size // 8, size // 2, max(size // 10, 1)):
        centre = size - size // 2
        box = (centre - radius, centre - radius, centre + radius, centre + radius)
        draw.ellipse(box, outline=0, width=1)
    draw.rectangle((1, 1, size - 2, size - 2), outline=0, width=2)
    return _picture(canvas)


def qr(size: int, rng: np.random.Generator) -> Picture:
    """The look of a QR code: 25 x 25 random modules, three finders, and timing rows between."""
    modules, finder = 25, 7
    dark = rng.random((modules, modules)) < 0.5
    dark[6, ::2] = dark[::2, 6] = True
    dark[6, 1::2] = dark[1::2, 6] = False
    ring = np.abs(np.indices((finder, finder)) - finder // 2).max(axis=0)
    for top, left in ((0, 0), (0, modules - finder), (modules - finder, 0)):
        border = (slice(max(top - 1, 0), top + finder + 1), slice(max(left - 1, 0), left + 8))
        dark[border] = False
        dark[top : top + finder, left : left + finder] = ring != 2
    canvas, draw = _canvas(size)
    module = max(size // (modules + 2), 1)
    margin = (size - module * modules) // 2
    for row, column in np.argwhere(dark).tolist():
        left, top = margin + column * module, margin + row * module
        draw.rectangle((left, top, left + module - 1, top + module - 1), fill=0)
    return _picture(canvas)


def stand_in_photo(size: int, rng: np.random.Generator) -> Picture:
    """Smooth shapes with edges over 1 / f noise: statistics like a photograph's, nobody's."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    spectrum = np.fft.rfft2(rng.standard_normal((3, size, size)))
    texture = np.fft.irfft2(spectrum / np.maximum(frequency, 1 / size), s=(size, size))
    texture = np.moveaxis(texture / texture.std(), 0, -1)
    row, column = np.indices((size, size)) / size
    picture = 0.35 + 0.2 * row[..., None] * np.array([1.0, 0.8, 0.6])
    for _ in range(6):
        x, y, radius = rng.random(3) * np.array([1.0, 1.0, 0.25]) + np.array([0.0, 0.0, 0.08])
        disc = np.hypot(column - x, row - y) < radius
        picture = np.where(disc[..., None], rng.uniform(0.1, 0.9, 3), picture)
    return np.clip(picture + 0.05 * texture, 0.0, 1.0).astype(np.float32)


def _canvas(size: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    canvas = Image.new("L", (size, size), 255)
    return canvas, ImageDraw.Draw(canvas)


def _picture(canvas: Image.Image) -> Picture:
    return np.repeat(np.asarray(canvas, np.float32)[..., None] / 255.0, 3, axis=-1)

"""A scene with the statistics of photographs, and what may be done to it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw


def scene(side: int = 384, seed: int = 0) -> Image.Image:
    """Dead leaves (Lee, Mumford and Huang, 2001) with soft texture: sharp edges at all scales."""
    rng = np.random.default_rng(seed)
    large = Image.new("RGB", (2 * side, 2 * side))
    draw = ImageDraw.Draw(large)
    for _ in range(600):
        radius = float(40 / rng.uniform(0.1, 1.0))
        x, y = rng.uniform(0, 2 * side, 2)
        tone = rng.integers(60, 200) + rng.integers(-25, 25, 3)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), tuple(tone.tolist()))
    levels = np.asarray(large.reduce(2), float)
    frequencies = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    noise = np.fft.fft2(rng.normal(size=(side, side)))
    texture = np.fft.ifft2(noise / np.maximum(frequencies, 1 / side) ** 1.5).real
    patch = 8 * texture / texture.std() * (np.arange(side) > side / 3)[:, None]
    return Image.fromarray(np.clip(np.rint(levels + patch[..., None]), 0, 255).astype(np.uint8))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), np.float32) / np.float32(255)


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def noisy(image: Image.Image, deviation: float) -> Image.Image:
    levels = np.asarray(image, float)
    levels = levels + np.random.default_rng(1).normal(0, deviation, levels.shape)
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))

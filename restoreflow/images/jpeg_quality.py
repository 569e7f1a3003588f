"""The quality that a JPEG file was saved with, by its quantisation tables."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["quality_of_file", "quality_of_table", "steps_at"]

_BASE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    float,
)
"""Luminance steps at quality 50: ITU-T T.81, table K.1."""


def steps_at(quality: float) -> NDArray[np.float64]:
    """libjpeg's luminance steps (8, 8) at a quality of 1 .. 100."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor((_BASE * scale + 50) / 100), 1, 255)


def quality_of_table(table: Sequence[int]) -> int:
    """The libjpeg quality 1 .. 100 whose luminance steps are nearest to 64 others on average."""
    return int(np.argmin(np.abs(np.log(_totals() / float(sum(table)))))) + 1


@cache
def _totals() -> NDArray[np.float64]:
    """The sum of the steps at each quality from 1 on."""
    return np.array([steps_at(quality).sum() for quality in range(1, 101)])


def quality_of_file(data: bytes) -> int | None:
    """The quality that a JPEG file's own tables amount to; None for other files."""
    if not data.startswith(b"\xff\xd8"):
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            tables = getattr(image, "quantization", None)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return quality_of_table(tables[0]) if tables and 0 in tables else None

"""PPM colour pictures deeper than 8 bits, which Pillow would read as 8."""

from __future__ import annotations

import re

import numpy as np

__all__ = ["deep_header", "read_deep"]

_GAP = rb"(?:\s|#[^\n]*\n)+"
_HEADER = re.compile(
    rb"P([36])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,5})\s"
)


def deep_header(data: bytes) -> tuple[int, int, int] | None:
    """(width, height, largest value) of a P3 or P6 file deeper than 8 bits, else None."""
    match = _HEADER.match(data[:4096])
    if match is None or not 255 < int(match[4]) <= 65535:
        return None
    return int(match[2]), int(match[3]), int(match[4])


def read_deep(data: bytes) -> np.ndarray:
    """Samples (H, W, 3) float32 in [0, 1] of a file that `deep_header` accepts.

    Raises:
        ValueError: fewer samples than the header says, or one above the largest value.
    """
    match = _HEADER.match(data[:4096])
    header = deep_header(data)
    if match is None or header is None:
        raise ValueError("not a PPM file deeper than 8 bits")
    width, height, largest = header
    count = width * height * 3
    if match[1] == b"6":
        values = np.frombuffer(data, ">u2", count, match.end())
    else:
        values = np.array(data[match.end() :].split(maxsplit=count)[:count], dtype=np.int64)
    if values.size != count or values.max() > largest or values.min() < 0:
        raise ValueError("the samples do not agree with the header")
    return values.reshape(height, width, 3).astype(np.float32) / np.float32(largest)

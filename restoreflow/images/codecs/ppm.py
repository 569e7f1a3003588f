"""PPM and its kin, by Pillow; and colour deeper than 8 bits, which Pillow would read as 8."""

from __future__ import annotations

import re

import numpy as np
from PIL import PpmImagePlugin

from restoreflow.images.codecs.pillow import PillowCodec
from restoreflow.images.codecs.table import Header, refusal
from restoreflow.images.containers import netpbm
from restoreflow.images.picture import Raster

__all__ = ["CODEC"]

_PEAK = 26
_NUMBERS_AS_TEXT = 250  # each sample of a deep file in decimal is an object for a while

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


class _Ppm(PillowCodec):
    def header(self, data: bytes, label: str) -> Header:
        deep = deep_header(data)
        return Header(*deep[:2]) if deep else super().header(data, label)

    def decoding_bytes(self, data: bytes, label: str) -> int:
        if deep := deep_header(data):
            return deep[0] * deep[1] * (_NUMBERS_AS_TEXT if data[1:2] == b"3" else _PEAK)
        return super().decoding_bytes(data, label)

    def read(self, data: bytes, label: str) -> Raster:
        if not deep_header(data):
            return super().read(data, label)
        try:
            return Raster(read_deep(data), "rgb", None, 16)
        except (ValueError, OverflowError) as error:
            raise refusal(label, self.title, error) from error


CODEC = _Ppm(PpmImagePlugin.PpmImageFile, "PPM", _PEAK, _PEAK, netpbm.ancillary)

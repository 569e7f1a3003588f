"""JPEG XL: the size from its first bits, and the samples at full depth.

libjxl, by way of imagecodecs, decodes the samples upright; pillow-jxl-plugin, the extra "jxl",
tells which colour profile they are in. Neither tells the size before it decodes everything, so the
size is read here.
"""

from __future__ import annotations

import io

import imagecodecs
import numpy as np

from restoreflow.errors import InputError
from restoreflow.images.containers.boxes import boxes
from restoreflow.images.extras import require
from restoreflow.images.raster import Raster, from_samples, unit_range
from restoreflow.images.refusals import refusal

__all__ = ["read", "read_header"]

_BARE = b"\xff\x0a"
_SIDES = ((9, 1), (13, 1), (18, 1), (30, 1))  # bits of a side, and what is added to them
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def read_header(data: bytes, label: str) -> tuple[int, int]:
    """Width and height in pixels, upright, from the first bytes of the codestream.

    Raises:
        InputError: it is damaged.
    """
    start = _codestream(data)
    if start[:2] != _BARE:
        raise InputError(f"{label} is a damaged JPEG XL file: it has no picture", "copy it again")
    bits = _Bits(int.from_bytes(start[2:34], "little"))
    small = bits.take(1)
    height = _side(bits, small)
    ratio = bits.take(3)
    if ratio:
        times, over = _RATIOS[ratio]
        width = height * times // over
    else:
        width = _side(bits, small)
    plain = bits.take(1)
    orientation = bits.take(3) + 1 if not plain and bits.take(1) else 1
    return (height, width) if orientation >= 5 else (width, height)


class _Bits:
    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken


def _side(bits: _Bits, small: int) -> int:
    if small:
        return (bits.take(5) + 1) * 8
    count, more = _SIDES[bits.take(2)]
    return bits.take(count) + more


def _codestream(data: bytes) -> bytes:
    """The first bytes of the picture itself, 64 at most."""
    if data[:2] == _BARE:
        return data[:64]
    found = b""
    for kind, start, end in boxes(data):
        if kind == b"jxlc":
            return data[start : min(end, start + 64)]
        if kind == b"jxlp":  # in parts, each behind its number
            found += data[start + 4 : min(end, start + 68)]
        if len(found) >= 64:
            break
    return found


def read(data: bytes, label: str) -> Raster:
    """Samples of 8 or 16 bits, upright, of the first frame; floats are clipped to [0, 1].

    Raises:
        InputError: the extra is not installed, or the file is damaged.
    """
    plugin = require("pillow_jxl.JpegXLImagePlugin", "jxl", f"{label} is a JPEG XL picture")
    try:
        values = imagecodecs.jpegxl_decode(data, index=0)
        image = plugin.JXLImageFile(io.BytesIO(data), "")
    except MemoryError:
        raise
    except Exception as error:  # both raise many types on damaged files
        raise refusal(label, "JPEG XL", error) from error
    deep = values.dtype != np.uint8
    unit = unit_range(values) if values.dtype.kind == "u" else _clipped(values, label)
    channels = 1 if unit.ndim == 2 else unit.shape[2]
    model = "gray" if channels <= 2 else "rgb"
    colors, alpha = from_samples(unit, model, channels in (2, 4), label)
    icc = image.info.get("icc_profile")
    frames = getattr(image, "n_frames", 1)
    several = (f"only the first of the file's {frames} frames is read",) if frames > 1 else ()
    return Raster(
        *(colors, model, alpha, 16 if deep else 8, several),
        icc=icc if isinstance(icc, bytes) else None,
        upright=True,
    )


def _clipped(values: np.ndarray, label: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise InputError(f"{label} holds values that are not finite numbers")
    return np.clip(values, 0, 1).astype(np.float32)

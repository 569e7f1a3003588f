"""JPEG XL: the size from its first bits, and the samples at full depth.

libjxl, by way of imagecodecs, decodes the samples upright; pillow-jxl-plugin, the extra "jxl",
tells which colour profile they are in. Neither tells the size before it decodes everything, so the
size is read here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import imagecodecs
import numpy as np

from restoreflow.errors import InputError
from restoreflow.images.ancillary import Ancillary
from restoreflow.images.codecs.table import Codec, Header, refusal
from restoreflow.images.containers import jxl
from restoreflow.images.containers.boxes import boxes
from restoreflow.images.extras import require
from restoreflow.images.picture import Raster, from_samples, unit_range

__all__ = ["CODEC"]

_PEAK = 96  # with a profile; it is decoded again for that, and to see whether bytes are left

_BARE = b"\xff\x0a"
_SLIGHTLY = 0.01  # as lossy coding overshoots
_SIDES = ((9, 1), (13, 1), (18, 1), (30, 1))  # bits of a side, and what is added to them
_PREVIEW_SIDES = ((6, 1), (8, 65), (10, 321), (12, 1345))
_PREVIEW_EIGHTHS = ((0, 16), (0, 32), (5, 1), (9, 33))
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def _upright_size(data: bytes, label: str) -> Header:
    """Width and height in pixels, upright, from the first bytes of the codestream.

    Raises:
        InputError: it is damaged.
    """
    head = _header(data, label)
    turned = head.orientation >= 5
    size = (head.height, head.width) if turned else (head.width, head.height)
    return Header(*size, upright=True)


class _Header(NamedTuple):
    width: int
    height: int
    orientation: int = 1
    animated: bool = False


def _header(data: bytes, label: str) -> _Header:
    start = _codestream(data)
    if start[:2] != _BARE:
        raise InputError(f"{label} is a damaged JPEG XL file: it has no picture", "copy it again")
    bits = _Bits(int.from_bytes(start[2:34], "little"))
    width, height = _size(bits, _SIDES, lambda: (bits.take(5) + 1) * 8)
    plain = bits.take(1)
    if plain or not bits.take(1):
        return _Header(width, height)
    orientation = bits.take(3) + 1
    if bits.take(1):  # the size it is to be shown in
        _size(bits, _SIDES, lambda: (bits.take(5) + 1) * 8)
    if bits.take(1):  # a preview
        _size(bits, _PREVIEW_SIDES, lambda: _number(bits, _PREVIEW_EIGHTHS) * 8)
    return _Header(width, height, orientation, bool(bits.take(1)))


class _Bits:
    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken


def _size(
    bits: _Bits, sides: Sequence[tuple[int, int]], eighths: Callable[[], int]
) -> tuple[int, int]:
    """Width and height: multiples of eight by `eighths`, or any by `sides`."""
    side = eighths if bits.take(1) else lambda: _number(bits, sides)
    height = side()
    ratio = bits.take(3)
    if not ratio:
        return side(), height
    times, over = _RATIOS[ratio]
    return height * times // over, height


def _number(bits: _Bits, ways: Sequence[tuple[int, int]]) -> int:
    count, more = ways[bits.take(2)]
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


def _read(data: bytes, label: str) -> Raster:
    """Samples of 8 or 16 bits, upright, of the first frame; floats are clipped to [0, 1].

    Raises:
        InputError: the extra is not installed, or the file is damaged.
    """
    plugin = require("pillow_jxl.JpegXLImagePlugin", "jxl", f"{label} is a JPEG XL picture")
    plugin.DECODE_THREADS = 0  # each thread takes memory of its own, by the count of processors
    try:
        values = imagecodecs.jpegxl_decode(data, index=0, numthreads=1)
        image = plugin.JXLImageFile(io.BytesIO(data), "")
    except MemoryError:
        raise
    except Exception as error:  # both raise many types on damaged files
        raise refusal(label, "JPEG XL", error) from error
    deep = values.dtype != np.uint8
    notes: list[str] = []
    unit = unit_range(values) if values.dtype.kind == "u" else _clipped(values, label, notes)
    channels = 1 if unit.ndim == 2 else unit.shape[2]
    model = "gray" if channels <= 2 else "rgb"
    colors, alpha = from_samples(unit, model, channels in (2, 4), label)
    icc = image.info.get("icc_profile")
    if _header(data, label).animated:
        notes.append("only the first of an animation's frames is read")
    elif data[:2] == _BARE and _needs_less(data):
        notes.append("bytes behind the picture dropped")
    return Raster(
        *(colors, model, alpha, 16 if deep else 8, tuple(notes)),
        icc=icc if isinstance(icc, bytes) else None,
        upright=True,
    )


def _needs_less(data: bytes) -> bool:
    """Whether a codestream is whole without its last byte, padding apart: it tells no length."""
    try:
        imagecodecs.jpegxl_decode(data.rstrip(b"\x00\xff")[:-1], index=0, numthreads=1)
    except MemoryError:
        raise
    except Exception:
        return False
    return True


def _clipped(values: np.ndarray, label: str, notes: list[str]) -> np.ndarray:
    if not np.isfinite(values).all():
        raise InputError(f"{label} holds values that are not finite numbers")
    if values.max() > 1 + _SLIGHTLY or values.min() < -_SLIGHTLY:
        notes.append(f"values from {values.min():.3g} to {values.max():.3g} are cut to 0 to 1")
    return np.clip(values, 0, 1).astype(np.float32)


class _Jxl(Codec):
    def header(self, data: bytes, label: str) -> Header:
        return _upright_size(data, label)

    def decoding_bytes(self, data: bytes, label: str) -> int:
        width, height, _ = _upright_size(data, label)
        return width * height * _PEAK + len(data)

    def read(self, data: bytes, label: str) -> Raster:
        return _read(data, label)

    def ancillary(self, data: bytes) -> Ancillary:
        return jxl.ancillary(data)


CODEC = _Jxl()

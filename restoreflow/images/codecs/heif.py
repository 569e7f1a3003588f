"""HEIC and other HEIF pictures, through pillow-heif, the extra "heif", at full depth."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from restoreflow.errors import InputError
from restoreflow.images.ancillary import Ancillary
from restoreflow.images.codecs.table import Codec, Header, refusal
from restoreflow.images.containers import heif
from restoreflow.images.extras import require
from restoreflow.images.picture import Raster, from_samples, unit_range, unpremultiply

__all__ = ["CODEC"]

_PEAK = 96  # most have a profile, which is not looked for here

_MODELS = {"L": "gray", "LA": "gray", "La": "gray", "RGB": "rgb", "RGBA": "rgb", "RGBa": "rgb"}


def _size(data: bytes, label: str) -> Header:
    """Width and height of the main picture, upright.

    Raises:
        InputError: the extra is not installed, or the file is damaged.
    """
    width, height = _opened(data, label)[0].size
    return Header(width, height, upright=True)


def _opened(data: bytes, label: str) -> tuple[Any, int]:
    """The main picture, not decoded yet, and how many there are."""
    library = require("pillow_heif", "heif", f"{label} is a HEIF/HEIC picture")
    try:
        file = library.HeifFile(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
        return file[file.primary_index], len(file)
    except Exception as error:  # libheif's errors come as many types
        raise refusal(label, "HEIF", error) from error


def _read(data: bytes, label: str) -> Raster:
    """Samples, upright: the file's own rotation, which replaces EXIF's, is applied.

    Raises: as `header`.
    """
    picture, count = _opened(data, label)
    mode, _, bits = picture.mode.partition(";")
    if mode not in _MODELS:
        raise InputError(f"{label} has the mode {mode}, which is not read", "convert it to PNG")
    try:
        values = np.asarray(picture)
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise refusal(label, "HEIF", error) from error
    has_alpha = mode[-1] in "Aa"
    unit = unit_range(values, int(bits or 8))
    colors, alpha = from_samples(unit, _MODELS[mode], has_alpha, label)
    if mode.endswith("a") and alpha is not None:
        colors = unpremultiply(colors, alpha)
    others = (f"only the main one of the file's {count} pictures is read",) if count > 1 else ()
    return Raster(colors, _MODELS[mode], alpha, 16 if bits else 8, others, upright=True)


class _Heif(Codec):
    def header(self, data: bytes, label: str) -> Header:
        return _size(data, label)

    def decoding_bytes(self, data: bytes, label: str) -> int:
        width, height, _ = _size(data, label)
        return width * height * _PEAK + len(data)

    def read(self, data: bytes, label: str) -> Raster:
        return _read(data, label)

    def ancillary(self, data: bytes) -> Ancillary:
        return heif.ancillary(data)


CODEC = _Heif()

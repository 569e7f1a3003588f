"""Colour profiles: from the file's profile to sRGB and back, in floating point.

Floating point has two uses here: 16-bit pictures pass no 8-bit step, and colours outside sRGB come
out as values outside [0, 1] from which the way back is exact, where integers would clip them.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import imagecodecs
import numpy as np

__all__ = [
    "from_srgb",
    "hdr_code_points",
    "is_reversible",
    "is_srgb",
    "is_usable",
    "profile_space",
    "to_srgb",
]

_SPACES = {b"RGB ": "rgb", b"GRAY": "gray", b"CMYK": "cmyk"}
_CHANNELS = {"rgb": 3, "gray": 1, "cmyk": 4}
_BAND_PIXELS = 2_000_000  # a transform's temporary arrays stay small beside a large picture
_RELATIVE_COLORIMETRIC = 1


@lru_cache(maxsize=1)
def _srgb() -> bytes:
    return imagecodecs.cms_profile("srgb")


def profile_space(icc: bytes) -> str | None:
    """The profile's colour model: "rgb", "gray", "cmyk", or None where it is none of these."""
    return _SPACES.get(icc[16:20]) if len(icc) >= 128 and icc[36:40] == b"acsp" else None


def to_srgb(values: np.ndarray, icc: bytes) -> np.ndarray:
    """Convert (H, W, C) float32 in [0, 1] of the profile's model to (H, W, 3) float32 sRGB.

    The result is not clipped: a colour outside sRGB has components outside [0, 1]. CMYK: 1 is full
    ink; clipped, since its conversion runs on 16-bit integers.
    """
    space = profile_space(icc)
    if space == "cmyk":
        inks = np.round(np.clip(values, 0, 1) * 65535).astype(np.uint16)
        return _transform(inks, icc, _srgb(), "cmyk", "rgb").astype(np.float32) / 65535
    return _transform(values, icc, _srgb(), space or "rgb", "rgb")


def from_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Convert (H, W, 3) float32 sRGB to (H, W, C) float32 of an "rgb" or "gray" profile."""
    return _transform(pixels, _srgb(), icc, "rgb", profile_space(icc) or "rgb")


@lru_cache(maxsize=16)
def is_usable(icc: bytes) -> bool:
    """Whether the profile converts to finite sRGB; those in files are damaged often enough."""
    space = profile_space(icc)
    if space is None:
        return False
    try:
        return bool(np.isfinite(to_srgb(_lattice(_CHANNELS[space]), icc)).all())
    except Exception:  # lcms refuses damaged profiles with several exception types
        return False


@lru_cache(maxsize=16)
def is_reversible(icc: bytes) -> bool:
    """Whether a usable "rgb" or "gray" profile converts back from sRGB to what was there.

    Scanners' and cameras' profiles often have a way in alone, and tables a way back that is another
    one.
    """
    space = profile_space(icc)
    if space not in ("rgb", "gray") or not is_usable(icc):
        return False
    probe = _lattice(_CHANNELS[space])
    try:
        back = from_srgb(to_srgb(probe, icc), icc)
    except Exception:  # as above
        return False
    return bool(np.isfinite(back).all() and np.abs(back - probe).max() < 0.02)


def hdr_code_points(icc: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of H.273 by the profile's tag cicp, if the transfer is PQ or HLG."""
    (count,) = struct.unpack_from(">I", icc, 128) if len(icc) >= 132 else (0,)
    for place in range(132, min(132 + 12 * count, len(icc) - 11), 12):
        name, start, size = struct.unpack_from(">4sII", icc, place)
        if name == b"cicp" and size >= 12 and start + 12 <= len(icc):
            primaries, transfer = icc[start + 8 : start + 10]
            return (primaries, transfer) if transfer in (16, 18) else None
    return None


@lru_cache(maxsize=16)
def is_srgb(icc: bytes) -> bool:
    """Whether an RGB profile means what sRGB means, within half an 8-bit level."""
    if profile_space(icc) != "rgb" or not is_usable(icc):
        return False
    probe = _lattice(3)
    return bool(np.abs(to_srgb(probe, icc) - probe).max() < 0.5 / 255)


def _lattice(channels: int) -> np.ndarray:
    steps = np.linspace(0, 1, 5 if channels == 4 else 9, dtype=np.float32)
    grid = np.stack(np.meshgrid(*[steps] * channels, indexing="ij"), axis=-1)
    return grid.reshape(1, -1, channels)


def _transform(
    values: np.ndarray, profile: bytes, out_profile: bytes, space: str, out_space: str
) -> np.ndarray:
    height, width = values.shape[:2]
    result = np.empty((height, width, _CHANNELS[out_space]), values.dtype)
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        band = np.ascontiguousarray(values[top : top + rows])
        done = imagecodecs.cms_transform(
            band[..., 0] if space == "gray" else band,
            profile,
            out_profile,
            colorspace=space,
            outcolorspace=out_space,
            outdtype=values.dtype,
            intent=_RELATIVE_COLORIMETRIC,
        )
        result[top : top + rows] = done.reshape(*band.shape[:2], -1)
    return result

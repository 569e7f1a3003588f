"""Colour profiles: from the file's profile to sRGB and back, in floating point.

Floating point has two uses here: 16-bit pictures pass no 8-bit step, and colours outside sRGB come
out as values outside [0, 1] from which the way back is exact, where integers would clip them.
"""

from __future__ import annotations

from functools import lru_cache

import imagecodecs
import numpy as np

__all__ = ["from_srgb", "is_srgb", "is_usable", "profile_space", "to_srgb"]

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
    """Whether the profile converts to finite sRGB and, for "rgb" and "gray", back again.

    Profiles in files are damaged or one-way often enough to ask before relying on one.
    """
    space = profile_space(icc)
    if space is None:
        return False
    probe = _lattice(_CHANNELS[space])
    try:
        there = to_srgb(probe, icc)
        if not np.isfinite(there).all():
            return False
        if space == "cmyk":
            return True
        back = from_srgb(there, icc)
    except Exception:  # lcms refuses damaged profiles with several exception types
        return False
    return bool(np.isfinite(back).all() and np.abs(back - probe).max() < 0.02)


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

"""What a format's reader hands on: samples of one colour model, before colour management."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from restoreflow.errors import InputError

__all__ = ["Raster", "from_samples", "unit_range"]


@dataclass(frozen=True)
class Raster:
    """Decoded samples, and what their decoder said.

    Attributes:
        samples: (H, W, C) float32, 0 is no light (for CMYK: no ink), 1 is full.
        model: "gray" (C = 1), "rgb" (3) or "cmyk" (4).
        alpha: (H, W) float32 in [0, 1] or None; colours are not premultiplied.
        bit_depth: 8 or 16.
        notes: sentences for the user on what of the pixels was changed or left out.
        icc: the profile, where the decoder alone knows it.
        upright: the orientation has been applied already.
    """

    samples: np.ndarray
    model: str
    alpha: np.ndarray | None
    bit_depth: int
    notes: tuple[str, ...] = ()
    icc: bytes | None = None
    upright: bool = False


def unit_range(values: np.ndarray, bits: int | None = None) -> np.ndarray:
    """Unsigned integers of 8 or 16 bits, or booleans, as float32 in [0, 1].

    Args:
        bits: how many of them are used; None: all.
    """
    if bits is not None:
        largest = 2**bits - 1
    else:
        largest = 1 if values.dtype == np.bool_ else np.iinfo(values.dtype).max
    return np.divide(values, np.float32(largest), dtype=np.float32)


def from_samples(
    samples: np.ndarray, model: str, has_alpha: bool, label: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Split (H, W) or (H, W, C) samples into colour (H, W, C') and alpha (H, W) or None.

    Raises:
        InputError: there are fewer channels than the colour model needs.
    """
    values = samples[..., None] if samples.ndim == 2 else samples
    colors = {"gray": 1, "rgb": 3, "cmyk": 4}[model]
    if values.ndim != 3 or values.shape[2] < colors + has_alpha:
        raise InputError(f"{label} has {values.shape[-1]} channels, too few for {model}")
    return values[..., :colors], values[..., colors] if has_alpha else None

"""Pictures in, as people hold them in Python, and 8-bit values out."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.errors import InputError

__all__ = ["Picture", "as_pixels", "eight_bit"]

Picture = Image.Image | NDArray[np.generic] | Tensor
"""What `Restorer.restore` takes: see `as_pixels`."""

_EIGHT_BIT = {"1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV"}
_WITH_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa", "RGBX"}
_SIXTEEN_BIT = {"I;16", "I;16L", "I;16B", "I;16N"}


def as_pixels(image: Picture) -> Tensor:
    """A picture as (3, h, w) float32 in [0, 1] on the CPU.

    Args:
        image: a PIL image (converted to RGB; alpha is left out), an array (h, w, 3) of uint8,
            uint16 or floats in [0, 1], or a tensor (3, h, w) of floats in [0, 1]; sRGB.

    Raises:
        InputError: another shape or type, no pixels, or values that are not finite or lie
            outside [0, 1].
    """
    if isinstance(image, Image.Image):
        return _checked(_from_pil(image))
    if isinstance(image, torch.Tensor):
        if image.ndim != 3 or image.shape[0] != 3 or not image.is_floating_point():
            found = f"{tuple(image.shape)} {str(image.dtype).removeprefix('torch.')}"
            raise InputError(f"a tensor must be (3, h, w) of floats in [0, 1], not {found}")
        return _checked(image.detach().to("cpu", torch.float32))
    return _checked(_from_array(np.asarray(image)))


def _from_pil(image: Image.Image) -> Tensor:
    if image.mode in _SIXTEEN_BIT:
        gray = np.asarray(image, dtype=np.uint16)
        return _from_array(np.repeat(gray[..., None], 3, axis=2))
    if image.mode not in _EIGHT_BIT | _WITH_ALPHA:
        raise InputError(
            f'a PIL image of mode "{image.mode}" has no fixed range of values',
            "pass an array (h, w, 3) of floats in [0, 1]",
        )
    return _from_array(np.asarray(image.convert("RGB")))


def _from_array(array: NDArray[np.generic]) -> Tensor:
    if array.ndim != 3 or array.shape[2] != 3:
        raise InputError(f"an array must be (h, w, 3), not {array.shape}")
    if array.dtype in (np.uint8, np.uint16):
        values = array.astype(np.float32)
        values /= np.float32(np.iinfo(array.dtype).max)
    elif array.dtype.kind == "f":
        values = array.astype(np.float32)
    else:
        raise InputError(f"an array must be of uint8, uint16 or floats, not {array.dtype}")
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def _checked(pixels: Tensor) -> Tensor:
    if pixels.numel() == 0:
        height, width = pixels.shape[-2:]
        raise InputError(f"the picture has no pixels: {width} x {height}")
    bad = int((~torch.isfinite(pixels)).sum())
    if bad:
        raise InputError(f"{bad} of the picture's values are not finite", "replace them first")
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1:
        raise InputError(
            f"the picture's values lie in {low:.4g} .. {high:.4g}, outside 0 .. 1",
            "divide 8-bit values by 255; clip what lies outside",
        )
    return pixels.contiguous()


def eight_bit(values: Tensor) -> Tensor:
    """The same as uint8: clamped to [0, 1] and rounded to 255 levels."""
    return values.clamp(0, 1).mul_(255).round_().to(torch.uint8)

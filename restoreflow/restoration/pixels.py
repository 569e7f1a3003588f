"""Pictures in, as people hold them in Python, and 8-bit values out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.errors import InputError

__all__ = ["Picture", "as_pixels", "eight_bit"]

Picture = str | Path | Image.Image | NDArray[np.generic] | Tensor
"""One picture, as `Restorer.restore` takes it: see `as_pixels`."""

_EIGHT_BIT = {"1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV"}
_WITH_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa", "RGBX"}
_SIXTEEN_BIT = {"I;16", "I;16L", "I;16B", "I;16N"}
_ARRAYS = "an array must be (h, w, 3) or (h, w) of uint8, uint16 or floats in [0, 1]"
_TENSORS = "a tensor must be (3, h, w), (1, h, w) or (h, w) of uint8 or floats in [0, 1]"
_BATCH = "a batch goes to the restorer itself: restorer(batch)"


def as_pixels(image: Picture) -> Tensor:
    """A picture as (3, h, w) float32 in [0, 1] on the CPU; sRGB.

    Args:
        image: a file's path, read as the command line reads it, upright and in sRGB; a PIL image,
            converted to RGB; an array (h, w, 3), or gray (h, w) or (h, w, 1), of uint8, uint16 or
            floats in [0, 1]; or a tensor (3, h, w), or gray (1, h, w) or (h, w), of uint8 or floats
            in [0, 1], on any device. Alpha is left out.

    Raises:
        InputError: another shape or type, no pixels, values that are not finite or lie outside
            [0, 1], or a file that cannot be read.
    """
    if isinstance(image, str | Path):
        from restoreflow.images.decode import decode  # many formats, which take a while to import

        return _checked(torch.from_numpy(np.ascontiguousarray(_planes(decode(image).pixels))))
    if isinstance(image, Image.Image):
        return _checked(_from_pil(image))
    if isinstance(image, torch.Tensor):
        return _checked(_from_tensor(image))
    if isinstance(image, np.ndarray):
        return _checked(_from_array(image))
    found = type(image).__name__
    raise InputError(f"a picture is a path, a PIL image, an array or a tensor, not a {found}")


def _from_pil(image: Image.Image) -> Tensor:
    if image.mode in _SIXTEEN_BIT:
        return _from_array(np.asarray(image, dtype=np.uint16))
    if image.mode not in _EIGHT_BIT | _WITH_ALPHA:
        raise InputError(
            f'a PIL image of mode "{image.mode}" has no fixed range of values',
            "pass an array (h, w, 3) of floats in [0, 1]",
        )
    return _from_array(np.asarray(image.convert("RGB")))


def _from_tensor(tensor: Tensor) -> Tensor:
    found = f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
    planes = tensor[None] if tensor.ndim == 2 else tensor
    known = tensor.is_floating_point() or tensor.dtype == torch.uint8
    if tensor.layout != torch.strided or tensor.is_meta:
        raise InputError(
            "a tensor that is sparse, or without values, is no picture", "make it dense"
        )
    if planes.ndim != 3 or planes.shape[0] not in (1, 3) or not known:
        raise InputError(f"{_TENSORS}, not {found}", _advice(tuple(tensor.shape), first=True))
    values = planes.detach().to("cpu", torch.float32).expand(3, -1, -1)
    return values if tensor.is_floating_point() else values / 255.0


def _from_array(array: NDArray[np.generic]) -> Tensor:
    values = array[..., None] if array.ndim == 2 else array
    whole = array.dtype.kind == "u" and array.dtype.itemsize <= 2  # in any order of bytes
    known = whole or array.dtype.kind == "f"
    if values.ndim != 3 or values.shape[2] not in (1, 3) or not known:
        raise InputError(
            f"{_ARRAYS}, not {array.shape} {array.dtype}", _advice(array.shape, first=False)
        )
    values = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values
    values = values.astype(np.float32)
    if whole:
        values /= np.float32(256**array.dtype.itemsize - 1)
    return torch.from_numpy(np.ascontiguousarray(_planes(values)))


def _planes(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values.transpose(2, 0, 1)


def _advice(shape: tuple[int, ...], first: bool) -> str:
    """What to do with a picture of another shape, whose channels should come first, or last."""
    if len(shape) == 4:
        return _BATCH
    if len(shape) == 3 and first and shape[2] in (1, 3):
        return "channels come first: tensor.permute(2, 0, 1)"
    if len(shape) == 3 and not first and shape[0] in (1, 3):
        return "channels come last: array.transpose(1, 2, 0)"
    return ""


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

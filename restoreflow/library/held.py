"""Results held as their pictures were: a tensor's as a tensor on its device, a file's as PIL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.errors import InputError
from restoreflow.images.canvas import LUMINANCE
from restoreflow.restoration.pixels import Picture
from restoreflow.restoration.restoration import Restoration

__all__ = ["held_as", "is_batch", "joined"]

_GRAY_MODES = {"1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N"}


def is_batch(images: object) -> bool:
    """Whether it is a tensor (N, C, h, w) or an array (N, h, w, C).

    Raises:
        InputError: it holds no picture.
    """
    if not isinstance(images, Tensor | np.ndarray) or images.ndim != 4:
        return False
    if len(images) == 0:
        raise InputError("the batch holds no pictures")
    return True


def held_as(image: Picture, result: Restoration, gray: bool) -> list[Any]:
    """The samples of one picture, each as the picture itself was given.

    Args:
        image: what was restored.
        result: what came of it.
        gray: whether a file's picture had one channel.

    Returns:
        tensors of its dtype on its device, arrays of its dtype, or PIL images.
    """
    numbers = range(len(result.images))
    if isinstance(image, Tensor):
        return [_as_tensor(image, result, number) for number in numbers]
    if isinstance(image, np.ndarray):
        return [_as_array(image, result, number) for number in numbers]
    one = gray if isinstance(image, str | Path) else image.mode in _GRAY_MODES
    return [Image.fromarray(_sample(result, number, one, rounded=True)) for number in numbers]


def joined(held: list[Any]) -> Any:
    """Tensors or arrays with one more axis in front; PIL images stay a list."""
    if isinstance(held[0], Tensor):
        return torch.stack(held)
    if isinstance(held[0], np.ndarray):
        return np.stack(held)
    return held


def _as_tensor(image: Tensor, result: Restoration, number: int) -> Tensor:
    gray = image.ndim == 2 or len(image) == 1
    found = torch.from_numpy(_sample(result, number, gray, image.dtype == torch.uint8))
    if image.ndim == 3:
        found = found[None] if gray else found.permute(2, 0, 1).contiguous()
    return found.to(image.device, image.dtype)


def _as_array(image: NDArray[Any], result: Restoration, number: int) -> NDArray[Any]:
    gray, rounded = image.ndim == 2 or image.shape[2] == 1, image.dtype == np.uint8
    found = _sample(result, number, gray, rounded)
    if image.dtype.kind == "u" and not rounded:
        found = np.rint(found * np.float32(65535))
    if gray and image.ndim == 3:
        found = found[..., None]
    return found.astype(image.dtype, copy=False)


def _sample(result: Restoration, number: int, gray: bool, rounded: bool) -> NDArray[Any]:
    """A sample (H, W, 3), or (H, W) as gray files are written: 8-bit levels or floats in [0, 1]."""
    if not gray:
        return np.array(result.images[number]) if rounded else result.values(number)
    light = np.clip(result.values(number) @ LUMINANCE, 0, 1)  # the weights' sum is rounded
    return np.rint(light * np.float32(255)).astype(np.uint8) if rounded else light

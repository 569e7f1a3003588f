"""How near a restored picture is to the truth and to its input, as `restoreflow evaluate` measures.

Each takes one picture as `Restorer.restore` takes it, or a batch or list of them, and gives a
number for each: a float for one picture, a list of floats for several.

>>> import numpy as np, restoreflow
>>> truth = np.full((32, 32, 3), 100, np.uint8)
>>> round(restoreflow.metrics.psnr(truth + 1, truth), 2)
48.13
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from restoreflow.errors import InputError
from restoreflow.measures import metrics
from restoreflow.restoration.pixels import as_pixels

if TYPE_CHECKING:
    from restoreflow.measures.lpips import LPIPS

__all__ = ["lpips", "lr_psnr", "psnr", "psnr_y", "ssim", "ssim_y"]


def psnr(images: Any, references: Any) -> Any:
    """Peak signal-to-noise ratio over RGB, in dB; infinite for equal pictures.

    Raises:
        InputError: one is no picture, or two differ in size.
    """
    return _each(metrics.psnr, images, references)


def psnr_y(images: Any, references: Any, border: int = 0) -> Any:
    """PSNR in dB of the BT.601 luma 16 .. 235, as tables of super-resolution have it.

    >>> import torch, restoreflow
    >>> truth = torch.full((2, 3, 32, 32), 0.25)
    >>> [round(each, 2) for each in restoreflow.metrics.psnr_y(truth + 0.1, truth, border=4)]
    [21.32, 21.32]

    Args:
        border: pixels cropped from each side; papers crop as many as the scale.

    Raises:
        InputError: one is no picture, two differ in size, or nothing is left of one.
    """
    return _each(lambda a, b: metrics.psnr_y(a, b, border), images, references)


def ssim(images: Any, references: Any) -> Any:
    """Structural similarity over RGB, 11 x 11 Gaussian window (Wang et al., 2004).

    Needs scikit-image: the extra `lab`.

    Raises:
        InputError: one is no picture or below 11 pixels a side, or two differ in size.
        RestoreflowError: scikit-image is not installed.
    """
    return _each(metrics.ssim_rgb, images, references)


def ssim_y(images: Any, references: Any, border: int = 0) -> Any:
    """Structural similarity of the BT.601 luma 16 .. 235; `border` as of `psnr_y`.

    >>> import numpy as np, restoreflow
    >>> ramp = np.linspace(0, 1, 32 * 32).reshape(32, 32)
    >>> round(restoreflow.metrics.ssim_y(ramp, ramp), 6)
    1.0
    """
    return _each(lambda a, b: metrics.ssim_y(a, b, border), images, references)


def lr_psnr(images: Any, inputs: Any) -> Any:
    """How well results keep to their inputs: PSNR in dB of results, downscaled, to them.

    Downscaling is antialiased bicubic, rounded to 8 bits; an exact match counts as 100.

    >>> import numpy as np, restoreflow
    >>> seen = np.full((8, 8, 3), 100, np.uint8)
    >>> restoreflow.metrics.lr_psnr(seen.repeat(4, 0).repeat(4, 1), seen)
    100.0

    Raises:
        InputError: one is no picture, or a result is not a whole number of times its input's size.
    """
    return _each(_lr_psnr, images, inputs)


def lpips(images: Any, references: Any, net: Literal["alex", "squeeze"] = "alex") -> Any:
    """LPIPS v0.1 (Zhang et al., 2018): perceptual distance, 0 for equal pictures; lower is nearer.

    Args:
        net: the trunk. Its published weights come from the folder that RESTOREFLOW_LPIPS names, or
            from the package `lpips`.

    Raises:
        ModelError: there are no weights.
        InputError: one is no picture or below 31 pixels a side, or two differ in size.
    """
    network = _network(net)

    def distance(one: NDArray[Any], other: NDArray[Any]) -> float:
        pair = [torch.from_numpy(x).permute(2, 0, 1)[None].float() / 255 for x in (one, other)]
        if pair[0].shape != pair[1].shape:
            raise ValueError(f"pictures differ in shape: {one.shape} and {other.shape}")
        with torch.inference_mode():
            return float(network(*pair))

    return _each(distance, images, references)


@lru_cache(maxsize=2)
def _network(net: Literal["alex", "squeeze"]) -> LPIPS:
    from restoreflow.measures.lpips import load_lpips

    return load_lpips(net)


def _lr_psnr(result: NDArray[Any], seen: NDArray[Any]) -> float:
    from PIL import Image

    from restoreflow.restoration.consistency import lr_psnr as measured

    scale = result.shape[0] // max(seen.shape[0], 1)
    if scale < 1 or result.shape[:2] != (seen.shape[0] * scale, seen.shape[1] * scale):
        sizes = f"{result.shape[1]} x {result.shape[0]} and {seen.shape[1]} x {seen.shape[0]}"
        raise ValueError(f"a result is a whole number of times its input's size, not {sizes}")
    levels = np.rint(result).astype(np.uint8)
    pixels = torch.from_numpy(seen).permute(2, 0, 1).float() / 255
    return measured(Image.fromarray(levels), pixels)


def _each(
    measure: Callable[[NDArray[Any], NDArray[Any]], float], images: Any, references: Any
) -> Any:
    one, other = _several(images), _several(references)
    if one is None and other is None:
        return _one(measure, images, references)
    if one is None or other is None or len(one) != len(other):
        counts = [1 if each is None else len(each) for each in (one, other)]
        raise InputError(f"there are {counts[0]} pictures and {counts[1]} to compare them with")
    return [_one(measure, *pair) for pair in zip(one, other, strict=True)]


def _several(images: Any) -> list[Any] | None:
    """The pictures of a batch or list; None of one picture."""
    batch = isinstance(images, torch.Tensor | np.ndarray) and images.ndim == 4
    return list(images) if batch or isinstance(images, list | tuple) else None


def _one(
    measure: Callable[[NDArray[Any], NDArray[Any]], float], image: Any, reference: Any
) -> float:
    try:
        return measure(_levels(image), _levels(reference))
    except ValueError as error:
        raise InputError(str(error)) from error


def _levels(image: Any) -> NDArray[np.float64]:
    """(H, W, 3) in 8-bit levels, not rounded: exact for what was given in 8 bits."""
    levels = as_pixels(image).double().mul(255)
    nearest = levels.round()
    whole = torch.where((levels - nearest).abs() < 1e-4, nearest, levels)
    return whole.permute(1, 2, 0).numpy()

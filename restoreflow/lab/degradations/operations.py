"""What takes a clean patch to the degraded one that training starts from."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from restoreflow.tasks.task import resize

__all__ = [
    "augment",
    "blur",
    "compress_jpeg",
    "downscale",
    "draw_patch",
    "gaussian_blur",
    "round_8bit",
]

FLAT_DEVIATION = 6.0 / 255.0
KEEP_FLAT = 0.25
DRAWS = 16


def downscale(x: Tensor, scale: int) -> Tensor:
    """Reduce by an integer factor with Pillow's antialiased bicubic filter (a = -0.5).

    Differentiable; neither rounded nor clamped, so it overshoots [0, 1] at strong edges.

    Args:
        x: (N, C, H, W), RGB in [0, 1].
        scale: the factor, 1 or more.

    Returns:
        (N, C, H // scale, W // scale): the whole picture on the smaller grid, as
        ``Image.resize`` does, also where a side is not a multiple of the scale.

    Raises:
        ValueError: when a side is shorter than the scale, or the scale is below 1.
    """
    height, width = x.shape[-2:]
    if scale < 1 or min(height, width) < scale:
        raise ValueError(f"cannot reduce {width} x {height} by {scale}")
    if scale == 1:
        return x
    return resize(x, height // scale, width // scale)


def round_8bit(x: Tensor) -> Tensor:
    """Clamp to [0, 1] and round to the 256 levels of a file, with a straight-through gradient.

    The gradient is 1 everywhere, so a loss still reaches values that the clamp cut off.
    """
    rounded = x.detach().clamp(0.0, 1.0).mul(255.0).round().div(255.0)
    # x - x is exactly 0, so the value is the rounded one to the last bit.
    return rounded + (x - x.detach())


def augment(x: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror and turn each item by one of the square's eight symmetries, drawn evenly.

    Args:
        x: (N, C, P, P), square patches.
        generator: a CPU generator; one draw an item.

    Raises:
        ValueError: when the patches are not square.
    """
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(f"patches must be square to be turned, not {tuple(x.shape[-2:])}")
    if x.shape[0] == 0:
        return x
    symmetries = torch.randint(0, 8, (x.shape[0],), generator=generator).tolist()
    turned = []
    for item, symmetry in zip(x, symmetries, strict=True):
        item = item.flip(-1) if symmetry >= 4 else item
        turned.append(torch.rot90(item, symmetry % 4, (-2, -1)))
    return torch.stack(turned)


def draw_patch(image: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Cut a square patch at a random place, mostly one with something in it.

    A nearly flat patch (standard deviation of its gray values under 6 of 255) is drawn again
    three times out of four, up to a limit, so that a picture of plain sky ends as well.

    Args:
        image: (3, H, W), uint8 or float in [0, 1].
        size: side of the patch in pixels.
        generator: a CPU generator.

    Returns:
        (3, size, size) view of the image, in its dtype.

    Raises:
        ValueError: when the image is smaller than the patch.
    """
    height, width = image.shape[-2:]
    if min(height, width) < size:
        raise ValueError(f"a picture of {width} x {height} has no patch of {size} x {size}")
    unit = 255.0 if image.dtype == torch.uint8 else 1.0
    patch = image[:, :size, :size]
    for _ in range(DRAWS):
        top = int(torch.randint(0, height - size + 1, (), generator=generator))
        left = int(torch.randint(0, width - size + 1, (), generator=generator))
        patch = image[:, top : top + size, left : left + size]
        deviation = float(patch.float().mean(0).std()) / unit
        if deviation >= FLAT_DEVIATION:
            break
        if float(torch.rand((), generator=generator)) < KEEP_FLAT:
            break
    return patch


def blur(x: Tensor, kernels: Tensor) -> Tensor:
    """Filter each item with its own kernel, the border reflected.

    Args:
        x: (N, C, H, W).
        kernels: (N, K, K) or (N, 1, K) or (N, K, 1) with odd sides, each summing to 1.
    """
    n, c, height, width = x.shape
    rows, columns = kernels.shape[-2:]
    pad = (columns // 2, columns // 2, rows // 2, rows // 2)
    padded = F.pad(x, pad, mode="reflect").reshape(1, n * c, height + rows - 1, width + columns - 1)
    weight = kernels.repeat_interleave(c, 0)[:, None]
    return F.conv2d(padded, weight, groups=n * c).reshape(n, c, height, width)


def gaussian_blur(x: Tensor, deviation: Tensor) -> Tensor:
    """Blur item i with a Gaussian of deviation[i] pixels (up to about 4), cut at 3 deviations."""
    radius = max(1, math.ceil(3 * float(deviation.max())))
    radius = min(radius, x.shape[-1] - 1, x.shape[-2] - 1)
    place = torch.arange(-radius, radius + 1, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (place / deviation.reshape(-1, 1).clamp(min=1e-3)) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    return blur(blur(x, kernel[:, None, :]), kernel[:, :, None])


def compress_jpeg(x: Tensor, quality: list[int], subsample: list[bool]) -> Tensor:
    """Encode each item as JPEG and decode it, by Pillow; no gradient.

    Args:
        x: (N, 3, H, W), RGB in [0, 1]; rounded to 8 bits first.
        quality: libjpeg's quality an item, 1 to 100; 0 leaves the item as it is (rounded).
        subsample: whether chroma is halved both ways (4:2:0), an item.
    """
    pixels = x.detach().clamp(0.0, 1.0).mul(255.0).round().to(torch.uint8)
    pixels = pixels.permute(0, 2, 3, 1).contiguous().numpy()
    for item, (level, halved) in enumerate(zip(quality, subsample, strict=True)):
        if level > 0:
            stream = io.BytesIO()
            image = Image.fromarray(pixels[item])
            image.save(stream, "JPEG", quality=level, subsampling=2 if halved else 0)
            pixels[item] = np.asarray(Image.open(stream))
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255.0)

"""The stages of a digital camera, from light on the sensor to the picture, on batches.

Each is a plain function of tensors; what differs from item to item is a tensor of shape (N,) or
(N, 1, 1, 1). What is random takes a CPU generator. "Noise model": Brooks et al., Unprocessing
Images for Learned Raw Denoising, CVPR 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from restoreflow.lab.degradations.operations import gaussian_blur
from restoreflow.networks.wear import local_mean

__all__ = [
    "bayer_masks",
    "colour",
    "demosaic_bilinear",
    "demosaic_malvar",
    "edge_preserving",
    "illumination_field",
    "inverse_smoothstep",
    "quantise",
    "reduce_noise",
    "regions",
    "row_noise",
    "sensor_noise",
    "sharpen",
    "smoothstep",
]

LUMA = (0.299, 0.587, 0.114)
EDGE = 0.15
"""Deviation of sRGB-like values from which on a region ends."""


def smoothstep(x: Tensor, strength: Tensor | float = 1.0) -> Tensor:
    """A camera's S-shaped tone curve on gamma-encoded values: 3 x^2 - 2 x^3, mixed with x."""
    x = x.clamp(0.0, 1.0)
    return x + strength * (x * x * (3.0 - 2.0 * x) - x)


def inverse_smoothstep(x: Tensor) -> Tensor:
    """The inverse of ``smoothstep`` at strength 1: 1/2 - sin(asin(1 - 2 x) / 3)."""
    return 0.5 - torch.sin(torch.asin(1.0 - 2.0 * x.clamp(0.0, 1.0)) / 3.0)


def colour(x: Tensor, matrix: Tensor) -> Tensor:
    """Multiply the RGB of (N, 3, H, W) by each item's (N, 3, 3) matrix."""
    return torch.bmm(matrix, x.flatten(2)).reshape(x.shape)


def illumination_field(grid: Tensor, box: Tensor, size: tuple[int, int]) -> Tensor:
    """A smooth field over a picture, evaluated on the part of the picture that is at hand.

    Args:
        grid: (N, 1, G, G), the field's values at evenly spaced points of the whole picture.
        box: (N, 4), top, left, height, width of the part, as shares of the whole picture.
        size: rows and columns wanted.

    Returns:
        (N, 1, rows, columns) within the range of ``grid``.
    """
    rows, columns = size
    top, left, height, width = box.unbind(1)
    down = (torch.arange(rows) + 0.5) / rows
    right = (torch.arange(columns) + 0.5) / columns
    y = (top[:, None] + height[:, None] * down) * 2 - 1
    x = (left[:, None] + width[:, None] * right) * 2 - 1
    shape = (grid.shape[0], rows, columns)
    places = torch.stack((x[:, None, :].expand(shape), y[:, :, None].expand(shape)), -1)
    field = F.grid_sample(grid, places, mode="bicubic", padding_mode="border", align_corners=True)
    low, high = grid.amin((1, 2, 3), keepdim=True), grid.amax((1, 2, 3), keepdim=True)
    return torch.minimum(torch.maximum(field, low), high)


def bayer_masks(phase: Tensor, size: tuple[int, int]) -> Tensor:
    """Which of the three colours each photosite sees.

    Args:
        phase: (N,), 0 to 3: RGGB begun at the red site, or moved by a column, a row, or both;
            a picture may have been cropped anywhere.
        size: rows and columns.

    Returns:
        (N, 3, rows, columns), one 1 a site.
    """
    y = torch.arange(size[0]) + (phase[:, None] // 2)
    x = torch.arange(size[1]) + (phase[:, None] % 2)
    odd_row, odd_column = (y % 2)[:, :, None], (x % 2)[:, None, :]
    red = (1 - odd_row) * (1 - odd_column)
    blue = odd_row * odd_column
    return torch.stack((red, 1 - red - blue, blue), 1).float()


def sensor_noise(x: Tensor, shot: Tensor, read: Tensor, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise of variance shot x + read to linear values (Brooks et al., eq. 4)."""
    deviation = (shot * x.clamp(min=0.0) + read).sqrt()
    return x + deviation * torch.randn(x.shape, generator=generator)


def row_noise(x: Tensor, deviation: Tensor, generator: torch.Generator) -> Tensor:
    """Add one Gaussian offset a row of sites, as the readout's amplifiers do."""
    n, c, rows, _ = x.shape
    return x + deviation * torch.randn((n, c, rows, 1), generator=generator)


def quantise(x: Tensor, bits: int, clipped: Tensor) -> Tensor:
    """Round to a converter's levels, white clipped at 1; black at 0 where ``clipped`` is 1.

    A camera that keeps its black level's offset keeps the noise below black as well.
    """
    levels = 2**bits - 1
    rounded = (x.clamp(max=1.0) * levels).round() / levels
    return torch.maximum(rounded, -(1.0 - clipped))


def demosaic_bilinear(mosaic: Tensor, masks: Tensor) -> Tensor:
    """Average the neighbours of the missing colours: (N, 1, H, W) to (N, 3, H, W)."""
    cross = mosaic.new_tensor([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
    square = mosaic.new_tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    kernels = torch.stack((square, cross, square))[:, None]
    # Reflecting without repeating the border keeps the order of the colours.
    padded = F.pad(mosaic, (1, 1, 1, 1), mode="reflect")
    sites = F.pad(masks, (1, 1, 1, 1), mode="reflect")
    return F.conv2d(padded * sites, kernels, groups=3)


# Malvar, He, Cutler: High-quality linear interpolation for demosaicing of Bayer-patterned color
# images, ICASSP 2004, figure 2, times 16.
GREEN_AT_RED = [
    [0, 0, -2, 0, 0],
    [0, 0, 4, 0, 0],
    [-2, 4, 8, 4, -2],
    [0, 0, 4, 0, 0],
    [0, 0, -2, 0, 0],
]
RED_IN_RED_ROW = [
    [0, 0, 1, 0, 0],
    [0, -2, 0, -2, 0],
    [-2, 8, 10, 8, -2],
    [0, -2, 0, -2, 0],
    [0, 0, 1, 0, 0],
]
RED_AT_BLUE = [
    [0, 0, -3, 0, 0],
    [0, 4, 0, 4, 0],
    [-3, 0, 12, 0, -3],
    [0, 4, 0, 4, 0],
    [0, 0, -3, 0, 0],
]


def demosaic_malvar(mosaic: Tensor, masks: Tensor) -> Tensor:
    """Malvar's gradient-corrected interpolation: (N, 1, H, W) to (N, 3, H, W)."""
    in_row = mosaic.new_tensor(RED_IN_RED_ROW)
    kernels = torch.stack(
        (mosaic.new_tensor(GREEN_AT_RED), in_row, in_row.t(), mosaic.new_tensor(RED_AT_BLUE))
    )
    padded = F.pad(mosaic, (2, 2, 2, 2), mode="reflect")
    cross, along, across, diagonal = F.conv2d(padded, kernels[:, None] / 16).unbind(1)
    plain = mosaic[:, 0]
    red, green, blue = masks.unbind(1)
    # Green sites of a red row: their left or right neighbour is red.
    beside_red = F.max_pool2d(red[:, None], (1, 3), 1, (0, 1))[:, 0]
    green_of_red, green_of_blue = green * beside_red, green * (1 - beside_red)
    return torch.stack(
        (
            red * plain + blue * diagonal + green_of_red * along + green_of_blue * across,
            green * plain + (1 - green) * cross,
            blue * plain + red * diagonal + green_of_blue * along + green_of_red * across,
        ),
        1,
    )


def luma(x: Tensor) -> Tensor:
    return (x * x.new_tensor(LUMA).reshape(3, 1, 1)).sum(1, keepdim=True)


def reduce_noise(x: Tensor, luma_blur: Tensor, chroma_blur: Tensor) -> Tensor:
    """A camera's plain noise reduction: colour blurred more than brightness (pixels, (N,))."""
    y = luma(x)
    return gaussian_blur(y, luma_blur) + gaussian_blur(x - y, chroma_blur)


def edge_preserving(x: Tensor, threshold: Tensor, radius: int = 2) -> Tensor:
    """A camera's edge-preserving noise reduction: the guided filter on luma, colour averaged.

    Where luma varies by less than ``threshold`` (N, 1, 1, 1; a deviation, in x's units) within
    the window it is averaged, elsewhere kept (He, Sun, Tang, ECCV 2010, self-guided).
    """

    def box(value: Tensor) -> Tensor:
        padded = F.pad(value, (radius,) * 4, mode="reflect")
        return F.avg_pool2d(padded, 2 * radius + 1, stride=1)

    y = luma(x)
    return _self_guided(y, threshold, box) + box(x - y)


def _self_guided(y: Tensor, threshold: Tensor | float, box: Callable[[Tensor], Tensor]) -> Tensor:
    """(N, 1, H, W) averaged where it varies by less than a deviation in a box, kept elsewhere."""
    mean = box(y)
    variance = (box(y * y) - mean * mean).clamp(min=0.0)
    keep = variance / (variance + threshold**2 + 1e-12)
    return box(keep) * y + box((1.0 - keep) * mean)


def regions(linear: Tensor, box: Tensor) -> Tensor:
    """How bright the region around each pixel is, 0 .. 1, with the picture's own sharp borders.

    The guided filter by the picture itself, over a fortieth of the whole picture's side.

    Args:
        linear: (N, 3, H, W), linear light.
        box: (N, 4), which part of the whole picture it is, as shares.

    Returns:
        (N, 1, H, W).
    """
    shown = luma(linear).clamp(0.0, 1.0).sqrt()
    found = torch.empty_like(shown)
    for index, share in enumerate(box[:, 2].tolist()):
        side = min(shown.shape[-2:])
        radius = min(max(round(side / max(share, 1e-3) / 40.0), 1), side // 4)
        box_of = partial(local_mean, radius=radius)
        found[index : index + 1] = _self_guided(shown[index : index + 1], EDGE, box_of)
    return found.clamp(0.0, 1.0) ** 2


def sharpen(x: Tensor, amount: Tensor, deviation: Tensor) -> Tensor:
    """Unsharp masking of the luma: amount (N, 1, 1, 1) times what a Gaussian removes."""
    y = luma(x)
    return x + amount * (y - gaussian_blur(y, deviation))

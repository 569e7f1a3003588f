"""How much a picture fluctuates from pixel to pixel: what noise is seen by."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["local_mean", "log_strength"]

FINEST = 1.0 / 1024.0  # fluctuations that are told apart, in units of the image range


def local_mean(x: Tensor, radius: int = 1) -> Tensor:
    """Means of (N, C, H, W) over squares of 2 radius + 1 pixels, as far as they lie inside."""
    return F.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)


def log_strength(fluctuation: Tensor) -> Tensor:
    """Fluctuations of 0 .. 1 as logarithms of base 2, scaled to within [-1, 1]."""
    return torch.log2(fluctuation + FINEST) / 5.0 + 1.0

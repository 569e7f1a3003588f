"""Antialiased bicubic reduction: the forward operator of super-resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreflow.tasks.task import Operator

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BICUBIC", "downscale", "resize", "upscale"]


def downscale(x: Tensor, scale: int) -> Tensor:
    """Antialiased bicubic downscaling as Pillow's BICUBIC (a = -0.5), within float rounding.

    Args:
        x: (..., scale * h, scale * w) float32.

    Returns:
        (..., h, w), neither clamped nor rounded.
    """
    return BICUBIC.reduce(x, scale)


def upscale(y: Tensor, scale: int) -> Tensor:
    """Bicubic upscaling as Pillow's BICUBIC (a = -0.5): (..., h, w) to scale times that."""
    return BICUBIC.lift(y, scale)


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """As Pillow's BICUBIC (a = -0.5): (..., h, w) to (..., height, width)."""
    import torch.nn.functional as F  # so that the table of tasks is there without PyTorch

    # antialias=True also chooses a = -0.5 and Pillow's treatment of the border when enlarging.
    flat = x.reshape(-1, 1, *x.shape[-2:])
    size = (height, width)
    resized = F.interpolate(flat, size=size, mode="bicubic", align_corners=False, antialias=True)
    return resized.reshape(*x.shape[:-2], height, width)


BICUBIC = Operator("bicubic", resize, reach=2, filter="BICUBIC")

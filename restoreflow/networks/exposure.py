"""Light and exposure: sRGB against linear light, and the curve that brightens a picture."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["exposure_curve", "linear_to_srgb", "srgb_to_linear"]

KNEE = 0.5


def srgb_to_linear(x: Tensor) -> Tensor:
    """Undo the sRGB transfer curve (IEC 61966-2-1); values below 0 follow its straight part."""
    curved = ((x.clamp(min=0.04045) + 0.055) / 1.055).pow(2.4)
    return torch.where(x <= 0.04045, x / 12.92, curved)


def linear_to_srgb(x: Tensor) -> Tensor:
    """Apply the sRGB transfer curve (IEC 61966-2-1); values below 0 follow its straight part."""
    curved = 1.055 * x.clamp(min=0.0031308).pow(1.0 / 2.4) - 0.055
    return torch.where(x <= 0.0031308, x * 12.92, curved)


def exposure_curve(x: Tensor, stops: Tensor) -> Tensor:
    """Multiply linear light by 2^stops with a shoulder, so that white stays white.

    With g = 2^stops >= 1 and the knee k = 0.5: y = g x while g x <= k; above, the Moebius curve
    from (k / g, k) to (1, 1) that leaves with slope g: y = k + (1 - k) m t / (1 + (m - 1) t),
    t = (x - k / g) / (1 - k / g), m = (g - k) / (1 - k). It is monotone and once differentiable,
    maps [0, 1] onto itself and loses no highlight; g = 1 is the identity. For g < 1, y = g x.

    Args:
        x: (N, C, H, W), linear light; clamped to [0, 1].
        stops: broadcastable to x, in EV.

    Returns:
        The brightened picture within [0, 1].
    """
    x = x.clamp(0.0, 1.0)
    gain = torch.exp2(stops)
    up = gain.clamp(min=1.0)
    start = KNEE / up
    slope = (up - KNEE) / (1.0 - KNEE)
    t = ((x - start) / (1.0 - start)).clamp(min=0.0)
    # The denominator is at least 1, for t >= 0 and slope >= 1.
    shoulder = KNEE + (1.0 - KNEE) * slope * t / (1.0 + (slope - 1.0) * t)
    return torch.where((x <= start) | (gain <= 1.0), gain * x, shoulder).clamp(0.0, 1.0)

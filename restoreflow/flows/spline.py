"""Monotone rational-quadratic splines with identity tails, as functions of tensors.

Durkan et al., "Neural Spline Flows" (2019), in the modification of Hong, Park and Chun, "On the
Robustness of Normalizing Flows for Inverse Problems in Imaging" (2023): slope 1 at both ends of a
fixed box, identity outside. Here every parameter is bounded both ways besides, which keeps float32
round trips accurate for arbitrary raw parameters and makes a certificate possible.

In a bin of width w and height v with mean slope s = v / w, end slopes d0 and d1, and
t = (x - x_k) / w, q = t (1 - t):

    y = y_k + v (s t^2 + d0 q) / D              D = s + (d0 + d1 - 2 s) q
    dy/dx = s^2 (d1 t^2 + 2 s q + d0 (1 - t)^2) / D^2

D is positive: it is linear in q, equal to s at q = 0 and to (2 s + d0 + d1) / 4 at q = 1/4.
The inverse is the root in [0, 1] of a t^2 + b t + c = 0 with e = y - y_k, m = d0 + d1 - 2 s,
a = v (s - d0) + e m, b = v d0 - e m, c = -s e, written t = 2 s e / (b + sqrt(b^2 + 4 a s e)): at
the root the derivative 2 a t + b is the square root, hence positive, and nothing cancels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "BIN_FLOOR",
    "KNOT_LIMIT",
    "SLOPE_LOG_LIMIT",
    "SplineParameters",
    "TwoBinParameters",
    "slope_range",
    "spline_forward",
    "spline_inverse",
    "spline_parameters",
    "two_bin_forward",
    "two_bin_inverse",
    "two_bin_parameters",
]

KNOT_LIMIT = 0.8
"""The inner knot stays within this share of the box's half-width, in both directions."""

BIN_FLOOR = 0.1
"""Smallest share of the box that a bin takes, in width and in height."""

SLOPE_LOG_LIMIT = 1.5
"""Knot slopes lie within exp(-1.5) .. exp(1.5), about 0.22 .. 4.5."""

_TINY = 1e-12


class TwoBinParameters(NamedTuple):
    """The inner knot (x, y) in units of the box, within +-0.8, and the slope there."""

    x: Tensor
    y: Tensor
    slope: Tensor


def two_bin_parameters(
    raw_x: Tensor, raw_y: Tensor, raw_slope: Tensor
) -> TwoBinParameters:
    """Bound raw network outputs; all zeros give the identity.

    The knot's height is predicted relative to its position, so that moving the knot along the
    diagonal changes nothing. Mean slopes of both bins then lie within 1/9 .. 9.
    """
    x = KNOT_LIMIT * torch.tanh(raw_x)
    y = KNOT_LIMIT * torch.tanh(raw_x + 2.0 * torch.tanh(0.5 * raw_y))
    slope = torch.exp(SLOPE_LOG_LIMIT * torch.tanh(raw_slope / SLOPE_LOG_LIMIT))
    return TwoBinParameters(x, y, slope)


def two_bin_forward(
    x: Tensor, knot: TwoBinParameters, box: float
) -> tuple[Tensor, Tensor]:
    """The two-bin spline on [-box, box]: no search, no gather.

    The upper bin is the lower one seen through the origin, so that flipping signs leaves a single
    case: a bin from (-1, -1) with slope 1 to the knot.

    Args:
        x: any shape.
        knot: bounded parameters of the same shape.
        box: half-width of the box, > 0.

    Returns:
        y and log(dy/dx), both of x's shape; identity and 0 outside the box.
    """
    unit = x / box
    sign = torch.where(unit < knot.x, 1.0, -1.0).to(x.dtype)
    width = 1.0 + sign * knot.x
    height = 1.0 + sign * knot.y
    s = height / width
    t = ((sign * unit + 1.0) / width).clamp(0.0, 1.0)
    rest = 1.0 - t
    q = t * rest
    denominator = s + (1.0 + knot.slope - 2.0 * s) * q
    y = sign * (height * (s * t * t + q) / denominator - 1.0) * box
    numerator = knot.slope * t * t + 2.0 * s * q + rest * rest
    log_slope = torch.log(numerator * (s / denominator).square())
    inside = x.abs() < box
    return torch.where(inside, y, x), torch.where(inside, log_slope, 0.0)


def two_bin_inverse(y: Tensor, knot: TwoBinParameters, box: float) -> Tensor:
    """Inverse of `two_bin_forward`, without the log-slope."""
    unit = y / box
    sign = torch.where(unit < knot.y, 1.0, -1.0).to(y.dtype)
    width = 1.0 + sign * knot.x
    height = 1.0 + sign * knot.y
    s = height / width
    e = torch.minimum((sign * unit + 1.0).clamp_min(0.0), height)
    m = e * (1.0 + knot.slope - 2.0 * s)
    a = height * (s - 1.0) + m
    b = height - m
    se = s * e
    root = torch.sqrt((b * b + 4.0 * a * se).clamp_min(_TINY))
    t = (2.0 * se / (b + root).clamp_min(_TINY)).clamp(0.0, 1.0)
    x = sign * (width * t - 1.0) * box
    return torch.where(y.abs() < box, x, y)


class SplineParameters(NamedTuple):
    """Knots of a spline with K bins: x and y (..., K + 1) within +-box, slopes (..., K + 1)."""

    x: Tensor
    y: Tensor
    slope: Tensor


def spline_parameters(widths: Tensor, heights: Tensor, slopes: Tensor, box: float):
    """Bound raw outputs: widths and heights (..., K), inner slopes (..., K - 1).

    Each bin takes at least `BIN_FLOOR` / (K / 2) of the box, so mean slopes stay bounded for every
    K. All zeros give the identity.
    """
    bins = widths.shape[-1]
    floor = 2.0 * BIN_FLOOR / bins

    def knots(raw: Tensor) -> Tensor:
        share = floor + (1.0 - floor * bins) * F.softmax(raw, -1)
        inner = 2.0 * torch.cumsum(share[..., :-1], -1) - 1.0
        return box * F.pad(F.pad(inner, (1, 0), value=-1.0), (0, 1), value=1.0)

    inner = torch.exp(SLOPE_LOG_LIMIT * torch.tanh(slopes / SLOPE_LOG_LIMIT))
    return SplineParameters(
        knots(widths), knots(heights), F.pad(inner, (1, 1), value=1.0)
    )


def spline_forward(
    x: Tensor, knots: SplineParameters, box: float
) -> tuple[Tensor, Tensor]:
    """The spline with any number of bins; parameters have one more dimension than x, the last."""
    index = _bin(x, knots.x)
    x0, x1, y0, y1, d0, d1 = _bin_ends(knots, index)
    width, height = x1 - x0, y1 - y0
    s = height / width
    t = ((x - x0) / width).clamp(0.0, 1.0)
    rest = 1.0 - t
    q = t * rest
    denominator = s + (d0 + d1 - 2.0 * s) * q
    y = y0 + height * (s * t * t + d0 * q) / denominator
    numerator = d1 * t * t + 2.0 * s * q + d0 * rest * rest
    log_slope = torch.log(numerator * (s / denominator).square())
    inside = x.abs() < box
    return torch.where(inside, y, x), torch.where(inside, log_slope, 0.0)


def spline_inverse(y: Tensor, knots: SplineParameters, box: float) -> Tensor:
    """Inverse of `spline_forward`, without the log-slope."""
    index = _bin(y, knots.y)
    x0, x1, y0, y1, d0, d1 = _bin_ends(knots, index)
    width, height = x1 - x0, y1 - y0
    s = height / width
    # In units of the bin's height: the quadratic is homogeneous in (e, v), and stays near 1.
    e = ((y - y0) / height).clamp(0.0, 1.0)
    m = e * (d0 + d1 - 2.0 * s)
    a = s - d0 + m
    b = d0 - m
    se = s * e
    root = torch.sqrt((b * b + 4.0 * a * se).clamp_min(_TINY))
    t = (2.0 * se / (b + root).clamp_min(_TINY)).clamp(0.0, 1.0)
    return torch.where(y.abs() < box, x0 + width * t, y)


def _bin(x: Tensor, edges: Tensor) -> Tensor:
    """Index of the bin that holds x, by comparison with the inner edges."""
    return (x.unsqueeze(-1) >= edges[..., 1:-1]).sum(-1, keepdim=True)


def _bin_ends(knots: SplineParameters, index: Tensor) -> tuple[Tensor, ...]:
    return tuple(
        values.gather(-1, index + side).squeeze(-1)
        for values in (knots.x, knots.y, knots.slope)
        for side in (0, 1)
    )


def slope_range(bins: int) -> tuple[float, float]:
    """Lower and upper bound on dy/dx of any spline that the parametrisations above can give.

    With mean slopes s >= r (the smallest bin over the largest) and knot slopes within 1/k .. k:
    dy/dx = s^2 N / D^2, N a convex combination of d1, s and d0, and D between s and
    (2 s + d0 + d1) / 4. D >= s / 2 gives dy/dx <= 4 max(1/r, k). D <= max(s, (s + k) / 2) gives
    dy/dx >= min(1, 2 s / (s + k))^2 min(s, 1/k), which grows with s, so s = r is the worst.
    """
    floor = (1.0 - KNOT_LIMIT) / 2.0 if bins == 2 else 2.0 * BIN_FLOOR / bins
    r = floor / (1.0 - (bins - 1) * floor)
    k = math.exp(SLOPE_LOG_LIMIT)
    return min(1.0, 2.0 * r / (r + k)) ** 2 * min(r, 1.0 / k), 4.0 * max(1.0 / r, k)

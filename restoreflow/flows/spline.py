"""Monotone rational-quadratic splines with identity tails, as functions of tensors.

Durkan et al., "Neural Spline Flows" (2019), in the modification of Hong, Park and Chun, "On the
Robustness of Normalizing Flows for Inverse Problems in Imaging" (2023): slope 1 at both ends of a
fixed box, identity outside. Here every parameter is bounded both ways besides, which keeps float32
round trips accurate for arbitrary raw parameters and makes a certificate possible.

In a bin of width w and height h, with mean slope s = h / w, end slopes d0 and d1, and
t = (x - x_k) / w, q = t (1 - t):

    y = y_k + h (s t^2 + d0 q) / D              D = s + (d0 + d1 - 2 s) q
    dy/dx = s^2 (d1 t^2 + 2 s q + d0 (1 - t)^2) / D^2

D is positive: it is linear in q, equal to s at q = 0 and to (2 s + d0 + d1) / 4 at q = 1/4. The
code multiplies numerators and denominators by w, which saves a division: with P = w (d0 + d1) - 2 h

    y = y_k + h t (w d0 + (h - w d0) t) / E     E = w D = h + P q
    dy/dx = (h / E)^2 (w (d0 + (d1 - d0) t) - P q) / w

The inverse, e = y - y_k, M = (e / h) P and B = w d0 - M, is the root in [0, 1] of
(h - B) t^2 + B t - e = 0, written t = 2 e / (B + sqrt(B^2 + 4 e (h - B))). At the root the square
root is the quadratic's own derivative, w D (dy/dx) / s, hence positive. Where b is negative the
denominator is 2 e / t >= 2 e from terms below 2 w d1, which costs a decimal digit at these bounds.

Outside the box x is moved to its end, where the spline is exact, and the rest is added again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from restoreflow.flows.layout import graph_recorded

__all__ = [
    "BIN_FLOOR",
    "DISCRIMINANT_FLOOR",
    "HEIGHT_LOG_LIMIT",
    "KNOT_LIMIT",
    "SLOPE_LOG_LIMIT",
    "SLOPE_REACH",
    "TWO_BIN_DISPLACEMENT",
    "SplineParameters",
    "TwoBinParameters",
    "rationally_bounded",
    "slope_range",
    "softly_bounded",
    "spline_forward",
    "spline_inverse",
    "spline_parameters",
    "two_bin_forward",
    "two_bin_inverse",
    "two_bin_parameters",
]

KNOT_LIMIT = 0.7
"""The inner knot stays within this share of the box's half-width, in both directions."""

BIN_FLOOR = 0.1
"""Smallest share of the box that a bin takes, in width and in height."""

SLOPE_LOG_LIMIT = 1.5
"""Knot slopes lie within exp(-1.5) .. exp(1.5), about 0.22 .. 4.5."""

SLOPE_REACH = math.tanh(SLOPE_LOG_LIMIT / 2.0)
"""The bound on u where a two-bin spline's knot slope is (1 + u) / (1 - u)."""

HEIGHT_LOG_LIMIT = 0.8
"""With several bins, mean slopes lie within exp(-1.6) .. exp(1.6), about 1/5 .. 5."""

TWO_BIN_DISPLACEMENT = 1.48
"""No two-bin spline moves a value farther than this share of the box's half-width.

At a given x below the diagonal, the displacement is largest for the lowest knot, y = -K, since y
grows with the knot's height; in the lower bin for the steepest slope at the knot and in the upper
one for the flattest, by the sign of a derivative. That leaves the knot's x and the place in the
bin: 1.4707 at x = K. Above the diagonal is the mirror image.
"""

DISCRIMINANT_FLOOR = 1e-12
"""Far below every discriminant, for rounding alone."""


def softly_bounded(raw: Tensor, limit: float) -> Tensor:
    """limit * tanh(raw / limit): within +-limit, 0 at 0 and slope 1 there.

    Through the logistic function, which costs a sixth of a tanh on a CPU; the absolute error is
    below 1e-7 limit in float32.
    """
    if torch.is_grad_enabled() or graph_recorded():
        return torch.sigmoid(raw * (2.0 / limit)) * (2.0 * limit) - limit
    # In place: getting fresh memory for a whole picture takes longer than the arithmetic.
    return (raw * (2.0 / limit)).sigmoid_().mul_(2.0 * limit).sub_(limit)


def rationally_bounded(raw: Tensor, limit: float) -> Tensor:
    """raw / (1 + |raw| / limit): within +-limit, 0 at 0 and slope 1 there.

    One division: compiled, a spline whose parameters are bounded by it runs nine times as fast as
    with logistic functions. The derivative is continuous, and never quite vanishes.
    """
    return raw / (torch.abs(raw) * (1.0 / limit) + 1.0)


class TwoBinParameters(NamedTuple):
    """The inner knot (x, y) in units of the box, within +-0.7, and the slope there."""

    x: Tensor
    y: Tensor
    slope: Tensor


def two_bin_parameters(raw_x: Tensor, raw_y: Tensor, raw_slope: Tensor) -> TwoBinParameters:
    """Bound raw network outputs; all zeros give the identity.

    The knot's height is predicted relative to its position, so that moving the knot along the
    diagonal changes nothing. Mean slopes of both bins lie within 0.3 / 1.7 .. 1.7 / 0.3, and the
    knot's, (1 + u) / (1 - u) with |u| < `SLOPE_REACH`, is exp(raw) near 0.
    """
    reach = torch.abs(raw_slope) + 2.0 * SLOPE_REACH
    steeper = raw_slope * SLOPE_REACH
    return TwoBinParameters(
        rationally_bounded(raw_x, KNOT_LIMIT),
        rationally_bounded(raw_x + raw_y, KNOT_LIMIT),
        (reach + steeper) / (reach - steeper),
    )


def two_bin_forward(x: Tensor, knot: TwoBinParameters, box: float) -> tuple[Tensor, Tensor]:
    """The two-bin spline on [-box, box]: no search, no gather.

    The upper bin is the lower one seen through the origin, so that flipping signs leaves a single
    case: a bin from the box's corner, with slope 1 there, to the knot.

    Args:
        x: any shape.
        knot: bounded parameters of the same shape.
        box: half-width of the box, > 0.

    Returns:
        y and log(dy/dx), both of x's shape; identity and 0 outside the box.
    """
    clipped = x.clamp(-box, box)
    unit = clipped / box
    sign = _sign(unit - knot.x)
    width = torch.addcmul(_one(x), sign, knot.x, value=-1.0)
    height = torch.addcmul(_one(x), sign, knot.y, value=-1.0)
    from_corner = torch.addcmul(_one(x), sign, unit, value=-1.0)
    t = from_corner / width
    scaled_q = (torch.addcmul(width, width, knot.slope) - 2.0 * height) * torch.addcmul(
        t, t, t, value=-1.0
    )
    ratio = height / (height + scaled_q)
    rise = ratio * (t * torch.addcmul(width, height - width, t))
    y = torch.add(x - clipped, torch.addcmul(sign, sign, rise, value=-1.0), alpha=box)
    slope = torch.addcmul(width - scaled_q, knot.slope - 1.0, from_corner) / width
    return y, torch.log(slope * ratio * ratio)


def two_bin_inverse(y: Tensor, knot: TwoBinParameters, box: float) -> Tensor:
    """Inverse of `two_bin_forward`, without the log-slope."""
    clipped = y.clamp(-box, box)
    unit = clipped / box
    sign = _sign(unit - knot.y)
    width = torch.addcmul(_one(y), sign, knot.x, value=-1.0)
    height = torch.addcmul(_one(y), sign, knot.y, value=-1.0)
    from_corner = torch.addcmul(_one(y), sign, unit, value=-1.0)
    m = (torch.addcmul(width, width, knot.slope) - 2.0 * height) * (from_corner / height)
    t = _root(from_corner, height, width - m)
    x = torch.addcmul(sign, sign, width * t, value=-1.0)
    return torch.add(y - clipped, x, alpha=box)


def _one(like: Tensor) -> Tensor:
    return like.new_ones(())


def _sign(x: Tensor) -> Tensor:
    """1 or -1, never 0, and no gradient."""
    return torch.where(x.detach() < 0, -_one(x), _one(x))


def _root(e: Tensor, height: Tensor, b: Tensor) -> Tensor:
    """The root in [0, 1] of (height - b) t^2 + b t - e = 0, for 0 <= e <= height."""
    discriminant = torch.addcmul(b * b, e, height - b, value=4.0).clamp_min(DISCRIMINANT_FLOOR)
    return 2.0 * e / (b + torch.sqrt(discriminant))


class SplineParameters(NamedTuple):
    """Knots of a spline with K bins: x and y (..., K + 1) within +-box, slopes (..., K + 1)."""

    x: Tensor
    y: Tensor
    slope: Tensor


def spline_parameters(
    widths: Tensor, heights: Tensor, slopes: Tensor, box: float
) -> SplineParameters:
    """Bound raw outputs: widths and heights (..., K), inner slopes (..., K - 1).

    Each bin takes at least `BIN_FLOOR` / (K / 2) of the box. Heights are predicted relative to
    widths, so mean slopes stay within the same bounds for every K. All zeros give the identity.
    """
    bins = widths.shape[-1]
    floor = 2.0 * BIN_FLOOR / bins

    def knots(raw: Tensor) -> Tensor:
        # Bins lead in memory, so that each knot's values are contiguous.
        share = floor + (1.0 - floor * bins) * F.softmax(raw.movedim(-1, 0), 0)
        inner = (2.0 * box) * torch.cumsum(share[:-1], 0) - box
        return _between(inner, -box, box)

    inner = torch.exp(softly_bounded(slopes.movedim(-1, 0), SLOPE_LOG_LIMIT))
    absolute = widths + softly_bounded(heights, HEIGHT_LOG_LIMIT)
    return SplineParameters(knots(widths), knots(absolute), _between(inner, 1.0, 1.0))


def _between(inner: Tensor, first: float, last: float) -> Tensor:
    """(K - 1, ...) with a constant before and after, as (..., K + 1)."""
    ends = (inner.new_full((1, *inner.shape[1:]), end) for end in (first, last))
    return torch.cat((next(ends), inner, next(ends))).movedim(0, -1)


def spline_forward(x: Tensor, knots: SplineParameters, box: float) -> tuple[Tensor, Tensor]:
    """The spline with any number of bins; parameters have one more dimension than x, the last."""
    clipped = x.clamp(-box, box)
    x0, y0, width, height, d0, d1 = _bin(clipped, knots, knots.x)
    t = ((clipped - x0) / width).clamp(0.0, 1.0)
    start = width * d0
    scaled_q = (torch.addcmul(start, width, d1) - 2.0 * height) * (t - t * t)
    ratio = height / (height + scaled_q)
    y = torch.addcmul(y0, ratio, t * torch.addcmul(start, height - start, t))
    slope = (torch.addcmul(start, width * (d1 - d0), t) - scaled_q) / width
    inside = x.abs() < box
    log_slope = torch.log(slope * ratio * ratio)
    return torch.where(inside, y, x), torch.where(inside, log_slope, 0.0)


def spline_inverse(y: Tensor, knots: SplineParameters, box: float) -> Tensor:
    """Inverse of `spline_forward`, without the log-slope."""
    clipped = y.clamp(-box, box)
    x0, y0, width, height, d0, d1 = _bin(clipped, knots, knots.y)
    e = torch.minimum((clipped - y0).clamp_min(0.0), height)
    start = width * d0
    m = (torch.addcmul(start, width, d1) - 2.0 * height) * (e / height)
    t = _root(e, height, start - m)
    return torch.where(y.abs() < box, torch.addcmul(x0, width, t), y)


def _bin(x: Tensor, knots: SplineParameters, edges: Tensor) -> tuple[Tensor, ...]:
    """Start, size and end slopes of the bin that holds x: (x0, y0, width, height, d0, d1)."""
    columns = [values.unbind(-1) for values in knots]
    ends = [(column[0], column[1]) for column in columns]
    for k, edge in enumerate(edges.unbind(-1)[1:-1], start=1):
        # 1 from the edge on, else 0; lerp is exact at both and, unlike where, vectorised.
        above = 0.5 * _sign(x - edge) + 0.5
        ends = [
            (torch.lerp(low, column[k], above), torch.lerp(high, column[k + 1], above))
            for column, (low, high) in zip(columns, ends, strict=True)
        ]
    (x0, x1), (y0, y1), (d0, d1) = ends
    return x0, y0, x1 - x0, y1 - y0, d0, d1


def slope_range() -> tuple[float, float]:
    """Lower and upper bound on dy/dx of any spline that the parametrisations above can give.

    Mean slopes s lie within r .. 1/r. With several bins r = exp(-2 HEIGHT_LOG_LIMIT): a ratio of
    two softmaxes whose logits differ by at most HEIGHT_LOG_LIMIT, and adding the same floor to both
    keeps it. With two, r = (1 - K) / (1 + K), K the `KNOT_LIMIT`.

    With knot slopes within 1/k .. k: dy/dx = s^2 N / D^2, N a convex combination of d1, s and d0,
    and D between s and (2 s + d0 + d1) / 4. D >= s / 2 gives dy/dx <= 4 max(1/r, k).
    D <= max(s, (s + k) / 2) gives dy/dx >= min(1, 2 s / (s + k))^2 min(s, 1/k), which grows with
    s, so s = r is the worst.
    """
    two_bins = (1.0 - KNOT_LIMIT) / (1.0 + KNOT_LIMIT)
    r = min(two_bins, math.exp(-2.0 * HEIGHT_LOG_LIMIT))
    k = math.exp(SLOPE_LOG_LIMIT)
    return min(1.0, 2.0 * r / (r + k)) ** 2 * min(r, 1.0 / k), 4.0 * max(1.0 / r, k)

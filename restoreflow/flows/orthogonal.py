"""How far a matrix is from orthogonal, and what that does to norms; all in float64."""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

__all__ = ["TOLERANCE", "Departure", "departure", "largest_departure", "stretch"]

TOLERANCE = 1e-6
"""Largest |W W^T - 1| of a model's matrices: what rounding to float32 leaves is below 3e-7.

Such a matrix of c x c lengthens no vector by more than a factor of sqrt(1 + 1e-6 c), which is
1.000024 for 48 channels; certificates count with the factor itself, see `stretch`.
"""


class Departure(NamedTuple):
    """The matrix that is farthest from orthogonal, and its largest |W W^T - 1|."""

    name: str
    size: float


def largest_departure(flow: nn.Module) -> Departure:
    """Of all matrices that a flow holds constant: its buffers, rotations and bases of every kind.

    NaN counts as infinitely far.
    """
    found = [Departure(n, departure(m)) for n, m in flow.named_buffers() if m.dim() == 2]
    return max(found, key=lambda each: each.size, default=Departure("", 0.0))


@torch.no_grad()
def departure(matrix: Tensor) -> float:
    """The largest |W W^T - 1|, infinite where that is no number."""
    w = matrix.double()
    unit = torch.eye(len(w), dtype=w.dtype, device=w.device)
    size = float((w @ w.T - unit).abs().max())
    return math.inf if math.isnan(size) else size


@torch.no_grad()
def stretch(matrix: Tensor) -> tuple[float, float]:
    """What a matrix W, orthogonal or not, does to 2-norms.

    Where |W W^T - 1| <= e for each entry and W is c x c, the first is at most sqrt(1 + c e) and the
    second at most c e.

    Returns:
        bounds on |W x| / |x|, which holds for the transpose too, and on |W^T W x - x| / |x|; both
        infinite where W is not finite.
    """
    w = matrix.double()
    if not bool(torch.isfinite(w).all()):
        return math.inf, math.inf
    # torch.linalg carries no types.
    singular = cast("Tensor", torch.linalg.svdvals(w))  # pyright: ignore[reportUnknownMemberType]
    return float(singular.max()), float((singular.square() - 1.0).abs().max())

"""How exactly float32 inverts a spline, against how far its slopes may go."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from restoreflow.flows.spline import (
    TwoBinParameters,
    two_bin_forward,
    two_bin_inverse,
    two_bin_parameters,
)

__all__ = ["LIMITS", "Limit", "round_trips"]

RAW_DEVIATION = 6.0
"""Of raw parameters: hostile features make them large."""
CHUNK = 100_000


class Limit(NamedTuple):
    """Smallest share of the box that a bin takes; slopes at the knot lie in 1 / slope .. slope."""

    bin_floor: float
    slope: float


LIMITS = (Limit(0.001, 1000.0), Limit(0.01, 100.0), Limit(0.05, 20.0), Limit(0.1, 10.0))
LIMITS += (Limit(0.1, 4.0),)


def round_trips(draws: int, seed: int) -> list[dict[str, Any]]:
    """The worst |inverse(forward(x)) - x| over random two-bin splines on [-1, 1], a row a limit.

    The last row is the parametrisation of this package, `spline.two_bin_parameters`.
    """
    rows: list[dict[str, Any]] = []
    for limit in (*LIMITS, None):
        worst = 0.0
        generator = torch.Generator().manual_seed(seed)
        for start in range(0, draws, CHUNK):
            count = min(CHUNK, draws - start)
            raw = RAW_DEVIATION * torch.randn(3, count, generator=generator)
            x = 2.0 * torch.rand(count, generator=generator) - 1.0
            knot = two_bin_parameters(*raw) if limit is None else _knot(raw, limit)
            back = two_bin_inverse(two_bin_forward(x, knot, 1.0)[0], knot, 1.0)
            worst = max(worst, float((back - x).abs().nan_to_num(math.inf).max()))
        name = "this package" if limit is None else f"{limit.bin_floor:g}, {limit.slope:g}"
        facts = {} if limit is None else limit._asdict()
        rows.append({"limit": name, **facts, "worst": worst if math.isfinite(worst) else None})
    return rows


def _knot(raw: Tensor, limit: Limit) -> TwoBinParameters:
    """Position, height and slope of the knot, each drawn on its own within the limit."""
    reach, log_slope = 1.0 - 2.0 * limit.bin_floor, math.log(limit.slope)
    slope = torch.exp(log_slope * torch.tanh(raw[2] / log_slope))
    return TwoBinParameters(reach * torch.tanh(raw[0]), reach * torch.tanh(raw[1]), slope)

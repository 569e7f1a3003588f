"""What float32 can carry, which a certificate has to count with.

What depends on the features alone is kept within +-`PREPARED_LIMIT`, whatever the features are:
infinite ones, or none (NaN), too. What a coupling's network then makes of it and of bounded values
is bounded by its weights (`largest_result`); where that exceeds `CEILING` there is no certificate.
bfloat16 has the same range; float16 has not, and what overflows in it is computed again.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = [
    "CEILING",
    "PREPARED_LIMIT",
    "ROUNDING",
    "at_least_float32",
    "largest_result",
    "steadied",
]

CEILING = 1e30
"""Bounds beyond it count as none: float32 ends at 3.4e38, and sums on the way need room."""

ROUNDING = 2.5e-4
"""Share by which float32's rounding can exceed a bound in one layer.

A product with a matrix of 48 x 48 errs by 48 half units of the last place in every term, by
sqrt(48) times that in the 2-norm: 2e-5. A coupling step has two of them, and regrouping cells can
double the norm before and the error after: 1.6e-4. What the maps add is below 1e-5.
"""

PREPARED_LIMIT = 2.0**14
"""Bound on what is prepared of the features; trained models stay below 100, and float16 has it."""


def steadied(network: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    """The network with its results held within +-`PREPARED_LIMIT`, whatever they are.

    Results within stay as they are; NaN becomes 0, which is what new weights give. That is 3 %
    of the time that preparing takes, a few thousandths of a restoration's; samples share it.
    """

    def steady(features: Tensor) -> Tensor:
        limit = PREPARED_LIMIT
        results = network(features)
        if torch.is_grad_enabled():
            return torch.nan_to_num(results, 0.0, limit, -limit).clamp(-limit, limit)
        return results.nan_to_num_(0.0, limit, -limit).clamp_(-limit, limit)

    return steady


def at_least_float32(x: Tensor) -> Tensor:
    """What a network gave in reduced precision, as the maps take it."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


@torch.no_grad()
def largest_result(convolution: nn.Conv2d, peak: float) -> float:
    """Bound on a convolution's values, and its partial sums, for inputs of up to ``peak``."""
    if not math.isfinite(peak):
        return math.inf
    reach = peak * convolution.weight.double().abs().flatten(1).sum(1)
    if convolution.bias is not None:
        reach = reach + convolution.bias.double().abs()
    largest = float(reach.max())
    return math.inf if math.isnan(largest) else largest

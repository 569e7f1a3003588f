"""The limiter: the last bijection on the way to the image, bounded whatever comes before."""

from __future__ import annotations

import torch
from torch import Tensor

from restoreflow.flows.bijection import Bijection, Bound, Condition, sum_per_item
from restoreflow.flows.spline import softly_bounded

__all__ = ["Limiter"]


class Limiter(Bijection):
    """x = R tanh(u / R): every value of x lies within [-R, R]; in float32 R itself is reached.

    R is meant as float32 has it. What is not a number stays none, since a value that is missing is
    better refused than hidden; a certificate says whether there can be any.

    Going from data to latent, x is first clipped to +-0.98 R, where the inverse would run away.

    Args:
        limit: R, in units of x.
    """

    share = 0.98

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        del condition
        unit = (x / self.limit).clamp(-self.share, self.share)
        return self.limit * torch.atanh(unit), -sum_per_item(torch.log1p(-unit * unit))

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        del condition
        return softly_bounded(z, self.limit)

    def inverse_bound(self, bound: Bound) -> Bound:
        limit = max(self.limit, float(torch.tensor(self.limit, dtype=torch.float32)))
        peak = min(limit, bound.peak + 1e-6 * limit)
        return Bound(min(bound.norm, 3**0.5 * peak), peak)

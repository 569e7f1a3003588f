"""Injector: every channel is scaled and shifted as the features alone say."""

from __future__ import annotations

from torch import Tensor, nn

from restoreflow.flows.bijection import (
    Bijection,
    Bound,
    Condition,
    as_tensor,
    as_tuple,
    sum_per_item,
    zero_initialise,
)
from restoreflow.flows.elementwise import ElementwiseMap
from restoreflow.flows.float32 import steadied
from restoreflow.flows.strips import stripwise

__all__ = ["Injector", "feature_head"]


def feature_head(features: int, hidden: int, out: int) -> nn.Sequential:
    """1 x 1, SiLU, zero-initialised 1 x 1: parameters that depend on the features alone."""
    last = nn.Conv2d(hidden, out, 1)
    zero_initialise(last)
    return nn.Sequential(nn.Conv2d(features, hidden, 1), nn.SiLU(), last)


class Injector(Bijection):
    """z = f(x; network(features)), f an element-wise map.

    Args:
        channels: channels of x.
        features: channels of the features.
        hidden: channels of the network.
        map: the element-wise map.
    """

    local = True

    def __init__(self, channels: int, features: int, hidden: int, map: ElementwiseMap) -> None:
        super().__init__()
        self.channels = channels
        self.map = map
        self.network = feature_head(features, hidden, map.parameters * channels)

    def prepare(self, features: Tensor) -> Condition:
        """The map's settled parameters, in float32 at least."""
        network = steadied(self.network)

        def settled(features: Tensor) -> tuple[Tensor, ...]:
            return self.map.settled(network(features))

        return stripwise(settled, features)

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        settled = (as_tensor(part).to(x.dtype) for part in as_tuple(condition))
        z, log_slope = self.map.forward_settled(x, *settled)
        return z, sum_per_item(log_slope.expand_as(z))

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        settled = (as_tensor(part).to(z.dtype) for part in as_tuple(condition))
        return stripwise(self.map.inverse_settled, z, *settled)

    def inverse_bound(self, bound: Bound) -> Bound:
        norm = self.map.inverse_norm(bound.norm, self.channels)
        return Bound(norm, self.map.inverse_peak(bound.peak)).tightened(self.channels)

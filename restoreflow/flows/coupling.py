"""Layers that the features steer: coupling and injector.

A coupling moves half of the channels, as the other half and the features say; an injector scales
and shifts every channel, as the features alone say.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from restoreflow.flows.bijection import (
    UNBOUNDED,
    Bijection,
    Bound,
    Condition,
    as_tensor,
    as_tuple,
    sum_per_item,
    zero_initialise,
)
from restoreflow.flows.elementwise import ElementwiseMap
from restoreflow.flows.float32 import CEILING, PREPARED_LIMIT, largest_result, steadied
from restoreflow.flows.layout import add_mixed, is_channels_last, mix_channels, stripwise

__all__ = ["Coupling", "CouplingNetwork", "Injector", "feature_head"]


class CouplingNetwork(nn.Module):
    """What a coupling computes of its still half, in reduced precision where that is set.

    Attributes:
        precision: dtype of the convolutions, None for the input's own. The maps themselves always
            run in the input's dtype.
    """

    precision: torch.dtype | None = None

    def __init__(self, channels: int, hidden: int, out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, hidden, 3, padding=1, bias=False)
        self.second = nn.Conv2d(hidden, hidden, 1)
        self.last = nn.Conv2d(hidden, out, 1)
        zero_initialise(self.last)

    def look(self, x: Tensor) -> Tensor:
        """What is seen of x: the part that is not of single locations."""
        with self._autocast(x.device.type):
            return self.first(x)

    def judge(self, seen: Tensor, features: Tensor) -> Tensor:
        """Raw parameters of what `look` gives and the features."""
        kept = torch.is_grad_enabled()
        with self._autocast(seen.device.type):
            hidden = nn.functional.silu(seen + features, inplace=not kept)
            return self.last(nn.functional.silu(self.second(hidden), inplace=not kept))

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        return self.judge(self.look(x), features).to(x.dtype)

    def largest(self, peak: float) -> float:
        """Bound on all that is computed, for values of up to ``peak`` and any prepared features."""
        hidden = largest_result(self.first, peak) + PREPARED_LIMIT
        second = largest_result(self.second, hidden)
        return max(hidden, second, largest_result(self.last, second))

    def _autocast(self, device: str) -> torch.autocast:
        return torch.autocast(device, dtype=self.precision, enabled=self.precision is not None)


class Coupling(Bijection):
    """z = (x1, f(x2; network(x1, features))), f an element-wise map.

    The network is a 3 x 3 convolution of x1 plus a 1 x 1 of the features (prepared once), SiLU,
    1 x 1, SiLU, and a zero-initialised 1 x 1, so that a new coupling is (near) the identity.
    Tails of slope 1 outside the map's box do not depend on the condition.

    Args:
        channels: channels of x, even.
        features: channels of the features.
        hidden: channels of the network.
        map: the element-wise map.
    """

    halo = 1

    def __init__(self, channels: int, features: int, hidden: int, map: ElementwiseMap) -> None:
        super().__init__()
        self.still = channels // 2
        self.moving = channels - self.still
        self.map = map
        self.from_features = nn.Conv2d(features, hidden, 1)
        self.network = CouplingNetwork(self.still, hidden, map.parameters * self.moving)

    def prepare(self, features: Tensor) -> Condition:
        return stripwise(steadied(self.from_features), features)

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        x1, x2 = x[:, : self.still], x[:, self.still :]
        z2, log_slope = self.map.forward(x2, self.network(x1, as_tensor(condition)))
        return torch.cat((x1, z2), 1), sum_per_item(log_slope)

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        z1, z2 = z[:, : self.still], z[:, self.still :]

        def moved(z2: Tensor, seen: Tensor, features: Tensor) -> Tensor:
            return self.map.inverse(z2, self.network.judge(seen, features))

        return torch.cat((z1, stripwise(moved, z2, self.network.look(z1), as_tensor(condition))), 1)

    def inverse_turned(self, z: Tensor, matrix: Tensor, condition: Condition) -> Tensor:
        """Only what the convolution sees is turned as a whole; the rest goes strip by strip."""
        if not is_channels_last(z):
            return super().inverse_turned(z, matrix, condition)
        first, second = matrix[: self.still], matrix[self.still :]

        def still(z: Tensor) -> Tensor:
            return mix_channels(z, first)

        def moved(z: Tensor, z1: Tensor, seen: Tensor, features: Tensor) -> Tensor:
            z2 = mix_channels(z, second)
            x2 = self.map.inverse(z2, self.network.judge(seen, features))
            return add_mixed(mix_channels(z1, first.T), x2, second.T)

        z1 = stripwise(still, z)
        return stripwise(moved, z, z1, self.network.look(z1), as_tensor(condition))

    def inverse_bound(self, bound: Bound) -> Bound:
        if not self._carries(bound):
            return UNBOUNDED
        # With norms n1, n2 of the halves, n1^2 + n2^2 = n^2, the result has hypot(n1, g(n2)),
        # which is at most g(n) for every bound g of the maps here (n e^A + c, or hypot(b, n + c)).
        peak = max(bound.peak, self.map.inverse_peak(bound.peak))
        norm = max(bound.norm, self.map.inverse_norm(bound.norm, self.moving))
        return Bound(norm, peak).tightened(self.still + self.moving)

    def inverse_displacement(self, bound: Bound) -> float:
        if not self._carries(bound):
            return math.inf
        return math.sqrt(self.moving) * self.map.inverse_displacement()

    def _carries(self, bound: Bound) -> bool:
        """Whether the network's results stay finite in float32, so that the maps' bounds hold."""
        return self.network.largest(bound.peak) <= CEILING


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

"""The base distribution: an independent Gaussian whose mean and scale depend on the features."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from restoreflow.flows.bijection import Bound, Condition, as_tensor, as_tuple, sum_per_item
from restoreflow.flows.coupling import feature_head
from restoreflow.flows.elementwise import bounded_between, softly_bounded
from restoreflow.flows.float32 import at_least_float32, steadied
from restoreflow.flows.layout import stripwise

__all__ = ["LATENT_NORM_BOUND", "ConditionalBase", "limit_norm"]

LATENT_NORM_BOUND = 10.5
"""Latents are drawn so that no cell's 48 values have a larger 2-norm than this.

For 48 standard normal values that leaves out 8.4e-7 of all cells.
"""


def limit_norm(latent: Tensor, bound: float = LATENT_NORM_BOUND) -> Tensor:
    """Scale every cell's values (N, C, h, w) back to a 2-norm of at most ``bound``."""
    norm = latent.square().sum(1, keepdim=True).clamp_min(1e-12).sqrt()
    return latent * (bound / norm).clamp_max(1.0)


class ConditionalBase(nn.Module):
    """z = M(features) + exp(L(features)) T e, with e standard normal; |M| and L bounded.

    Args:
        channels: channels of z.
        features: channels of the features.
        hidden: channels of the network.
        mean: bound on |M|.
        log_scale: lower and upper bound of L.
    """

    def __init__(
        self,
        channels: int,
        features: int,
        hidden: int,
        mean: float,
        log_scale: tuple[float, float],
    ) -> None:
        super().__init__()
        self.channels = channels
        self.mean_limit = mean
        self.low, self.high = log_scale
        self.network = feature_head(features, hidden, 2 * channels)

    def prepare(self, features: Tensor) -> Condition:
        """Bounded mean and scale, each (N, channels, H, W), in float32 at least."""
        network = steadied(self.network)

        def bounded(features: Tensor) -> tuple[Tensor, ...]:
            mean, log_scale = (at_least_float32(x) for x in network(features).chunk(2, 1))
            mean = softly_bounded(mean, self.mean_limit)
            return mean, torch.exp(bounded_between(log_scale, self.low, self.high))

        return stripwise(bounded, features)

    def standardise(self, z: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        """e and log |det de/dz| (N,)."""
        mean, scale = _mean_and_scale(condition, z.dtype)
        e = (z - mean) / scale
        return e, -sum_per_item(scale.log().expand_as(e))

    def locate(self, e: Tensor, condition: Condition, temperature: float) -> Tensor:
        """z from a standard normal draw e."""
        mean, scale = _mean_and_scale(condition, e.dtype)
        return torch.addcmul(mean, scale, e, value=temperature)

    def log_prob(self, z: Tensor, condition: Condition) -> Tensor:
        """Log density (N,), in nats."""
        e, ladj = self.standardise(z, condition)
        constant = 0.5 * math.log(2.0 * math.pi) * e[0].numel() if e.shape[0] else 0.0
        return ladj - 0.5 * sum_per_item(e * e) - constant

    def bound(self, temperature: float = 1.0) -> Bound:
        """Bound on every z that `locate` gives, for latents of at most `LATENT_NORM_BOUND`."""
        latent = math.exp(self.high) * temperature * LATENT_NORM_BOUND
        norm = math.sqrt(self.channels) * self.mean_limit + latent
        return Bound(norm, self.mean_limit + latent).tightened(self.channels)


def _mean_and_scale(condition: Condition, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    mean, scale = (as_tensor(part).to(dtype) for part in as_tuple(condition))
    return mean, scale

"""The search for the input on which a model's detail is largest."""

from __future__ import annotations

import math
from typing import Protocol

import torch

from restoreflow.networks.restoration_network import Encoding, Sample
from restoreflow.restoration.latents import latent_window

__all__ = ["FlowNetwork", "adversarial", "standard_latent"]


class FlowNetwork(Protocol):
    """What is asked of a network: RestorationNetwork has it."""

    @property
    def latent_channels(self) -> int: ...
    def encode(self, degraded: torch.Tensor) -> Encoding: ...
    def sample(self, encoding: Encoding, latent: torch.Tensor, temperature: float) -> Sample: ...


def adversarial(
    network: FlowNetwork,
    start: torch.Tensor,
    temperature: float,
    radius: float | None = None,
    steps: int = 20,
    seed: int = 0,
) -> torch.Tensor:
    """The input with the largest detail that gradient ascent finds, `steps` evaluations long.

    Projected sign-gradient ascent on the logarithm of the mean square detail, whose gradient has
    a scale whatever the size of an explosion. It stops early where nothing is finite any more.

    Args:
        start: (1, 3, h, w) in [0, 1].
        radius: how far a value may move from the start; None for anywhere in [0, 1].

    Returns:
        the best input met, the start among them; in [0, 1] and within the radius.
    """
    reach = 1.0 if radius is None else radius
    low, high = (start - reach).clamp(0.0, 1.0), (start + reach).clamp(0.0, 1.0)
    best, best_detail, current = start, -1.0, start
    for step in range(steps + 1):
        candidate = current.detach().clone().requires_grad_(True)
        with torch.enable_grad():
            encoding = network.encode(candidate)
            latent = standard_latent(network, encoding.features, seed)
            detail = network.sample(encoding, latent, temperature).detail
            size = float(detail.detach().abs().max())
            # NaN compares false with everything, yet is the worst there is.
            if not math.isfinite(size):
                return candidate.detach()
            if size > best_detail:
                best, best_detail = candidate.detach(), size
            if step == steps:
                break
            # In units of the largest value, lest a finite explosion overflow when squared.
            relative = detail / max(size, 1e-12)
            objective = relative.square().mean().clamp_min(1e-30).log() + math.log(max(size, 1e-12))
            (gradient,) = torch.autograd.grad(objective, candidate)
        if not bool(torch.isfinite(gradient).all()):
            break
        # From a quarter of the reach down to a hundredth: first far, then fine.
        stride = reach * 0.25 * 0.04 ** (step / max(steps - 1, 1))
        current = (current + stride * gradient.sign()).clamp(low, high)
    return best


def standard_latent(network: FlowNetwork, features: torch.Tensor, seed: int) -> torch.Tensor:
    """The latent that a Restorer draws for the first sample of a picture on this grid."""
    rows, columns = features.shape[-2:]
    window = latent_window(seed, 0, slice(0, rows), slice(0, columns), network.latent_channels)
    return torch.from_numpy(window)[None]

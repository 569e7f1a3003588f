"""Searching for large values: how near a certificate's bounds come to what can happen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from restoreflow.flows.base import limit_norm
from restoreflow.flows.bijection import Condition
from restoreflow.flows.certificate import HasFlow, certificate

__all__ = ["LayerSearch", "Search", "search"]

SPREADS = (1.0, 3.0, 10.0, 30.0)
"""Standard deviations of the features that ascents start from, in turn."""


class HasFeatures(Protocol):
    """What `encode` gives; an `Encoding` has it."""

    @property
    def features(self) -> Tensor: ...


class Network(HasFlow, Protocol):
    """What a search needs besides; a `RestorationNetwork` has it."""

    @property
    def scale(self) -> int: ...
    @property
    def cell(self) -> int: ...
    @property
    def latent_channels(self) -> int: ...
    def encode(self, degraded: Tensor) -> HasFeatures: ...
    def prepare(self, features: Tensor) -> Condition: ...


class LayerSearch(NamedTuple):
    """A layer's bound on absolute values, and the largest found; infinite: none, or not finite."""

    layer: str
    bound: float
    found: float

    @property
    def ratio(self) -> float:
        """Found over bound: 1 where the bound is attained, 0 where there is none."""
        return self.found / self.bound if math.isfinite(self.bound) else 0.0


@dataclass(frozen=True)
class Search:
    """What a search for large values found, in units of the image range.

    Attributes:
        layers: a line a layer, from the latent to the limited detail.
    """

    layers: tuple[LayerSearch, ...]

    @property
    def largest(self) -> float:
        """The largest |detail| before the limiter; infinite where a value was not finite."""
        return self.layers[-2].found

    @property
    def bound(self) -> float:
        """What the certificate says that it cannot exceed."""
        return self.layers[-2].bound

    @property
    def ratio(self) -> float:
        """Of these two, see `LayerSearch.ratio`."""
        return self.layers[-2].ratio


def search(
    network: Network,
    over: Literal["features", "input"] = "features",
    temperature: float = 1.0,
    cells: int = 6,
    steps: int = 200,
    seed: int = 0,
    restarts: int = 4,
) -> Search:
    """Climb towards the largest values, with the latent and with more.

    ``restarts`` ascents climb towards the detail before the limiter, from features of several
    sizes; one more climbs towards each layer before it. They run side by side.

    Args:
        network: whose samples; its parameters keep their gradients.
        over: what is free besides the latent. "features": features of any value whatever, which
            is what the certificate speaks of; "input": a degraded picture in [0, 1].
        temperature: of the samples.
        cells: side of the searched pictures, in grid cells (even, for scale 8).
        steps: evaluations.
        seed: of the starts.
        restarts: 1 or more.

    Raises:
        RuntimeError: over the input, where the encoder passes no gradient to it.
    """
    lines = certificate(network, temperature).layers
    targets = [*range(len(lines) - 2), *[len(lines) - 2] * restarts]
    start, latent = _starts(network, over, cells, seed, len(targets))
    spread = latent.new_tensor(SPREADS).repeat(len(targets))[: len(targets), None, None, None]

    def layers(free: Tensor, latent: Tensor) -> Iterable[Tensor]:
        free = free * spread if over == "features" else network.encode(free.clamp(0, 1)).features
        condition = network.prepare(free)
        values = network.flow.layers(condition, limit_norm(latent), temperature)
        return (value for _, value in values)

    stride = 0.3 if over == "features" else 0.05
    found = _climb(layers, targets, start, latent, steps, stride)
    return Search(
        tuple(
            LayerSearch(line.layer, line.peak, value)
            for line, value in zip(lines, found, strict=True)
        )
    )


def _starts(
    network: Network, over: Literal["features", "input"], cells: int, seed: int, count: int
) -> tuple[Tensor, Tensor]:
    """Where ascents start, the same for each whatever others there are: what is free, and latents.

    Pictures are noise, every other one of black and white alone; features standard normal.
    """
    generators = [torch.Generator().manual_seed(1000 * seed + i) for i in range(count)]
    like = next(network.flow.parameters())

    def drawn(draw: Callable[..., Tensor], channels: int, side: int) -> Tensor:
        shape = 1, channels, side, side
        return torch.cat([draw(shape, generator=generator) for generator in generators]).to(like)

    pictures = drawn(torch.rand, 3, cells * network.cell // network.scale)
    pictures[1::2] = pictures[1::2].round()
    latent = drawn(torch.randn, network.latent_channels, cells)
    if over == "input":
        return pictures, latent
    with torch.no_grad():
        channels = network.encode(pictures[:1]).features.shape[1]
    return drawn(torch.randn, channels, cells), latent


def _climb(
    layers: Callable[[Tensor, Tensor], Iterable[Tensor]],
    targets: list[int],
    free: Tensor,
    latent: Tensor,
    steps: int,
    stride: float,
) -> list[float]:
    """The largest absolute value met in each layer, item i ascending on that of layer targets[i].

    Items do not meet, so that each climbs for itself; one without a gradient stays where it is.
    """
    free = free.detach().clone().requires_grad_()
    latent = latent.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam(
        [{"params": [free], "lr": stride}, {"params": [latent], "lr": 0.3}], maximize=True
    )
    largest = torch.zeros(max(targets) + 2)
    chosen = torch.tensor(targets, device=free.device)
    for _ in range(steps):
        with torch.enable_grad():
            peaks = torch.stack([v.abs().flatten(1).amax(1) for v in layers(free, latent)])
            climbed = peaks.gather(0, chosen[None])[0].clamp_min(1e-30).log().sum()
            gradients = torch.autograd.grad(climbed, (free, latent))
        met = peaks.detach().nan_to_num(math.inf, math.inf).amax(1).cpu()
        largest = torch.maximum(largest, met)
        if torch.isinf(largest[targets[-1]]):
            break
        free.grad, latent.grad = (g.nan_to_num(0.0, 0.0, 0.0) for g in gradients)
        optimizer.step()  # pyright: ignore[reportUnknownMemberType]
    return [float(value) for value in largest]

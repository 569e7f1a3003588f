"""The certificate: how large a sample can be whatever the input, and how large one was found."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from restoreflow.flows.base import LATENT_NORM_BOUND
from restoreflow.flows.bijection import Condition
from restoreflow.flows.elementwise import AffineMap
from restoreflow.flows.flow import ConditionalFlow, LayerBound, layer_name

__all__ = ["Certificate", "LayerGain", "Search", "certificate", "limit_norm", "search"]


class HasFlow(Protocol):
    """What a certificate is about; a `RestorationNetwork` has it."""

    @property
    def flow(self) -> ConditionalFlow: ...


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


class LayerGain(NamedTuple):
    """The factor by which the inverse of a layer without a bound can multiply a value."""

    layer: str
    gain: float


@dataclass(frozen=True)
class Certificate:
    """Bounds that hold for every input and condition, in units of the image range.

    Attributes:
        temperature: they hold at this temperature and below.
        layers: bounds on the absolute values, from the latent to the limited detail; infinite from
            the first layer that has none.
        gains: the layers that have none, with the factor they can multiply a value by.
    """

    temperature: float
    layers: tuple[LayerBound, ...]
    gains: tuple[LayerGain, ...]

    @property
    def before_limiter(self) -> float:
        """Bound on |detail| before the limiter."""
        return self.layers[-2].peak

    @property
    def after_limiter(self) -> float:
        """Bound on |detail| after the limiter; not attained."""
        return self.layers[-1].peak

    @property
    def image_range(self) -> tuple[float, float]:
        """Every sample's values lie between: the mean image, in [0, 1], plus the detail."""
        return -self.after_limiter, 1.0 + self.after_limiter

    @property
    def gain(self) -> float:
        """Product of `gains`: 1 where every layer has a bound."""
        return math.prod(gain.gain for gain in self.gains)


def certificate(network: HasFlow, temperature: float = 1.0) -> Certificate:
    """Bound the samples of a network whose mean image lies in [0, 1].

    Latents are taken to be limited as samplers limit them, see `LATENT_NORM_BOUND`.
    """
    flow = network.flow
    gains: list[LayerGain] = []
    for bijection in reversed(flow.chain.parts):
        for module in bijection.modules():
            map = getattr(module, "map", None)
            if isinstance(map, AffineMap):
                gains.append(LayerGain(layer_name(bijection), map.largest_gain))
    return Certificate(temperature, tuple(flow.inverse_bound(temperature)), tuple(gains))


@dataclass(frozen=True)
class Search:
    """What a search for large values found, in units of the image range.

    Attributes:
        largest: the largest |detail| before the limiter; infinite where a value was not finite.
        bound: what the certificate says it cannot exceed.
    """

    largest: float
    bound: float

    @property
    def ratio(self) -> float:
        """Found over bound: 1 where the bound is attained, 0 where there is none."""
        return self.largest / self.bound if math.isfinite(self.bound) else 0.0


def search(
    network: Network,
    over: Literal["features", "input"] = "features",
    temperature: float = 1.0,
    cells: int = 4,
    steps: int = 200,
    seed: int = 0,
) -> Search:
    """Climb towards the largest |detail| before the limiter, with the latent and with more.

    Args:
        network: whose samples; its parameters keep their gradients.
        over: what is free besides the latent. "features": features of any value whatever, which
            is what the certificate speaks of; "input": a degraded picture in [0, 1].
        temperature: of the samples.
        cells: side of the searched picture, in grid cells (even, for scale 8).
        steps: evaluations.
        seed: of the start.

    Raises:
        RuntimeError: over the input, where the encoder passes no gradient to it.
    """
    bound = certificate(network, temperature).before_limiter
    side = cells * network.cell // network.scale
    generator = torch.Generator().manual_seed(seed)
    like = next(network.flow.parameters())
    picture = torch.rand(1, 3, side, side, generator=generator).to(like)
    latent = torch.randn(1, network.latent_channels, cells, cells, generator=generator).to(like)
    if over == "features":
        with torch.no_grad():
            shape = network.encode(picture).features.shape
        start = torch.randn(shape, generator=generator).to(like)
    else:
        start = picture

    def detail(free: Tensor, latent: Tensor) -> Tensor:
        features = free if over == "features" else network.encode(free.clamp(0.0, 1.0)).features
        condition = network.prepare(features)
        return network.flow.sample(condition, limit_norm(latent), temperature).unlimited

    return Search(climb(detail, start, latent, steps, 0.3 if over == "features" else 0.05), bound)


def climb(
    detail: Callable[[Tensor, Tensor], Tensor],
    free: Tensor,
    latent: Tensor,
    steps: int,
    stride: float,
) -> float:
    """The largest absolute value of ``detail`` met by ascent on its logarithm."""
    free = free.detach().clone().requires_grad_()
    latent = latent.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam(
        [{"params": [free], "lr": stride}, {"params": [latent], "lr": 0.3}], maximize=True
    )
    largest = 0.0
    for _ in range(steps):
        with torch.enable_grad():
            peak = detail(free, latent).abs().amax()
            value = float(peak.detach())
            if not math.isfinite(value):
                return math.inf
            largest = max(largest, value)
            free.grad, latent.grad = torch.autograd.grad(
                peak.clamp_min(1e-30).log(), (free, latent)
            )
        optimizer.step()  # pyright: ignore[reportUnknownMemberType]
    return largest


def limit_norm(latent: Tensor, bound: float = LATENT_NORM_BOUND) -> Tensor:
    """Scale every cell's values (N, C, h, w) back to a 2-norm of at most ``bound``."""
    norm = latent.square().sum(1, keepdim=True).clamp_min(1e-12).sqrt()
    return latent * (bound / norm).clamp_max(1.0)

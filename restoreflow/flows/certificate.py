"""The certificate: how large a sample can be, whatever the input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from restoreflow.flows.elementwise import ElementwiseMap
from restoreflow.flows.flow import ConditionalFlow, LayerBound, layer_name

__all__ = ["Certificate", "LayerGain", "certificate"]


class HasFlow(Protocol):
    """What a certificate is about; a `RestorationNetwork` has it."""

    @property
    def flow(self) -> ConditionalFlow: ...


class LayerGain(NamedTuple):
    """The factor by which the inverse of a layer without a bound can multiply a value."""

    layer: str
    gain: float


@dataclass(frozen=True)
class Certificate:
    """Bounds that hold for every input and condition, in units of the image range.

    They hold for what float32 and bfloat16 compute, not for exact arithmetic alone: rounding is
    counted, the model's matrices are taken as they are, and where a bound is finite so is every
    value on the way. Features may be any, infinite or none (NaN) too: what depends on them alone is
    held within `PREPARED_LIMIT`, and what the couplings' networks make of it is bounded by their
    weights. Where there is no bound, values may overflow to what is no number; samplers refuse
    such results. In float16, which ends at 65504, what is not finite is computed again in float32.

    Attributes:
        temperature: they hold at this temperature and below.
        layers: bounds on the absolute values, from the latent to the limited detail; infinite from
            the first layer that has none.
        gains: the layers whose map has none, with the factor they can multiply a value by, the
            shift aside.
    """

    temperature: float
    layers: tuple[LayerBound, ...]
    gains: tuple[LayerGain, ...]

    @property
    def finite(self) -> bool:
        """Whether there is a bound before the limiter, and so every value is known to be finite."""
        return math.isfinite(self.before_limiter)

    @property
    def lost(self) -> str:
        """The first layer without a bound, latent first; empty where all have one."""
        return next((line.layer for line in self.layers if math.isinf(line.peak)), "")

    @property
    def overflows(self) -> bool:
        """Whether a bound is missing though every map has one: float32 could not carry it."""
        return not self.finite and not self.gains

    @property
    def before_limiter(self) -> float:
        """Bound on |detail| before the limiter."""
        return self.layers[-2].peak

    @property
    def after_limiter(self) -> float:
        """Bound on |detail| after the limiter, attained; without `finite`, of what is a number."""
        return self.layers[-1].peak

    @property
    def image_range(self) -> tuple[float, float]:
        """Every sample's values lie between, ends included: mean image, in [0, 1], plus detail."""
        return -self.after_limiter, 1.0 + self.after_limiter

    @property
    def gain(self) -> float:
        """Product of `gains`: 1 where every layer has a bound."""
        return math.prod(gain.gain for gain in self.gains)


def certificate(network: HasFlow, temperature: float = 1.0) -> Certificate:
    """Bound the samples of a network whose mean image lies in [0, 1].

    Latents are taken to be limited as samplers limit them, see `LATENT_NORM_BOUND`.

    Raises:
        ValueError: the temperature is negative or not finite.
    """
    if not (math.isfinite(temperature) and temperature >= 0):
        raise ValueError(f"a temperature is finite and 0 or more, not {temperature}")
    flow = network.flow
    gains: list[LayerGain] = []
    for bijection in reversed(flow.chain.parts):
        for module in bijection.modules():
            map: ElementwiseMap | None = getattr(module, "map", None)
            if map is not None and math.isinf(map.inverse_peak(1.0)):
                gains.append(LayerGain(layer_name(bijection), map.largest_gain))
    return Certificate(temperature, tuple(flow.inverse_bound(temperature)), tuple(gains))

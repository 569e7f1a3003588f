"""The conditional flow, detail given features; its last bijection limits whatever comes before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from restoreflow.flows.actnorm import ActNorm
from restoreflow.flows.base import ConditionalBase
from restoreflow.flows.bijection import (
    UNBOUNDED,
    Bijection,
    Bound,
    Chain,
    Condition,
    as_tuple,
    sum_per_item,
)
from restoreflow.flows.config import FlowConfig
from restoreflow.flows.coupling import Coupling, CouplingNetwork, Injector
from restoreflow.flows.elementwise import coupling_map, injector_map
from restoreflow.flows.layout import as_channels_last
from restoreflow.flows.rotation import (
    LOW_BANDS,
    Conjugate,
    Rotation,
    coarse_rotation,
    cosine_basis,
    frequency_rotation,
    random_rotation,
)
from restoreflow.flows.spline import softly_bounded
from restoreflow.flows.squeeze import CoarseCells, HalfCellShift, Squeeze

__all__ = ["ConditionalFlow", "Detail", "LayerBound", "Limiter", "build_flow"]


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


class Detail(NamedTuple):
    """A sampled detail, before and after the limiter, each (N, 3, H, W)."""

    unlimited: Tensor
    limited: Tensor


class LayerBound(NamedTuple):
    """One line of the certificate: a layer and the bound on what its inverse gives."""

    layer: str
    norm: float
    peak: float


class ConditionalFlow(nn.Module):
    """A chain of bijections from detail (N, 3, 4h, 4w) to latent (N, 48, h, w), and a base.

    Args:
        limiter: the data-side end of the chain, kept apart so that detail can be seen before it.
        chain: squeeze, activation norm, injector, coupling steps; data to latent.
        base: the distribution of the chain's result.
    """

    def __init__(self, limiter: Limiter, chain: Chain, base: ConditionalBase) -> None:
        super().__init__()
        self.limiter = limiter
        self.chain = chain
        self.base = base

    @property
    def halo(self) -> int:
        """How many cells to either side a sampled cell depends on, in latent and condition."""
        return self.chain.halo

    @property
    def alignment(self) -> int:
        """Cells at whose multiples a window of a larger grid has to begin."""
        return self.chain.alignment

    def prepare(self, features: Tensor) -> Condition:
        """What depends on the features alone; shared by all samples and temperatures."""
        return (self.chain.prepare(features), self.base.prepare(features))

    def encode(self, detail: Tensor, condition: Condition) -> Tensor:
        """Standard normal coordinates e (N, 48, h, w) of a detail, the inverse of `sample`."""
        chain, base = as_tuple(condition)
        u, _ = self.limiter(detail, None)
        z, _ = self.chain(u, chain)
        return self.base.standardise(z, base)[0]

    def log_prob(self, detail: Tensor, condition: Condition) -> Tensor:
        """Log density (N,) of a detail, in nats."""
        chain, base = as_tuple(condition)
        u, ladj_limiter = self.limiter(detail, None)
        z, ladj = self.chain(u, chain)
        return self.base.log_prob(z, base) + ladj + ladj_limiter

    def sample(self, condition: Condition, latent: Tensor, temperature: float) -> Detail:
        """Detail from a latent (N, 48, h, w) of standard normal values; no determinants.

        Args:
            condition: of `prepare`, with N items or one.
            latent: (N, 48, h, w); no cell's 2-norm above `LATENT_NORM_BOUND`, or the certificate
                does not hold.
            temperature: 0 or more; 0 gives the base's mean whatever the latent.
        """
        chain, base = as_tuple(condition)
        if not torch.is_grad_enabled():
            latent = as_channels_last(latent)  # all that follows keeps to it
        z = self.base.locate(latent, base, temperature)
        u = self.chain.inverse(z, chain)
        return Detail(u, self.limiter.inverse(u, None))

    def layers(
        self, condition: Condition, latent: Tensor, temperature: float
    ) -> Iterator[tuple[str, Tensor]]:
        """What `sample` makes of a latent, layer by layer: a value a line of `inverse_bound`."""
        chain, base = as_tuple(condition)
        value = self.base.locate(latent, base, temperature)
        yield "base", value
        steps = zip(reversed(self.chain.parts), reversed(as_tuple(chain)), strict=True)
        for bijection, own in steps:
            value = bijection.inverse(value, own)
            yield layer_name(bijection), value
        yield "limiter", self.limiter.inverse(value, None)

    @torch.no_grad()
    def start(self, detail: Tensor) -> None:
        """Data-dependent start of the activation norm from (N, 3, H, W) detail."""
        x, _ = self.limiter(detail, None)
        for bijection in self.chain.parts:
            if isinstance(bijection, ActNorm):
                bijection.start(x)
                return
            x, _ = bijection(x, None)

    def set_precision(self, dtype: torch.dtype | None) -> None:
        """Run the couplings' networks in a reduced dtype; the maps stay in float32."""
        for module in self.modules():
            if isinstance(module, CouplingNetwork):
                module.precision = dtype

    def learn_rotations(self) -> None:
        """Let the coupling steps' rotations be learnt from where they are; the bare one stays."""
        for rotation in self._rotations():
            rotation.learn()

    def fold_rotations(self) -> None:
        """Fix what was learnt, orthogonal again: the form in which models are kept."""
        for rotation in self._rotations():
            rotation.fold()

    def settle_rotations(self) -> None:
        """Learn on from where they are, orthogonal again: after weights were mixed or read."""
        for rotation in self._rotations():
            rotation.settle()

    def _rotations(self) -> list[Rotation]:
        return [m.rotation for m in self.modules() if isinstance(m, Conjugate)]

    def inverse_bound(self, temperature: float = 1.0) -> list[LayerBound]:
        """Bounds on the absolute values, layer by layer from the latent to the limited detail.

        They hold for any features whatever, rounding in float32 included, and say that no value
        can overflow; infinite from the first layer that has none. The limiter's line holds for
        values that are numbers: where the line before it is infinite, there may be others.
        """
        bound = self.base.bound(temperature).in_float32()
        lines = [LayerBound("base", *bound)]
        for bijection in reversed(self.chain.parts):
            known = bound != UNBOUNDED
            bound = bijection.inverse_bound(bound).in_float32() if known else UNBOUNDED
            lines.append(LayerBound(layer_name(bijection), *bound))
        return [*lines, LayerBound("limiter", *self.limiter.inverse_bound(bound))]


def layer_name(bijection: Bijection) -> str:
    """A short name for tables: the class, with what it wraps."""
    name = type(bijection).__name__.lower()
    inner = getattr(bijection, "inner", None)
    if isinstance(inner, Bijection):
        return f"{name} {layer_name(inner)}"
    return name


def build_flow(config: FlowConfig, features: int, cell: int = 4) -> ConditionalFlow:
    """A new flow as a config describes it, near the identity.

    Args:
        config: the flow's description.
        features: channels of the features.
        cell: side of a squeezed cell, in pixels.
    """
    channels = 3 * cell * cell
    basis = cosine_basis(cell).float()
    parts: list[Bijection] = [
        Squeeze(),
        ActNorm(basis),
        Injector(channels, features, config.hidden, injector_map(config)),
        Rotation(basis.T),
    ]
    for step in range(config.steps):
        whole = _coupling_step(config, features, _rotation(config, step, channels, cell))
        parts.append(HalfCellShift(whole) if config.shifted and step % 2 else whole)
    for step in range(config.coarse):
        rotation = _coarse_rotation(config, step)
        parts.append(CoarseCells(_coupling_step(config, features, rotation)))
    base = ConditionalBase(
        channels,
        features,
        config.base_hidden or config.hidden,
        config.base_mean,
        config.base_log_scale,
    )
    return ConditionalFlow(Limiter(config.detail_range), Chain(parts), base)


def _coupling_step(config: FlowConfig, features: int, rotation: Tensor) -> Conjugate:
    coupling = Coupling(len(rotation), features, config.hidden, coupling_map(config))
    return Conjugate(Rotation(rotation.float()), coupling)


def _rotation(config: FlowConfig, step: int, channels: int, cell: int) -> Tensor:
    if config.rotations == "random":
        return random_rotation(channels, config.seed * 1000 + step)
    return frequency_rotation(step, cell)


def _coarse_rotation(config: FlowConfig, step: int) -> Tensor:
    if config.rotations == "random":
        return random_rotation(4 * LOW_BANDS, config.seed * 1000 + 500 + step)
    return coarse_rotation(step)

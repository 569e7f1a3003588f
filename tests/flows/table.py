"""Every bijection there is, once: a new one is a new row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from restoreflow.flows.actnorm import ActNorm
from restoreflow.flows.bijection import Bijection, Bound, Chain
from restoreflow.flows.config import FlowConfig
from restoreflow.flows.coupling import Coupling, Injector
from restoreflow.flows.elementwise import (
    AffineMap,
    ClampedAffineMap,
    ElementwiseMap,
    PaperSplineMap,
    ScaleShiftMap,
    SplineMap,
    TwoBinSplineMap,
)
from restoreflow.flows.flow import ConditionalFlow, Limiter, build_flow
from restoreflow.flows.rotation import Conjugate, Rotation, random_rotation
from restoreflow.flows.squeeze import CoarseCells, HalfCellShift, Squeeze

CHANNELS = 12
FEATURES = 5
HIDDEN = 7
GRID = (3, 4)

BOX = 2.0
SHIFT = 1.0

SPLINES: dict[str, Callable[[], ElementwiseMap]] = {
    "two-bin": lambda: TwoBinSplineMap(BOX, SHIFT),
    "2 bins": lambda: SplineMap(2, BOX, SHIFT),
    "3 bins": lambda: SplineMap(3, BOX, SHIFT),
    "4 bins": lambda: SplineMap(4, BOX, SHIFT),
    "8 bins": lambda: SplineMap(8, BOX, SHIFT),
}
MAPS = SPLINES | {
    "affine": AffineMap,
    "clamped affine": lambda: ClampedAffineMap(SHIFT),
    "the paper's spline": PaperSplineMap,
    "scale and shift": lambda: ScaleShiftMap(-3.0, 1.2, SHIFT),
}


@dataclass(frozen=True)
class Row:
    """A bijection, the shape of its data, and what is true of it.

    Attributes:
        latent: the shape of its latents, where that differs from the data's.
        identity: whether a new one is the identity.
        onto: whether every latent is reached, so that data and latents come back both ways.
        tolerance: of a round trip in float64.
        sturdy: whether raw parameters of any size leave it finite: not so of the paper's spline.
    """

    make: Callable[[], Bijection]
    shape: tuple[int, int, int] = (CHANNELS, *GRID)
    latent: tuple[int, int, int] | None = None
    identity: bool = True
    onto: bool = True
    tolerance: float = 1e-9
    sturdy: bool = True


def coupling(map: ElementwiseMap) -> Coupling:
    return Coupling(CHANNELS, FEATURES, HIDDEN, map)


def injector(map: ElementwiseMap) -> Injector:
    return Injector(CHANNELS, FEATURES, HIDDEN, map)


def conjugate(seed: int = 3) -> Conjugate:
    rotation = Rotation(random_rotation(CHANNELS, seed))
    return Conjugate(rotation, coupling(TwoBinSplineMap(BOX, SHIFT)))


def coarse_step(seed: int = 4) -> CoarseCells:
    inner = Coupling(48, FEATURES, HIDDEN, TwoBinSplineMap(BOX, SHIFT))
    return CoarseCells(Conjugate(Rotation(random_rotation(48, seed)), inner))


def learnt() -> Conjugate:
    """A conjugate whose rotation is being learnt."""
    made = conjugate()
    made.rotation.learn()
    return made


class WholeFlow(Bijection):
    """A `ConditionalFlow` seen as one bijection, from detail to standard normal coordinates."""

    def __init__(self, kind: str, **changes: object) -> None:
        super().__init__()
        self.flow = tiny_flow(kind, **changes)
        self.halo = self.flow.halo

    def prepare(self, features: torch.Tensor):
        return self.flow.prepare(features)

    def forward(self, x: torch.Tensor, condition):
        z = self.flow.encode(x, condition)
        normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).flatten(1).sum(1)
        return z, self.flow.log_prob(x, condition) - normal

    def inverse(self, z: torch.Tensor, condition):
        return self.flow.sample(condition, z, 1.0).limited

    def inverse_bound(self, bound):
        del bound
        line = self.flow.inverse_bound()[-1]
        return Bound(line.norm, line.peak)


def tiny_flow(kind: str = "spline", **changes: object) -> ConditionalFlow:
    """Two steps, one of them on shifted cells."""
    config = FlowConfig(coupling=kind, steps=2, hidden=HIDDEN, **changes)  # pyright: ignore
    return build_flow(config, FEATURES)


TABLE: dict[str, Row] = {
    **{
        f"coupling, {name}": Row(
            lambda m=m: coupling(m()), identity=name != "affine", sturdy=m is not PaperSplineMap
        )
        for name, m in MAPS.items()
    },
    **{
        f"injector, {name}": Row(
            lambda m=m: injector(m()), identity=name != "affine", sturdy=m is not PaperSplineMap
        )
        for name, m in MAPS.items()
    },
    "actnorm": Row(lambda: ActNorm(torch.eye(CHANNELS))),
    "actnorm in a basis": Row(lambda: ActNorm(random_rotation(CHANNELS, 1)), identity=False),
    "rotation": Row(lambda: Rotation(random_rotation(CHANNELS, 2)), identity=False),
    "conjugate": Row(conjugate),
    "conjugate, learnt": Row(learnt),
    "coarse cells": Row(coarse_step, shape=(48, 4, 6)),
    "coarse cells of an odd grid": Row(coarse_step, shape=(48, 3, 5)),
    "coarse cells of one row": Row(coarse_step, shape=(48, 1, 4)),
    "squeeze": Row(Squeeze, shape=(3, 8, 12), latent=(48, 2, 3), identity=False),
    "half-cell shift": Row(lambda: HalfCellShift(conjugate())),
    "half-cell shift of one row": Row(lambda: HalfCellShift(conjugate()), shape=(CHANNELS, 1, 4)),
    "limiter": Row(lambda: Limiter(2.0), shape=(3, 4, 4), identity=False, onto=False),
    "chain": Row(lambda: Chain([conjugate(1), HalfCellShift(conjugate(2)), Squeeze()][:2])),
    **{
        f"flow, {kind}": Row(
            lambda k=kind: WholeFlow(k),
            shape=(3, 8, 12),
            latent=(48, 2, 3),
            identity=False,
            onto=False,
            tolerance=1e-5 if kind == "affine" else 1e-9,  # its inverse amplifies rounding
        )
        for kind in ("spline", "affine", "clamped_affine", "scale_shift")
    },
    **{
        f"flow, {name}": Row(
            lambda c=changes: WholeFlow("spline", **c),
            shape=(3, 12, 12),
            latent=(48, 3, 3),
            identity=False,
            onto=False,
        )
        for name, changes in {
            "coarse": {"coarse": 2, "rotations": "cosine"},
            "coarse, random": {"coarse": 3},
            "spline injector": {"injector": "spline", "rotations": "cosine"},
        }.items()
    },
}


def randomised(module: nn.Module, scale: float = 0.5) -> nn.Module:
    """Draw every parameter, the zero-initialised ones too."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return module


def of_natural_size(flow: ConditionalFlow, scale: float = 0.6) -> ConditionalFlow:
    """Draw a flow's parameters, with details of about a tenth of the image range."""
    randomised(flow, scale)
    with torch.no_grad():
        for part in flow.modules():
            if isinstance(part, ActNorm):
                part.log_scale.sub_(2.5)
                part.bias.mul_(0.05)
    return flow


def in_float64(module: nn.Module) -> nn.Module:
    """Double precision, rotations orthogonal to its last digit."""
    module.double()
    for part in module.modules():
        for name, matrix in part.named_buffers(recurse=False):
            u, _, v = torch.linalg.svd(matrix, full_matrices=False)
            setattr(part, name, u @ v)
    return module


def scaled_outputs(module: nn.Module, scale: float) -> nn.Module:
    """Multiply what the networks predict, so that raw parameters are of this size."""
    with torch.no_grad():
        for part in module.modules():
            last = getattr(part, "last", None) if not isinstance(part, nn.Sequential) else part[-1]
            if isinstance(last, nn.Conv2d):
                last.weight.mul_(scale)
                if last.bias is not None:
                    last.bias.mul_(scale)
    return module

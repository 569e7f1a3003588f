"""Flows as nobody would train them: random descriptions, weights, matrices, features, latents."""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor

from restoreflow.flows.actnorm import ActNorm
from restoreflow.flows.base import limit_norm
from restoreflow.flows.certificate import Certificate, certificate
from restoreflow.flows.config import BOUNDS, FlowConfig, MapName
from restoreflow.flows.flow import ConditionalFlow, build_flow
from restoreflow.flows.rotation import TOLERANCE, Rotation, largest_departure, random_rotation

FEATURES = 5


class Outcome(NamedTuple):
    """What came of a draw.

    Attributes:
        violations: lines of the certificate that were exceeded; empty as it should be.
        certified: whether there was a bound.
        orthogonal: whether the matrices are such as a folder may hold.
        nearest: the largest value before the limiter over its bound.
    """

    violations: list[str]
    certified: bool
    orthogonal: bool
    nearest: float


def outcome(seed: int) -> Outcome:
    """Draw a flow, ask it for samples, and compare each layer's values with its certificate."""
    chance = random.Random(seed)
    torch.manual_seed(seed)
    flow = build_flow(drawn_config(chance), FEATURES)
    with torch.no_grad():
        draw_weights(flow, chance)
        draw_matrices(flow, chance)
        temperature = chance.choice([0.0, 0.3, 1.0, 1.0, 10.0])
        claim = certificate(Holder(flow), temperature)
        if chance.random() < 0.2:
            flow.set_precision(torch.bfloat16)
        grid = chance.choice([(1, 1), (2, 2), (3, 5), (4, 4)])
        features, latent = drawn_features(chance, grid), drawn_latent(chance, grid)
        values = list(flow.layers(flow.prepare(features), latent, temperature))
    departure = largest_departure(flow).size
    return Outcome(
        violations(claim, [value for _, value in values]),
        claim.finite,
        departure <= TOLERANCE,
        float(values[-2][1].abs().max()) / claim.before_limiter if claim.finite else 0.0,
    )


class Holder(NamedTuple):
    """What a certificate is made of."""

    flow: ConditionalFlow


def violations(claim: Certificate, values: list[Tensor]) -> list[str]:
    """Lines that a value exceeds, without any tolerance; of the last, where it is a number."""
    found = []
    for line, value in zip(claim.layers[:-1], values, strict=False):
        peak, norm = float(value.abs().max()), float(value.double().square().sum(1).sqrt().max())
        if math.isfinite(line.peak) and not (peak <= line.peak and norm <= line.norm):
            found.append(f"{line.layer}: {peak} of {line.peak}, norm {norm} of {line.norm}")
    limited = values[-1] if claim.finite else values[-1][values[-1].isfinite()]
    if not bool((limited.abs() <= claim.after_limiter).all()):
        found.append(f"limiter: beyond {claim.after_limiter}")
    return found


def drawn_config(chance: random.Random) -> FlowConfig:
    """Any description that is allowed, of few and narrow layers; rarely of a map without bound."""
    bounded: tuple[MapName, ...] = ("spline", "spline", "clamped_affine", "scale_shift")
    names: tuple[MapName, ...] = bounded if chance.random() < 0.9 else get_args(MapName)
    numbers: dict[str, Any] = {
        name: math.exp(chance.uniform(math.log(low), math.log(high))) if chance.random() < 0.5
        else getattr(FlowConfig(), name)
        for name, (low, high) in BOUNDS.items()
    }  # fmt: skip
    return FlowConfig(
        coupling=chance.choice(names),
        injector=chance.choice([*names, "auto"]),
        rotations=chance.choice(["random", "cosine", "learnt"]),
        steps=chance.choice([0, 1, 2, 3]),
        coarse=chance.choice([0, 0, 1, 2]),
        hidden=chance.choice([1, 4, 9]),
        bins=chance.choice([2, 2, 3, 8, 32]),
        shifted=chance.random() < 0.7,
        injector_log_scale=(-chance.uniform(0.001, 4.0), chance.uniform(0.001, 4.0)),
        base_log_scale=(-chance.uniform(0.001, 4.0), chance.uniform(0.001, 4.0)),
        seed=chance.randrange(1000),
        **numbers,
    )


def draw_weights(flow: ConditionalFlow, chance: random.Random) -> None:
    """Parameters of any size; some so large that float32 overflows."""
    size = 10.0 ** chance.choice([-2, -1, 0, 0, 1, 2, 4, 10, 20, 30])
    alone = chance.random() < 0.3  # one tensor is of that size, the others are usual
    parameters = list(flow.named_parameters())
    odd = chance.choice(parameters)[0]
    for name, parameter in parameters:
        scale = size if not alone or name == odd else 0.5
        if chance.random() < 0.2:
            parameter.copy_(scale * torch.randn_like(parameter).sign())
        else:
            parameter.copy_(scale * torch.randn_like(parameter))
    for part in flow.modules():
        if isinstance(part, ActNorm) and chance.random() < 0.8:
            part.log_scale.copy_(chance.choice([0.3, 1.0, 5.0]) * torch.randn(len(part.bias)))
            part.log_scale.add_(chance.choice([0.0, 0.0, -3.0, 40.0, 80.0, 200.0, -200.0]))


def draw_matrices(flow: ConditionalFlow, chance: random.Random) -> None:
    """Rotations and bases, orthogonal, nearly, or not at all; some are being learnt."""
    kinds = ["kept"] * 4 + ["other", "permuted", "near", "learnt", "far", "huge"]
    kind = chance.choice(kinds)
    matrices = [(part, "weight") for part in flow.modules() if isinstance(part, Rotation)]
    matrices += [(part, "basis") for part in flow.modules() if isinstance(part, ActNorm)]
    chosen = matrices if chance.random() < 0.5 else [chance.choice(matrices)]
    for part, name in chosen:
        matrix = getattr(part, name)
        matrix.copy_(drawn_matrix(matrix, kind, chance))
    if kind == "learnt":
        flow.learn_rotations()
        for rotation, _ in matrices:
            if isinstance(rotation, Rotation) and rotation.skew is not None:
                rotation.skew.copy_(chance.choice([0.1, 3.0]) * torch.randn_like(rotation.skew))


def drawn_matrix(matrix: Tensor, kind: str, chance: random.Random) -> Tensor:
    unit = torch.eye(len(matrix))
    match kind:
        case "other":
            return random_rotation(len(matrix), chance.randrange(1000)).float()
        case "permuted":
            return unit[torch.randperm(len(matrix))] * torch.randn(len(matrix)).sign()
        case "near":
            return matrix + 10.0 ** chance.uniform(-8, -2) * torch.randn_like(matrix)
        case "far":
            return chance.choice([1e-3, 1.0, 100.0]) * torch.randn_like(matrix)
        case "huge":
            return 10.0 ** chance.uniform(5, 35) * matrix
        case _:
            return matrix


def drawn_features(chance: random.Random, grid: tuple[int, int]) -> Tensor:
    """Features of any size, infinite and missing ones among them."""
    features = 10.0 ** chance.uniform(-1, 6) * torch.randn(3, FEATURES, *grid)
    if chance.random() < 0.3:
        features = features * 10.0 ** chance.uniform(0, 31)
    if chance.random() < 0.1:
        features[torch.rand_like(features) < 0.2] = chance.choice([math.inf, -math.inf, math.nan])
    return features


def drawn_latent(chance: random.Random, grid: tuple[int, int]) -> Tensor:
    """Latents at the limit of what is drawn, some of a single value."""
    latent = torch.randn(3, 48, *grid)
    if chance.random() < 0.3:
        latent = latent * (torch.rand_like(latent) < 0.03)
    return limit_norm(chance.choice([1.0, 100.0]) * latent)

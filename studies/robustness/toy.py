"""The paper's toy: a two-dimensional conditional flow, affine and spline, in and out of range.

x given y is uniform on a parallelogram whose sides and place y sets. Both flows learn from y in
[-1, 1]^2, and are asked about y they have never seen.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from restoreflow.flows.config import FlowConfig
from restoreflow.flows.elementwise import coupling_map
from restoreflow.flows.rotation import random_rotation

__all__ = ["INSIDE", "RADII", "ToyFlow", "parallelogram", "toy", "train_toy"]

INSIDE = (0.5, -0.4)
"""A condition as in training."""
RADII = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
DIRECTIONS = 16
"""Other conditions lie in so many directions from 0, at these distances."""
STEPS = 4
HIDDEN = 32
BATCH = 256
DRAWN = 1024
SHOWN = 500
"""Samples of a condition, and those of them that are kept for a figure."""

Coupling = Literal["spline", "affine", "clamped_affine"]


class ToyStep(nn.Module):
    """Activation norm, rotation, and a coupling of the two values under a condition in the plane.

    The element-wise map is that of the package's couplings; the network is of linear layers. The
    norm is learnt, as in the paper: affine slopes are at most 1, and something has to expand.
    """

    rotation: Tensor

    def __init__(self, config: FlowConfig, seed: int) -> None:
        super().__init__()
        self.map = coupling_map(config)
        self.log_scale, self.bias = (nn.Parameter(torch.zeros(2)) for _ in range(2))
        self.register_buffer("rotation", random_rotation(2, seed).float())
        self.first, self.second = nn.Linear(3, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, self.map.parameters)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def raw(self, still: Tensor, y: Tensor) -> Tensor:
        hidden = nn.functional.silu(self.first(torch.cat((still, y), 1)))
        return self.last(nn.functional.silu(self.second(hidden)))

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Data to latent, with the logarithm of the determinant (N,)."""
        normed = (x - self.bias) * torch.exp(-self.log_scale)
        still, moving = (normed @ self.rotation.T).split(1, 1)
        moved, log_slope = self.map.forward(moving, self.raw(still, y))
        return torch.cat((still, moved), 1), log_slope[:, 0] - self.log_scale.sum()

    def inverse(self, z: Tensor, y: Tensor) -> Tensor:
        """Latent to data."""
        still, moved = z.split(1, 1)
        turned = torch.cat((still, self.map.inverse(moved, self.raw(still, y))), 1)
        return (turned @ self.rotation) * torch.exp(self.log_scale) + self.bias


class ToyFlow(nn.Module):
    """Steps from points of the plane to a standard Gaussian.

    Args:
        coupling: of all steps, as a `FlowConfig` has it.
    """

    def __init__(self, coupling: Coupling) -> None:
        super().__init__()
        config = FlowConfig(coupling=coupling)
        self.steps = nn.ModuleList(ToyStep(config, seed) for seed in range(STEPS))

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """Log density (N,) of points (N, 2) given conditions (N, 2)."""
        total = x.new_zeros(len(x))
        for step in self.steps:
            x, ladj = step(x, y)
            total = total + ladj
        return total - 0.5 * x.square().sum(1) - math.log(2.0 * math.pi)

    def sample(self, y: Tensor, latent: Tensor) -> Tensor:
        """Points (N, 2) from standard normal values (N, 2), given conditions (N, 2)."""
        for step in reversed([step for step in self.steps if isinstance(step, ToyStep)]):
            latent = step.inverse(latent, y)
        return latent


def parallelogram(y: Tensor, unit: Tensor) -> Tensor:
    """Points (N, 2) of the parallelogram of y (N, 2), from points of [-1, 1]^2."""
    first = torch.stack((1.0 + 0.3 * y[:, 0], 0.5 * y[:, 1]), 1)
    second = torch.stack((0.6 * y[:, 0] * y[:, 1], 0.6 + 0.2 * y[:, 1]), 1)
    return 0.5 * y + unit[:, :1] * first + unit[:, 1:] * second


def train_toy(coupling: Coupling, steps: int) -> ToyFlow:
    """A flow fitted by maximum likelihood; the same points and the same start in every arm."""
    generator = torch.Generator().manual_seed(0)
    state = torch.get_rng_state()
    torch.manual_seed(0)
    flow = ToyFlow(coupling)
    torch.set_rng_state(state)
    optimiser = torch.optim.Adam(flow.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        loss = -flow.log_prob(*_draw(BATCH, generator)).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return flow


def toy(coupling: Coupling, steps: int) -> dict[str, Any]:
    """Train a flow and sample it in range and out of it.

    Returns:
        `loss`: nats a point, on new points in range. `inside`: points of `INSIDE`. `radii`: for
        each distance of the condition from 0, the `largest` coordinate over all directions and
        how many points are not finite. `outside`: points of the worst condition at distance 6,
        with that condition.
    """
    flow = train_toy(coupling, steps).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        loss = -float(flow.log_prob(*_draw(8 * BATCH, generator)).mean())
        latent = torch.randn(DRAWN, 2, generator=generator)
        rows = []
        for radius in RADII:
            found = [_asked(flow, y, latent) for y in _ring(radius)]
            worst = max(found, key=lambda each: (each["nonfinite"], each["largest"] or 0.0))
            rows.append({"radius": radius, **worst})
        outside = next(row for row in rows if row["radius"] == 6.0)
        return {
            "loss": loss,
            "inside": _asked(flow, INSIDE, latent),
            "outside": outside,
            "radii": [{k: row[k] for k in ("radius", "largest", "nonfinite")} for row in rows],
        }


def _draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points and their conditions, as in training."""
    y = 2.0 * torch.rand(count, 2, generator=generator) - 1.0
    return parallelogram(y, 2.0 * torch.rand(count, 2, generator=generator) - 1.0), y


def _ring(radius: float) -> list[tuple[float, float]]:
    angles = [2.0 * math.pi * index / DIRECTIONS for index in range(DIRECTIONS)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


def _asked(flow: ToyFlow, condition: tuple[float, float], latent: Tensor) -> dict[str, Any]:
    """What a flow gives for a condition."""
    points = flow.sample(torch.tensor(condition).expand(len(latent), 2), latent)
    finite = points[points.isfinite().all(1)]
    return {
        "condition": list(condition),
        "points": [[float(f"{v:.4g}") for v in point] for point in finite[:SHOWN].tolist()],
        "largest": float(finite.abs().max()) if len(finite) else None,
        "nonfinite": len(points) - len(finite),
    }

"""How large the factorial is: trainings, inputs and what all arms have in common."""

from __future__ import annotations

from dataclasses import dataclass

from restoreflow.flows.config import FlowConfig
from restoreflow.networks.config import NetworkConfig

__all__ = ["FLOW", "NETWORK", "QUICK", "STANDARD", "FactorialSettings"]

NETWORK = NetworkConfig(width=24, depth=3, context=1)
FLOW = FlowConfig(steps=4, hidden=24)
"""Of every arm, but for the names of its maps."""


@dataclass(frozen=True, kw_only=True)
class FactorialSettings:
    """Numbers and sizes.

    Attributes:
        seeds: of each arm's flow, batches and latents; the mean image is one for all.
        steps: of every arm's training, and of the mean image's before it.
        marks: steps after which an arm is asked; the last is `steps`.
        batch, patch: of a training step.
        train_photos, train_side: crops that are learnt from.
        photos, photo_side: crops that are asked about, sides of the output.
        severities: of the corruptions; each photograph has one of them a kind.
        hostile_side: of patterns, pixels of the input.
        temperatures: of the samples.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 240
    marks: tuple[int, ...] = (60, 120, 240)
    batch: int = 8
    patch: int = 64
    train_photos: int = 64
    train_side: int = 192
    photos: int = 24
    photo_side: int = 128
    severities: tuple[int, ...] = (3, 5)
    hostile_side: int = 32
    temperatures: tuple[float, ...] = (0.0, 0.5, 1.0)


STANDARD = FactorialSettings()
"""About a minute of one core an arm and seed."""
QUICK = FactorialSettings(
    seeds=(0, 1), steps=40, marks=(20, 40), train_photos=16, photos=8, temperatures=(0.0, 1.0)
)
"""A first look: two seeds, a sixth of the training."""

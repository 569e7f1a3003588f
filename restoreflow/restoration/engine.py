"""A network on its device, its steps compiled or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from restoreflow.flows.bijection import Condition
from restoreflow.networks.restoration_network import Encoding, RestorationNetwork, Sample

__all__ = ["Engine", "Stages"]


class Stages(NamedTuple):
    """A network's steps, compiled or not."""

    estimate: Callable[..., Tensor]
    encode: Callable[..., Encoding]
    prepare: Callable[[Tensor], Condition]
    sample: Callable[[Encoding, Tensor, float, Condition], Sample]

    @classmethod
    def of(cls, network: RestorationNetwork, compile: bool = False) -> Stages:
        """A network's own steps."""
        if not compile:
            return cls(network.estimate, network.encode, network.prepare, network.sample)
        return cls(
            torch.compile(network.estimate),
            torch.compile(network.encode),
            torch.compile(network.prepare),
            torch.compile(network.sample),
        )


class Engine(NamedTuple):
    """What does the work, and where.

    Attributes:
        network: switched to float32 for a tile that fails in reduced precision.
        stages: its steps.
        device: where it is.
    """

    network: RestorationNetwork
    stages: Stages
    device: torch.device

"""From a description to a network with fresh weights."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from restoreflow.flows.config import FlowConfig
from restoreflow.flows.flow import build_flow
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.encoder import Encoder
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.tasks.table import TASKS

__all__ = ["Description", "build_network", "described_tensors"]


class Description(Protocol):
    """What a network is made from: a `ModelConfig` is one, and says more."""

    @property
    def task(self) -> str: ...
    @property
    def scale(self) -> int: ...
    @property
    def network(self) -> NetworkConfig: ...
    @property
    def flow(self) -> FlowConfig: ...


def build_network(config: Description) -> RestorationNetwork:
    """A network of the described form; weights are drawn from torch's global generator.

    Raises:
        ValueError: the encoder is not of the task's kind, or cannot have that width.
    """
    flow = build_flow(config.flow, config.network.width)
    return RestorationNetwork(build_encoder(config), flow, config.task, config.scale)


def described_tensors(config: Description) -> dict[str, Tensor]:
    """The tensors of a network of the described form, by name; most without memory of their own.

    Takes some hundredths of a second and next to no memory, for the largest description too.

    Raises:
        ValueError: as `build_network`.
    """
    with torch.device("meta"):
        return build_network(config).state_dict()


def build_encoder(config: Description) -> Encoder:
    """The encoder alone; of its kind alone the module is imported."""
    network = config.network
    kind = TASKS[config.task].encoder
    if network.kind != kind:
        raise ValueError(
            f'task "{config.task}" needs an encoder of kind "{kind}", not "{network.kind}"'
        )
    size = network.width, network.depth, network.context
    if kind == "low_light":
        from restoreflow.networks.low_light import LowLightEncoder

        return LowLightEncoder(*size, network.mean_range, gains=network.gains)
    from restoreflow.networks.residual import ResidualEncoder

    return ResidualEncoder(*size, config.scale, network.mean_range, network.told)

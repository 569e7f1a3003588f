"""From a description to a network with fresh weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoreflow.flows.flow import build_flow
from restoreflow.networks.residual import ResidualEncoder
from restoreflow.networks.restoration_network import RestorationNetwork

if TYPE_CHECKING:
    from restoreflow.models.config import ModelConfig

__all__ = ["build_network"]


def build_network(config: ModelConfig) -> RestorationNetwork:
    """A network of the described form; weights are drawn from torch's global generator.

    Raises:
        ValueError: the encoder is of a kind that no task uses yet.
    """
    network = config.network
    if network.kind != "residual":
        raise ValueError(f"no model can have an encoder of kind {network.kind!r} in this version")
    encoder = ResidualEncoder(
        network.width, network.depth, network.context, config.scale, network.mean_range
    )
    flow = build_flow(config.flow, network.width)
    return RestorationNetwork(encoder, flow, config.task, config.scale)

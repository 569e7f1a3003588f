"""Tiny model folders with cards."""

from __future__ import annotations

from pathlib import Path

import torch

from restoreflow.flows.config import FlowConfig
from restoreflow.models.card import CardFacts, write_card
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import ModelFolder, save_folder
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import build_network

__all__ = ["FACTS", "tiny"]

FACTS = CardFacts(
    summary="Enlarges by chance.",
    license="apache-2.0",
    code_license="apache-2.0",
    data_license="CC0",
    training_data="None.",
    recipe="None.",
    limits="Everywhere.",
)


def tiny(folder: Path, task: str = "sr", scale: int = 4, told: bool = False) -> ModelFolder:
    """A network of random weights, all of which do something."""
    kind = "residual" if task == "sr" else "low_light"
    network = NetworkConfig(kind=kind, width=12, depth=1, context=1, told=told)
    name = f"{folder.name}-{task}-{scale}"
    config = ModelConfig(
        name=name, task=task, scale=scale, network=network, flow=FlowConfig(steps=1, hidden=8)
    )
    torch.manual_seed(scale)
    built = build_network(config)
    with torch.no_grad():
        for values in built.encoder.parameters():
            values.add_(0.02 * torch.randn(values.shape))
    path = folder / name
    save_folder(path, config, built, write_card(config, FACTS))
    return ModelFolder(path, identity=str(path))

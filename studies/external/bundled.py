"""This package's models, by the contract: `studies.external.bundled:model:sr-x4`."""

from __future__ import annotations

import torch
from torch import Tensor

from restoreflow.models.folder import load_folder
from restoreflow.models.resolve import resolve_model

__all__ = ["Bundled", "model"]


class Bundled:
    """A model's samples before its limiter."""

    def __init__(self, name: str) -> None:
        folder = resolve_model(name)
        self.network, config = load_folder(folder)
        self.parameters = sum(each.numel() for each in self.network.parameters())
        self.about = f"{config.name}, weights {config.sha256['model.safetensors'][:12]}"

    def __call__(self, input: Tensor, latent: torch.Generator, temperature: float) -> Tensor:
        """See `asking.Sampler`."""
        context = self.network.global_context(input)
        encoding = self.network.encode(input, context)
        rows, columns = encoding.features.shape[-2:]
        shape = (1, self.network.latent_channels, rows, columns)
        noise = torch.randn(shape, generator=latent)
        return encoding.mean + self.network.sample(encoding, noise, temperature).detail


def model(name: str) -> Bundled:
    """A bundled name, a folder or a Hub id."""
    return Bundled(name)

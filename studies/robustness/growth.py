"""Where an explosion starts: how large values are after each layer of the inverse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from restoreflow.flows.certificate import certificate
from restoreflow.lab.evaluation.attack import standard_latent
from restoreflow.networks.restoration_network import RestorationNetwork

__all__ = ["growth", "numbered"]


@torch.inference_mode()
def growth(
    network: RestorationNetwork, degraded: Tensor, temperature: float, seed: int = 0
) -> list[dict[str, Any]]:
    """A row a layer, from the latent to the limited detail.

    Args:
        network: on the CPU.
        degraded: (3, h, w), a picture whose sides need no padding.
        temperature: of the sample.
        seed: of its latent.

    Returns:
        `layer`; `largest` and `deviation`, of the finite values it gives, None without any;
        `nonfinite`, how many are not; `bound` on them for any input, None where there is none.
    """
    encoding = network.encode(degraded[None])
    latent = standard_latent(network, encoding.features, seed)
    layers = network.flow.layers(network.prepare(encoding.features), latent, temperature)
    bounds = certificate(network, temperature).layers
    names = numbered([bound.layer for bound in bounds])
    return [
        {"layer": name, **_size(value), "bound": bound.peak if math.isfinite(bound.peak) else None}
        for name, (_, value), bound in zip(names, layers, bounds, strict=True)
    ]


def numbered(layers: Sequence[str]) -> list[str]:
    """Short names for layers from the latent on: coupling steps by number, the data's first."""
    steps = [layer for layer in layers if "coupling" in layer]
    numbers = iter(range(len(steps), 0, -1))
    return [f"coupling {next(numbers)}" if "coupling" in layer else layer for layer in layers]


def _size(values: Tensor) -> dict[str, Any]:
    finite = values[values.isfinite()].double()
    return {
        "largest": float(finite.abs().max()) if finite.numel() else None,
        "deviation": float(finite.std(correction=0)) if finite.numel() else None,
        "nonfinite": int(values.numel() - finite.numel()),
    }

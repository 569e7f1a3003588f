"""Where an explosion starts: how large values are after each layer of the inverse."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from restoreflow.evaluation.attack import standard_latent
from restoreflow.flows.bijection import as_tuple
from restoreflow.flows.certificate import certificate
from restoreflow.flows.flow import layer_name
from restoreflow.networks.restoration_network import RestorationNetwork

__all__ = ["growth"]


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
    flow = network.flow
    encoding = network.encode(degraded[None])
    parts, base = as_tuple(network.prepare(encoding.features))
    z = flow.base.locate(standard_latent(network, encoding.features, seed), base, temperature)
    values = [z]
    names = ["base"]
    step = len([part for part in flow.chain.parts if _is_step(layer_name(part))])
    for bijection, condition in zip(
        reversed(flow.chain.parts), reversed(as_tuple(parts)), strict=True
    ):
        z = bijection.inverse(z, condition)
        name = layer_name(bijection)
        if _is_step(name):
            name, step = f"coupling {step}", step - 1
        names.append(name)
        values.append(z)
    names.append("limiter")
    values.append(flow.limiter.inverse(z, None))
    bounds = certificate(network, temperature).layers
    return [
        {"layer": name, **_size(value), "bound": bound.peak if math.isfinite(bound.peak) else None}
        for name, value, bound in zip(names, values, bounds, strict=True)
    ]


def _is_step(name: str) -> bool:
    return "coupling" in name


def _size(values: Tensor) -> dict[str, Any]:
    finite = values[values.isfinite()].double()
    return {
        "largest": float(finite.abs().max()) if finite.numel() else None,
        "deviation": float(finite.std(correction=0)) if finite.numel() else None,
        "nonfinite": int(values.numel() - finite.numel()),
    }

"""Slopes of every element-wise map while a sample is drawn, and how values grow by them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restoreflow.flows.coupling import Coupling, Injector
from restoreflow.flows.elementwise import ElementwiseMap
from restoreflow.lab.evaluation.attack import standard_latent
from restoreflow.networks.restoration_network import RestorationNetwork

__all__ = ["EDGES", "growth", "histogram", "watched"]

EDGES: NDArray[np.float64] = np.linspace(-6.0, 4.0, 101)
"""Of common logarithms of slopes: a tenth of a decade a bin; what lies beyond is in the last."""


class _Watched:
    """A map that keeps the logarithms of its slopes wherever it inverts."""

    def __init__(self, map: ElementwiseMap, seen: list[Tensor]) -> None:
        self.map, self.seen = map, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self.map, name)

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        x = self.map.inverse(y, raw)
        self.seen.append(self.map.forward(x, raw)[1].flatten())
        return x

    def inverse_settled(self, y: Tensor, *settled: Tensor) -> Tensor:
        x = self.map.inverse_settled(y, *settled)
        self.seen.append(self.map.forward_settled(x, *settled)[1].expand_as(x).flatten())
        return x


@contextmanager
def watched(network: RestorationNetwork) -> Iterator[list[Tensor]]:
    """A context that collects log(dy/dx) of every value and map, one tensor an inversion."""
    seen: list[Tensor] = []
    kept: list[tuple[Any, ElementwiseMap]] = []
    for module in network.flow.modules():
        if isinstance(module, Coupling | Injector):
            kept.append((module, module.map))
            module.map = cast(ElementwiseMap, _Watched(module.map, seen))
    try:
        yield seen
    finally:
        for module, map in kept:
            module.map = map


@torch.inference_mode()
def histogram(network: RestorationNetwork, degraded: Tensor, temperature: float, seed: int) -> Any:
    """Counts of slopes by `EDGES`, of all maps, for a picture (3, h, w) and one sample."""
    with watched(network) as seen:
        for _ in _layers(network, degraded, temperature, seed):
            pass
    logs = torch.cat(seen).double().numpy() / np.log(10.0)
    logs = np.clip(np.nan_to_num(logs, nan=EDGES[0]), EDGES[0], EDGES[-1])
    return np.histogram(logs, EDGES)[0].tolist()


@torch.inference_mode()
def growth(
    network: RestorationNetwork, degraded: Tensor, temperature: float, seed: int
) -> list[dict[str, Any]]:
    """A row a layer from the latent on: the largest |value| it gives, and its largest 1 / s.

    Returns:
        `layer`; `largest`, of the finite values, None without any; `gain`, the largest inverse
        slope among the layer's values, None for layers without an element-wise map.
    """
    rows: list[dict[str, Any]] = []
    with watched(network) as seen:
        for name, value in _layers(network, degraded, temperature, seed):
            finite = value[value.isfinite()].abs()
            slopes = [part.min() for part in seen]
            seen.clear()
            rows.append(
                {
                    "layer": name,
                    "largest": float(finite.max()) if finite.numel() else None,
                    "gain": float(torch.exp(-torch.stack(slopes).min())) if slopes else None,
                }
            )
    return rows


def _layers(
    network: RestorationNetwork, degraded: Tensor, temperature: float, seed: int
) -> Iterator[tuple[str, Tensor]]:
    encoding = network.encode(degraded[None])
    latent = standard_latent(network, encoding.features, seed)
    return network.flow.layers(network.prepare(encoding.features), latent, temperature)

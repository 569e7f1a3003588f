"""The certificate beside what searches find: how tight the bound is, and that it holds."""

from __future__ import annotations

import math
from typing import Any, Literal

from restoreflow.flows.certificate import certificate
from restoreflow.flows.search import Search, search
from restoreflow.networks.restoration_network import RestorationNetwork
from studies.robustness.growth import numbered

__all__ = ["bounds"]

OVER: tuple[Literal["features", "input"], ...] = ("features", "input")


def bounds(
    network: RestorationNetwork,
    temperature: float,
    steps: int,
    cells: int,
    restarts: int,
    seed: int,
) -> dict[str, Any]:
    """A certificate, and the largest values that ascents reach, layer by layer.

    One search is over latents and features of any value whatever, which is what the bound speaks
    of; the other over latents and the picture; see `search` for their size. In units of the image
    range; None stands for infinite. `bound`, `found_features` and `found_input` are of |detail|
    before the limiter, `layers` has a row a layer; `gain` is the product of the factors by which
    layers without a bound can multiply, as a common logarithm.
    """
    found = certificate(network, temperature)
    features, pictures = (
        search(network, over, temperature, cells, steps, seed, restarts) for over in OVER
    )
    return {
        "temperature": temperature,
        "bound": _finite(found.before_limiter),
        "after_limiter": found.after_limiter,
        "log10_gain": sum(math.log10(gain.gain) for gain in found.gains),
        "unbounded_layers": len(found.gains),
        "found_features": _finite(features.largest),
        "found_input": _finite(pictures.largest),
        "layers": _layers(features, pictures),
    }


def _layers(features: Search, pictures: Search) -> list[dict[str, Any]]:
    names = numbered([line.layer for line in features.layers])
    return [
        {
            "layer": name,
            "bound": _finite(line.bound),
            "found_features": _finite(line.found),
            "found_input": _finite(other.found),
            "ratio": max(line.ratio, other.ratio) if math.isfinite(line.bound) else None,
        }
        for name, line, other in zip(names, features.layers, pictures.layers, strict=True)
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

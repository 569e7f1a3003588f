"""The certificate beside what searches find: how tight the bound is, and that it holds."""

from __future__ import annotations

import math
from typing import Any

from restoreflow.flows.certificate import certificate
from restoreflow.flows.search import search
from restoreflow.networks.restoration_network import RestorationNetwork

__all__ = ["bounds"]


def bounds(
    network: RestorationNetwork, temperature: float, steps: int, seed: int
) -> dict[str, Any]:
    """A certificate, and the largest |detail| before the limiter that ascents reach.

    One ascent is over latents and features of any value whatever, which is what the bound speaks
    of; the other over latents and the picture. In units of the image range; None stands for
    infinite. `gain` is the product of the factors by which layers without a bound can multiply,
    as a common logarithm.
    """
    found = certificate(network, temperature)
    ascents = {
        over: search(network, over, temperature, steps=steps, seed=seed).largest
        for over in ("features", "input")
    }
    return {
        "temperature": temperature,
        "bound": _finite(found.before_limiter),
        "after_limiter": found.after_limiter,
        "log10_gain": sum(math.log10(gain.gain) for gain in found.gains),
        "unbounded_layers": len(found.gains),
        "found_features": _finite(ascents["features"]),
        "found_input": _finite(ascents["input"]),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

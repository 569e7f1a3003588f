"""What becomes of every input in one arm, and what its features said before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from restoreflow.lab.fitting.fit import fit_gaussians
from restoreflow.lab.fitting.outcomes import draw_each
from restoreflow.measures.metrics import count_errors
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.features import FEATURES
from studies.factorial.inputs import Input
from studies.factorial.predictors import of_features
from studies.factorial.slopes import growth, histogram
from studies.robustness.quality import likelihood

__all__ = ["ask", "foretell", "look_inside"]

LOOKED_AT = 4
"""Inputs of a group whose slopes are counted."""
GROWN = ("checker_1", "noise_binary")
"""Patterns whose growth is followed layer by layer, beside a photograph's."""


def ask(
    network: RestorationNetwork, items: Sequence[Input], temperatures: Sequence[float], seed: int
) -> dict[str, Any]:
    """One sample of every input at every temperature, before the limiter.

    Returns:
        `nll`, nats a value, of photographs by name; `outcomes`, for each input's name a row a
        temperature: the largest finite |detail|, how many values are not finite, and how many
        pixels of mean and detail together lie outside [-0.5, 1.5].
    """
    nll = {x.name: _nll(network, x, seed) for x in items if x.group == "photographs"}
    outcomes = {}
    for item in items:
        rows = []
        for drawn in draw_each(network, item.degraded, temperatures, 1, seed):
            values = drawn.unlimited[0].numpy()
            with np.errstate(invalid="ignore", over="ignore"):
                wrong = count_errors(values)
            rows.append([drawn.largest_detail, wrong.nonfinite, wrong.pixels])
        outcomes[item.name] = rows
    return {"nll": nll, "outcomes": outcomes}


def foretell(
    network: RestorationNetwork, items: Sequence[Input], learnt: Sequence[Tensor]
) -> dict[str, dict[str, float]]:
    """Scores of the flow's features by input, their Gaussian fitted to training inputs."""
    gaussian = fit_gaussians(network, list(learnt), [FEATURES])[0][FEATURES]
    fitted = gaussian.mean, gaussian.whitening
    return {item.name: of_features(network, item.degraded, fitted) for item in items}


def look_inside(
    network: RestorationNetwork, items: Sequence[Input], temperature: float, seed: int
) -> dict[str, Any]:
    """Slopes by group, and growth layer by layer on a photograph and on patterns."""
    slopes: dict[str, Any] = {}
    for group in dict.fromkeys(item.group for item in items):
        own = [item for item in items if item.group == group]
        few = own[:: max(len(own) // LOOKED_AT, 1)]
        counts = [histogram(network, item.degraded, temperature, seed) for item in few]
        slopes[group] = np.sum(counts, 0).tolist()
    photo = next(item for item in items if item.group == "photographs")
    chosen = [photo, *(item for item in items if item.name in GROWN)]
    followed = {item.name: growth(network, item.degraded, temperature, seed) for item in chosen}
    return {"slopes": slopes, "growth": followed}


def _nll(network: RestorationNetwork, item: Input, seed: int) -> float | None:
    from studies.robustness.suite import Item

    found = likelihood(
        network, Item(item.name, "photo", "photograph", 0, item.degraded, item.clean), seed
    )
    return found if bool(torch.tensor(found).isfinite()) else None

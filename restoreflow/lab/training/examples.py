"""Training examples: what a recipe's degradation makes of photographs, and a few of other kinds."""

from __future__ import annotations

import torch
from torch import Tensor

from restoreflow.lab.degradations.example import Example
from restoreflow.lab.degradations.table import DEGRADATIONS
from restoreflow.lab.training.config import TrainConfig
from restoreflow.lab.training.data import Photos
from restoreflow.lab.training.drawings import with_drawings, with_hard_edges
from restoreflow.networks.low_light import MOST_STOPS

__all__ = ["draw_examples", "with_bare_frames"]

BARE_SHARE = 0.03
"""Of examples with exposure, black or white frames."""
HARD_SHARE = 0.5
"""Beside drawings that are worn as photographs are, so many whose inputs have hard edges."""


def draw_examples(
    photos: Photos, count: int, size: int, config: TrainConfig, generator: torch.Generator
) -> Example:
    """A batch of examples with clean patches of (size, size), as the recipe degrades them."""
    degradation = DEGRADATIONS[config.degradation]
    if degradation.of_views is not None:
        example = degradation.of_views(*photos.views(count, size, generator), generator)
        return with_bare_frames(example, generator)
    clean = photos.batch(count, size, generator, config.reduced)
    clean = with_drawings(clean, generator, config.drawings)
    example = degradation.degrade(clean, config.scale, generator)
    if degradation.told:
        return with_hard_edges(example, generator, config.drawings * HARD_SHARE)
    return example


def with_bare_frames(
    example: Example, generator: torch.Generator, share: float = BARE_SHARE
) -> Example:
    """Some items replaced by black or white frames, which are to come back as they are.

    A lens cap and a blown-out sky hold nothing; no photograph teaches that.
    """
    count = len(example.degraded)
    chosen = torch.rand(count, generator=generator) < share
    white = (torch.rand(count, generator=generator) < 0.5).float()

    def put(x: Tensor, level: Tensor) -> Tensor:
        shape = (count, *[1] * (x.ndim - 1))
        return torch.where(chosen.reshape(shape), level.reshape(shape), x)

    # Black is brightened by all there is, to no effect.
    stops = None if example.stops is None else put(example.stops, MOST_STOPS * (1.0 - white))
    thumbnail, bright = (
        None if x is None else put(x, white) for x in (example.thumbnail, example.bright)
    )
    return example._replace(
        degraded=put(example.degraded, white),
        clean=put(example.clean, white),
        stops=stops,
        thumbnail=thumbnail,
        bright=bright,
    )

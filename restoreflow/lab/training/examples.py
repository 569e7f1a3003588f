"""Training examples: a batch of degraded pictures with what each should have been."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from restoreflow.lab.degradations.low_light import simulate
from restoreflow.lab.degradations.operations import downscale, round_8bit
from restoreflow.lab.degradations.photo import degrade_photo
from restoreflow.lab.training.config import TrainConfig
from restoreflow.lab.training.data import Photos
from restoreflow.lab.training.drawings import with_drawings, with_hard_edges
from restoreflow.networks.low_light import CELL, MOST_STOPS

__all__ = ["Example", "draw_examples", "with_bare_frames"]

BARE_SHARE = 0.03
"""Of low-light examples, black or white frames."""
HARD_SHARE = 0.5
"""Beside drawings that are worn as photographs are, so many whose inputs have hard edges."""


class Example(NamedTuple):
    """A batch.

    Attributes:
        degraded: (N, 3, h, w), in [0, 1].
        clean: (N, 3, H, W), in [0, 1].
        stops: (N, 3), low light only: the exposure that takes degraded to clean, each channel's.
        thumbnail: (N, 3, t, t), low light only: the whole degraded picture reduced.
        wear: (N, 3), worn photographs only: what they suffer from, see `networks.wear`.
        bright: (N, 3, t, t), low light only: the whole picture as it should be, reduced.
        place: (N, 4), low light only: where the picture lies in the whole, see
            `restoreflow.networks.gains.PLACE`, in cells of 4 x 4 pixels.
    """

    degraded: Tensor
    clean: Tensor
    stops: Tensor | None = None
    thumbnail: Tensor | None = None
    wear: Tensor | None = None
    bright: Tensor | None = None
    place: Tensor | None = None

    def to(self, device: torch.device) -> Example:
        """The batch on a device."""
        rest = (x if x is None else x.to(device) for x in self[2:])
        return Example(self.degraded.to(device), self.clean.to(device), *rest)

    def split(self, size: int) -> list[Example]:
        """Batches of at most ``size`` items."""
        parts = [[None] * len(self.degraded) if x is None else x.split(size) for x in self]
        return [Example(*part) for part in zip(*parts, strict=False)]


def draw_examples(
    photos: Photos, count: int, size: int, config: TrainConfig, generator: torch.Generator
) -> Example:
    """A batch of examples with clean patches of (size, size), as the recipe degrades them."""
    if config.degradation == "low_light":
        patches, thumbnails, boxes = photos.views(count, size, generator)
        pair = simulate(patches, generator, thumbnail=thumbnails, box=boxes)
        whole = size / CELL / boxes[:, 2:]
        example = Example(
            pair.dark,
            pair.target,
            pair.stops,
            pair.thumbnail,
            bright=pair.bright,
            place=torch.cat((boxes[:, :2] * whole, whole), 1),
        )
        return with_bare_frames(example, generator)
    clean = photos.batch(count, size, generator, config.reduced)
    clean = with_drawings(clean, generator, config.drawings)
    if config.degradation == "photo":
        worn = degrade_photo(clean, config.scale, generator)
        hard = config.drawings * HARD_SHARE
        degraded, clean, wear = with_hard_edges(worn.picture, clean, worn.wear, generator, hard)
        return Example(degraded, clean, wear=wear)
    return Example(round_8bit(downscale(clean, config.scale)), clean)


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

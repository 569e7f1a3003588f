"""What degradations give: degraded pictures with what each should have been."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Example"]


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

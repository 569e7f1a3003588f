"""The degradations there are: a new one is a function from clean pictures, and its row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from restoreflow.lab.degradations.example import Example
from restoreflow.lab.degradations.low_light import darken, darken_views
from restoreflow.lab.degradations.operations import downscale, round_8bit
from restoreflow.lab.degradations.photo import degrade_photo

__all__ = ["DEGRADATIONS", "Degradation", "DegradationName"]


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """What happens to clean pictures. Chance comes from the CPU generator alone.

    Attributes:
        degrade: clean (N, 3, H, W) in [0, 1], sides multiples of the scale, the scale, and a
            generator to an example whose inputs hold 8-bit levels, (N, 3, H / scale, W / scale).
        of_views: the same of patches (N, 3, H, W) that are parts of pictures, the pictures reduced
            (N, 3, h, w) and where in them the patches lie (N, 4), see
            `restoreflow.lab.training.views.View`, for what is judged of whole pictures; None where
            nothing is.
        told: its examples say what their inputs suffer from, for encoders that are told it.
    """

    degrade: Callable[[Tensor, int, torch.Generator], Example]
    of_views: Callable[[Tensor, Tensor, Tensor, torch.Generator], Example] | None = None
    told: bool = False


def _bicubic(clean: Tensor, scale: int, generator: torch.Generator) -> Example:
    """Reduced by Pillow's bicubic filter, and nothing else."""
    return Example(round_8bit(downscale(clean, scale)), clean)


def _photo(clean: Tensor, scale: int, generator: torch.Generator) -> Example:
    """Reduced and worn as photographs are that have been passed on."""
    worn = degrade_photo(clean, scale, generator)
    return Example(worn.picture, clean, wear=worn.wear)


DEGRADATIONS: Mapping[str, Degradation] = {
    "bicubic": Degradation(degrade=_bicubic),
    "photo": Degradation(degrade=_photo, told=True),
    "low_light": Degradation(degrade=darken, of_views=darken_views),
}
"""By the names that tasks and recipes have for them."""

if TYPE_CHECKING:
    DegradationName = str
    """A name in the table; recipes refuse others."""
else:
    DegradationName = Literal[tuple(DEGRADATIONS)]

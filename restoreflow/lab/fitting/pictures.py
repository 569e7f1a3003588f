"""Photographs as a model meets them: degraded as in its training, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from restoreflow.errors import InputError, ModelError, UsageError
from restoreflow.images.decode import read_levels
from restoreflow.lab.degradations.table import DEGRADATIONS
from restoreflow.lab.training.data import step_generator
from restoreflow.models.folder import RECIPE, ModelFolder
from restoreflow.tasks.table import TASKS

__all__ = [
    "Pair",
    "degradation_of",
    "pairs",
    "remembered",
]

LEAST_CELLS = 24
"""Grid cells that a photograph's sides have at least: less tells nothing of a distribution."""


class Pair(NamedTuple):
    """A photograph and what the model gets to see of it.

    Attributes:
        name: the file's.
        degraded: (3, h, w), 8-bit levels in [0, 1].
        clean: (3, scale * h, scale * w) in [0, 1].
    """

    name: str
    degraded: Tensor
    clean: Tensor


def degradation_of(folder: ModelFolder) -> str:
    """How a model's inputs were made: as its recipe says, or else as its task suggests."""
    recipe = folder.path / RECIPE
    if recipe.is_file():
        from restoreflow.lab.training.config import read_train_config

        try:
            return read_train_config(recipe).degradation
        except UsageError as error:
            raise ModelError(error.message, error.hint) from error
    return TASKS[folder.config.task].degradations[0]


def pairs(
    photos: list[Path],
    degradation: str,
    scale: int,
    seed: int = 0,
    side: int | None = None,
) -> Iterator[Pair]:
    """Photographs, decoded and degraded one after the other.

    Args:
        photos: of `list_photos`. Those with sides too short to tell anything are left out.
        degradation: as in the model's training, a name in `degradations.table.DEGRADATIONS`.
        scale: the model's.
        seed: of the degradation; the i-th photograph's depends on seed and i alone.
        side: longest side of the clean picture, cut from the middle; None for all of it.

    Raises:
        InputError: a photograph cannot be read, or all are too small.
    """
    given = 0
    for index, path in enumerate(photos):
        levels = _middle(torch.from_numpy(read_levels(path)).permute(2, 0, 1), scale, side)
        clean = levels.float().div(255.0)
        if min(clean.shape[-2:]) < LEAST_CELLS * 4:
            continue
        generator = step_generator(seed, index)
        made = DEGRADATIONS[degradation].degrade(clean[None].contiguous(), scale, generator)
        given += 1
        yield Pair(path.name, made.degraded[0], made.clean[0])
    if not given:
        raise InputError(
            f"all {len(photos)} photographs are smaller than {LEAST_CELLS * 4} pixels a side",
            "use larger ones",
        )


def remembered(
    pictures: Callable[[], Iterable[Tensor]], most: int = 2**29
) -> Callable[[], Iterator[Tensor]]:
    """The same pictures at every call, read and degraded once if they are few enough to keep.

    Args:
        pictures: gives 8-bit levels in [0, 1], the same at every call.
        most: bytes that are kept, one a value; where the pictures have more, none are.
    """
    kept: list[Tensor] | None = None

    def give() -> Iterator[Tensor]:
        nonlocal kept
        if kept is not None:
            for levels in kept:
                yield levels / 255.0
            return
        seen: list[Tensor] = []
        held = 0
        for picture in pictures():
            held += picture.numel()
            if held <= most:
                seen.append((picture * 255).round().to(torch.uint8))
            else:
                seen.clear()
            yield picture
        if held <= most:
            kept = seen

    return give


def _middle(picture: Tensor, scale: int, side: int | None) -> Tensor:
    """The middle part, its sides multiples of scale and of the 4-pixel cell."""
    unit = max(scale, 4)
    sides = [min(length, side or length) // unit * unit for length in picture.shape[-2:]]
    top, left = ((full - cut) // 2 for full, cut in zip(picture.shape[-2:], sides, strict=True))
    return picture[:, top : top + sides[0], left : left + sides[1]]

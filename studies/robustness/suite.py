"""The study's inputs: photographs as in training, spoilt ones, and what no photograph is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from restoreflow.lab.evaluation.hostile import hostile_inputs
from restoreflow.lab.fitting.calibrate import spoilt
from restoreflow.lab.fitting.pictures import pairs
from restoreflow.lab.photographs import as_levels, read_rgb
from studies.robustness.settings import StudySettings

__all__ = ["GROUPS", "Group", "Item", "corruptions", "hostile", "photographs", "spread_out"]

Group = Literal["photo", "corruption", "hostile", "adversarial"]
GROUPS: tuple[Group, ...] = ("photo", "corruption", "hostile", "adversarial")


class Item(NamedTuple):
    """An input.

    Attributes:
        name: unique in its group.
        group: what sort of input.
        kind: "photograph", the corruption's or the pattern's name.
        severity: of a corruption, 1 .. 5; else 0.
        degraded: (3, h, w) in [0, 1], what a model sees.
        clean: (3, H, W), what it should give; None where there is no truth.
    """

    name: str
    group: Group
    kind: str
    severity: int
    degraded: Tensor
    clean: Tensor | None = None

    @property
    def digest(self) -> str:
        """Of input and truth, for keys of what was measured."""
        found = hashlib.sha256()
        for picture in (self.degraded, self.clean):
            if picture is not None:
                found.update(repr(tuple(picture.shape)).encode() + picture.numpy().tobytes())
        return found.hexdigest()[:16]


def spread_out(paths: Sequence[Path], count: int) -> list[Path]:
    """So many of the paths, evenly spread; all of them where there are fewer."""
    count = min(count, len(paths))
    return [paths[index * len(paths) // count] for index in range(count)]


def photographs(
    paths: Sequence[Path], degradation: str, scale: int, settings: StudySettings
) -> Iterator[Item]:
    """Photographs degraded as in the model's training, with their truth."""
    chosen = spread_out(paths, settings.photos)
    for pair in pairs(chosen, degradation, scale, settings.seed, settings.photo_side):
        yield Item(pair.name, "photo", "photograph", 0, pair.degraded, pair.clean)


def corruptions(
    paths: Sequence[Path], degradation: str, scale: int, settings: StudySettings
) -> Iterator[Item]:
    """Degraded photographs spoilt in every way, at every severity."""
    chosen = spread_out(paths, settings.corrupted)
    found = pairs(chosen, degradation, scale, settings.seed, settings.corrupted_side)
    for index, pair in enumerate(found):
        for each in spoilt(pair, settings.severities, settings.seed + index):
            if each.severity:
                name = f"{pair.name} {each.corruption} {each.severity}"
                yield Item(
                    name,
                    "corruption",
                    each.corruption,
                    each.severity,
                    each.pair.degraded,
                    each.pair.clean,
                )


def hostile(photo: Path, side: int, seed: int) -> list[Item]:
    """The patterns of `evaluation.hostile`, some of them made from a photograph."""
    picture = np.divide(as_levels(read_rgb(photo)), 255, dtype=np.float32)
    return [
        Item(name, "hostile", name, 0, torch.from_numpy(values.transpose(2, 0, 1).copy()))
        for name, values in hostile_inputs(side, seed, picture).items()
    ]

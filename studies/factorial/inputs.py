"""What the arms are asked about, and which half of it thresholds may be chosen on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from restoreflow.images.decode import read_levels
from restoreflow.lab.degradations.corruptions import CORRUPTIONS
from restoreflow.lab.fitting.calibrate import spoilt
from restoreflow.lab.fitting.pictures import Pair, pairs
from restoreflow.lab.photographs import find_photos
from studies.factorial.settings import FactorialSettings
from studies.robustness.suite import hostile, spread_out

__all__ = ["GROUPS", "Group", "Input", "inputs", "strange"]

Group = Literal["photographs", "corrupted", "patterns", "other"]
GROUPS: tuple[Group, ...] = ("photographs", "corrupted", "patterns", "other")
STRANGE_SIDE = 48
"""Largest side of a part of a strange picture, pixels of the input."""


class Input(NamedTuple):
    """A picture that arms are asked about.

    Attributes:
        name: unique.
        group: photographs as in training, corrupted ones, patterns, or pictures of other kinds.
        kind: of corruption, pattern or strange picture; "none" for photographs as they are.
        source: the photograph or picture it is of: bootstrap draws all of one source together.
        half: 0, what thresholds are chosen on; 1, what they are judged on. Photographs and kinds
            of corruption are in one half alone. Patterns and others are only judged on.
        degraded: (3, h, w) in [0, 1].
        clean: (3, 4 h, 4 w), None without a truth.
    """

    name: str
    group: Group
    kind: str
    source: str
    half: int
    degraded: Tensor
    clean: Tensor | None = None


def inputs(paths: Sequence[Path], settings: FactorialSettings) -> Iterator[Input]:
    """Photographs, each as it is and under its half's corruptions, then the patterns."""
    chosen = spread_out(paths, settings.photos)
    for index, pair in enumerate(pairs(chosen, "bicubic", 4, 0, settings.photo_side)):
        yield Input(pair.name, "photographs", "none", pair.name, index % 2, *pair[1:])
        yield from _corrupted(pair, index, settings)
    for item in hostile(paths[0], settings.hostile_side, 0):
        yield Input(item.name, "patterns", item.name, item.name, 1, item.degraded)


def _corrupted(pair: Pair, index: int, settings: FactorialSettings) -> Iterator[Input]:
    for place, kind in enumerate(tuple(CORRUPTIONS)[index % 2 :: 2]):
        severity = settings.severities[(index // 2 + place) % len(settings.severities)]
        for each in spoilt(pair, [severity], index, [kind]):
            if each.severity:
                name = f"{pair.name} {kind} {severity}"
                truth = each.pair.clean
                yield Input(
                    name, "corrupted", kind, pair.name, index % 2, each.pair.degraded, truth
                )


def strange(folder: Path) -> Iterator[Input]:
    """Pictures of other kinds, a folder a kind: of each the part in which values vary the most."""
    for path in find_photos(folder):
        levels = torch.from_numpy(read_levels(path).copy()).permute(2, 0, 1).float().div(255.0)
        name = path.relative_to(folder).as_posix()
        yield Input(name, "other", path.parent.name, name, 1, _busiest(levels))


def _busiest(picture: Tensor) -> Tensor:
    """The part of `STRANGE_SIDE` at most, on a lattice of half of it, of the largest deviation."""
    sides = [min(side, STRANGE_SIDE) for side in picture.shape[-2:]]
    places = [
        range(0, full - cut + 1, max(cut // 2, 1))
        for full, cut in zip(picture.shape[-2:], sides, strict=True)
    ]
    parts = (
        picture[:, top : top + sides[0], left : left + sides[1]]
        for top in places[0]
        for left in places[1]
    )
    return max(parts, key=lambda part: float(part.std())).contiguous()

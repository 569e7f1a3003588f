"""Photographs for training, evaluation and statistics: found in one way, and read as `sr` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from restoreflow.errors import UsageError
from restoreflow.images.decode import read_levels
from restoreflow.images.formats import FORMATS

__all__ = ["SUFFIXES", "as_levels", "as_tensor", "find_photos", "list_photos", "read_rgb"]

SUFFIXES = frozenset(suffix for each in FORMATS.values() for suffix in each.extensions)
"""Endings of pictures' names, in lower case."""


def find_photos(folder: Path) -> list[Path]:
    """The photographs in a folder and below, by name."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def list_photos(folder: Path, limit: int | None = None) -> list[Path]:
    """The photographs in a folder and below, by name; `limit` of them, evenly spread.

    Raises:
        UsageError: it is no folder, or holds no picture.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "--data takes a folder of photographs")
    found = find_photos(folder)
    if not found:
        raise UsageError(f"{folder} holds no pictures", "--data takes a folder of photographs")
    count = min(limit or len(found), len(found))
    return [found[index * len(found) // count] for index in range(count)]


def read_rgb(path: Path) -> Image.Image:
    """A picture as RGB in 8 bits; a gray one has three equal channels.

    Raises:
        InputError: it cannot be read.
    """
    return Image.fromarray(read_levels(path))


def as_levels(picture: Image.Image) -> NDArray[np.uint8]:
    """Levels (H, W, 3), uint8."""
    return np.asarray(picture.convert("RGB"))


def as_tensor(picture: Image.Image, device: torch.device | str = "cpu") -> torch.Tensor:
    """RGB (1, 3, H, W) in [0, 1], float32."""
    levels = torch.from_numpy(as_levels(picture).copy())
    return levels.permute(2, 0, 1)[None].to(device, torch.float32) / 255.0

"""What an encoder is made of, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from restoreflow.config_reader import check_count, check_range

__all__ = ["NetworkConfig", "Strength"]

Strength = Literal["auto", "none"] | float
"""What a person says a picture suffers from: as the model judges it; none, it is clean; or from 0,
as little noise and compression as there can be, to 1, as much as the model has seen."""


@dataclass(frozen=True)
class NetworkConfig:
    """The encoder that predicts the mean image and the features.

    Attributes:
        kind: the family of encoder, one file each in this package.
        width: channels of the features on the grid.
        depth: number of residual blocks of the trunk, which gives the mean image.
        context: number of residual blocks from the trunk to the flow's features.
        mean_range: bound on how far the mean image may lie from plain interpolation, in units of
            the image range.
        told: whether the encoder judges what a whole picture suffers from, and is told; for "sr".
        gains: whether the exposure differs by place, by a map judged on the whole; for low light.

    Raises:
        ValueError: a value out of its range.
    """

    kind: Literal["residual", "low_light"] = "residual"
    width: int = 48
    depth: int = 8
    context: int = 2
    mean_range: float = 0.5
    told: bool = False
    gains: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("residual", "low_light"):
            raise ValueError(f'kind must be "residual" or "low_light", not {self.kind!r}')
        check_count("width", self.width, 1, 1024)
        check_count("depth", self.depth, 0, 256)
        check_count("context", self.context, 0, 256)
        check_range("mean_range", self.mean_range, 1e-3, 1.0)

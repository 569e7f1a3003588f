"""The kinds of things a picture may suffer from, each with a number in its own unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

__all__ = ["KINDS", "WORN", "Defect", "Kind", "KindName"]

KindName = Literal["noise", "jpeg", "blur", "enlarged", "drawing", "bars", "small"]


class Kind(NamedTuple):
    """What is to be known of a kind of defect.

    Attributes:
        unit: of its number.
        limit: from which on it is named; for "jpeg" and "small", up to which.
        words: the number in words, with what they mean.
    """

    unit: str
    limit: float
    words: Callable[[float], str]


KINDS: Mapping[KindName, Kind] = {
    "drawing": Kind(
        "share of hard edges", 0.52, lambda v: f"drawn (line art, text, screen): {v:.0%} hard edges"
    ),
    "small": Kind("pixels of its shorter side", 32, lambda v: f"only {v:.0f} pixels a side"),
    "bars": Kind("pixels", 4, lambda v: f"bars of one tone at the edges, {v:.0f} pixels"),
    "enlarged": Kind("times", 1.4, lambda v: f"enlarged about {v:.2g}x before"),
    "jpeg": Kind("JPEG quality", 80, lambda v: f"JPEG of quality {v:.0f}"),
    "noise": Kind("levels of 255", 3.0, lambda v: f"noise of {v:.1f} levels"),
    "blur": Kind("pixels", 0.8, lambda v: f"blur of {v:.1f} pixels"),
}
"""In the order in which they are named: what rules a restoration out comes first."""

WORN: tuple[KindName, ...] = ("jpeg", "noise", "blur")
"""What a model for worn photographs, or one that is told, takes away."""


@dataclass(frozen=True)
class Defect:
    """Something that a picture suffers from.

    Args:
        kind: of `KINDS`.
        value: in the kind's unit: noise, its standard deviation in levels of 255; jpeg, libjpeg's
            quality 1 .. 100; blur, a Gaussian's standard deviation in pixels; enlarged, times;
            drawing, the share of hard edges; bars, the widest one's pixels; small, the pixels of
            the shorter side.
    """

    kind: KindName
    value: float

    @property
    def words(self) -> str:
        """For people."""
        return KINDS[self.kind].words(self.value)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        unit = KINDS[self.kind].unit
        return {"kind": self.kind, "value": self.value, "unit": unit, "words": self.words}

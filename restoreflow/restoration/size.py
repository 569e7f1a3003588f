"""How large a result is to be, where it is not what the model makes of its input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from restoreflow.errors import InputError, UsageError
from restoreflow.tasks.table import USUAL

__all__ = ["LARGEST_SCALE", "Size"]

LARGEST_SCALE = max(USUAL.scales)
"""The most times as large that a side can become."""

_MOST_PIXELS = 2**31 - 1  # a side that the formats' headers have a number for


@dataclass(frozen=True, kw_only=True)
class Size:
    """The size of a result, whose sides keep the ratio of the input's.

    One of these is given, or width and height together.

    >>> Size(longest=3000).of(1200, 800)
    (3000, 2000)
    >>> Size(width=3000, height=1000).of(1200, 800)
    (1500, 1000)

    Args:
        scale: side of the result over side of the input, above 1 and at most `LARGEST_SCALE`.
        width, height: in pixels; with both, what fits into them.
        longest: the longer side in pixels.
        megapixels: millions of pixels.

    Raises:
        UsageError: none of them, several that do not go together, or a value out of its range.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    longest: int | None = None
    megapixels: float | None = None

    def __post_init__(self) -> None:
        given = self.given
        if not given:
            raise UsageError("no size is given", "give a scale, a side or megapixels")
        if len(given) > 1 and set(given) != {"width", "height"}:
            raise UsageError(
                f"{' and '.join(given)} are two sizes", "give one; width and height go together"
            )
        for name, value in given.items():
            _check(name, value)

    @classmethod
    def read(cls, value: Size | float | tuple[int, int] | Mapping[str, Any]) -> Size:
        """A size of what stands for one: a number is a scale, a pair a width and a height.

        Raises:
            UsageError: as the class.
        """
        if isinstance(value, Size):
            return value
        if isinstance(value, Mapping):
            return cls(**value)
        if isinstance(value, tuple):
            if len(value) != 2:
                raise UsageError(f"size is {value}", "give (width, height), or a Size")
            return cls(width=value[0], height=value[1])
        return cls(scale=value)

    @property
    def given(self) -> dict[str, float]:
        """What was given, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def name(self) -> str:
        """In a file's name, after what was done: "2.5x", "3000w", "3000px", "24mp"."""
        if self.width is not None and self.height is not None:
            return f"{self.width}x{self.height}"
        ending = {"scale": "x", "width": "w", "height": "h", "longest": "px", "megapixels": "mp"}
        ((name, value),) = self.given.items()
        return f"{value:.10g}{ending[name]}"

    def __str__(self) -> str:
        told = [f"{name} {value:.10g}" for name, value in self.given.items()]
        return " and ".join(told)

    def factor(self, width: int, height: int) -> float:
        """Side of the result over side of an input of width x height."""
        factors: list[float] = []
        if self.scale is not None:
            factors.append(self.scale)
        if self.width is not None:
            factors.append(self.width / width)
        if self.height is not None:
            factors.append(self.height / height)
        if self.longest is not None:
            factors.append(self.longest / max(width, height))
        if self.megapixels is not None:
            factors.append(math.sqrt(self.megapixels * 1e6 / (width * height)))
        return min(factors)

    def of(self, width: int, height: int, model: int = LARGEST_SCALE) -> tuple[int, int]:
        """Width and height of the result of an input, with a model that enlarges `model` times.

        Raises:
            InputError: the input is no smaller already, or the model does not enlarge so much.
        """
        factor = self.factor(width, height)
        if factor <= 1:
            raise InputError(
                f"it is {width} x {height}, and {self} would not enlarge it",
                "ask for more, or leave it out",
            )
        if factor > model * (1 + 1e-9):  # megapixels are a square's root
            raise InputError(
                f"{self} is {factor:.3g} times as large as {width} x {height}, "
                f"and the model enlarges {model} times",
                _larger(factor),
            )
        return round(width * factor) or 1, round(height * factor) or 1


def _check(name: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    told = f"{name} is {value:.10g}" if number else f"{name} is {value}"
    if not number or not math.isfinite(value) or value <= 0:
        raise UsageError(told, "give a number above 0")
    if name == "scale":
        if value <= 1:
            raise UsageError(
                f"{told}: pictures are enlarged here, never reduced or kept as large",
                f"ask for more than 1, up to {LARGEST_SCALE}; what is only to be cleaned: enlarge "
                "it, and reduce the result",
            )
        if value > LARGEST_SCALE:
            raise UsageError(
                f"{told}, and the most is {LARGEST_SCALE}",
                f"ask for {LARGEST_SCALE}, and have that resized without new detail if need be",
            )
    elif name != "megapixels" and (value != int(value) or value > _MOST_PIXELS):
        raise UsageError(told, f"give whole pixels, {_MOST_PIXELS} at most")


def _larger(factor: float) -> str:
    """What to do about a size that a model does not reach."""
    reaching = [name for scale, name in sorted(USUAL.models.items()) if scale >= factor]
    if not reaching:
        return f"ask for {LARGEST_SCALE} times at most"
    return f"take a model that does, as {reaching[0]}, or ask for less"

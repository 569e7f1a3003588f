"""What a restoration is asked for: one object, from the command line to the sampler.

How large its result is to be, where that is not what the model makes of its input, is a `Size`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from restoreflow.errors import InputError, OptionError, UsageError
from restoreflow.tasks.table import USUAL, takers

if TYPE_CHECKING:
    from restoreflow.models.config import ModelConfig
    from restoreflow.networks.config import Strength
    from restoreflow.tasks.task import Task

__all__ = ["LARGEST_SCALE", "Options", "Settled", "Size", "check_seed"]

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


_LEAST_TILE = 8
_KINDS: dict[str, Any] = {
    "samples": int,
    "temperature": int | float | None,
    "seed": int,
    "consistency": bool | None,
    "exposure": int | float,
}
_WHOLE = ("samples", "seed", "tile")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a restoration is asked for, checked when it is made; importable without PyTorch.

    Numbers of NumPy and PyTorch become Python's own, so that reports and manifests are JSON.

    Args:
        samples: how many, 1 or more.
        temperature: the latents' standard deviation, 0 or more; at 0 nothing is drawn and every
            sample is the clean estimate; None is the model's default.
        seed: 0 .. 2**64 - 1.
        consistency: whether samples are projected onto the pictures whose downscaling gives the
            input back; super-resolution only; None is the model's default.
        exposure: stops that the result is brighter than the model judges right, -8 .. 8; low light
            only.
        wear: what the picture suffers from: "auto" as the model judges it, "none" for a clean one,
            or 0 .. 1, how much noise and compression is to be taken away; for models that are told
            it (`network.told`).
        tile: the side in input pixels of the largest tile that there is memory for, 8 or more, or
            "auto". A picture is restored in tiles of at most `Restorer.largest_tile` pixels a side,
            chosen by its size alone, since other tiles would give other bits; where `tile` is
            below, the report notes that larger ones were needed.
        size: of the result, below the model's own: a `Size`, a number as its scale, or a pair
            (width, height) that it fits into; super-resolution only. The model's result is reduced
            to it. None is the model's own size.

    Raises:
        UsageError: a value is out of its range.
    """

    samples: int = 1
    temperature: float | None = None
    seed: int = 0
    consistency: bool | None = None
    exposure: float = 0.0
    wear: Strength = "auto"
    tile: int | Literal["auto"] = "auto"
    size: Size | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            plain = _plain(each.name, getattr(self, each.name))
            switch = each.name == "consistency"
            known = isinstance(plain, _KINDS.get(each.name, object))
            if not known or (isinstance(plain, bool) and not switch):
                kind = "True or False" if switch else "a number"
                raise OptionError(each.name, f"is {plain!r}", f"choose {kind}")
            object.__setattr__(self, each.name, plain)  # frozen, and nobody's as yet
        if self.size is not None:
            object.__setattr__(self, "size", Size.read(self.size))
        if self.samples < 1:
            raise OptionError("samples", f"is {self.samples}", "ask for 1 or more")
        chosen = self.temperature
        if chosen is not None and not (math.isfinite(chosen) and chosen >= 0):
            raise OptionError("temperature", f"is {chosen}", "choose 0 or more, mostly 0 .. 1")
        check_seed(self.seed)
        if not -8.0 <= self.exposure <= 8.0:
            raise OptionError(
                "exposure", f"is {self.exposure}", "choose -8 .. 8 stops, mostly -2 .. 2"
            )
        if self.wear not in ("auto", "none") and not _is_share(self.wear):
            raise OptionError(
                "wear",
                f"is {self.wear}",
                "choose auto, none, or a strength from 0 (gentle) to 1 (strong)",
            )
        tile = self.tile
        if tile != "auto" and (isinstance(tile, str) or tile < _LEAST_TILE):
            raise OptionError("tile", f"is {tile}", f"choose auto, or {_LEAST_TILE} pixels or more")

    @classmethod
    def of(cls, options: Options | None, keywords: Mapping[str, Any]) -> Options:
        """What a call asks for, whose fields are given by name, in an `Options`, or both.

        Raises:
            UsageError: `options` is something else, as a number of samples that is not named.
        """
        if options is None:
            return cls(**keywords)
        if not isinstance(options, Options):
            raise UsageError(
                f"options are an Options, not {options!r}",
                "name what it is: samples=8, for example",
            )
        return replace(options, **keywords)

    def settled(self, task: Task, config: ModelConfig) -> Settled:
        """The same with a model's defaults filled in.

        Raises:
            UsageError: something is asked for that the task does not take, or the model.
        """
        for name in ("consistency", "exposure", "size"):
            if getattr(self, name) and not task.takes(name):
                raise OptionError(
                    name, f"is for {takers(name)}, not for {task.name}", "leave it out"
                )
        if self.size is not None and (self.size.scale or 0) > config.scale:
            raise OptionError(
                "scale",
                f"is {self.size.scale:g}, and {config.name} enlarges {config.scale} times",
                "ask for less, or take a model of a larger scale",
            )
        if self.wear != "auto" and not config.network.told:
            raise UsageError(
                f"{config.name} is not told what a picture suffers from",
                "leave wear out, or take another model",
            )
        temperature, consistency = self.temperature, self.consistency
        if temperature is None:
            temperature = config.defaults.temperature
        if consistency is None:
            consistency = config.defaults.consistency and task.operator is not None
        filled = {"temperature": float(temperature), "consistency": consistency}
        asked = {each.name: getattr(self, each.name) for each in fields(self)}
        return Settled(**(asked | filled))

    def result_size(self, width: int, height: int, model: int) -> tuple[int, int]:
        """Width and height of the result of an input, with a model that enlarges `model` times.

        Raises:
            InputError: as `Size.of`.
        """
        if self.size is None:
            return width * model, height * model
        return self.size.of(width, height, model)


@dataclass(frozen=True, kw_only=True)
class Settled(Options):
    """Options for one model, nothing of which is left to its defaults."""

    # Fields of their own, without the defaults that they would inherit.
    temperature: float = field()
    consistency: bool = field()

    def __post_init__(self) -> None:
        """What was asked for was checked as `Options`, and a model's defaults with its folder."""


def check_seed(seed: int) -> int:
    """The seed itself, an integer from 0 to 2**64 - 1.

    Raises:
        UsageError: the seed is outside this range.
    """
    if not 0 <= seed < 2**64:
        raise OptionError("seed", f"is {seed}", "choose a whole number from 0, below 2^64")
    return seed


def _plain(name: str, value: Any) -> Any:
    """The same, a number as Python's own."""
    value = value.item() if hasattr(value, "item") else value
    if name not in _WHOLE or not isinstance(value, float):
        return value
    if not value.is_integer():
        raise OptionError(name, f"is {value}", "choose a whole number")
    return int(value)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0.0 <= value <= 1.0

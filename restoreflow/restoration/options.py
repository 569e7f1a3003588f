"""What a restoration is asked for: one object, from the command line to the sampler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from restoreflow.errors import OptionError, UsageError
from restoreflow.restoration.size import Size
from restoreflow.tasks.table import takers

if TYPE_CHECKING:
    from restoreflow.models.config import ModelConfig
    from restoreflow.networks.config import Strength
    from restoreflow.tasks.task import Task

__all__ = ["Options", "Settled", "check_seed"]

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

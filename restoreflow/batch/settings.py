"""How pictures are to be restored, the same for every input of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from restoreflow.errors import UsageError

__all__ = ["RestorationSettings"]


@dataclass(frozen=True)
class RestorationSettings:
    """What a run asks of the restorer and of the files it writes.

    Args:
        model: a bundled name, a folder, or a Hub id.
        samples: results a picture, 1 or more.
        temperature: 0 or more; None: the model's default.
        seed: 0 .. 2**64 - 1.
        consistency: whether results are projected onto the input; None: the model's default.
        device: "auto", "cpu", "cuda", "cuda:i" or "mps".
        precision: "auto", "float32", "bfloat16" or "float16".
        tile: side in input pixels, or "auto".
        threads: processor threads; None: PyTorch's choice.
        compile: whether the model is compiled.
        uncertainty: whether a heat map is written too.
        grid: whether a contact sheet is written too.
        overwrite: whether results that exist are replaced.

    Raises:
        UsageError: a value is out of its range, or two exclude each other.
    """

    model: str
    samples: int = 1
    temperature: float | None = None
    seed: int = 0
    consistency: bool | None = None
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    tile: int | Literal["auto"] = "auto"
    threads: int | None = None
    compile: bool = False
    uncertainty: bool = False
    grid: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        chosen = self.temperature
        if chosen is not None and not (math.isfinite(chosen) and chosen >= 0):
            raise UsageError(f"--temperature is {chosen}", "choose 0 or more, mostly 0 .. 1")
        if self.samples < 1:
            raise UsageError(f"--samples is {self.samples}", "ask for 1 or more")
        if not 0 <= self.seed < 2**64:
            raise UsageError(f"--seed is {self.seed}", "choose a whole number below 2^64")
        if self.uncertainty and self.samples < 2:
            raise UsageError(
                "--uncertainty compares samples, and there is only one",
                "ask for more, for instance --samples 8",
            )

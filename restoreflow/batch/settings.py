"""How pictures are to be restored and written, the same for every input of a run."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from restoreflow.errors import UsageError
from restoreflow.images.formats import FORMATS
from restoreflow.networks.config import Strength

__all__ = ["DEFAULT_QUALITY", "Arrays", "OodAction", "OutputFormat", "RestorationSettings"]

OutputFormat = Literal["same", "png", "jpeg", "webp", "avif", "tiff"]
"""What results are written as; "same": as the input, and png where that is not written."""

Arrays = Literal["npz", "safetensors"]
"""Formats of files of numbers."""

OodAction = Literal["off", "warn", "skip", "fail"]
"""Of inputs unlike what the model has learnt from. off: none is judged; warn: restored and told;
skip: left out; fail: left out, and the run ends with the code for flagged inputs."""

DEFAULT_QUALITY = 95

_WITHOUT_QUALITY = ("png", "tiff")
_NO_MATTER = {
    *("ood", "model", "device", "tile", "threads", "compile", "overwrite", "name", "max_pixels")
}
"""Settings that do not decide what results hold, or stand in a manifest elsewhere."""


@dataclass(frozen=True)
class RestorationSettings:
    """What a run asks of the restorer and of the files it writes.

    Args:
        model: a bundled name, a folder, or a Hub id.
        samples: results a picture, 1 or more.
        temperature: 0 or more; None: the model's default.
        seed: 0 .. 2**64 - 1.
        consistency: whether results are projected onto the input; None: the model's default.
        exposure: stops, -8 .. 8, relative to what the model judges; low light only.
        wear: what inputs suffer from: "auto", "none" or 0 .. 1; super-resolution only.
        device: "auto", "cpu", "cuda", "cuda:i" or "mps".
        precision: "auto", "float32", "bfloat16" or "float16".
        tile: side in input pixels, or "auto".
        threads: processor threads; None: PyTorch's choice.
        compile: whether the model is compiled.
        uncertainty: whether a heat map is written too.
        grid: whether a contact sheet is written too.
        overwrite: whether results that exist are replaced.
        output_format: of the results.
        quality: 1 .. 100, for jpeg, webp and avif; None: `DEFAULT_QUALITY`.
        bit_depth: 8 or 16; None: the input's.
        name: template of the results' names, as `naming.Template` takes it; None: the usual.
        arrays: whether samples, mean and uncertainty are written as numbers too, and how.
        strip_metadata: whether results are written without EXIF, XMP, profile and resolution.
        max_pixels: the most pixels an input may have; None: no limit.
        ood: what happens to inputs that are flagged.
        ood_temperature: whether the temperature is lower at places with high scores.

    Raises:
        UsageError: a value is out of its range, or two exclude each other.
    """

    model: str
    samples: int = 1
    temperature: float | None = None
    seed: int = 0
    consistency: bool | None = None
    exposure: float = 0.0
    wear: Strength = "auto"
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    tile: int | Literal["auto"] = "auto"
    threads: int | None = None
    compile: bool = False
    uncertainty: bool = False
    grid: bool = False
    overwrite: bool = False
    output_format: OutputFormat = "same"
    quality: int | None = None
    bit_depth: int | None = None
    name: str | None = None
    arrays: Arrays | None = None
    strip_metadata: bool = False
    max_pixels: int | None = 300_000_000
    ood: OodAction = "warn"
    ood_temperature: bool = False

    def __post_init__(self) -> None:
        chosen = self.temperature
        if chosen is not None and not (math.isfinite(chosen) and chosen >= 0):
            raise UsageError(f"--temperature is {chosen}", "choose 0 or more, mostly 0 .. 1")
        if not -8.0 <= self.exposure <= 8.0:
            raise UsageError(
                f"--exposure is {self.exposure}", "choose -8 .. 8 stops, mostly -2 .. 2"
            )
        if self.wear not in ("auto", "none") and not _is_share(self.wear):
            raise UsageError(
                f"--wear is {self.wear}",
                "choose auto, none, or a strength from 0 (gentle) to 1 (strong)",
            )
        if self.samples < 1:
            raise UsageError(f"--samples is {self.samples}", "ask for 1 or more")
        if not 0 <= self.seed < 2**64:
            raise UsageError(f"--seed is {self.seed}", "choose a whole number below 2^64")
        if self.uncertainty and self.samples < 2:
            raise UsageError(
                "--uncertainty compares samples, and there is only one",
                "ask for more, for instance --samples 8",
            )
        self._check_ood_temperature()
        self._check_output()

    def _check_ood_temperature(self) -> None:
        if not self.ood_temperature:
            return
        if self.ood == "off":
            raise UsageError("--ood-temperature goes by the score", "leave out --ood off")
        if self.compile:
            raise UsageError(
                "--ood-temperature cannot listen to a compiled model", "leave out --compile"
            )

    def _check_output(self) -> None:
        fmt = FORMATS.get(self.output_format)
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"--quality is {self.quality}", "choose 1 .. 100")
        if self.quality is not None and self.output_format in _WITHOUT_QUALITY:
            raise UsageError(f"{self.output_format} has no --quality", "leave it out")
        if self.bit_depth not in (None, 8, 16):
            raise UsageError(f"--bit-depth is {self.bit_depth}", "choose 8 or 16")
        if self.bit_depth == 16 and fmt is not None and not fmt.sixteen_bit:
            raise UsageError(
                f"{fmt.title} is not written with 16 bits", "use --output-format png or tiff"
            )
        if self.max_pixels is not None and self.max_pixels < 1:
            raise UsageError(f"--max-pixels is {self.max_pixels}", "choose 1 or more")

    def deciding(self) -> dict[str, Any]:
        """The settings that decide what a result holds, for a manifest."""
        return {key: value for key, value in asdict(self).items() if key not in _NO_MATTER}


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0.0 <= value <= 1.0

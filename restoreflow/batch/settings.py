"""How pictures are to be restored and written, the same for every input of a run."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from restoreflow.errors import OptionError, UsageError
from restoreflow.images.formats import FORMATS
from restoreflow.restoration.options import Options
from restoreflow.tasks.table import TASKS

if TYPE_CHECKING:
    from restoreflow.models.config import ModelConfig

__all__ = ["DEFAULT_QUALITY", "Arrays", "Dpi", "OodAction", "OutputFormat", "RestorationSettings"]

OutputFormat = Literal["same", "png", "jpeg", "webp", "avif", "tiff"]
"""What results are written as; "same": as the input, and png where that is not written."""

Arrays = Literal["npz", "safetensors"]
"""Formats of files of numbers."""

OodAction = Literal["off", "warn", "skip", "fail"]
"""Of inputs unlike what the model has learnt from. off: none is judged; warn: restored and told;
skip: left out; fail: left out, and the run ends with the code for flagged inputs."""

Dpi = Literal["keep", "scale"] | float
"""Pixels an inch, as printers are told. keep: those of the input, so that the paper grows with the
picture, as other programs have it; scale: they grow with the sides, so that the paper stays; or a
number."""

DEFAULT_QUALITY = 95

_MOST_DPI = 100_000

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
        options: of every restoration.
        device: "auto", "cpu", "cuda", "cuda:i" or "mps".
        precision: "auto", "float32", "bfloat16" or "float16".
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
        dpi: what becomes of the resolution, pixels an inch, see `Dpi`.
        max_pixels: the most pixels an input may have; None: no limit.
        ood: what happens to inputs that are flagged.
        ood_temperature: whether the temperature is lower at places with high scores.

    Raises:
        UsageError: a value is out of its range, or two exclude each other.
    """

    model: str
    options: Options = field(default_factory=Options)
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
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
    dpi: Dpi = "keep"
    max_pixels: int | None = 300_000_000
    ood: OodAction = "warn"
    ood_temperature: bool = False

    def __post_init__(self) -> None:
        if self.uncertainty and self.options.samples < 2:
            raise UsageError(
                "--uncertainty compares samples, and there is only one",
                "ask for more, for instance --samples 8",
            )
        self._check_dpi()
        self._check_ood_temperature()
        self._check_output()

    def _check_dpi(self) -> None:
        dpi = self.dpi
        if isinstance(dpi, str):
            known = dpi in ("keep", "scale")
        else:
            known = math.isfinite(dpi) and 1 <= dpi <= _MOST_DPI
        if not known:
            raise OptionError("dpi", f"is {dpi}", "give keep, scale, or pixels an inch, as 300")

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

    def for_model(self, config: ModelConfig) -> Self:
        """The settings for a model; a size that is its own is none.

        Raises:
            UsageError: something is asked for that the model does not take.
        """
        self.options.settled(TASKS[config.task], config)
        size = self.options.size
        if size is None or size.scale != config.scale:
            return self
        return replace(self, options=replace(self.options, size=None))

    def deciding(self) -> dict[str, Any]:
        """The settings that decide what a result holds, for a manifest."""
        settings = asdict(self)
        flat = settings.pop("options") | settings  # as the first manifests have them
        del flat["size"]  # which they do not know, nor dpi
        if self.dpi == "keep":
            del flat["dpi"]
        if self.options.size is not None:
            flat["size"] = self.options.size.given
        return {key: value for key, value in flat.items() if key not in _NO_MATTER}

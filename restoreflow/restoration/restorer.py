"""A model that restores pictures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from restoreflow.errors import InputError, LimitError, UsageError
from restoreflow.networks.restoration_network import Encoding, RestorationNetwork
from restoreflow.restoration.consistency import PASSES, Correction, correction, lr_psnr
from restoreflow.restoration.latents import check_seed
from restoreflow.restoration.memory import check_host, is_out_of_memory, window_cells
from restoreflow.restoration.pixels import Picture, as_pixels
from restoreflow.restoration.restoration import Restoration, finished
from restoreflow.restoration.sampling import Health, Stages, Task, sample_tiles
from restoreflow.restoration.tiles import MIN_SIDE, Geometry, Tile, plan, plan_within

if TYPE_CHECKING:
    from restoreflow.models.config import ModelConfig

__all__ = ["Precision", "Progress", "Restorer", "precision_of"]

Precision = Literal["auto", "float32", "bfloat16", "float16"]
"""What the networks compute in. "auto" is float32: less is asked for, never guessed."""

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is in all, in a unit of its own."""

_REDUCED = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def precision_of(name: str) -> torch.dtype | None:
    """The dtype a name stands for; None for float32.

    Raises:
        UsageError: the name is no `Precision`.
    """
    if name not in ("auto", "float32", *_REDUCED):
        raise UsageError(f'"{name}" is no precision', "one of auto, float32, bfloat16, float16")
    return _REDUCED.get(name)


@dataclass(frozen=True)
class _Settings:
    """What a call to `restore` asks for, with the model's defaults filled in."""

    samples: int
    temperature: float
    seed: int
    consistency: bool
    tile: int | None


class Restorer:
    """A network ready to restore pictures of any size.

    Args:
        network: with weights, on the CPU or already on the device; put into evaluation mode.
        config: the model's, for its name and defaults.
        device: where it works.
        precision: what encoder and couplings compute in.
        compile: whether torch.compile speeds the network up, at the price of the first pictures.
    """

    def __init__(
        self,
        network: RestorationNetwork,
        config: ModelConfig,
        device: torch.device | str = "cpu",
        precision: str = "auto",
        compile: bool = False,
    ) -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).eval()
        self.config = config
        dtype = precision_of(precision)
        self.network.set_precision(dtype)
        self.precision = "float32" if dtype is None else precision
        self.geometry = Geometry.of(network)
        self._stages = Stages.of(self.network, compile)

    def restore(
        self,
        image: Picture,
        samples: int = 1,
        temperature: float | None = None,
        seed: int = 0,
        consistency: bool | None = None,
        tile: int | Literal["auto"] = "auto",
        progress: Progress | None = None,
    ) -> Restoration:
        """Restore a picture.

        The same seed gives the same samples, byte for byte, whatever the number of samples: sample
        k of 8 is sample k of any other number. Between tiles values agree within 1e-5 before
        rounding, so that seldom a byte differs, by one.

        Args:
            image: PIL image, array (h, w, 3) of uint8, uint16 or floats in [0, 1], or tensor
                (3, h, w) of floats in [0, 1]; sRGB.
            samples: how many, 1 or more.
            temperature: the latents' standard deviation, 0 or more; 0 is the flow's central
                picture; None is the model's default.
            seed: 0 .. 2**64 - 1.
            consistency: whether samples are projected onto the pictures whose downscaling gives
                the input back; super-resolution only; None is the model's default.
            tile: largest side in input pixels of what is restored at once, 8 or more; "auto" goes
                by the memory.
            progress: called after each tile.

        Raises:
            UsageError: a setting is out of its range.
            InputError: the picture is not as above, or the network gives values that are not
                finite.
            LimitError: not enough memory.
        """
        started = time.perf_counter()
        settings = self._settings(samples, temperature, seed, consistency, tile)
        degraded = as_pixels(image)
        task = self._task(degraded, settings)
        health = sample_tiles(self.network, self._stages, self.device, task, progress)
        corrections = self._corrections(task, degraded) if settings.consistency else None
        images, uncertainty = finished(task.raw, corrections, self.network.scale)
        report = self._report(settings, health, images, degraded, corrections)
        report["seconds"] = time.perf_counter() - started
        values = None if corrections is None else tuple(c.values for c in corrections)
        return Restoration(
            images, task.mean, uncertainty, task.raw, report, values, self.network.scale
        )

    @torch.inference_mode()
    def encode(self, image: Picture) -> Encoding:
        """The clean estimate and the features of a picture, on the CPU; the picture in one piece.

        Returns:
            mean (1, 3, scale * h, scale * w) in [0, 1]; features (1, F, rows, columns) on the grid,
            a cell for each 4 x 4 output pixels begun.
        """
        degraded = as_pixels(image)
        padded = self.geometry.padded(degraded)[None].to(self.device)
        shared = self._shared(degraded)
        mean, features = self._stages.encode(padded, *(() if shared is None else (shared,)))
        height, width = (side * self.network.scale for side in degraded.shape[-2:])
        rows, columns = (-(-side // self.network.cell) for side in (height, width))
        mean, features = mean[..., :height, :width], features[..., :rows, :columns]
        return Encoding(mean.float().cpu(), features.float().cpu())

    @torch.inference_mode()
    def log_prob(self, degraded: Picture, clean: Picture) -> float:
        """Log density of a clean picture given a degraded one, in nats, in one piece.

        Raises:
            InputError: the clean picture is not `scale` times the degraded one's size, or the
                degraded one's sides are not whole units of the grid.
        """
        low, high = as_pixels(degraded), as_pixels(clean)
        scale, side = self.network.scale, self.geometry.pixels
        height, width = low.shape[-2:]
        if high.shape[-2:] != (height * scale, width * scale):
            raise InputError(
                f"the clean picture is {high.shape[-1]} x {high.shape[-2]}, "
                f"not {width * scale} x {height * scale}"
            )
        least = MIN_SIDE * side
        if height % side or width % side or min(height, width) < least:
            raise InputError(
                f"a density needs sides of at least {least} pixels that are multiples of {side}, "
                f"not {width} x {height}",
                "crop both pictures",
            )
        density = self.network.log_prob(low[None].to(self.device), high[None].to(self.device))
        return float(density[0])

    def _settings(
        self,
        samples: int,
        temperature: float | None,
        seed: int,
        consistency: bool | None,
        tile: int | str,
    ) -> _Settings:
        if samples < 1:
            raise UsageError(f"samples is {samples}", "ask for 1 or more")
        defaults = self.config.defaults
        chosen = defaults.temperature if temperature is None else float(temperature)
        if not (math.isfinite(chosen) and chosen >= 0):
            raise UsageError(f"the temperature is {temperature}", "choose 0 or more, mostly 0 .. 1")
        if consistency and self.network.task != "sr":
            raise UsageError(
                f"consistency is defined for super-resolution, not for {self.network.task}",
                "leave it out",
            )
        known = self.network.task == "sr"
        projected = defaults.consistency and known if consistency is None else consistency
        if tile != "auto" and (isinstance(tile, str) or tile < MIN_SIDE):
            raise UsageError(f"tile is {tile}", f'choose "auto" or {MIN_SIDE} pixels or more')
        side = None if isinstance(tile, str) else int(tile)
        return _Settings(samples, chosen, check_seed(seed), projected, side)

    def _task(self, degraded: Tensor, settings: _Settings) -> Task:
        """The picture padded, its tiles, and room for the results."""
        height, width = (side * self.network.scale for side in degraded.shape[-2:])
        check_host(height * width, settings.samples)
        try:
            raw = np.empty((settings.samples, 3, height, width), dtype=np.float32)
            mean = Image.new("RGB", (width, height))
        except MemoryError as error:
            raise LimitError(
                f"no memory for {settings.samples} sample(s) of {width} x {height}",
                "ask for fewer samples, or restore the picture in parts",
            ) from error
        padded = self.geometry.padded(degraded)
        size = (padded.shape[-2] // self.geometry.pixels, padded.shape[-1] // self.geometry.pixels)
        tiles = self._plan(size, settings.tile)
        return Task(
            padded,
            self._shared(degraded),
            self.geometry,
            tiles,
            self.network.latent_channels,
            settings.seed,
            settings.samples,
            settings.temperature,
            raw,
            mean,
        )

    @torch.inference_mode()
    def _shared(self, degraded: Tensor) -> Tensor | None:
        """What the network judges once for the whole picture, if it does."""
        judge = getattr(self.network, "global_context", None)
        return None if judge is None else judge(degraded[None].to(self.device))

    def _plan(self, size: tuple[int, int], tile: int | None) -> list[Tile]:
        reach = self.geometry.reach(self.network)
        if tile is None:
            cells = window_cells(self.device)
            return plan_within(size, reach, cells // self.geometry.cells**2)
        side = max(1, tile // self.geometry.pixels)
        return plan(size, reach, (side, side))

    def _corrections(self, task: Task, degraded: Tensor) -> list[Correction]:
        scale, place = self.network.scale, self.device
        samples = [torch.from_numpy(raw) for raw in task.raw]
        try:
            return [correction(x, degraded, scale, PASSES, place).on_cpu() for x in samples]
        except (MemoryError, RuntimeError) as error:
            if place.type == "cpu" or not is_out_of_memory(error):
                raise
        return [correction(x, degraded, scale, PASSES) for x in samples]

    def _report(
        self,
        settings: _Settings,
        health: Health,
        images: list[Image.Image],
        degraded: Tensor,
        corrections: list[Correction] | None,
    ) -> dict[str, Any]:
        known = self.network.task == "sr"
        before = None if corrections is None else min(c.lr_psnr_before for c in corrections)
        side = self.geometry.pixels
        return {
            "seed": settings.seed,
            "temperature": settings.temperature,
            "samples": settings.samples,
            "consistency": settings.consistency,
            "lr_psnr": min(lr_psnr(image, degraded) for image in images) if known else None,
            "lr_psnr_before": before,
            "error_pixels": health.error_pixels,
            "nonfinite": health.nonfinite,
            "largest_detail": health.largest_detail,
            "device": str(self.device),
            "precision": self.precision,
            "tile": health.side * side,
            "notes": _notes(health, side),
        }


def _notes(health: Health, side: int) -> list[str]:
    """What happened on the way that a reader should know, one sentence each."""
    notes = [
        f"memory ran out with tiles of {units * side} pixels: went on with smaller ones"
        for units in health.halvings
    ]
    if health.repeated:
        notes.append(f"{health.repeated} tile(s) failed in reduced precision: done in float32")
    if health.constant:
        notes.append(f"{health.constant} tile(s) came out in one colour; their input is not")
    return notes

"""A model that restores pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from restoreflow.errors import InputError, LimitError, UsageError
from restoreflow.networks.config import Strength
from restoreflow.networks.low_light import with_exposure
from restoreflow.networks.restoration_network import Encoding, RestorationNetwork
from restoreflow.networks.wear import describe_wear, overruled
from restoreflow.restoration.bands import Bands
from restoreflow.restoration.engine import Engine, Stages
from restoreflow.restoration.memory import WINDOW_CELLS, check_host, check_window
from restoreflow.restoration.pixels import Picture, as_pixels
from restoreflow.restoration.precision import precision_of
from restoreflow.restoration.request import Request
from restoreflow.restoration.restoration import Restoration
from restoreflow.restoration.rows import Rows
from restoreflow.restoration.sampling import Task, Watching
from restoreflow.restoration.tiles import MIN_SIDE, Geometry, Tile, plan_within

if TYPE_CHECKING:
    from restoreflow.models.config import ModelConfig

__all__ = ["Progress", "Restorer"]

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is in all, in a unit of its own."""


class Restorer:
    """A network ready to restore pictures of any size.

    Args:
        network: with weights, on the CPU or already on the device; put into evaluation mode.
        config: the model's, for its name and defaults.
        device: where it works.
        precision: what encoder and couplings compute in, a `precision.Precision`.
        compile: whether torch.compile speeds the network up, at the price of the first pictures.
    """

    def __init__(
        self,
        network: RestorationNetwork,
        config: ModelConfig,
        device: torch.device | str = "cpu",
        precision: str = "float32",
        compile: bool = False,
    ) -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).eval()
        self.config = config
        dtype = precision_of(precision, self.device)
        self.network.set_precision(dtype)
        self.precision = str(dtype or torch.float32).removeprefix("torch.")
        self.geometry = Geometry.of(network)
        self.compiled = compile
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
        exposure: float = 0.0,
        watch: Watching | None = None,
        wear: Strength = "auto",
    ) -> Restoration:
        """Restore a picture.

        On one device, with one number of threads and in one precision, the same seed gives the same
        samples, byte for byte, whatever `samples` and `tile`: sample k of 8 is sample k of any
        other number. With another number of threads or on another device the values are added up
        in another order: a byte in 50,000 at most differs, by one.

        Args:
            image: PIL image, array (h, w, 3) of uint8, uint16 or floats in [0, 1], or tensor
                (3, h, w) of floats in [0, 1]; sRGB.
            samples: how many, 1 or more.
            temperature: the latents' standard deviation, 0 or more; at 0 nothing is drawn and
                every sample is the clean estimate; None is the model's default.
            seed: 0 .. 2**64 - 1.
            consistency: whether samples are projected onto the pictures whose downscaling gives
                the input back; super-resolution only; None is the model's default.
            tile: the side in input pixels of the largest tile that there is memory for, 8 or more,
                or "auto". A picture is restored in tiles of at most `largest_tile` pixels a side,
                chosen by its size alone, since other tiles would give other bits; where `tile` is
                below, the report notes that larger ones were needed.
            progress: called after each tile.
            exposure: stops that the result is brighter than the model judges right, -8 .. 8; low
                light only.
            wear: what the picture suffers from: "auto" as the model judges it, "none" for a clean
                one, or 0 .. 1, how much noise and compression is to be taken away; for models that
                are told it (`network.told`).
            watch: gives, for each tile, a context that the encoder looks at it in: an
                `ood.watch.Watch`, or anything else that listens to the network.

        Raises:
            UsageError: a setting is out of its range.
            InputError: the picture is not as above, or the network gives values that are not
                finite.
            LimitError: not enough memory.
        """
        request = self._request(samples, temperature, seed, consistency, tile, exposure, wear)
        return Restoration.of(self._bands(image, request, progress, watch, whole=True))

    def restore_bands(
        self,
        image: Picture,
        samples: int = 1,
        temperature: float | None = None,
        seed: int = 0,
        consistency: bool | None = None,
        tile: int | Literal["auto"] = "auto",
        progress: Progress | None = None,
        exposure: float = 0.0,
        watch: Watching | None = None,
        wear: Strength = "auto",
    ) -> Bands:
        """Restore a picture that is too large to be held as a whole in floating point.

        The rows are those of `restore`, bit for bit; it takes the same arguments.

        Returns:
            Bands: iterate over them for the rows, from the top; then their `report` is complete.

        Raises:
            UsageError: a setting is out of its range.
            InputError: the picture is not as `restore` takes it; while iterating, values that are
                not finite.
            LimitError: not enough memory, also while iterating.
        """
        request = self._request(samples, temperature, seed, consistency, tile, exposure, wear)
        return self._bands(image, request, progress, watch, whole=False)

    @property
    def tells_wear(self) -> bool:
        """Whether the model is told what a picture suffers from."""
        return self.config.network.told

    @property
    def largest_tile(self) -> int:
        """Side in input pixels of a square as large as what is restored at once."""
        return (math.isqrt(self._window) - self._context) * self.geometry.pixels

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
        mean, features, reach = self._stages.encode(padded, *(() if shared is None else (shared,)))
        height, width = (side * self.network.scale for side in degraded.shape[-2:])
        rows, columns = (-(-side // self.network.cell) for side in (height, width))
        mean, features = mean[..., :height, :width], features[..., :rows, :columns]
        if reach is not None:
            reach = reach[..., :height, :width].float().cpu()
        return Encoding(mean.float().cpu(), features.float().cpu(), reach)

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

    def _request(
        self,
        samples: int,
        temperature: float | None,
        seed: int,
        consistency: bool | None,
        tile: int | str,
        exposure: float,
        wear: Strength,
    ) -> Request:
        task, defaults = self.network.task, self.config.defaults
        if wear != "auto" and not self.tells_wear:
            raise UsageError(
                f"{self.config.name} is not told what a picture suffers from",
                "leave wear out, or take another model",
            )
        asked = samples, temperature, seed, consistency, tile, exposure, wear
        return Request.checked(task, defaults, *asked)

    def _bands(
        self,
        image: Picture,
        request: Request,
        progress: Progress | None,
        watch: Watching | None,
        whole: bool,
    ) -> Bands:
        degraded = as_pixels(image)
        facts: dict[str, Any] = {"precision": self.precision, "notes": []}
        task = replace(self._task(degraded, request, whole, facts["notes"]), watch=watch)
        engine = Engine(self.network, self._stages, self.device)
        if self.tells_wear and task.shared is not None:
            facts["wear"] = describe_wear(task.shared[0])
        return Bands(engine, task, degraded, request, facts, progress)

    def _task(self, degraded: Tensor, request: Request, whole: bool, notes: list[str]) -> Task:
        """The picture padded, its tiles, and room for the results."""
        height, width = (side * self.network.scale for side in degraded.shape[-2:])
        check_host(height * width, request.samples, whole)
        padded = self.geometry.padded(degraded)
        size = (padded.shape[-2] // self.geometry.pixels, padded.shape[-1] // self.geometry.pixels)
        tiles = self._plan(size, request.tile, notes)
        try:
            raw = Rows((request.samples, 3, height, width), np.float32, whole)
            mean = Rows((3, height, width), np.uint8)
        except MemoryError as error:
            raise LimitError(
                f"no memory for {request.samples} sample(s) of {width} x {height}",
                "ask for fewer samples, or restore the picture in parts",
            ) from error
        return Task(
            padded,
            self._shared(degraded, request.exposure, request.wear),
            self.geometry,
            tiles,
            self.network.latent_channels,
            request.seed,
            request.samples,
            request.temperature,
            raw,
            mean,
        )

    @torch.inference_mode()
    def _shared(
        self, degraded: Tensor, exposure: float = 0.0, wear: Strength = "auto"
    ) -> Tensor | None:
        """What the network judges once for the whole picture, or is told, if it is."""
        context = self.network.global_context(degraded[None].to(self.device))
        if context is not None and self.tells_wear:
            return overruled(context, wear)
        return with_exposure(context, exposure) if context is not None and exposure else context

    @property
    def _window(self) -> int:
        """Units of the largest window."""
        return WINDOW_CELLS // self.geometry.cells**2

    @property
    def _context(self) -> int:
        """Units that a tile sees beyond its own, both sides together."""
        reach = self.geometry.reach(self.network)
        return 2 * reach.halo + reach.step - 1

    def _plan(self, size: tuple[int, int], tile: int | None, notes: list[str]) -> list[Tile]:
        """Tiles that the picture's size alone decides."""
        tiles = plan_within(size, self.geometry.reach(self.network), self._window)
        side = max(max(core.rows, core.columns) for core, _ in tiles) * self.geometry.pixels
        if tile is not None and tile < side:
            notes.append(f"tiles of {side} pixels instead of {tile}: smaller ones give other bits")
        area = max(window.area for _, window in tiles)
        check_window(area * self.geometry.cells**2, self.device)
        return tiles

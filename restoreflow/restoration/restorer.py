"""A model that restores pictures, and how it is loaded by its name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from restoreflow.errors import InputError, LimitError, UsageError
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import ModelFolder, load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.networks.restoration_network import Encoding, RestorationNetwork
from restoreflow.networks.wear import describe_wear, overruled
from restoreflow.restoration.bands import Bands
from restoreflow.restoration.engine import Engine, Stages, choose_device, precision_of
from restoreflow.restoration.memory import WINDOW_CELLS, check_host, check_window
from restoreflow.restoration.options import Options, Settled
from restoreflow.restoration.pixels import Picture, as_pixels
from restoreflow.restoration.restoration import Restoration
from restoreflow.restoration.sampling import TileWork, Watching
from restoreflow.restoration.tiles import MIN_SIDE, Geometry, Rows, Tile, plan_within
from restoreflow.tasks.table import TASKS

if TYPE_CHECKING:
    from typing import Self

__all__ = ["MOST_THREADS", "Opened", "Progress", "Restorer", "load_model", "open_model"]

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is in all, in a unit of its own."""


class Restorer:
    """A network ready to restore pictures of any size.

    Args:
        network: with weights, on the CPU or already on the device; put into evaluation mode.
        config: the model's, for its name and defaults.
        device: where it works.
        precision: what encoder and couplings compute in, as `precision_of` has it.
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
        self.network = network.eval()
        self.config = config
        self._asked = precision
        self._settle(torch.device(device))
        self.geometry = Geometry.of(network)
        self.compiled = compile
        self._stages = Stages.of(self.network, compile)

    def restore(
        self,
        image: Picture,
        options: Options | None = None,
        *,
        progress: Progress | None = None,
        watch: Watching | None = None,
        **keywords: Any,
    ) -> Restoration:
        """Restore a picture.

        On one device, with one number of threads and in one precision, the same seed gives the same
        samples, byte for byte, whatever `samples` and `tile`: sample k of 8 is sample k of any
        other number. With another number of threads or on another device the values are added up
        in another order: a byte in 50,000 at most differs, by one.

        >>> import torch, restoreflow
        >>> restorer = restoreflow.Restorer.from_pretrained("sr-x4", device="cpu")
        >>> result = restorer.restore(torch.rand(3, 16, 24), samples=2)
        >>> result.images[1].size, result.uncertainty.shape, result.report["consistency"]
        ((96, 64), (64, 96), True)

        Args:
            image: one picture in sRGB: a path, a PIL image, an array (h, w, 3) or (h, w) of uint8,
                uint16 or floats in [0, 1], or a tensor (3, h, w), (1, h, w) or (h, w) of uint8 or
                floats in [0, 1].
            options: what is asked for; None: what an `Options` says by itself.
            progress: called after each tile.
            watch: gives, for each tile, a context that the encoder looks at it in: an
                `ood.watch.Watch`, or anything else that listens to the network.
            keywords: fields of `Options`, instead of those or beside them: samples, temperature,
                seed, consistency, exposure, wear, tile, size.

        Raises:
            UsageError: an option is out of its range, or not for this model.
            InputError: the picture is not as above, or no smaller than the size asked for, or the
                network gives values that are not finite.
            LimitError: not enough memory.
        """
        asked = Options.of(options, keywords)
        return Restoration.of(self._bands(image, asked, progress, watch, whole=True))

    def restore_bands(
        self,
        image: Picture,
        options: Options | None = None,
        *,
        progress: Progress | None = None,
        watch: Watching | None = None,
        **keywords: Any,
    ) -> Bands:
        """Restore a picture that is too large to be held as a whole in floating point.

        The rows are those of `restore`, bit for bit; it takes the same arguments.

        Returns:
            Bands: iterate over them for the rows, from the top; then their `report` is complete.

        Raises:
            UsageError: an option is out of its range, or not for this model.
            InputError: the picture is not as `restore` takes it; while iterating, values that are
                not finite.
            LimitError: not enough memory, also while iterating.
        """
        asked = Options.of(options, keywords)
        return self._bands(image, asked, progress, watch, whole=False)

    def _settle(self, device: torch.device) -> None:
        """Work on a device from now on, in the precision that was asked for."""
        dtype = precision_of(self._asked, device)
        self.device = device
        self.network.to(device).set_precision(dtype)
        self.precision = str(dtype or torch.float32).removeprefix("torch.")

    def to(self, device: torch.device | str) -> Self:
        """Move it to another device; gives itself.

        The precision "auto" is then that device's.

        Raises:
            UsageError: there is no such device.
            RestoreflowError: that device is not available.
        """
        self._settle(choose_device(str(device))[0])
        return self

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

        >>> import torch, restoreflow
        >>> restorer = restoreflow.Restorer.from_pretrained("sr-x4", device="cpu")
        >>> encoding = restorer.encode(torch.rand(3, 16, 24))
        >>> encoding.mean.shape, encoding.features.shape
        (torch.Size([1, 3, 64, 96]), torch.Size([1, 48, 16, 24]))

        Returns:
            mean (1, 3, scale * h, scale * w) in [0, 1]; features (1, F, rows, columns) on the grid,
            a cell for each 4 x 4 output pixels begun.
        """
        degraded = as_pixels(image)
        padded = self.geometry.padded(degraded)[None].to(self.device)
        shared = self._shared(degraded, Options())
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

        >>> import torch, restoreflow
        >>> restorer = restoreflow.Restorer.from_pretrained("sr-x4", device="cpu")
        >>> seen = torch.rand(3, 16, 16)
        >>> likely = restorer.encode(seen).mean[0]
        >>> restorer.log_prob(seen, likely) > restorer.log_prob(seen, torch.rand(3, 64, 64))
        True

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

    def _bands(
        self,
        image: Picture,
        asked: Options,
        progress: Progress | None,
        watch: Watching | None,
        whole: bool,
    ) -> Bands:
        options = asked.settled(TASKS[self.network.task], self.config)
        degraded = as_pixels(image)
        facts: dict[str, Any] = {"precision": self.precision, "notes": []}
        work = replace(self._work(degraded, options, whole, facts["notes"]), watch=watch)
        engine = Engine(self.network, self._stages, self.device)
        if self.tells_wear and work.shared is not None:
            facts["wear"] = describe_wear(work.shared[0])
        return Bands(engine, work, degraded, facts, progress)

    def _work(self, degraded: Tensor, options: Settled, whole: bool, notes: list[str]) -> TileWork:
        """The picture padded, its tiles, and room for the results."""
        low_height, low_width = degraded.shape[-2:]
        height, width = (side * self.network.scale for side in degraded.shape[-2:])
        size = options.result_size(low_width, low_height, self.network.scale)
        check_host(height * width if whole else math.prod(size), options.samples, whole)
        padded = self.geometry.padded(degraded)
        units = (padded.shape[-2] // self.geometry.pixels, padded.shape[-1] // self.geometry.pixels)
        tiles = self._plan(units, options, notes)
        try:
            raw = Rows((options.samples, 3, height, width), np.float32, whole)
            mean = Rows((3, height, width), np.uint8)
        except MemoryError as error:
            raise LimitError(
                f"no memory for {options.samples} sample(s) of {width} x {height}",
                "ask for fewer samples, or restore the picture in parts",
            ) from error
        return TileWork(
            padded,
            self._shared(degraded, options),
            self.geometry,
            tiles,
            self.network.latent_channels,
            options,
            raw,
            mean,
        )

    @torch.inference_mode()
    def _shared(self, degraded: Tensor, options: Options) -> Tensor | None:
        """What the network judges once for the whole picture, or is told, if it is."""
        context = self.network.global_context(degraded[None].to(self.device))
        if context is not None and self.tells_wear:
            return overruled(context, options.wear)
        if context is not None and options.exposure:
            from restoreflow.networks.low_light import with_exposure

            return with_exposure(context, options.exposure)
        return context

    @property
    def _window(self) -> int:
        """Units of the largest window."""
        return WINDOW_CELLS // self.geometry.cells**2

    @property
    def _context(self) -> int:
        """Units that a tile sees beyond its own, both sides together."""
        reach = self.geometry.reach(self.network)
        return 2 * reach.halo + reach.step - 1

    def _plan(self, size: tuple[int, int], options: Options, notes: list[str]) -> list[Tile]:
        """Tiles that the picture's size alone decides."""
        tiles = plan_within(size, self.geometry.reach(self.network), self._window)
        side = max(max(core.rows, core.columns) for core, _ in tiles) * self.geometry.pixels
        tile = options.tile
        if tile != "auto" and tile < side:
            notes.append(f"tiles of {side} pixels instead of {tile}: smaller ones give other bits")
        area = max(window.area for _, window in tiles)
        check_window(area * self.geometry.cells**2, self.device)
        return tiles


MOST_THREADS = 1024
"""Beyond that many, some systems start none at all."""


class Opened(NamedTuple):
    """A model that was loaded, and where its restorer is to work."""

    folder: ModelFolder
    network: RestorationNetwork
    config: ModelConfig
    device: torch.device


def open_model(
    name: str | Path | ModelFolder, device: str = "auto", threads: int | None = None
) -> Opened:
    """Find a model, choose its device, and load it; arguments and errors as of `load_model`."""
    if threads is not None:
        if not 1 <= threads <= MOST_THREADS:
            raise UsageError(f"threads is {threads}", f"ask for 1 to {MOST_THREADS}")
        torch.set_num_threads(threads)
    place, _ = choose_device(device)
    folder = resolve_model(name)
    return Opened(folder, *load_folder(folder), place)


def load_model(
    name: str | Path | ModelFolder = "sr-x4",
    device: str = "auto",
    precision: str = "auto",
    compile: bool = False,
    threads: int | None = None,
) -> Restorer:
    """Load a model, ready to restore.

    >>> load_model("sr-x4", device="cpu").config.scale
    4

    Args:
        name: a bundled model, a folder, or a Hub id `owner/name[@revision]`.
        device: "auto", "cpu", "cuda", "cuda:i" or "mps".
        precision: what convolutions compute in: "float32"; "bfloat16" or "float16", of which a
            tile that fails is done again in float32; "auto": bfloat16 on a CPU that has it in
            hardware, which moves a result by .001 dB, else float32. The report says which.
        compile: compile the network with torch.compile; pays from some pictures on.
        threads: CPU threads, for the whole process; None leaves PyTorch's setting.

    Raises:
        UsageError: a device, precision or number of threads that does not exist.
        RestoreflowError: that device is not available.
        ModelError: the model is missing or damaged, or cannot be downloaded.
    """
    opened = open_model(name, device, threads)
    return Restorer(opened.network, opened.config, opened.device, precision, compile)

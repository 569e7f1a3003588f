"""Tile after tile through the network: checked, and retried in float32.

The picture and its results stay on the host; windows of them travel to the device, one at a time,
so that nothing that a user asks for changes the shape of an array and with it the order in which
its values are added up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import repeat

import torch
from torch import Tensor

from restoreflow.errors import InputError
from restoreflow.flows.layout import as_channels_last
from restoreflow.free_memory import is_out_of_memory
from restoreflow.networks.restoration_network import Encoding, RestorationNetwork
from restoreflow.restoration.engine import Engine
from restoreflow.restoration.latents import latent_window
from restoreflow.restoration.memory import out_of_memory
from restoreflow.restoration.options import Settled
from restoreflow.restoration.pixels import eight_bit
from restoreflow.restoration.tiles import Geometry, Rows, Tile, Window

__all__ = ["ERROR_RANGE", "Health", "Seen", "TileWork", "Watching", "in_float32", "sample_tiles"]


@dataclass
class Seen:
    """What was seen of a window.

    Attributes:
        share: (rows, columns) of the window's cells, in 0 .. 1: of the temperature that holds
            there; None: all of it. It is known when the encoder has looked.
    """

    share: Tensor | None = None


Watching = Callable[[Tile], AbstractContextManager[Seen]]
"""Gives a context in which an encoder looks at a tile's window, once."""


ERROR_RANGE = (-0.5, 1.5)
"""An error pixel has a value outside, before the limiter, or one that is not finite."""


@dataclass(frozen=True)
class TileWork:
    """What is to be sampled, and where it goes.

    Args:
        degraded: (3, h, w) float32, padded to whole units.
        shared: what a network judges once for the whole picture and its encoder is told with every
            window, as a picture's exposure; None where there is no such thing.
        geometry: sides of a unit.
        tiles: what is done one by one, in reading order.
        channels: of the latent.
        options: samples, temperature and seed count here.
        raw: (n, 3, H, W) float32, the samples; written here.
        mean: (3, H, W) uint8, the clean estimate; written here.
        watch: gives the context in which the encoder looks at a tile; None for none.
    """

    degraded: Tensor
    shared: Tensor | None
    geometry: Geometry
    tiles: list[Tile]
    channels: int
    options: Settled
    raw: Rows
    mean: Rows
    watch: Watching | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns in units."""
        side = self.geometry.pixels
        return self.degraded.shape[-2] // side, self.degraded.shape[-1] // side


@dataclass
class Health:
    """What the checks found, over all samples; values as before limiter and clamping.

    Attributes:
        error_pixels: pixels of results with a value outside ERROR_RANGE.
        nonfinite: values of samples or features that were not finite at first, in reduced
            precision; every one of them was computed again in float32.
        largest_detail: largest absolute detail, in units of the image's range.
        constant: samples of tiles whose pixels are all one colour, though their input's are not.
        repeated: tiles that were computed again in float32.
        side: units of the largest core's longer side.
    """

    error_pixels: int = 0
    nonfinite: int = 0
    largest_detail: float = 0.0
    constant: int = 0
    repeated: int = 0
    side: int = 0

    def add(self, other: Health) -> None:
        """Counts of another part of the picture."""
        self.error_pixels += other.error_pixels
        self.nonfinite += other.nonfinite
        self.largest_detail = max(self.largest_detail, other.largest_detail)
        self.constant += other.constant
        self.repeated += other.repeated

    @property
    def sound(self) -> bool:
        """Whether nothing asks for a second try in float32."""
        return not (self.error_pixels or self.nonfinite or self.constant)


def sample_tiles(
    engine: Engine, work: TileWork, health: Health, progress: Callable[[int, int], None] | None
) -> Iterator[int]:
    """Fill the work's raw samples and mean image; gives how many rows of units are whole by then.

    A tile that fails in reduced precision is done again in float32.

    Args:
        engine: does the work.
        work: what to do.
        health: what is found is added to it.
        progress: called with units done and units in all, a unit counted once a sample.

    Raises:
        InputError: a value is not finite in float32.
        LimitError: memory runs out.
    """
    tiles, done = work.tiles, 0
    total = work.size[0] * work.size[1] * work.options.samples
    health.side = max(max(tile.core.rows, tile.core.columns) for tile in tiles)
    for index, tile in enumerate(tiles):
        first = found = None
        try:
            first = found = _all_samples(engine, work, tile)
            if engine.network.precision is not None and not first.sound:
                with in_float32(engine.network):
                    found = _all_samples(engine, work, tile)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            found = None
        # Outside the handler, whose traceback would keep the failed attempt's tensors alive.
        if first is None or found is None:
            if engine.device.type == "cuda":
                torch.cuda.empty_cache()
            raise out_of_memory(engine.device)
        _refuse_nonfinite(found, tile, work)
        health.add(found)
        if found is not first:
            health.nonfinite += first.nonfinite
            health.repeated += 1
        done += tile.core.area * work.options.samples
        if progress is not None:
            progress(done, total)
        yield min((core.top for core, _ in tiles[index + 1 :]), default=work.size[0])


@contextmanager
def in_float32(network: RestorationNetwork) -> Iterator[None]:
    """Let a network compute in float32 meanwhile, whatever its precision."""
    reduced = network.precision
    network.set_precision(None)
    try:
        yield
    finally:
        network.set_precision(reduced)


def _refuse_nonfinite(found: Health, tile: Tile, work: TileWork) -> None:
    if found.nonfinite:
        side = work.geometry.output
        core = tile.core
        raise InputError(
            f"the network gave {found.nonfinite} values that are not finite, in the result's rows "
            f"{core.top * side} .. {core.bottom * side - 1}, columns {core.left * side} .. "
            f"{core.right * side - 1}; nothing was written",
            "a lower --temperature or another --model may restore this picture",
        )


@torch.inference_mode()
def _all_samples(engine: Engine, work: TileWork, tile: Tile) -> Health:
    """Restore a tile: look once, then sample after sample, and keep what is sound."""
    side, health = work.geometry.output, Health()
    top, left = tile.core.top * side, tile.core.left * side
    rows, columns = tile.window.slices(work.geometry.pixels)
    seen = work.degraded[:, rows, columns]
    look = _drawn if work.options.temperature > 0 else _estimated
    with _repeatable(engine.device):
        mean, results, health.nonfinite = look(engine, work, tile, seen)
        for index, (image, detail) in enumerate(results):
            found = _examined(image, mean, detail)
            found.constant = int(_is_constant(image) and not _is_constant(seen))
            health.add(found)
            if health.nonfinite == 0 and image.numel():
                work.raw.put(image.cpu().numpy(), top, left, index)
        if health.nonfinite == 0 and mean.numel():
            work.mean.put(eight_bit(mean).cpu().numpy(), top, left)
    return health


_Result = tuple[Tensor, Tensor]
"""A sample of a tile's core, (3, H, W), and its detail as it would be without the limiter."""
_Look = tuple[Tensor, Iterable[_Result], int]
"""The clean estimate of a core, its samples, and how many of its features are not finite."""


def _drawn(engine: Engine, work: TileWork, tile: Tile, seen: Tensor) -> _Look:
    """The clean estimate of a core, and its samples one after another; encoder and prepare once.

    The encoder sees the window, the flow, which reaches less far, only what its core needs.
    Features that are not finite would pass unseen: the flow's certificate holds for them too.
    """
    geometry, device = work.geometry, engine.device
    flow = engine.network.flow
    sampled = tile.core.grown(-(-flow.halo // geometry.cells), tile.window)
    sampled = sampled.aligned(-(-flow.alignment // geometry.cells))
    kept, inner = tile.core.seen_from(sampled), sampled.seen_from(tile.window)
    with nullcontext() if work.watch is None else work.watch(tile) as watched:
        encoding = engine.stages.encode(*_looked_at(engine, work, tile, seen))
    encoding = _cropped(encoding, inner, geometry)
    share = None if watched is None else watched.share
    if share is not None:
        share = share[inner.slices(geometry.cells)].cpu()
    features = encoding.features
    blind = features.numel() - int(features.isfinite().sum())
    condition = engine.stages.prepare(features)

    def results() -> Iterator[_Result]:
        for latent in _latents(work, sampled):
            latent = (latent if share is None else latent * share).to(device)
            drawn = engine.stages.sample(encoding, latent, work.options.temperature, condition)
            image, detail = (_core(values, kept, work, tile) for values in drawn)
            yield image, detail

    return _core(encoding.mean, kept, work, tile), results(), blind


def _estimated(engine: Engine, work: TileWork, tile: Tile, seen: Tensor) -> _Look:
    """The clean estimate of a core, which every sample is, without detail."""
    given = _looked_at(engine, work, tile, seen)
    if work.watch is None:
        found = engine.stages.estimate(*given)
    else:  # which may listen to what the flow alone is told
        with work.watch(tile):
            found = engine.stages.encode(*given).mean
    mean = _core(found, tile.core.seen_from(tile.window), work, tile)
    return mean, repeat((mean, torch.zeros_like(mean)), work.options.samples), 0


def _looked_at(engine: Engine, work: TileWork, tile: Tile, seen: Tensor) -> tuple[Tensor, ...]:
    """What the encoder is given for a window of the picture."""
    given = seen[None].to(engine.device).contiguous()
    if work.shared is None:
        return (given,)
    corner = tile.window.top * work.geometry.cells, tile.window.left * work.geometry.cells
    return given, engine.network.placed(work.shared, *corner)


def _repeatable(device: torch.device) -> AbstractContextManager[object]:
    """On CUDA: full float32 products and the same algorithm every time, whatever ran before."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )


def _cropped(encoding: Encoding, seen: Window, geometry: Geometry) -> Encoding:
    """What an encoder found in a part of its window."""
    pixels, cells = ((..., *seen.slices(side)) for side in (geometry.output, geometry.cells))
    reach = encoding.reach
    return Encoding(
        encoding.mean[pixels].contiguous(),
        as_channels_last(encoding.features[cells]),
        None if reach is None else reach[pixels].contiguous(),
    )


def _latents(work: TileWork, window: Window) -> Iterator[Tensor]:
    rows, columns = window.slices(work.geometry.cells)
    for sample in range(work.options.samples):
        values = latent_window(work.options.seed, sample, rows, columns, work.channels)
        yield torch.from_numpy(values)[None]


def _core(values: Tensor, kept: Window, work: TileWork, tile: Tile) -> Tensor:
    """The part of a window's (1, 3, H, W) result that is kept, without the picture's padding."""
    rows, columns = kept.slices(work.geometry.output)
    height, width = _inside(work, tile)
    return values[0, :, rows, columns][:, :height, :width].float()


def _inside(work: TileWork, tile: Tile) -> tuple[int, int]:
    """Rows and columns of the result that the core reaches, before the padding begins."""
    side, raw = work.geometry.output, work.raw
    return max(raw.height - tile.core.top * side, 0), max(raw.width - tile.core.left * side, 0)


def _examined(image: Tensor, mean: Tensor, detail: Tensor) -> Health:
    """Checks of one sample's core: the image with its detail as it was before the limiter."""
    if image.numel() == 0:
        return Health()
    unlimited = mean + detail
    low, high = ERROR_RANGE
    # Together, so that a device is waited for once.
    ends = torch.stack([torch.stack(torch.aminmax(x)) for x in (unlimited, image, detail)]).tolist()
    (least, most), shown, (down, up) = ends
    if all(map(math.isfinite, (least, most, *shown, down, up))) and low <= least and most <= high:
        return Health(largest_detail=max(-down, up))  # nearly always
    sound = (unlimited >= low) & (unlimited <= high)  # false for NaN too
    nonfinite = ~(torch.isfinite(unlimited) & torch.isfinite(image))
    largest = detail.abs().nan_to_num(nan=0.0).amax()
    return Health(int((~sound).any(dim=0).sum()), int(nonfinite.sum()), float(largest))


def _is_constant(values: Tensor) -> bool:
    """Whether a picture (3, h, w) is of one colour; an empty one is not."""
    return values.numel() > 0 and bool((values == values[:, :1, :1]).all())

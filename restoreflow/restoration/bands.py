"""A picture restored from the top to the bottom: finished rows as soon as they are there."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.free_memory import is_out_of_memory
from restoreflow.networks.wear import is_clean, tolerance
from restoreflow.restoration.consistency import (
    Correction,
    LrPsnr,
    Part,
    bands,
    corrected,
    correction,
    parts,
    psnr,
)
from restoreflow.restoration.engine import Engine
from restoreflow.restoration.pixels import eight_bit
from restoreflow.restoration.resizing import Reduction
from restoreflow.restoration.sampling import Health, TileWork, sample_tiles
from restoreflow.tasks.table import TASKS
from restoreflow.tasks.task import BICUBIC

if TYPE_CHECKING:
    from restoreflow.restoration.restorer import Progress
    from restoreflow.tasks.task import Operator

__all__ = ["Band", "Bands", "Resized", "finished"]


@dataclass(frozen=True)
class Band:
    """Finished rows of a result, all its columns.

    Attributes:
        top: the first row.
        values: (n, 3, rows, W) float32 in [0, 1], the samples, projected where consistency is on.
        mean: (rows, W, 3) uint8, the network's clean estimate, not projected.
    """

    top: int
    values: Tensor
    mean: NDArray[np.uint8]

    @cached_property
    def levels(self) -> NDArray[np.uint8]:
        """The samples in 8 bits, (n, rows, W, 3)."""
        return eight_bit(self.values).permute(0, 2, 3, 1).contiguous().numpy()

    @cached_property
    def uncertainty(self) -> NDArray[np.float32]:
        """(rows, W), as `Restoration.uncertainty`."""
        count, _, height, width = self.values.shape
        if count == 1:
            return np.zeros((height, width), dtype=np.float32)
        # Sample by sample: torch.var over the first dimension takes 8 times as long.
        middle = self.values.mean(dim=0)
        square = torch.zeros_like(middle)
        for sample in self.values:
            square.add_((sample - middle).square_())
        return (square.mean(dim=0).div_(count - 1).sqrt_() * 255).numpy()


class Resized:
    """Bands of a result that is to be smaller than what the network makes.

    Reduced by Lanczos' filter of the coded values, not of linear light: the inputs' reduction by
    Pillow is of those, and what agrees with the input goes on to. In linear light LR-PSNR is some
    10 dB lower.

    Args:
        before: width and height of what the network makes.
        after: of the result.
        samples: how many.
    """

    def __init__(self, before: tuple[int, int], after: tuple[int, int], samples: int) -> None:
        lanczos = Image.Resampling.LANCZOS
        self._samples = [Reduction(before, after, lanczos) for _ in range(samples)]
        self._mean = Reduction(before, after, lanczos)

    def add(self, band: Band) -> Band:
        """The rows of the result, perhaps none, that some more finish."""
        top, pairs = self._mean.done, zip(self._samples, band.values, strict=True)
        found = [reduction.add(sample.permute(1, 2, 0).numpy()) for reduction, sample in pairs]
        values = torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).clamp(0, 1)
        return Band(top, values, self._mean.add(band.mean))


@dataclass(eq=False)
class Bands:
    """A restoration under way; iterate to do the work, from the top, once.

    In memory are never more rows than some tiles and some projected parts have. An error may come
    after any band: what was given till then is then no result.

    Args:
        engine: does the work.
        work: what to sample.
        degraded: (3, h, w), the input.
        facts: of the report, known beforehand.
        progress: called after each tile.

    Attributes:
        report: as `Restoration.report`; empty until the last band was given.
        corrections: each part with its samples' corrections (3, rows, w), if the work's rows are
            kept and there are any.
    """

    engine: Engine
    work: TileWork
    degraded: Tensor
    facts: dict[str, Any]
    progress: Progress | None = None
    report: dict[str, Any] = field(default_factory=dict[str, Any], init=False)
    corrections: list[tuple[Part, list[Tensor]]] = field(
        default_factory=list[tuple[Part, list[Tensor]]], init=False, repr=False
    )

    def __post_init__(self) -> None:
        self._scale = self.engine.network.scale
        self._health = Health()
        self.operator = TASKS[self.engine.network.task].operator
        known = self.operator is not None
        count = self.work.options.samples
        height, width = self.degraded.shape[-2:]
        low, size = (width, height), self.size
        filter = Image.Resampling[self.operator.filter if self.operator else BICUBIC.filter]
        seen = self.degraded.cpu().numpy().transpose(1, 2, 0)
        self._kept = [LrPsnr(size, low, filter, seen) for _ in range(count if known else 0)]
        compared = count if known and not (self.work.options.consistency and self._exact) else 0
        self._clean = [LrPsnr(size, low, filter) for _ in range(compared)]
        self._estimate = Reduction(size, low, filter)
        self._resized = None if size == self._full else Resized(self._full, size, count)
        self._squares = [0.0] * count
        self._seconds = 0.0
        self._under_way = self._finish()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        height, width = self.degraded.shape[-2:]
        return self.work.options.result_size(width, height, self._scale)

    @property
    def _full(self) -> tuple[int, int]:
        """Of what the network makes."""
        return self.work.raw.width, self.work.raw.height

    def __iter__(self) -> Iterator[Band]:
        return self._under_way

    def _finish(self) -> Iterator[Band]:
        started = time.perf_counter()
        height, width = self.degraded.shape[-2:]
        waiting = deque(parts(height, width, self._scale))
        side = self.work.geometry.pixels
        for units in sample_tiles(self.engine, self.work, self._health, self.progress):
            while waiting and min(units * side, height) >= waiting[0].last:
                for band in self._part(waiting.popleft()):
                    self._seconds += time.perf_counter() - started
                    yield band
                    started = time.perf_counter()  # whoever takes a band needs time of its own
                if waiting:
                    self.work.raw.let_go(waiting[0].first * self._scale)
                    self.work.mean.let_go(waiting[0].start * self._scale)
        self._seconds += time.perf_counter() - started
        self.report = self._reported()

    def _part(self, part: Part) -> Iterator[Band]:
        scale = self._scale
        raw = self.work.raw.between(part.first * scale, part.last * scale)
        values = self._corrections(raw, part) if self.work.options.consistency else None
        if values is not None and self.work.raw.whole:
            self.corrections.append((part, values))
        for top, band in finished(raw, part, values, scale, self.operator):
            mean = self.work.mean.between(top, top + band.shape[-2])
            found = Band(top, band, np.ascontiguousarray(mean.transpose(1, 2, 0)))
            if self._resized is not None:
                found = self._resized.add(found)
            if not len(found.mean):
                continue
            for measure, levels in zip(self._kept, found.levels, strict=False):
                measure.add(levels)
            if self._clean:
                estimate = self._estimate.add(found.mean)
                for measure, levels in zip(self._clean, found.levels, strict=True):
                    measure.add(levels, estimate)
            yield found

    def _corrections(self, raw: NDArray[np.float32], part: Part) -> list[Tensor]:
        values: list[Tensor] = []
        for index, sample in enumerate(raw):
            found = self._correction(torch.from_numpy(sample), part)
            self._squares[index] += found.square_before
            values.append(found.values)
        return values

    def _correction(self, sample: Tensor, part: Part) -> Correction:
        """On the device, and on the host where that has no room."""
        y, place, operator = self._goal(part), self.engine.device, self.operator or BICUBIC
        find = partial(correction, sample, y, self._scale, part.own, operator=operator)
        find = partial(find, tolerance=self._tolerance)
        try:
            return find(device=place).on_cpu()
        except (MemoryError, RuntimeError) as error:
            if place.type == "cpu" or not is_out_of_memory(error):
                raise
        return find()

    def _goal(self, part: Part) -> Tensor:
        """What a projected sample's reduction is to be, (3, rows, w).

        The input; of a worn one, whose noise exact consistency would bring back, the reduction of
        the model's own clean estimate, from which it may differ as far as the wear left it open.
        """
        if self._exact or self.operator is None:
            return self.degraded[:, part.first : part.last]
        mean = self.work.mean.between(part.first * self._scale, part.last * self._scale)
        estimate = torch.from_numpy(mean).float().div(255.0)
        return self.operator.reduce(estimate, self._scale).clamp_(0.0, 1.0)

    @property
    def _exact(self) -> bool:
        """Whether projected samples keep to the input itself."""
        told = self.work.shared
        return self.operator is None or told is None or is_clean(told)

    @property
    def _tolerance(self) -> float:
        told = self.work.shared
        return 0.0 if self._exact or told is None else tolerance(told)

    def _reported(self) -> dict[str, Any]:
        options, health, side = self.work.options, self._health, self.work.geometry.pixels
        before = psnr(max(self._squares) / self.degraded.numel()) if options.consistency else None
        return {
            "seed": options.seed,
            "temperature": options.temperature,
            "samples": options.samples,
            "consistency": options.consistency,
            "consistent_with": ("input" if self._exact else "estimate")
            if options.consistency
            else None,
            "lr_psnr": min((each.value for each in self._kept), default=None),
            "lr_psnr_before": before,
            "lr_psnr_clean": min((each.value for each in self._clean), default=None),
            "error_pixels": health.error_pixels,
            "nonfinite": health.nonfinite,
            "largest_detail": health.largest_detail,
            "seconds": self._seconds,
            "device": str(self.engine.device),
            "tile": health.side * side,
            **self.facts,
            "notes": [*self.facts.get("notes", []), *_notes(health)],
        }


def finished(
    raw: NDArray[np.float32],
    part: Part,
    values: Sequence[Tensor] | None,
    scale: int,
    operator: Operator | None,
) -> Iterator[tuple[int, Tensor]]:
    """First row and (n, 3, rows, W) in [0, 1] of one band after another of a part.

    Args:
        raw: (n, 3, rows, W), the part's samples as the network gave them, with its context.
        part: of the input.
        values: the samples' corrections; None clamps alone.
        scale: pixels of the result per pixel of the input.
        operator: what the corrections were found with.
    """
    samples = [torch.from_numpy(sample) for sample in raw]
    for start, stop in bands(part, scale, raw.shape[-1] // scale):
        if values is None or operator is None:
            found = [x[:, start * scale : stop * scale].clamp(0, 1) for x in samples]
        else:
            pairs = zip(samples, values, strict=True)
            found = [corrected(x, c, scale, start, stop, operator) for x, c in pairs]
        yield (part.first + start) * scale, torch.stack(found)


def _notes(health: Health) -> list[str]:
    """What happened on the way that a reader should know, one sentence each."""
    notes: list[str] = []
    if health.repeated:
        notes.append(f"{health.repeated} tile(s) failed in reduced precision: done in float32")
    if health.constant:
        notes.append(f"{health.constant} tile(s) came out in one colour; their input is not")
    return notes

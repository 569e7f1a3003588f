"""Consistency with the input: downscaling a super-resolved picture gives the input back.

How well it does is LR-PSNR, of a whole result or of its bands; where it does not, it is projected.

The forward operator A of super-resolution is known: the task's, antialiased bicubic downscaling.
A sample x of the input y is replaced by

    clamp(x + U c, 0, 1),    c <- c + K (y - A clamp(x + U c)),

U the same resampling upwards, c a correction on the input's grid, and K a small filter there that
inverts A U. Without the clamp one pass is exact (plain back-projection, K = 1, leaves three
quarters of the finest detail's residual a pass). Where the clamp binds, at text and other hard
edges, c goes on growing and Nesterov's extrapolation speeds it up. Where y is known only to within
a tolerance, the bracket is soft-thresholded by it: what A x misses within it is left. The network
is never needed, and x is only read: what is kept of a projection is c, as small as the input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.restoration.resizing import Reduction, enlarged, reduced_columns, reduced_rows
from restoreflow.tasks.task import BICUBIC, Operator

__all__ = [
    "LR_PSNR_CAP",
    "PASSES",
    "Correction",
    "LrPsnr",
    "Part",
    "bands",
    "corrected",
    "correction",
    "lr_psnr",
    "parts",
    "project",
    "psnr",
]

PASSES = 8
"""Most passes of a projection. Calm photographs need 2; hard black and white edges all."""

_HALF_LEVEL = 0.5 / 255
"""8-bit rounding: what a value of the input may be missed by."""

_TOLERATED = 1e-3
"""Passes end once no larger share of the input's values is missed by more than half a level."""

_BAND_PIXELS = 1 << 18
"""Result pixels a band; fixed, so that no setting changes a result's bits."""

_PART_PIXELS = 1 << 24
"""Result pixels a part that is projected by itself; fixed, for the same reason."""

_CONTEXT = 16
"""Rows of the input that a part sees beyond its own, each way.

What lies further off moves a value by less than a thousandth of an 8-bit level, also in noise.
"""

_TAPS_REACH = 8
"""Half the length of K; its taps beyond are below 1e-3."""


class Part(NamedTuple):
    """Rows of the input that are projected by themselves, the ends exclusive.

    Attributes:
        start, stop: its own.
        first, last: what it sees.
    """

    start: int
    stop: int
    first: int
    last: int

    @property
    def own(self) -> slice:
        """Its own rows among those that it sees."""
        return slice(self.start - self.first, self.stop - self.first)


@dataclass(frozen=True)
class Correction:
    """What a projection found.

    Args:
        values: (3, h, w) float32, c above.
        passes: how many were made.
        square_before: sum over the own rows' values of the squared difference between the clamped
            sample, downscaled, and the input.
    """

    values: Tensor
    passes: int
    square_before: float

    def on_cpu(self) -> Correction:
        """The same with its values on the CPU."""
        return replace(self, values=self.values.cpu())


def _reduced(x: Tensor, scale: int, operator: Operator) -> Tensor:
    """What Pillow makes of an 8-bit picture, but for its rounding: clamped after each direction.

    The overshoot at strong edges is cut off, so an input pixel that clipped asks nothing more.
    """
    if x.device.type == "cpu":
        rows = reduced_columns(x, scale, operator).clamp_(0, 1)
        return reduced_rows(rows, scale, operator).clamp_(0, 1)
    rows = operator.resize(x, x.shape[-2], x.shape[-1] // scale).clamp_(0, 1)
    return operator.resize(rows, x.shape[-2] // scale, rows.shape[-1]).clamp_(0, 1)


def project(
    x: Tensor, y: Tensor, scale: int, passes: int = PASSES, operator: Operator = BICUBIC
) -> Tensor:
    """The sample moved onto the pictures that downscale to y: (3, scale * h, scale * w) in [0, 1].

    Args:
        x: (3, scale * h, scale * w) float32, a sample.
        y: (3, h, w) float32 in [0, 1], its input.
        scale, passes, operator: as of `correction`.
    """
    moved: list[Tensor] = []
    for part in parts(y.shape[-2], y.shape[-1], scale):
        seen = x[:, part.first * scale : part.last * scale]
        low = y[:, part.first : part.last]
        values = correction(seen, low, scale, part.own, passes, operator=operator).values
        steps = bands(part, scale, y.shape[-1])
        moved += [corrected(seen, values, scale, *each, operator) for each in steps]
    return torch.cat(moved, dim=1)


def parts(height: int, width: int, scale: int) -> list[Part]:
    """The parts that a picture of this size is projected in, from the top; mostly one.

    So a large result need never be there as a whole, and each part takes the passes it needs.

    Args:
        height, width: of the input.
        scale: of the result.
    """
    count = max(1, round(height * width * scale * scale / _PART_PIXELS))
    edges = [index * height // count for index in range(count + 1)]
    spans = [(start, stop) for start, stop in pairwise(edges) if start < stop]
    return [
        Part(start, stop, max(start - _CONTEXT, 0), min(stop + _CONTEXT, height))
        for start, stop in spans
    ]


def bands(part: Part, scale: int, width: int) -> list[tuple[int, int]]:
    """Steps in which a part is computed: their rows, counted from the first that it sees."""
    return _steps(part.own.start, part.own.stop, width * scale * scale)


def _steps(start: int, stop: int, pixels: int) -> list[tuple[int, int]]:
    step = max(16, _BAND_PIXELS // pixels)
    return [(row, min(row + step, stop)) for row in range(start, stop, step)]


def corrected(
    x: Tensor, values: Tensor, scale: int, start: int, stop: int, operator: Operator = BICUBIC
) -> Tensor:
    """Rows scale * start .. scale * stop of clamp(x + U c, 0, 1), on the correction's device."""
    reach = operator.reach + 1  # and one to spare
    first, last = max(start - reach, 0), min(stop + reach, values.shape[-2])
    seen = values[:, first:last]
    on_cpu = values.device.type == "cpu"
    step = enlarged(seen, scale, operator) if on_cpu else operator.lift(seen, scale)
    step = step[:, (start - first) * scale : (stop - first) * scale]
    return step.add_(x[:, start * scale : stop * scale].to(values.device)).clamp_(0, 1)


@torch.inference_mode()
def correction(
    x: Tensor,
    y: Tensor,
    scale: int,
    own: slice | None = None,
    passes: int = PASSES,
    device: torch.device | None = None,
    operator: Operator = BICUBIC,
    tolerance: float = 0.0,
) -> Correction:
    """Find the correction of a sample.

    Args:
        x: (3, scale * h, scale * w) float32, a sample; only read, in bands.
        y: (3, h, w) float32 in [0, 1], its input.
        scale: side of x over side of y.
        own: rows of y that are judged, where the others are context; None: all.
        passes: the most that are made; fewer where half a level is reached before.
        device: where the arithmetic is done and the correction lies; x's own without it.
        operator: A and U above.
        tolerance: what a value of A x may differ from y by, in [0, 1]; only what is more is
            corrected.
    """
    y = y.to(device or x.device)
    own = own or slice(0, y.shape[-2])
    previous = values = torch.zeros_like(y)
    residual = _residual(x, y, None, scale, operator)
    before = float(residual[:, own].square().sum(dtype=torch.float64))
    residual = F.softshrink(residual, tolerance)
    momentum, made = 1.0, 0
    while made < passes and _share_missed(residual[:, own]) > _TOLERATED:
        following = (1 + math.sqrt(1 + 4 * momentum * momentum)) / 2
        target = values + _sharpened(residual, scale, operator)
        values = target + (momentum - 1) / following * (target - previous)
        previous, momentum, made = target, following, made + 1
        residual = F.softshrink(_residual(x, y, values, scale, operator), tolerance)
    return Correction(values, made, before)


def _residual(
    x: Tensor, y: Tensor, values: Tensor | None, scale: int, operator: Operator
) -> Tensor:
    """y - A clamp(x + U c), computed band after band; without c, y - A clamp(x)."""
    residual = torch.empty_like(y)
    height, width = y.shape[-2:]
    reach = operator.reach + 1
    for start, stop in _steps(0, height, width * scale * scale):
        first, last = max(start - reach, 0), min(stop + reach, height)
        if values is None:
            seen = x[:, first * scale : last * scale].to(y.device).clamp(0, 1)
        else:
            seen = corrected(x, values, scale, first, last, operator)
        low = _reduced(seen, scale, operator)
        residual[:, start:stop] = y[:, start:stop] - low[:, start - first : stop - first]
    return residual


def _share_missed(residual: Tensor) -> float:
    return float((residual.abs() > _HALF_LEVEL).float().mean())


def _sharpened(residual: Tensor, scale: int, operator: Operator) -> Tensor:
    """K residual: the c for which A U c is the residual, but for the border's own weights."""
    taps = _inverse_taps(scale, operator).to(residual)
    reach = _TAPS_REACH
    rows = F.pad(residual[:, None], (0, 0, reach, reach), mode="replicate")
    rows = F.conv2d(rows, taps.view(1, 1, -1, 1))
    columns = F.pad(rows, (reach, reach, 0, 0), mode="replicate")
    return F.conv2d(columns, taps.view(1, 1, 1, -1))[:, 0]


@lru_cache(maxsize=8)
def _inverse_taps(scale: int, operator: Operator) -> Tensor:
    """The middle of the inverse of A U in one dimension, (2 * _TAPS_REACH + 1,)."""
    size = 6 * _TAPS_REACH + 1
    impulses = torch.eye(size, dtype=torch.float64).view(size, 1, size)
    back = operator.resize(operator.resize(impulses, 1, size * scale), 1, size)
    inverse = torch.linalg.inv(back[:, 0])
    middle = size // 2
    taps = inverse[middle, middle - _TAPS_REACH : middle + _TAPS_REACH + 1]
    return taps / taps.sum()


LR_PSNR_CAP = 100.0
"""What an exact match is reported as, in dB: JSON has no infinity."""


def psnr(square: float) -> float:
    """A mean square difference between values in [0, 1] as PSNR in dB, at most LR_PSNR_CAP."""
    return -10 * math.log10(max(square, 10 ** (-LR_PSNR_CAP / 10)))


def lr_psnr(image: Image.Image, y: Tensor) -> float:
    """PSNR in dB, over RGB, between Pillow's bicubic reduction of a result and its input.

    Reduced is first each row, then each column, both times rounded to 8 bits.

    Args:
        image: the 8-bit RGB result.
        y: (3, h, w) in [0, 1], the input.

    Returns:
        10 log10(255^2 / mean square difference in 8-bit levels), at most LR_PSNR_CAP, which
        stands for an exact match in reports and in evaluations alike.
    """
    known = y.cpu().numpy().transpose(1, 2, 0)
    measure = LrPsnr(image.size, (y.shape[2], y.shape[1]), known=known)
    measure.add(np.asarray(image))
    return measure.value


class LrPsnr:
    """The same of a result that comes in bands, from the top.

    Args:
        size: width and height of the result.
        reduced: of what its reduction is held against, no larger.
        filter: that reduces.
        known: (h, w, 3) in [0, 1], what it is held against; None where that comes in bands too.
    """

    def __init__(
        self,
        size: tuple[int, int],
        reduced: tuple[int, int],
        filter: Image.Resampling = Image.Resampling.BICUBIC,
        known: NDArray[np.float32] | None = None,
    ) -> None:
        self._reduction = Reduction(size, reduced, filter)
        self._width = reduced[0]
        self._known = known
        self._squares = 0.0

    def add(self, rows: NDArray[np.uint8], known: NDArray[np.uint8] | None = None) -> None:
        """The next rows, (k, W, 3).

        Args:
            rows: of the result.
            known: what `Reduction.add` gave of the same rows of another result.
        """
        first = self._reduction.done
        low = self._reduction.add(rows)
        if self._known is not None:
            other = self._known[first : first + len(low)]
        else:
            other = _unit(low if known is None else known)
        self._squares += float(np.sum(np.square(_unit(low) - other), dtype=np.float64))

    @property
    def value(self) -> float:
        """PSNR in dB of the rows that were added, at most LR_PSNR_CAP."""
        return psnr(self._squares / (3 * self._reduction.done * self._width))


def _unit(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return levels.astype(np.float32) / np.float32(255)

"""What restoring a picture gives, and how it is finished from the network's samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.restoration.consistency import Correction, bands, corrected
from restoreflow.restoration.pixels import paste

__all__ = ["Restoration", "finished"]

_BAND_PIXELS = 1 << 20
"""Pixels of the result that are finished at a time."""


@dataclass(frozen=True)
class Restoration:
    """A picture restored, n samples of W x H pixels.

    Attributes:
        images: n PIL images, RGB, 8 bits: the samples, projected where consistency was on.
        mean: PIL image, RGB, 8 bits: the network's clean estimate, not projected.
        uncertainty: (H, W) float32, in 8-bit levels: how far the finished samples are apart. Each
            channel's standard deviation over the samples (n - 1 in the denominator), root mean
            square over the channels; zeros for one sample.
        raw: (n, 3, H, W) float32: the network's samples before projection and clamping, within
            -0.5 .. 1.5 where the model has a limiter.
        report: seed, temperature, samples, consistency (bool),
            lr_psnr (dB, the lowest over the samples, 100 at most; None without a known scale),
            lr_psnr_before (dB, the lowest, of the clamped samples before projection; None without),
            error_pixels (of all samples: with a value outside -0.5 .. 1.5 before the limiter),
            nonfinite (values that had to be computed again in float32), largest_detail (largest
            absolute value before the limiter), seconds, device, precision, tile (input pixels),
            notes (list of sentences).
    """

    images: list[Image.Image]
    mean: Image.Image
    uncertainty: NDArray[np.float32]
    raw: NDArray[np.float32]
    report: dict[str, Any]
    _corrections: tuple[Tensor, ...] | None = field(default=None, repr=False)
    _scale: int = field(default=1, repr=False)

    def values(self, index: int) -> NDArray[np.float32]:
        """Sample `index` as `images` rounds it: (H, W, 3) float32 in [0, 1], for 16-bit files."""
        result = np.empty((*self.raw.shape[-2:], 3), dtype=np.float32)
        parts = None if self._corrections is None else self._corrections[index : index + 1]
        for top, band in _finished_bands(self.raw[index : index + 1], parts, self._scale):
            result[top : top + band.shape[-2]] = band[0].permute(1, 2, 0).numpy()
        return result


def finished(
    raw: NDArray[np.float32], corrections: Sequence[Correction] | None, scale: int
) -> tuple[list[Image.Image], NDArray[np.float32]]:
    """Samples (n, 3, H, W) as 8-bit images, and their spread (H, W) in 8-bit levels.

    Args:
        raw: as the network gave them.
        corrections: a projection's, one a sample; None clamps alone.
        scale: pixels of the result per pixel of a correction.
    """
    count, _, height, width = raw.shape
    images = [Image.new("RGB", (width, height)) for _ in range(count)]
    uncertainty = np.zeros((height, width), dtype=np.float32)
    values = None if corrections is None else [c.values for c in corrections]
    for top, band in _finished_bands(raw, values, scale):
        for image, sample in zip(images, band, strict=True):
            paste(image, sample, top, 0)
        if count > 1:
            spread = band.var(dim=0).mean(dim=0).sqrt() * 255
            uncertainty[top : top + band.shape[-2]] = spread.numpy()
    return images, uncertainty


def _finished_bands(
    raw: NDArray[np.float32], corrections: Sequence[Tensor] | None, scale: int
) -> Iterator[tuple[int, Tensor]]:
    """First row and (n, 3, rows, W) in [0, 1] of one band after another."""
    samples = [torch.from_numpy(sample) for sample in raw]
    if corrections is None:
        step = max(1, _BAND_PIXELS // raw.shape[-1])
        for top in range(0, raw.shape[-2], step):
            yield top, torch.stack([x[:, top : top + step].clamp(0, 1) for x in samples])
        return
    for start, stop in bands(corrections[0], scale):
        parts = [
            corrected(x, c, scale, start, stop) for x, c in zip(samples, corrections, strict=True)
        ]
        yield start * scale, torch.stack(parts)

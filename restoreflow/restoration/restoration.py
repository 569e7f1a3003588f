"""What restoring a picture gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.restoration.bands import Band, Bands, Resized, finished
from restoreflow.restoration.consistency import Part, parts
from restoreflow.tasks.task import Operator

__all__ = ["Restoration"]


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
            -0.5 .. 1.5 where the model has a limiter; before a reduction to the size that was
            asked for, so that H and W are the model's own.
        report: seed, temperature, samples, consistency (bool),
            lr_psnr (dB, the lowest over the samples, 100 at most; None without a known scale),
            lr_psnr_before (dB, the lowest, of the clamped samples before projection; None without),
            lr_psnr_clean (dB, the lowest, as lr_psnr but against the reduced clean estimate; None
            with consistency),
            error_pixels (of all samples: with a value outside -0.5 .. 1.5 before the limiter),
            nonfinite (values that had to be computed again in float32), largest_detail (largest
            absolute value before the limiter), seconds, device, precision, tile (longest side in
            input pixels of what was restored at once), notes (list of sentences).
    """

    images: list[Image.Image]
    mean: Image.Image
    uncertainty: NDArray[np.float32]
    raw: NDArray[np.float32]
    report: dict[str, Any]
    _corrections: list[tuple[Part, list[Tensor]]] = field(repr=False)
    _scale: int = field(repr=False)
    _operator: Operator | None = field(repr=False, default=None)

    @classmethod
    def of(cls, bands: Bands) -> Restoration:
        """All of a restoration whose rows are kept."""
        width, height = bands.size
        images = [Image.new("RGB", (width, height)) for _ in range(bands.work.options.samples)]
        mean = Image.new("RGB", (width, height))
        uncertainty = np.zeros((height, width), dtype=np.float32)
        for band in bands:
            for image, levels in zip(images, band.levels, strict=True):
                image.paste(Image.fromarray(levels), (0, band.top))
            mean.paste(Image.fromarray(band.mean), (0, band.top))
            uncertainty[band.top : band.top + band.values.shape[-2]] = band.uncertainty
        scale = bands.engine.network.scale
        raw = bands.work.raw.between(0, bands.work.raw.height)
        return cls(
            images, mean, uncertainty, raw, bands.report, bands.corrections, scale, bands.operator
        )

    def values(self, index: int) -> NDArray[np.float32]:
        """Sample `index` as `images` rounds it: (H, W, 3) float32 in [0, 1], for 16-bit files."""
        raw, scale = self.raw[index : index + 1], self._scale
        height, width = raw.shape[-2:]
        size = self.images[index].size
        resized = None if size == (width, height) else Resized((width, height), size, 1)
        result = np.empty((size[1], size[0], 3), dtype=np.float32)
        found: list[tuple[Part, list[Tensor] | None]] = [
            (part, each[index : index + 1]) for part, each in self._corrections
        ]
        if not found:
            found = [(part, None) for part in parts(height // scale, width // scale, scale)]
        for part, values in found:
            seen = raw[..., part.first * scale : part.last * scale, :]
            for top, rows in finished(seen, part, values, scale, self._operator):
                band = Band(top, rows, np.empty((rows.shape[-2], width, 3), np.uint8))
                band = band if resized is None else resized.add(band)
                bottom = band.top + band.values.shape[-2]
                result[band.top : bottom] = band.values[0].permute(1, 2, 0).numpy()
        return result

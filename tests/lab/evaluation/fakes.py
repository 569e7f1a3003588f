"""A restorer whose samples, counts and failures are known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from restoreflow.errors import InputError


@dataclass
class FakeRestoration:
    """What an evaluation reads of a restoration."""

    images: list[Image.Image]
    report: dict[str, Any]


@dataclass
class FakeRestorer:
    """Bicubic upscaling plus `temperature` x 10 grey levels of noise, a different one a sample.

    Args:
        scale: 1 for low light.
        fails_on: width of the inputs that cannot be restored.
    """

    scale: int
    fails_on: int = 0
    device: str = "cpu"
    calls: list[dict[str, Any]] = field(default_factory=list)

    def restore(
        self,
        image: Image.Image,
        samples: int = 1,
        temperature: float | None = None,
        seed: int = 0,
        consistency: bool | None = None,
    ) -> FakeRestoration:
        assert temperature is not None
        self.calls.append({"size": image.size, "samples": samples, "consistency": consistency})
        if image.width == self.fails_on:
            raise InputError("values that are not finite")
        size = (image.width * self.scale, image.height * self.scale)
        mean = np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.float64)
        images: list[Image.Image] = []
        for sample in range(samples):
            rng = np.random.default_rng([seed, sample])
            noisy = mean + 10 * temperature * rng.standard_normal(mean.shape)
            images.append(Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)))
        hot = temperature >= 1
        report = {
            "error_pixels": 7 * samples if hot else 0,
            "nonfinite": 2 * samples if hot else 0,
            "largest_detail": 40.0 if hot else temperature,
        }
        return FakeRestoration(images, report)


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth colourful picture with one edge."""
    row, column = np.indices((height, width)) / max(width, height)
    waves = [np.sin(6 * row + seed + c) * np.cos(5 * column - c) for c in range(3)]
    levels = 127 + 80 * np.stack(waves, axis=-1)
    levels[:, width // 2 :] *= 0.7
    return Image.fromarray(levels.astype(np.uint8))

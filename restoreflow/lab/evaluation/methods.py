"""What is evaluated: a model at one temperature, or a baseline without one, behind one call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from PIL import Image

from restoreflow.errors import InputError

__all__ = [
    "Method",
    "Outcome",
    "RestorerLike",
    "bicubic",
    "gamma",
    "identity",
    "model_method",
    "timed",
    "warm_up",
]


class RestorationLike(Protocol):
    """What an evaluation reads of a restoration."""

    @property
    def images(self) -> list[Image.Image]: ...
    @property
    def report(self) -> dict[str, Any]: ...


class RestorerLike(Protocol):
    """What an evaluation asks of a restorer."""

    def restore(
        self,
        image: Image.Image,
        *,
        samples: int = 1,
        temperature: float | None = None,
        seed: int = 0,
        consistency: bool | None = None,
    ) -> RestorationLike: ...


class Outcome(NamedTuple):
    """8-bit results for one input, and what was counted before limiter and clamping."""

    images: list[Image.Image]
    error_pixels: int = 0
    nonfinite: int = 0
    largest_detail: float = 0.0


@dataclass(frozen=True)
class Method:
    """A way to restore a picture.

    Args:
        name: as shown in the table.
        temperature: of the samples; None for a method that draws none.
        restore: picture and number of samples to results; raises InputError where it fails.
    """

    name: str
    temperature: float | None
    restore: Callable[[Image.Image, int], Outcome]

    @property
    def draws_samples(self) -> bool:
        """Whether two samples can differ."""
        return self.temperature is not None and self.temperature > 0


def model_method(
    restorer: RestorerLike,
    name: str,
    temperature: float,
    seed: int = 0,
    consistency: bool | None = None,
) -> Method:
    """A model at one temperature; `consistency` None is the model card's choice."""

    def restore(image: Image.Image, samples: int) -> Outcome:
        result = restorer.restore(
            image, samples=samples, temperature=temperature, seed=seed, consistency=consistency
        )
        report = result.report
        detail = float(report["largest_detail"])
        return Outcome(
            list(result.images),
            int(report["error_pixels"]),
            int(report["nonfinite"]),
            math.inf if math.isnan(detail) else detail,
        )

    return Method(name, temperature, restore)


def bicubic(scale: int) -> Method:
    """Pillow's bicubic upscaling."""

    def restore(image: Image.Image, samples: int) -> Outcome:
        size = (image.width * scale, image.height * scale)
        return Outcome([image.resize(size, Image.Resampling.BICUBIC)])

    return Method("bicubic", None, restore)


def identity() -> Method:
    """The input itself."""
    return Method("identity", None, lambda image, samples: Outcome([image]))


def gamma(exponent: float = 0.4) -> Method:
    """The input in [0, 1] to the power of `exponent`."""
    levels = np.rint(255.0 * (np.arange(256) / 255.0) ** exponent).astype(np.uint8)

    def restore(image: Image.Image, samples: int) -> Outcome:
        return Outcome([Image.fromarray(levels[np.asarray(image.convert("RGB"))])])

    return Method(f"gamma {exponent:g}", None, restore)


def timed(method: Method, image: Image.Image, samples: int = 1) -> tuple[Outcome, float]:
    """The outcome and the wall-clock seconds it took."""
    start = time.perf_counter()
    outcome = method.restore(image, samples)
    return outcome, time.perf_counter() - start


def warm_up(method: Method, image: Image.Image, side: int = 32) -> None:
    """Restore a corner, so that what happens only once is not in the first picture's time."""
    corner = image.crop((0, 0, min(side, image.width), min(side, image.height)))
    try:
        method.restore(corner, 1)
    except InputError:
        return  # The picture itself will fail too, and be counted there.

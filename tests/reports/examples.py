"""Entries for the tests: pictures made here, names as hostile as names can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from restoreflow.reports.entries import OodEntry, Reference, RestorationEntry, RestorationFacts

HOSTILE = (
    "<script>alert(1)<\\script>.png",
    '"><img src=x onerror=alert(1)>.png',
    "a'b&quot;&lt;.png",
    "]]>-->.png",
    "\u202egnp.exe\x00\x1b[31m.png",
    "half a surrogate \udc80.png",
    "${title} {0} %s.png",
    "</style></script></title>.png",
)


def facts(**changes: object) -> RestorationFacts:
    known: dict[str, object] = {
        "model": "sr-x4",
        "seed": 7,
        "temperature": 0.8,
        "seconds": 1.25,
        "error_pixels": 0,
    }
    return RestorationFacts(**(known | changes))  # type: ignore[arg-type]


def picture(width: int, height: int, shade: int = 0) -> Image.Image:
    """Red grows to the right, green downwards, blue is `shade`."""
    across = np.linspace(0, 255, width)[None].repeat(height, 0)
    down = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    pixels = np.stack([across, down, np.full_like(down, shade)], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def restored(
    file: str = "photo.jpg",
    samples: int | Sequence[Image.Image] = 3,
    side: int = 16,
    **changes: object,
) -> RestorationEntry:
    """An entry of side x 3/4 side, enlarged 4 times, with a mean and both maps."""
    width, height = 4 * side, 3 * side
    if isinstance(samples, int):
        samples = [picture(width, height, 60 * (k + 1)) for k in range(samples)]
    ramp = np.linspace(0, 32, width, dtype=np.float32)[None].repeat(height, 0)
    known: dict[str, object] = {
        "before": picture(side, side * 3 // 4),
        "samples": samples,
        "facts": facts(),
        "mean": picture(width, height, 10),
        "uncertainty": ramp,
        "score_map": ramp[::4, ::4] / 8,
    }
    return RestorationEntry(file, **(known | changes))  # type: ignore[arg-type]


def checked(file: str, score: float, **changes: object) -> OodEntry:
    known: dict[str, object] = {
        "flagged": score >= 2,
        "probability": min(1.0, score / 8),
        "image": picture(24, 18),
        "score_map": np.full((6, 8), score, np.float32),
    }
    return OodEntry(file, score, **(known | changes))  # type: ignore[arg-type]


REFERENCE = Reference([0.0, 0.05, 0.5, 0.95, 1.0], [0.4, 0.7, 1.0, 1.6, 2.4])

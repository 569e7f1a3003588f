"""What a picture suffers from: every measure once, and what is worth naming."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from restoreflow.defects.bars import find_bars
from restoreflow.defects.blur import blur_pixels, edges_of
from restoreflow.defects.compression import quality_of_pixels
from restoreflow.defects.defect import KINDS, Defect, KindName
from restoreflow.defects.drawing import hard_share
from restoreflow.defects.enlargement import enlargement
from restoreflow.defects.noise import noise_levels
from restoreflow.defects.parts import view

__all__ = ["Measures", "defects_of", "measure_defects"]

_UP_TO: tuple[KindName, ...] = ("jpeg", "small")
_OF_DRAWINGS: tuple[KindName, ...] = ("bars", "enlarged", "noise", "blur")


class Measures(NamedTuple):
    """All numbers, whether worth naming or not; units as in `defect.Defect`.

    Attributes:
        noise: levels of 255.
        quality: JPEG's, the lower of what file and pixels say; None where neither says any.
        blur: pixels; None where too few edges tell.
        enlarged: times; None where it does not look so.
        drawing: share of hard edges.
        bars: pixels of the widest.
        side: pixels of the shorter side.
    """

    noise: float
    quality: int | None
    blur: float | None
    enlarged: float | None
    drawing: float
    bars: int
    side: int


def measure_defects(pixels: NDArray[np.float32], quality: int | None = None) -> Measures:
    """Measure a picture (H, W, 3), RGB in [0, 1], finite, of any size.

    Pictures above 1.2 megapixels are looked at by nine parts: neither time nor memory grows.

    Args:
        pixels: sRGB.
        quality: what the file's tables say, see `images.picture.Picture.jpeg_quality`.
    """
    bars = find_bars(pixels)
    height, width = pixels.shape[:2]
    inside = pixels[bars.top : height - bars.bottom, bars.left : width - bars.right]
    seen = view(inside)
    shown = quality_of_pixels(seen)
    found = [each for each in (quality, shown.quality) if each is not None]
    corner = None if shown.quality is None else shown.corner
    edges = edges_of(seen, corner)
    return Measures(
        noise=noise_levels(seen),
        quality=min(found, default=None),
        blur=None if edges is None else blur_pixels(edges),
        enlarged=enlargement(seen, None if edges is None else edges.contrast, corner),
        drawing=hard_share(seen),
        bars=bars.widest,
        side=min(height, width),
    )


def defects_of(measures: Measures) -> tuple[Defect, ...]:
    """What is worth naming, in the order of `defect.KINDS`.

    The edges of a drawing and its paper say nothing of blur, noise or bars; of what was enlarged,
    that says it all.
    """
    values: dict[KindName, float | None] = {
        "drawing": measures.drawing,
        "small": measures.side,
        "bars": measures.bars,
        "enlarged": measures.enlarged,
        "jpeg": measures.quality,
        "noise": measures.noise,
        "blur": measures.blur,
    }
    found = {
        kind: Defect(kind, float(value))
        for kind, value in values.items()
        if value is not None and _counts(kind, value)
    }
    hidden = _OF_DRAWINGS if "drawing" in found else ("blur",) if "enlarged" in found else ()
    return tuple(found[kind] for kind in KINDS if kind in found and kind not in hidden)


def _counts(kind: KindName, value: float) -> bool:
    limit = KINDS[kind].limit
    return value <= limit if kind in _UP_TO else value >= limit

"""How blurred a picture is as a whole, by its sharpest edges."""

from __future__ import annotations

import math

import numpy as np

from restoreflow.defects.parts import Levels, View

__all__ = ["blur_pixels", "edge_contrast"]

_CALM, _AGAIN = 0.7, 1.0  # deviations: across an edge's direction, and of the second blur
_LEAST_SIDE = 24
_LEAST_STEP = 3.0  # levels a pixel
_LEAST_EDGES = 30
_STRONG, _SHARP = 0.9, 0.9  # quantiles: of steps that are edges, of edges that are in focus
_BLOCK = 8

_PIXELS = (3.0, 2.0, 1.5, 1.0, 0.75, 0.5, 0.0)
_CONTRASTS = (1.076, 1.159, 1.261, 1.436, 1.573, 1.781, 1.955)
"""Medians of `edge_contrast` over photographs that were blurred so (benchmarks/defects.py)."""


def edge_contrast(seen: View, corner: tuple[int, int] | None = None) -> float | None:
    """How many times steeper a picture's sharp edges are than once more blurred by 1 pixel.

    A step edge that a Gaussian of deviation s has passed is sqrt(1 + 1 / s^2) times as steep (Zhuo
    and Sim, "Defocus map estimation from a single image", 2011): about 2 in sharp photographs, 1
    for what is blurred already. The 90th percentile over the strongest tenth of the edges.

    Args:
        seen: of the picture.
        corner: where blocks of JPEG begin; their borders, which are sharp, are left out.

    Returns:
        None where there are too few edges to tell.
    """
    steps: list[Levels] = []
    ratios: list[Levels] = []
    for part in seen.luma:
        for axis, levels in enumerate((part.T, part)):
            if min(levels.shape) >= _LEAST_SIDE:
                start = None if corner is None else corner[axis]
                for into, values in zip((steps, ratios), _edges(levels, start), strict=True):
                    into.append(values)
    if not steps:
        return None
    step, ratio = np.concatenate(steps), np.concatenate(ratios)
    if step.size < _LEAST_EDGES:
        return None
    edges = ratio[step >= max(float(np.quantile(step, _STRONG)), _LEAST_STEP)]
    return float(np.quantile(edges, _SHARP)) if edges.size >= _LEAST_EDGES else None


def blur_pixels(contrast: float) -> float:
    """The deviation in pixels of the Gaussian that has blurred a sharp photograph so much."""
    return float(np.interp(contrast, _CONTRASTS, _PIXELS))


def _edges(levels: Levels, start: int | None) -> tuple[Levels, Levels]:
    """Of the steepest places of edges along rows: steps once blurred, and how much steeper."""
    calm = _smooth(levels.T, _CALM).T
    again = _smooth(calm, _AGAIN)
    margin = (calm.shape[1] - again.shape[1]) // 2
    steep, less = _steps(calm)[:, margin:-margin], _steps(again)
    middle = less[:, 1:-1]
    peaks = (middle >= less[:, :-2]) & (middle > less[:, 2:])
    if start is not None:
        columns = np.arange(middle.shape[1]) + margin + 2
        peaks &= ~np.isin((columns - start) % _BLOCK, (_BLOCK - 1, 0))
    kept = middle[peaks]
    return kept, steep[:, 1:-1][peaks] / np.maximum(kept, 1e-3)


def _steps(levels: Levels) -> Levels:
    return np.abs(levels[:, 2:] - levels[:, :-2]) / 2


def _smooth(levels: Levels, deviation: float) -> Levels:
    """Rows blurred by a Gaussian, where all of it lies within."""
    reach = math.ceil(3 * deviation)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * deviation**2))
    weights = (weights / weights.sum()).astype(np.float32)
    width = levels.shape[1] - 2 * reach
    total = weights[0] * levels[:, :width]
    for place in range(1, len(weights)):
        total += weights[place] * levels[:, place : place + width]
    return total

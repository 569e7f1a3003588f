"""How blurred a picture is as a whole, by its sharpest edges."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from restoreflow.defects.parts import Levels, View

__all__ = ["Edges", "blur_pixels", "edges_of"]

_CALM, _AGAIN = 0.7, 1.0  # deviations: across an edge's direction, and of the second blur
_LEAST_SIDE = 24
_LEAST_STEP = 3.0  # levels a pixel
_LEAST_EDGES = 30
_STRONG, _SHARP = 0.9, 0.9  # quantiles: of steps that are edges, of edges that are in focus
_STRONGEST = 0.95  # quantile of the steps whose softness counts
_QUANTILES = (0.5, 0.7, 0.8, 0.85, 0.9, 0.95)  # of how much steeper they are
_LEAST_LOSS = 1e-3  # of a squared ratio over 1: what no blur has steepened
_BLOCK = 8
_MOST = 4.0  # pixels; what is softer has no edges

_OFFSET = -0.409
_WEIGHTS = (-0.487, 1.656, -0.681, -0.085, -0.481, 1.445)
"""Of `Edges.softness`, as `benchmarks/edge_softness.py` fits them to photographs."""


class Edges(NamedTuple):
    """How soft a picture's sharp edges are.

    A step edge that a Gaussian of deviation s has passed is sqrt(1 + 1 / s^2) times as steep as
    once more blurred by 1 pixel (Zhuo and Sim, "Defocus map estimation from a single image", 2011).

    Attributes:
        contrast: how many times as steep, the 90th percentile over the strongest tenth of the
            edges: about 2 in sharp photographs, 1 for what is blurred already.
        softness: the s of the strongest twentieth of the edges, in pixels, where the ratio has
            its quantiles from the middle to the 95th percentile. Edges of a scene are soft
            themselves, more or less: no one quantile is a blur.
    """

    contrast: float
    softness: tuple[float, ...]


def edges_of(seen: View, corner: tuple[int, int] | None = None) -> Edges | None:
    """The edges of a picture; None where there are too few to tell.

    Args:
        seen: of the picture.
        corner: where blocks of JPEG begin; their borders, which are sharp, are left out.
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
    strong, strongest = np.quantile(step, (_STRONG, _STRONGEST)).tolist()
    edges = ratio[step >= max(strong, _LEAST_STEP)]
    if edges.size < _LEAST_EDGES:
        return None
    sharp = ratio[step >= max(strongest, _LEAST_STEP)]
    lost = np.maximum(np.quantile(sharp, _QUANTILES) ** 2 - 1, _LEAST_LOSS)
    return Edges(float(np.quantile(edges, _SHARP)), tuple((1 / np.sqrt(lost)).tolist()))


def blur_pixels(edges: Edges) -> float:
    """The deviation in pixels of the Gaussian that has blurred a photograph, 0 .. 4.

    A weighted sum of its edges' softness, by a ridge regression on photographs that were blurred by
    known Gaussians. A sharp one has about 0.4.
    """
    found = _OFFSET + float(np.dot(_WEIGHTS, edges.softness))
    return min(max(found, 0.0), _MOST)


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

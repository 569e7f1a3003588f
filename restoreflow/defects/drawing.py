"""Whether a picture is drawn, as line art, text and screens are."""

from __future__ import annotations

import numpy as np

from restoreflow.defects.parts import View

__all__ = ["hard_share"]

_CHANGE, _HARD = 3.0, 40.0  # levels between neighbours
_LEAST_CHANGES = 100
_LEAST_FLAT = 0.15  # of the pixels


def hard_share(seen: View) -> float:
    """Share of a picture's changes from pixel to pixel that are hard edges, 0 .. 1.

    Photographs change softly at most places; drawings are flat but for their edges. 0.0 where
    little changes, or hardly anything is flat, as in noise.
    """
    found = []
    for levels in seen.luma:
        right = np.abs(levels[:-1, 1:] - levels[:-1, :-1])
        down = np.abs(levels[1:, :-1] - levels[:-1, :-1])
        found.append(np.maximum(right, down).ravel())
    steps = np.concatenate(found)
    changes = steps > _CHANGE
    count = int(changes.sum())
    if count < _LEAST_CHANGES or count > (1 - _LEAST_FLAT) * steps.size:
        return 0.0
    return float((steps > _HARD).sum() / count)

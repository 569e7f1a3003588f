"""What the colours of a heat map and the figures beside it mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from restoreflow.images.colormap import UNCERTAINTY_SCALE, cividis
from restoreflow.reports.markup import Markup, join, tag

__all__ = [
    "SCORE_SCALE",
    "SPREAD_SCALE",
    "HeatScale",
    "MapFigures",
    "legend",
    "map_figures",
    "number",
    "score_scale",
]

_STOPS = 17


@dataclass(frozen=True)
class HeatScale:
    """The fixed scale of a page's heat maps, so that two maps compare.

    Args:
        name: what is mapped, as "Spread of the samples".
        maximum: the scale's end, positive; the scale begins at 0.
        unit: what the numbers count, as "levels of 255".
    """

    name: str
    maximum: float
    unit: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.maximum) and self.maximum > 0):
            raise ValueError(f"the scale's end has to be positive and finite, got {self.maximum}")


SPREAD_SCALE = HeatScale("Spread of the samples", UNCERTAINTY_SCALE, "levels of 255")


def score_scale(end: float) -> HeatScale:
    """The scale of a model's score.

    Args:
        end: what 1 in 1000 places of its training set exceed.
    """
    unit = "times what is usual"
    return HeatScale("Unlike the training photographs", end, unit)


SCORE_SCALE = score_scale(26.0)
"""That of sr-x4, for pages of inputs that were not judged."""


@dataclass(frozen=True)
class MapFigures:
    """Figures of a map, over its finite values; `nonfinite` counts the others."""

    mean: float
    high: float
    largest: float
    nonfinite: int


def map_figures(values: np.ndarray) -> MapFigures:
    """Mean, 99th percentile and largest value of a map (H, W)."""
    finite = values[np.isfinite(values)]
    lost = int(values.size - finite.size)
    if not finite.size:
        return MapFigures(math.nan, math.nan, math.nan, lost)
    every = finite[:: max(1, finite.size // 1_000_000)]  # a percentile sorts: a million is enough
    high = float(np.percentile(every, 99))
    return MapFigures(float(finite.mean(dtype=np.float64)), high, float(finite.max()), lost)


def number(value: float) -> str:
    """Three digits, as a reader writes them: 0.123, 12.3, 1,230, 4.56e22, ∞."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value and not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{digits}f}".replace("-", "−")


def legend(scale: HeatScale, mark: float | None = None, nonfinite: bool = False) -> Markup:
    """A bar of the map's colours with numbers and unit.

    Args:
        mark: a value of the scale to point out, as the threshold.
        nonfinite: whether to explain magenta.
    """
    ramp = cividis(np.linspace(0, 1, _STOPS)[None], 1.0)[0]
    colors = ", ".join(f"rgb({red},{green},{blue})" for red, green, blue in ramp)
    ticks = [tag("span", None, f"{scale.maximum * part / 4:.3g}") for part in range(4)]
    ticks.append(tag("span", None, f"≥ {scale.maximum:.3g}"))
    line = None
    if mark is not None and 0 < mark < scale.maximum:
        style = f"left:{100 * mark / scale.maximum:.2f}%"
        line = tag("i", {"style": style, "title": f"threshold {number(mark)}"})
    return join(
        [
            tag("div", {"class": "ramp", "style": f"--ramp:{colors}"}, line),
            tag("div", {"class": "ticks"}, *ticks),
            tag("div", {"class": "unit"}, f"{scale.name}, {scale.unit}"),
            tag("div", {"class": "unit"}, "Magenta: not a number") if nonfinite else None,
        ]
    )

"""Scores against those of the training photographs, as an inline picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from restoreflow.reports.entries import Reference
from restoreflow.reports.legend import number
from restoreflow.reports.markup import Markup, join, tag

__all__ = ["Axis", "histogram", "scores_axis"]

_BINS = 36
_HEIGHT = 100.0  # of the drawing, whose width is 100 too: it is stretched to its place
_LOG_FROM = 10.0  # how many times the smallest score the largest has to be for a log axis
_MOST = 1e40  # of single precision; beyond, a score is drawn at the axis's end
_MARKS = (0.05, 0.5, 0.95)  # of the reference: 9 in 10 lie between the outer two


@dataclass(frozen=True)
class Axis:
    """Where a score stands between left (0) and right (1)."""

    low: float
    high: float
    logarithmic: bool

    def place(self, score: float | np.ndarray) -> np.ndarray:
        """0 .. 1 of scores within the axis."""
        low, high = self._turned(self.low), self._turned(self.high)
        return (self._turned(score) - low) / (high - low)

    def edges(self) -> np.ndarray:
        """Scores that part the axis into equal lengths, as drawn."""
        places = np.linspace(self._turned(self.low), self._turned(self.high), _BINS + 1)
        edges = 10**places if self.logarithmic else places
        edges[0], edges[-1] = self.low, self.high  # not a rounding error inside them
        return edges

    def parted_at(self, score: float) -> Axis:
        """This axis, widened by less than two bins so that an edge falls on a score within it."""
        low, high = self._turned(self.low), self._turned(self.high)
        width = (high - low) / (_BINS - 1)
        low = self._turned(score) - math.ceil((self._turned(score) - low) / width) * width
        ends = np.array([low, low + _BINS * width])
        ends = 10**ends if self.logarithmic else ends
        return Axis(float(ends[0]), float(ends[1]), self.logarithmic)

    def ticks(self) -> list[float]:
        """Round scores to be written, at most nine."""
        if self.logarithmic:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            every = max(1, math.ceil((last - first) / 8))
            steps = (1, 2, 5) if last - first <= 2 else (1,)
            found = [s * 10.0**d for d in range(first, last + 1, every) for s in steps]
        else:
            rough = (self.high - self.low) / 7
            unit = 10.0 ** math.floor(math.log10(rough))
            step = next(unit * s for s in (1, 2, 2.5, 5, 10) if unit * s >= rough)
            begin = math.ceil(self.low / step)
            found = [k * step for k in range(begin, math.floor(self.high / step) + 1)]
        return [tick for tick in found if self.low <= tick <= self.high]

    def _turned(self, score: float | np.ndarray) -> np.ndarray:
        return np.log10(score) if self.logarithmic else np.asarray(score, float)


def scores_axis(scores: Sequence[float], reference: Reference | None, threshold: float) -> Axis:
    """An axis that holds the reference and all scores up to 1e40; the threshold is a bin's edge."""
    known = [score for score in scores if abs(score) <= _MOST] + [threshold]
    known += list(reference.scores) if reference else []
    low, high = min(known), max(known)
    logarithmic = low > 0 and high / low > _LOG_FROM
    if logarithmic:
        return Axis(low / 1.1, high * 1.1, True).parted_at(threshold)
    room = 0.03 * (high - low) or max(abs(high), 1.0) * 0.5
    return Axis(low - room, high + room, False).parted_at(threshold)


def histogram(
    scores: Sequence[float], reference: Reference | None, threshold: float
) -> Markup | None:
    """A `<figure>`: bars for the scores, an outline for as many photographs of the reference.

    Returns: None where no score is finite.
    """
    finite = np.array([score for score in scores if math.isfinite(score)])
    if not finite.size:
        return None
    axis = scores_axis(scores, reference, threshold)
    edges = axis.edges()
    counts = np.histogram(finite.clip(edges[0], edges[-1]), edges)[0].astype(float)
    expected = np.diff(reference.share_below(edges)) * finite.size if reference else None
    tallest = float(max(counts.max(), expected.max() if expected is not None else 0))
    beyond = (edges[:-1] + edges[1:]) / 2 >= threshold
    place = float(axis.place(threshold)) * 100
    drawing = tag(
        "svg",
        {"viewBox": f"0 0 100 {_HEIGHT:g}", "preserveAspectRatio": "none", "aria-hidden": "true"},
        _outline(expected / tallest) if expected is not None else None,
        *_bars(counts / tallest, beyond),
        _line(place),
    )
    side = "end" if place > 60 else "start"
    label = tag(
        "span",
        {"class": f"threshold {side}", "style": f"left:{place:.2f}%"},
        f"threshold {number(threshold)}",
    )
    plot = {"class": "plot", "role": "img", "aria-label": _described(finite, reference, threshold)}
    marks = _marks(axis, reference) if reference else None
    return tag(
        "figure",
        {"class": "histogram"},
        tag("div", plot, drawing, label),
        tag("div", {"class": "axis", "aria-hidden": "true"}, *_ticks(axis)),
        marks,
        tag("figcaption", None, _caption(len(scores) - finite.size, reference)),
    )


def _bars(heights: np.ndarray, beyond: np.ndarray) -> list[Markup]:
    width = 100 / len(heights)
    return [
        tag(
            "rect",
            {
                "class": "bar beyond" if over else "bar",
                "x": f"{k * width + 0.12 * width:.3f}",
                "width": f"{0.76 * width:.3f}",
                "y": f"{_HEIGHT * (1 - height):.2f}",
                "height": f"{_HEIGHT * height:.2f}",
            },
        )
        for k, (height, over) in enumerate(zip(heights, beyond, strict=True))
        if height > 0
    ]


def _outline(heights: np.ndarray) -> Markup:
    width = 100 / len(heights)
    points = [f"0,{_HEIGHT:g}"]
    for k, height in enumerate(heights):
        y = f"{_HEIGHT * (1 - height):.2f}"
        points += [f"{k * width:.3f},{y}", f"{(k + 1) * width:.3f},{y}"]
    points.append(f"100,{_HEIGHT:g}")
    shape = {"class": "reference", "vector-effect": "non-scaling-stroke"}
    return tag("polyline", {**shape, "points": " ".join(points)})


def _line(place: float) -> Markup:
    ends = {"x1": f"{place:.3f}", "x2": f"{place:.3f}", "y1": "0", "y2": f"{_HEIGHT:g}"}
    return tag("line", {**ends, "class": "limit", "vector-effect": "non-scaling-stroke"})


def _ticks(axis: Axis) -> list[Markup]:
    return [
        tag("span", {"style": f"left:{float(axis.place(tick)) * 100:.2f}%"}, f"{tick:,.6g}")
        for tick in axis.ticks()
    ]


def _marks(axis: Axis, reference: Reference) -> Markup:
    low, middle, high = (float(axis.place(reference.quantile(p))) * 100 for p in _MARKS)
    span = tag("i", {"style": f"left:{low:.2f}%;width:{high - low:.2f}%"})
    return tag(
        "div",
        {"class": "range", "aria-hidden": "true"},
        span,
        tag("b", {"style": f"left:{middle:.2f}%"}),
    )


def _described(finite: np.ndarray, reference: Reference | None, threshold: float) -> str:
    words = (
        f"Histogram of {finite.size} scores from {number(float(finite.min()))} to "
        f"{number(float(finite.max()))}, median {number(float(np.median(finite)))}; "
        f"{int((finite >= threshold).sum())} at or beyond the threshold {number(threshold)}."
    )
    return words + (f" {_ordinary(reference)}" if reference else "")


def _ordinary(reference: Reference) -> str:
    low, middle, high = (number(reference.quantile(p)) for p in _MARKS)
    return (
        f"Of photographs like the training set's, 9 in 10 lie from {low} to {high}, "
        f"half below {middle}."
    )


def _caption(left_out: int, reference: Reference | None) -> Markup:
    parts: list[str] = ["Scores of these pictures (bars)"]
    if reference:
        parts.append(", and of as many photographs like the training set's (outline). ")
        parts.append(_ordinary(reference))
    else:
        parts.append(".")
    if left_out:
        parts.append(
            f" {left_out} without a finite score {'is' if left_out == 1 else 'are'} left out."
        )
    return join(parts)

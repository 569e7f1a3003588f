"""The histogram counts every finite score once, on the right side of the threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from restoreflow.reports.entries import Reference
from restoreflow.reports.histogram import histogram, scores_axis
from tests.reports.examples import REFERENCE
from tests.reports.page_reader import Element, read

_RNG = np.random.default_rng(0)
_CASES = {
    "usual": [*_RNG.normal(1, 0.2, 40).tolist(), 3.5],
    "one": [1.0],
    "equal": [2.0] * 5,
    "exploded": [1.0, 4e22],
    "infinite": [0.9, math.inf, math.nan],
    "zero and below": [-1.0, 0.0, 1.0],
    "tiny": [1e-9, 2e-9],
}


def _drawn(scores: list[float], reference: Reference | None, threshold: float) -> Element:
    drawing = histogram(scores, reference, threshold)
    assert drawing is not None
    return read(drawing)


@pytest.mark.parametrize("name", _CASES)
@pytest.mark.parametrize("reference", [None, REFERENCE])
def test_all_finite_scores_are_on_the_axis(name: str, reference: Reference | None) -> None:
    scores = _CASES[name]
    axis = scores_axis(scores, reference, 2.0)
    finite = np.array([score for score in scores if math.isfinite(score)])
    places = axis.place(finite)
    assert ((places >= 0) & (places <= 1)).all()
    assert np.histogram(finite, axis.edges())[0].sum() == finite.size
    assert np.min(np.abs(axis.edges() / 2.0 - 1)) < 1e-9  # an edge at the threshold
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 12 and all(0 <= axis.place(tick) <= 1 for tick in ticks)
    _drawn(scores, reference, 2.0)


def test_bars_beyond_the_threshold_are_marked() -> None:
    root = _drawn([1.0, 1.0, 1.99, 2.01], None, 2.0)
    bars = root.all("rect", klass="bar")
    heights = [float(bar["height"]) for bar in bars]
    assert heights == [100, 50, 50]
    assert [("beyond" in bar["class"]) for bar in bars] == [False, False, True]


def test_the_reference_counts_as_many_as_there_are_scores() -> None:
    scores = [1.0] * 10
    axis = scores_axis(scores, REFERENCE, 2.0)
    expected = np.diff(REFERENCE.share_below(axis.edges())) * 10
    assert expected.sum() == pytest.approx(10)
    root = _drawn(scores, REFERENCE, 2.0)
    points = root.all("polyline")[0]["points"].split()
    tallest = 100 - min(float(point.split(",")[1]) for point in points)
    assert tallest == pytest.approx(100 * expected.max() / 10, abs=0.02)


def test_it_is_said_in_words() -> None:
    root = _drawn([0.5, 1.0, 4.0, math.inf], REFERENCE, 2.0)
    (plot,) = root.all("div", role="img")
    assert plot["aria-label"].startswith(
        "Histogram of 3 scores from 0.500 to 4.00, median 1.00; 1 at or beyond the threshold 2.00."
    )
    caption = root.all("figcaption")[0].text
    assert "9 in 10 lie from 0.700 to 1.60, half below 1.00" in caption
    assert "1 without a finite score is left out" in caption


def test_nothing_finite_is_nothing_to_draw() -> None:
    assert histogram([], REFERENCE, 2.0) is None
    assert histogram([math.nan, math.inf], None, 2.0) is None


def test_a_reference_is_a_distribution() -> None:
    np.testing.assert_allclose(REFERENCE.share_below(np.array([0.1, 1.0, 9.0])), [0, 0.5, 1])
    assert REFERENCE.quantile(0.95) == 1.6
    steps = Reference([0.0, 0.5, 1.0], [1.0, 1.0, 1.0])
    np.testing.assert_allclose(steps.share_below(np.array([0.99, 1.0])), [0, 1])


@pytest.mark.parametrize(
    ("probabilities", "scores"),
    [
        ([0.5], [1.0]),
        ([0.0, 1.0], [1.0]),
        ([0.5, 0.5], [1.0, 2.0]),
        ([0.0, 1.1], [1.0, 2.0]),
        ([0.0, 1.0], [2.0, 1.0]),
        ([0.0, 1.0], [1.0, math.inf]),
    ],
)
def test_no_distribution_is_refused(probabilities: list[float], scores: list[float]) -> None:
    with pytest.raises(ValueError, match="reference"):
        Reference(probabilities, scores)

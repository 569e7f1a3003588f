"""The figures beside a heat map are its own, written as people write numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from restoreflow.reports.legend import HeatScale, legend, map_figures, number
from tests.reports.page_reader import read


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.1234, "0.123"),
        (1, "1.00"),
        (12.34, "12.3"),
        (999.9, "1,000"),
        (1234.5, "1,234"),
        (4.56e22, "4.56e22"),
        (1.5e-5, "1.50e−5"),
        (-2.5, "−2.50"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "not a number"),
    ],
)
def test_numbers_are_written_shortly(value: float, words: str) -> None:
    assert number(value) == words


def test_the_figures_are_of_the_finite_values() -> None:
    values = np.arange(101, dtype=np.float32).reshape(1, 101)
    values = np.concatenate([values, np.full((1, 101), np.nan, np.float32)])
    figures = map_figures(values)
    assert (figures.mean, figures.high, figures.largest) == (50, 99, 100)
    assert figures.nonfinite == 101
    lost = map_figures(np.full((2, 2), np.inf))
    assert lost.nonfinite == 4 and math.isnan(lost.mean)


def test_a_legend_names_its_unit_and_marks_the_threshold() -> None:
    scale = HeatScale("Spread", 16.0, "levels of 255")
    root = read(legend(scale, mark=4.0, nonfinite=True))
    ticks = root.all("div", klass="ticks")[0].all("span")
    assert [tick.text for tick in ticks] == ["0", "4", "8", "12", "≥ 16"]
    assert root.all("div", klass="unit")[0].text == "Spread, levels of 255"
    assert root.all("i")[0]["style"] == "left:25.00%"
    assert "not a number" in root.text
    assert not read(legend(scale, mark=99.0)).all("i")


@pytest.mark.parametrize("end", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_needs_an_end(end: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        HeatScale("Spread", end, "levels")

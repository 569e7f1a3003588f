"""The script that compares layers: what it picks, what it writes."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from restoreflow.lab.fitting.comparison import Row
from restoreflow.ood.features import layer_names
from tests.ood import fakes

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "ood_layers.py"


@pytest.fixture(scope="module")
def script() -> dict:
    return runpy.run_path(str(SCRIPT))


def test_layers_from_first_to_last(script: dict) -> None:
    small = script["default_layers"](layer_names(fakes.network()))
    assert small == ("head", "block1", "block2", "mean", "trunk", "features")
    deep = ("head", *(f"block{i}" for i in range(1, 9)), "tail", "mean", "trunk", "features")
    found = script["default_layers"](deep)
    assert found == ("head", "block3", "block5", "block7", "mean", "trunk", "features")


def test_table_and_figures_are_written(script: dict, tmp_path: Path) -> None:
    row = Row(
        "a score",
        {"blur": 0.9},
        all=0.9,
        errors=float("nan"),
        errors_interval=(float("nan"), float("nan")),
        errors_within=0.5,
        correlation=0.6,
        surprises=0.8,
        surprises_interval=(0.75, 0.85),
        flagged=0.02,
    )
    script["write"](tmp_path / "table", [row], {"model": "tiny", "layers": ["head"]})
    document = json.loads((tmp_path / "table.json").read_text())
    assert document["layers"] == ["head"]
    (written,) = document["rows"]
    assert written["errors"] is None
    assert written["errors_interval"] == [None, None]
    assert written["surprises_interval"] == [0.75, 0.85]
    line = "| a score | 0.90 | 0.90 | - | 0.50 | 0.60 | 0.80 (0.75-0.85) | 2.0% |"
    assert line in (tmp_path / "table.md").read_text()

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
    row = Row("a score", {"blur": 0.9}, 0.9, float("nan"), 0.5, 0.6, 0.02)
    script["write"](tmp_path / "table", [row], {"model": "tiny", "layers": ["head"]})
    document = json.loads((tmp_path / "table.json").read_text())
    assert document["layers"] == ["head"]
    assert document["rows"][0]["errors"] is None
    assert (
        "| a score | 0.90 | 0.90 | - | 0.50 | 0.60 | 2.0% |" in (tmp_path / "table.md").read_text()
    )

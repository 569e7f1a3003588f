from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from restoreflow.flows.certificate import certificate
from restoreflow.ood.calibration import Curve
from restoreflow.ood.reference import Calibration, CalibrationFacts
from studies.robustness.arms import Arm
from studies.robustness.bounds import bounds
from studies.robustness.growth import growth
from studies.robustness.measure import attack, measure
from studies.robustness.suite import Item
from tests.ood import fakes


@pytest.fixture
def item() -> Item:
    clean = fakes.photo(1, 96, 96)
    degraded = torch.nn.functional.avg_pool2d(clean, 4)
    return Item("photo", "photo", "photograph", 0, degraded, clean)


def test_a_known_explosion_is_found(arms: list[Arm], item: Item) -> None:
    calm, wild = (measure(arm, item, [0.0, 1.0], 2, seed=0) for arm in arms)
    for level in wild["levels"]:
        assert level["error_samples"] == level["samples"]
        assert level["largest_detail"] > 1e4
        assert sum(bad for _, _, bad in level["cells"]["block1"]) > 0
    for level in calm["levels"]:
        bound = certificate(arms[0].network, level["temperature"]).before_limiter
        assert level["largest_detail"] <= bound
        assert level["nonfinite"] == 0


def test_the_probability_is_a_score_where_the_model_has_one(arms: list[Arm], item: Item) -> None:
    facts = CalibrationFacts(outcome="error", score="energy", inputs=44, hits=4)
    sure = Calibration(facts, Curve((-9.0, 9.0), (0.25, 0.25)))
    taught = replace(arms[1], reference=replace(arms[1].reference, calibrations=(sure,)))
    assert "probability" not in measure(arms[1], item, [0.0], 1, seed=0)["scores"]
    assert measure(taught, item, [0.0], 1, seed=0)["scores"]["probability"] == 0.25


def test_a_measurement_is_json_and_the_same_again(arms: list[Arm], item: Item) -> None:
    first, second = (measure(arms[1], item, [0.0, 0.8], 2, seed=3) for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert [level["samples"] for level in first["levels"]] == [1, 2]
    assert first["levels"][0]["pixels"] == 96 * 96
    for cells in first["levels"][1]["cells"].values():
        assert sum(count for _, count, _ in cells) == 24 * 24
    assert {"energy", "mean", "unusual", "embedding_mean"} <= first["scores"].keys()


def test_fidelity_needs_a_truth_and_finite_values(arms: list[Arm], item: Item) -> None:
    (level,) = measure(arms[0], item, [0.0], 1, seed=0)["levels"]
    assert 0 < level["psnr"] < 100
    assert 0 < level["lr_psnr"] < 100
    (level,) = measure(arms[0], item._replace(clean=None), [0.0], 1, seed=0)["levels"]
    assert level["psnr"] is None


def test_an_attack_only_makes_it_worse(arms: list[Arm], item: Item) -> None:
    (before,) = measure(arms[0], item, [0.8], 1, seed=0)["levels"]
    for near in (True, False):
        found = attack(arms[0], item, 0.8, near, steps=3, seed=0)
        assert found["levels"][0]["largest_detail"] >= before["largest_detail"] - 1e-6
        assert found["group"] == "adversarial"
        assert found["levels"][0]["psnr"] is None


def test_growth_stays_below_the_bound_layer_by_layer(arms: list[Arm], item: Item) -> None:
    rows = growth(arms[0].network, item.degraded, 1.0)
    assert [row["layer"] for row in rows][:2] == ["base", "coupling 2"]
    assert rows[-1]["layer"] == "limiter"
    for row in rows:
        assert row["largest"] <= row["bound"] * (1 + 1e-5)
        assert row["nonfinite"] == 0


def test_growth_shows_where_an_affine_flow_explodes(arms: list[Arm], item: Item) -> None:
    rows = {row["layer"]: row for row in growth(arms[1].network, item.degraded, 1.0)}
    assert rows["base"]["largest"] < 20
    assert rows["coupling 2"]["largest"] > 1e3 * rows["base"]["largest"]
    assert rows["coupling 1"]["bound"] is None
    assert rows["limiter"]["largest"] <= 0.5


def test_a_search_stays_within_the_certificate(arms: list[Arm]) -> None:
    found = bounds(arms[0].network, 1.0, steps=20, cells=4, restarts=2, seed=0)
    for value in (found["found_features"], found["found_input"]):
        assert 0 < value <= found["bound"]
    assert found["unbounded_layers"] == 0
    assert [line["layer"] for line in found["layers"]][:2] == ["base", "coupling 2"]
    assert all(0 < line["ratio"] <= 1 for line in found["layers"])
    assert found["layers"][-2]["found_features"] == found["found_features"]
    wild = bounds(arms[1].network, 1.0, steps=2, cells=4, restarts=2, seed=0)
    assert wild["bound"] is None and wild["layers"][-2]["ratio"] is None
    assert math.isclose(wild["log10_gain"], 4 * wild["unbounded_layers"])

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from restoreflow.lab.fitting.probabilities import area_under_roc
from studies.robustness import claims
from studies.robustness.verdicts import aims, focus, paper


def level(temperature: float, wrong: bool, cells: list[list[int]] | None = None) -> dict[str, Any]:
    return {
        "temperature": temperature,
        "samples": 1,
        "pixels": 100,
        "error_pixels": 10 if wrong else 0,
        "error_samples": int(wrong),
        "nonfinite": 0,
        "largest": 1e9 if wrong else 1.0,
        "largest_detail": 1e9 if wrong else 0.4,
        "psnr": None,
        "lr_psnr": 40.0,
        "cells": {"head": cells or []},
    }


def one(name: str, group: str, energy: float, wrong: bool, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "group": group,
        "kind": more.get("kind", name),
        "severity": more.get("severity", 0),
        "scores": {"energy": energy},
        "levels": [level(0.0, False), level(0.8, wrong, more.get("cells"))],
    }


def study(arms: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What `Study.run` gives, as far as claims and verdicts read it."""
    return {
        "settings": {"temperatures": [0.0, 0.8]},
        "arms": [
            {"name": name, "coupling": name, "temperature": 0.85, "label": name} for name in arms
        ],
        "measurements": {
            name: {"inputs": inputs, "bounds": [], "nll": [0.0]} for name, inputs in arms.items()
        },
        "quality": [],
    }


@pytest.fixture
def twins() -> dict[str, Any]:
    calm = [one(f"p{i}", "photo", 1 + i / 10, False) for i in range(10)]
    bad = [one(f"h{i}", "hostile", 10.0 + i, True) for i in range(10)]
    good = [one(f"h{i}", "hostile", 10.0 + i, False) for i in range(10)]
    return study({"affine": [*calm, *bad], "spline": [*calm, *good]})


def test_rates_of_explosion_are_kept_apart(twins: dict[str, Any]) -> None:
    rows = {(r.arm, r.group, r.temperature): r for r in claims.explosions(twins)}
    assert rows["affine", "hostile", 0.8].error_images == 1.0
    assert rows["affine", "hostile", 0.8].error_pixels == pytest.approx(0.1)
    assert rows["affine", "hostile", 0.8].largest == 1e9
    assert rows["affine", "hostile", 0.0].error_images == 0.0
    assert rows["affine", "photo", 0.8].error_images == 0.0
    assert rows["spline", "hostile", 0.8].largest == 1.0
    found = claims.onset(twins, "affine", "hostile")
    assert (found["lowest_temperature"], found["inputs_with_errors"]) == (0.8, 10)
    assert claims.onset(twins, "spline", "hostile")["lowest_temperature"] is None


def test_rates_by_corruption_and_severity() -> None:
    inputs = [
        one(f"{s}{i}", "corruption", 1.0, s == 5 and i == 0, kind="blur", severity=s)
        for s in (1, 5)
        for i in range(2)
    ]
    assert claims.rates(study({"affine": inputs}), "affine", 0.8) == {"blur": {1: 0.0, 5: 0.5}}


def test_a_score_that_tells_all_is_found_to(twins: dict[str, Any]) -> None:
    (row,) = claims.scores(twins, "affine", 0.8)
    assert row["auroc"] == 1.0
    assert row["within"] is None  # each group has one outcome
    inputs = twins["measurements"]["affine"]["inputs"]
    inputs += [one("good", "hostile", 5.0, False), one("bad", "photo", 0.1, True)]
    (row,) = claims.scores(twins, "affine", 0.8)
    assert row["within"] == 0.5  # right among the hostile inputs, wrong among photographs
    (row,) = claims.scores(twins, "spline", 0.8)
    assert row["auroc"] is None


def test_adversarial_inputs_do_not_count_for_the_score(twins: dict[str, Any]) -> None:
    twins["measurements"]["affine"]["inputs"].append(one("a", "adversarial", 0.1, True))
    (row,) = claims.scores(twins, "affine", 0.8)
    assert (row["auroc"], row["inputs"]) == (1.0, 20)


def test_places_are_ranked_as_if_each_were_at_hand() -> None:
    rng = np.random.default_rng(0)
    bins = rng.integers(0, 20, 5000)
    bad = rng.random(5000) < bins / 40
    table = [[b, int((bins == b).sum()), int(bad[bins == b].sum())] for b in range(20)]
    halves = [[[b, n // 2, k // 2] for b, n, k in table]]
    halves.append([[b, n - n // 2, k - k // 2] for b, n, k in table])
    inputs = [one(f"p{i}", "photo", 1.0, True, cells=cells) for i, cells in enumerate(halves)]
    (row,) = claims.places(study({"affine": inputs}), "affine", 0.8)
    assert row["cells"] == 5000
    assert row["auroc"] == pytest.approx(area_under_roc(bins, bad))
    assert len(claims.place_bins(study({"affine": inputs}), "affine", 0.8, "head")) == 20


def test_verdicts_follow_what_was_found(twins: dict[str, Any]) -> None:
    assert focus(twins) == 0.8
    assert [each.holds for each in paper(twins)] == [True]
    assert all(each.holds is not False for each in aims(twins))
    twins["measurements"]["spline"]["inputs"][0] = one("p0", "photo", 1.0, True)
    failed = [each.statement for each in aims(twins) if each.holds is False]
    assert failed == [
        "spline: no error pixel before the limiter on photographs and their corruptions"
    ]
    assert paper(twins)[0].holds is False


def test_a_loss_in_distribution_contradicts_the_paper(twins: dict[str, Any]) -> None:
    def row(method: str, lpips: float) -> dict[str, Any]:
        return {"method": method, "temperature": 0.8, "lpips_squeeze": lpips, "psnr_y": 27.0}

    twins["quality"] = [row("spline", 0.20), row("affine", 0.20)]
    assert paper(twins)[-1].holds is True
    twins["quality"] = [row("spline", 0.22), row("affine", 0.20)]
    assert paper(twins)[-1].holds is False

"""Intervals of the factorial: what is known, on made-up outcomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from restoreflow.lab.fitting.probabilities import area_under_roc
from studies.factorial.claims import AFFINE, OURS, PAPER, contrasts, verdicts
from studies.factorial.statistics import (
    ERRORS,
    Foresight,
    auroc,
    auroc_difference,
    difference,
    foresight,
    frozen,
    logistic_slope,
    rate,
    table,
)

SEEDS = (0, 1, 2)


def outcomes(size: float, wrong: int = 0, lost: int = 0) -> list[list[float]]:
    return [[0.01, 0, 0], [size, lost, wrong]]


def results(failing: dict[str, set[str]]) -> dict[str, Any]:
    """Ten photographs, ten patterns; each arm fails on those it is said to, with every seed."""
    inputs = [
        {
            "name": f"{group}{i}",
            "group": group,
            "kind": "none",
            "source": f"{group}{i}",
            "half": i % 2,
            "scores": {"laplacian_max": 1.0 + i},
        }
        for group in ("photographs", "patterns")
        for i in range(10)
    ]
    names = [each["name"] for each in inputs]
    runs = [
        {
            "arm": arm,
            "seed": seed,
            "end": {
                "nll": dict.fromkeys(names[:10], -2.0 - 0.1 * (arm == OURS.name)),
                "outcomes": {n: outcomes(50.0, 9) if n in bad else outcomes(0.3) for n in names},
            },
            "scores": {n: {"features_mean": 100.0 if n in bad else 1.0} for n in names},
        }
        for arm, bad in failing.items()
        for seed in SEEDS
    ]
    return {"settings": {"temperatures": [0.0, 1.0]}, "inputs": inputs, "runs": runs}


PATTERNS = {f"patterns{i}" for i in range(8)}
MADE = results({AFFINE.name: PATTERNS, PAPER.name: set(), OURS.name: set()})


def test_a_rate_has_its_count_and_an_interval_over_photographs() -> None:
    warm = table(MADE, AFFINE.name, "patterns", 10.0, True)
    assert warm is not None
    found = rate(warm)
    assert (found.value, found.hits, found.size) == (pytest.approx(0.8), 24, 30)
    assert 0.4 < found.low < 0.8 < found.high <= 1.0
    cold = table(MADE, AFFINE.name, "patterns", 10.0, False)
    assert cold is not None
    assert rate(cold).value == 0.0
    assert table(MADE, AFFINE.name, "corrupted", 10.0, True) is None
    assert table(MADE, "nobody", "patterns", 10.0, True) is None


def test_nothing_of_ten_is_not_nothing_of_all() -> None:
    none = table(MADE, PAPER.name, "patterns", ERRORS, True)
    assert none is not None
    # Ten independent photographs, thirty samples: the bound is ten's (Clopper and Pearson).
    assert rate(none).high == pytest.approx(0.3085, abs=1e-4)


def test_values_that_are_not_finite_exceed_every_threshold() -> None:
    made = results({AFFINE.name: set()})
    for run in made["runs"]:
        run["end"]["outcomes"]["patterns0"] = outcomes(0.1, 0, lost=1)
    found = table(made, AFFINE.name, "patterns", 1e3, True)
    assert found is not None and rate(found).hits == len(SEEDS)


def test_a_difference_is_decided_where_its_interval_excludes_none() -> None:
    one, other = (table(MADE, arm.name, "patterns", 10.0, True) for arm in (AFFINE, PAPER))
    assert one is not None and other is not None
    assert difference(one, other).decided
    assert difference(one, other).value == pytest.approx(0.8)
    assert not difference(other, other).decided
    with pytest.raises(ValueError, match="not of a pair"):
        difference(one, other._replace(hits=other.hits[:5], sizes=other.sizes[:5]))


def test_verdicts_follow_the_intervals() -> None:
    told = {(x.statement, x.group): [v.verdict for v in x.verdicts] for x in contrasts(MADE)}
    worse = "affine fails more often than the paper's spline"
    assert told[worse, "patterns"] == ["yes", "yes"]
    assert told[worse, "photographs"] == ["no difference"] * 2
    found = {x.statement: x.verdict for x in verdicts(MADE)}
    assert found["our spline costs no likelihood on photographs against affine"] == "yes"
    reverse = results({AFFINE.name: set(), PAPER.name: PATTERNS})
    (flipped, *_) = [x for x in contrasts(reverse) if x.group == "patterns"]
    assert [v.verdict for v in flipped.verdicts] == ["no", "no"]


def random_scores(slope: float, offset: float = 0.0) -> Foresight:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=400)
    groups = np.repeat(["photographs", "patterns"], 200)
    scores[200:] += offset
    odds = slope * (scores - offset * (groups == "patterns")) + offset * (groups == "patterns")
    hits = rng.random(400) < 1 / (1 + np.exp(-odds))
    sources = np.array([f"s{i // 4}" for i in range(400)])
    return Foresight(scores, hits, groups, sources, np.zeros(400, int), np.arange(400) // 4 % 2)


def test_a_score_without_foresight_has_an_interval_around_chance() -> None:
    found = auroc(random_scores(0.0))
    assert found.low < 0.5 < found.high
    told = auroc(random_scores(2.0))
    assert told.low > 0.7


def test_an_area_is_that_of_the_inputs_drawn() -> None:
    made = random_scores(1.0)
    scores = np.round(made.scores, 1)  # with ties
    assert auroc(made._replace(scores=scores)).value == pytest.approx(
        area_under_roc(scores, made.outcomes)
    )


def test_scores_are_compared_on_the_same_inputs() -> None:
    made = random_scores(2.0)
    blind = made._replace(scores=np.random.default_rng(2).normal(size=400))
    assert auroc_difference(made, blind).low > 0.1
    same = auroc_difference(made, made._replace(scores=2.0 * made.scores))
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_telling_groups_apart_is_no_foresight_within_them() -> None:
    made = random_scores(0.0, offset=4.0)
    assert auroc(made).low > 0.7
    assert logistic_slope(made, within=False).low > 0.5
    inner = logistic_slope(made, within=True)
    assert inner.low < 0 < inner.high


def test_thresholds_come_from_one_half_and_are_judged_on_the_other() -> None:
    made = random_scores(3.0)
    found = frozen(made)
    assert found is not None
    assert found.caught.size + found.spared.size == int((made.halves == 1).sum())
    other = made.outcomes.copy()
    other[made.halves == 1] = ~other[made.halves == 1]
    again = frozen(made._replace(outcomes=other))
    assert again is not None and again.threshold == found.threshold
    assert again.caught.value < found.caught.value


def test_what_was_said_of_an_input_is_found_again() -> None:
    found = foresight(MADE, AFFINE.name, "features_mean", ERRORS)
    assert found is not None
    assert auroc(found).value == 1.0
    alone = foresight(MADE, AFFINE.name, "laplacian_max", ERRORS)
    assert alone is not None and auroc(alone).value < 0.6
    assert foresight(MADE, "nobody", "features_mean", ERRORS) is None

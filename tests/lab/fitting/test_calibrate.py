"""Calibration from corrupted photographs, of a network whose failures are known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from restoreflow.errors import InputError
from restoreflow.lab.degradations.corruptions import CORRUPTIONS
from restoreflow.lab.fitting import calibrate as module
from restoreflow.lab.fitting.calibrate import (
    bad_places,
    calibrate,
    spoilt,
    spoilt_once,
    usual_surprise,
)
from restoreflow.lab.fitting.outcomes import Drawn
from restoreflow.lab.fitting.pictures import Pair
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.reference import Reference
from tests.ood import fakes


def pairs(count: int = 6) -> Iterator[Pair]:
    for index in range(count):
        picture = fakes.photo(20 + index, 40, 40)
        clean = torch.nn.functional.interpolate(picture[None], scale_factor=4)[0]
        yield Pair(f"{index}", picture, clean)


def explode(network, degraded: torch.Tensor, temperature, samples, seed) -> Drawn:
    """Samples that leave the range where the input is rough, as an unbounded flow's do."""
    rough = degraded.diff(dim=-1, append=degraded[..., -1:]).abs().mean(0)
    detail = (20 * rough**2).repeat_interleave(4, 0).repeat_interleave(4, 1)
    values = (0.5 + detail).expand(samples, 3, -1, -1)
    return Drawn(values.clamp(0, 1), values)


def test_probability_foretells_errors(
    network: RestorationNetwork, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "draw", explode)
    picture, place = calibrate(
        network, reference, pairs, "error", temperature=0.8, severities=(5,), samples=1
    )
    assert picture.facts.score in ("energy", "unusual", "combined")
    assert picture.facts.inputs == 6 * 11
    assert 0 < picture.facts.hits < picture.facts.inputs
    assert sum(picture.facts.counts) == 3 * 11  # of photographs that had no part in the choice
    assert place.facts.score == "place"
    assert place.facts.inputs == 6 * 11 * 64
    assert place.facts.auroc is not None
    assert place.facts.auroc > 0.8
    assert place(1e6) > place(0.1)


def test_surprise_is_measured_against_undamaged_inputs(
    network: RestorationNetwork, reference: Reference
) -> None:
    limit = usual_surprise(network, pairs(2), 0.8, 2, 0)
    first = next(pairs(1))
    usual = bad_places(network, first, "surprise", 0.8, 2, limit=limit)
    assert usual.shape == (40, 40)
    assert usual.mean() < 0.03
    found = calibrate(
        network, reference, lambda: pairs(4), "surprise", 0.8, severities=(5,), samples=2
    )
    assert [each.facts.outcome for each in found] == ["surprise", "surprise"]
    assert found[0].facts.limit == usual_surprise(network, pairs(4), 0.8, 2, 0)


def test_too_few_photographs_are_refused(
    network: RestorationNetwork, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "draw", explode)
    with pytest.raises(InputError, match="too few"):
        calibrate(network, reference, lambda: pairs(3), "error", 0.8, severities=(3,), samples=1)


def test_a_corruption_of_the_scene_changes_the_truth() -> None:
    pair = next(pairs(1))
    found = {each.corruption: each.pair for each in spoilt(pair, (3,), seed=0)}
    assert len(found) == 11
    assert found["none"] is pair
    assert torch.equal(found["blur"].clean, pair.clean)
    assert not torch.equal(found["contrast"].clean, pair.clean)
    again = {each.corruption: each.pair for each in spoilt(pair, (3,), seed=0)}
    assert torch.equal(found["shot_noise"].degraded, again["shot_noise"].degraded)


def test_every_corruption_comes_at_every_severity_in_turn() -> None:
    (pair,) = pairs(1)
    seen = [
        [(each.corruption, each.severity) for each in spoilt_once(pair, group, (1, 3, 5), 0)]
        for group in range(3)
    ]
    assert all(cases[0] == ("none", 0) for cases in seen)
    assert all([name for name, _ in cases[1:]] == list(CORRUPTIONS) for cases in seen)
    for place in range(1, len(CORRUPTIONS) + 1):
        assert {cases[place][1] for cases in seen} == {1, 3, 5}

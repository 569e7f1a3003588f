""" "The same but for their maps" is true of the arms: recipes, first weights, data in order."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from restoreflow.config_reader import to_dict
from restoreflow.lab.degradations.example import Example
from restoreflow.lab.training import loop
from restoreflow.networks.restoration_network import build_network
from studies.factorial.forms import TIERS
from studies.factorial.settings import QUICK, STANDARD
from studies.factorial.training import mean_image, recipe, same_start, trainer
from tests.ood import fakes

CORE = TIERS[0]
ARMS = [arm for tier in TIERS for arm in tier]
TINY = dataclasses.replace(QUICK, steps=2, marks=(2,), batch=2, patch=32)


def test_recipes_differ_in_the_names_of_maps_alone() -> None:
    for settings in (STANDARD, QUICK):
        for seed in settings.seeds:
            configs = [to_dict(recipe(arm, settings, seed)) for arm in ARMS]
            for config, arm in zip(configs, ARMS, strict=True):
                assert config["flow"].pop("coupling") == arm.coupling
                assert config["flow"].pop("injector") == arm.injector
            assert all(config == configs[0] for config in configs)


def test_an_arm_learns_by_likelihood_alone() -> None:
    config = recipe(CORE[0], STANDARD, 0)
    assert [stage.loss for stage in config.stages] == ["likelihood"]
    weights = to_dict(config.stages[0].weights)
    assert weights["range"] == weights["adversary"] == weights["mean"] == 0.0
    assert weights["likelihood"] == 1.0
    assert (config.drawings, config.reduced, config.degradation) == (0.0, 0.0, "bicubic")


def test_first_weights_are_shared_as_far_as_forms_allow() -> None:
    states = []
    for arm in CORE:
        torch.manual_seed(0)
        network = build_network(recipe(arm, TINY, 0).model())
        same_start(network, 0)
        given = {id(parameter) for parameter in network.encoder.mean_parameters()}
        own = {n: p for n, p in network.named_parameters() if id(p) not in given}
        states.append({name: parameter.detach() for name, parameter in own.items()})
    names = set(states[0])
    assert any(name.startswith("encoder.context") for name in names)
    for state in states[1:]:
        assert set(state) == names
        differ = {n for n in names if state[n].shape != states[0][n].shape}
        assert all(not bool(state[n].any()) for n in differ)  # zeros, of another number
        assert all(torch.equal(state[n], states[0][n]) for n in names - differ)
    other = build_network(recipe(CORE[0], TINY, 0).model())
    same_start(other, 1)
    assert not torch.equal(
        other.state_dict()["flow.base.network.0.weight"], states[0]["flow.base.network.0.weight"]
    )


def test_data_come_in_one_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = fakes.write_photos(tmp_path / "photos", 2)
    mean = mean_image(TINY, photos, tmp_path / "mean")
    drawn: list[list[Example]] = []
    original: Any = loop.draw_examples

    def noted(*args: Any) -> Example:
        found = original(*args)
        drawn[-1].append(found)
        return found

    monkeypatch.setattr(loop, "draw_examples", noted)
    for index, arm in enumerate(CORE[:2]):
        drawn.append([])
        trainer(arm, TINY, 0, photos, tmp_path / str(index), mean).run()
    counts = [len(each) for each in drawn]
    assert counts == [1 + TINY.steps] * 2  # the activation norm's start, then a batch a step
    for each in drawn[1:]:
        for one, other in zip(drawn[0], each, strict=True):
            assert torch.equal(one.clean, other.clean)
            assert torch.equal(one.degraded, other.degraded)

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from restoreflow.flows.config import FlowConfig
from restoreflow.flows.coupling import Injector
from restoreflow.flows.elementwise import AffineMap, ScaleShiftMap
from studies.robustness import ablations
from studies.robustness.ablations import Ablation, ablate, inject
from studies.robustness.cache import Cache
from studies.robustness.settings import QUICK
from studies.robustness.suite import Item
from tests.ood import fakes

SETTINGS = dataclasses.replace(QUICK, tiny_steps=4)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablations, "MARKS", (0.5, 1.0))
    monkeypatch.setattr(ablations, "PATCH", 32)
    monkeypatch.setattr(ablations, "BATCH", 2)


def item(name: str) -> Item:
    clean = fakes.photo(2, 64, 64)
    return Item(name, "photo", name, 0, clean[:, ::4, ::4].contiguous(), clean)


def run(tmp_path: Path, photos: Path, cache: Cache, changes: dict[str, Any]) -> dict[str, Any]:
    case = Ablation(f"one {changes}", changes)
    usual, strange = [item("usual")], [item("strange")]
    return ablate(case, photos, tmp_path / "tiny", usual, strange, SETTINGS, cache)


@pytest.mark.usefixtures("small")
def test_a_tiny_model_is_trained_and_asked_on_the_way(tmp_path: Path, photos: Path) -> None:
    cache = Cache(tmp_path / "cache")
    found = run(tmp_path, photos, cache, {})
    assert [mark["steps"] for mark in found["marks"]] == [2, 4]
    assert found["bound"] > found["hostile"][0]["largest_detail"]
    assert run(tmp_path, photos, cache, {"coupling": "affine"})["bound"] is None


@pytest.mark.usefixtures("small")
def test_what_was_asked_is_not_trained_again(tmp_path: Path, photos: Path) -> None:
    cache = Cache(tmp_path / "cache")
    first = run(tmp_path, photos, cache, {})
    shutil.rmtree(tmp_path / "tiny")
    assert run(tmp_path, photos, cache, {}) == first
    assert not (tmp_path / "tiny").exists()


@pytest.mark.usefixtures("small")
def test_a_length_that_was_passed_unasked_is_trained_anew(tmp_path: Path, photos: Path) -> None:
    cache = Cache(tmp_path / "cache")
    first = run(tmp_path, photos, cache, {})
    shutil.rmtree(tmp_path / "cache")
    assert run(tmp_path, photos, cache, {}) == first


def test_the_injector_is_switched_by_itself() -> None:
    network = fakes.network("spline")
    (injector,) = [p for p in network.flow.chain.parts if isinstance(p, Injector)]
    inject(network, None, FlowConfig())
    assert isinstance(injector.map, ScaleShiftMap)
    inject(network, "affine", FlowConfig())
    assert isinstance(injector.map, AffineMap)
    inject(network, "bounded", FlowConfig(coupling="affine"))
    assert isinstance(injector.map, ScaleShiftMap)

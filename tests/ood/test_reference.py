"""ood.safetensors: written and read the same, its checksum kept, damage refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from restoreflow.errors import ModelError
from restoreflow.models.folder import OOD, ModelFolder, add_files, verify_folder
from restoreflow.ood.calibration import Curve, Logit
from restoreflow.ood.indicators import INDICATORS
from restoreflow.ood.reference import (
    SCHEMA,
    Calibration,
    CalibrationFacts,
    Reference,
    has_reference,
    read_reference,
    reference_bytes,
    write_reference,
)
from tests.ood import fakes

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return fakes.model_folder(tmp_path / "tiny")


@pytest.fixture
def calibrated(reference: Reference) -> Reference:
    facts = CalibrationFacts(
        outcome="error", score="unusual", inputs=5, hits=2, auroc=None, ece=0.1
    )
    curve = Curve((0.5, 3.0), (0.1, 0.7))
    place = dataclasses.replace(facts, score="place")
    both = (Calibration(facts, curve), Calibration(place, curve))
    return dataclasses.replace(reference, calibrations=both)


def test_what_is_written_is_read(folder: ModelFolder, calibrated: Reference) -> None:
    assert not has_reference(folder)
    write_reference(folder.path, calibrated)
    assert any(file.name == OOD and file.listed for file in verify_folder(folder))
    found = read_reference(folder)
    for field in dataclasses.fields(Reference):
        if field.name != "layers":
            assert getattr(found, field.name) == getattr(calibrated, field.name), field.name
    for one, other in zip(found.layers, calibrated.layers, strict=True):
        assert one.facts == other.facts
        assert torch.equal(one.mean, other.mean)
        assert torch.equal(one.whitening, other.whitening)


def test_a_combined_probability_is_read_again(folder: ModelFolder, calibrated: Reference) -> None:
    numbers = np.arange(len(INDICATORS), dtype=float)
    logit = Logit(tuple(numbers / 1500), tuple(numbers - 1), tuple(numbers + 1), -0.5)
    first = calibrated.calibrations[0]
    facts = dataclasses.replace(
        first.facts, score="combined", energy_auroc=0.6, indicators=INDICATORS, counts=(3, 4)
    )
    combined = Calibration(facts, first.curve, logit)
    write_reference(folder.path, dataclasses.replace(calibrated, calibrations=(combined,)))
    found = read_reference(folder).calibration()
    assert found is not None
    assert found == combined
    assert 0.1 < found(numbers) < 0.7
    assert found(numbers + 1e9) == found(numbers + 1)


def test_probabilities_take_scores_as_shown(calibrated: Reference) -> None:
    picture, place = calibrated.calibration(), calibrated.calibration(of_places=True)
    assert picture is not None
    assert place is not None
    assert picture(0.5) == 0.1
    assert place([[torch.e**3]])[0, 0] == pytest.approx(0.7)


def test_a_model_without_it_says_what_to_do(folder: ModelFolder) -> None:
    with pytest.raises(ModelError, match="cannot judge inputs") as caught:
        read_reference(folder)
    assert "fit-ood" in caught.value.hint


def drop(tensors: Tensors, facts: dict) -> None:
    del tensors["layer1.mean"]


def add(tensors: Tensors, facts: dict) -> None:
    tensors["extra"] = torch.ones(1)


def narrow(tensors: Tensors, facts: dict) -> None:
    tensors["layer0.mean"] = torch.zeros(7)


def infinite(tensors: Tensors, facts: dict) -> None:
    tensors["layer0.whitening"][0, 0] = torch.inf


def unsorted(tensors: Tensors, facts: dict) -> None:
    tensors["scores.energy"] = tensors["scores.energy"].flip(0)


def falling(tensors: Tensors, facts: dict) -> None:
    tensors["calibration0.probabilities"] = torch.tensor([0.9, 0.1])


def other_levels(tensors: Tensors, facts: dict) -> None:
    tensors["levels"] = tensors["levels"] / 2


def misspelt(tensors: Tensors, facts: dict) -> None:
    facts["sumary"] = facts.pop("summary")


def newer(tensors: Tensors, facts: dict) -> None:
    facts["schema"] = SCHEMA + 1


def enormous(tensors: Tensors, facts: dict) -> None:
    facts["energy_threshold"] = 1e308


def negative(tensors: Tensors, facts: dict) -> None:
    facts["energy_threshold"] = -1.0


def twice(tensors: Tensors, facts: dict) -> None:
    facts["layers"][1]["name"] = facts["layers"][0]["name"]


def no_scores(tensors: Tensors, facts: dict) -> None:
    del tensors["scores.unusual"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop, "layer1.mean is missing"),
        (add, "extra is unknown"),
        (narrow, "do not fit"),
        (infinite, "not finite"),
        (unsorted, "no quantiles"),
        (falling, "not decrease"),
        (other_levels, "other levels"),
        (misspelt, 'unknown key "sumary"'),
        (newer, f"schema {SCHEMA + 1} is newer"),
        (negative, "not within"),
        (enormous, "not within"),
        (twice, "stands twice"),
        (no_scores, "scores are missing"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damage_is_a_model_error(
    damage: Callable[[Tensors, dict], None],
    message: str,
    folder: ModelFolder,
    calibrated: Reference,
) -> None:
    data = reference_bytes(calibrated)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    facts, tensors = json.loads(header["__metadata__"]["ood"]), load(data)
    damage(tensors, facts)
    add_files(folder.path, {OOD: save(tensors, metadata={"ood": json.dumps(facts)})})
    with pytest.raises(ModelError, match=message) as caught:
        read_reference(folder)
    assert OOD in str(caught.value)


def test_bytes_are_verified_first(folder: ModelFolder, reference: Reference) -> None:
    write_reference(folder.path, reference)
    path = folder.path / OOD
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="checksum"):
        read_reference(folder)


def test_no_facts_is_a_model_error(folder: ModelFolder) -> None:
    add_files(folder.path, {OOD: save({"levels": torch.ones(1)})})
    with pytest.raises(ModelError, match="no facts"):
        read_reference(folder)

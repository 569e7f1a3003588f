"""`restoreflow fit-ood` from the command line to the file beside the weights."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from restoreflow.models.folder import OOD, ModelFolder, verify_folder
from restoreflow.ood.reference import read_reference
from tests.cli.conftest import Run
from tests.ood import fakes


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return fakes.model_folder(tmp_path / "mine", "affine").path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.write_photos(tmp_path_factory.mktemp("data") / "photos", 4, 96)


def test_statistics_are_written_beside_the_weights(run: Run, model: Path, data: Path) -> None:
    words = ("fit-ood", model, "--data", data, "--layer", "block1", "--layer", "features")
    result = run(*words, "--calibrate", 0, "--limit", 3, "--format", "json")
    assert result.code == 0, result.err
    (record,) = result.records
    assert record["layers"] == ["block1", "features"]
    assert record["places"] == 3 * 24 * 24
    assert record["auroc"] is None
    assert any(file.name == OOD and file.listed for file in verify_folder(model))
    found = read_reference(ModelFolder(model))
    assert found.energy_threshold == record["energy_threshold"]
    assert found.calibrations == ()


def test_probabilities_are_learnt_of_the_models_own_outcome(
    run: Run, model: Path, data: Path
) -> None:
    result = run("fit-ood", model, "--data", data, "--calibrate", 4, "--format", "json")
    assert result.code == 0, result.err
    (record,) = result.records
    assert record["outcome"] == "error"  # an affine flow's
    assert record["layers"] == ["block1"]
    picture = read_reference(ModelFolder(model)).calibration()
    assert picture is not None
    assert picture.facts.inputs == 4 * 11
    assert record["calibration_error"] == picture.facts.ece
    assert math.isfinite(record["calibration_error"])


def test_statistics_are_replaced_only_when_asked(run: Run, model: Path, data: Path) -> None:
    words = ("fit-ood", model, "--data", data, "--calibrate", 0, "--limit", 2)
    assert run(*words).code == 0
    before = (model / OOD).read_bytes()
    refused = run(*words, "--summary", "p99")
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert (model / OOD).read_bytes() == before
    assert run(*words, "--summary", "p99", "--overwrite").code == 0
    assert read_reference(ModelFolder(model)).summary == "p99"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layer", "blok1"), 'did you mean "block1"'),
        (("--calibrate", "2"), "4 or more"),
        (("--data", "nowhere"), "not a folder"),
        (("--rank", "9"), "rank is 9"),
        ((), "one picture is too few"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(
    run: Run, model: Path, data: Path, options: tuple[str, ...], message: str
) -> None:
    result = run("fit-ood", model, "--data", data, "--limit", 1, "--calibrate", 0, *options)
    assert result.code in (2, 3)
    assert message in result.err
    assert not (model / OOD).exists()

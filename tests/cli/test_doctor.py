"""`restoreflow doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from restoreflow.models import resolve
from tests.cli.conftest import Run


@pytest.mark.usefixtures("bundled")
def test_findings(run: Run) -> None:
    outcome = run("doctor", "--format", "json", "--device", "cpu")
    (found,) = outcome.records
    assert outcome.code == 0
    # Of a wheel from the package index the metadata leave out what it was built for.
    assert torch.__version__.startswith(found["packages"]["torch"])
    assert found["device"].startswith("cpu: ")
    assert "cpu" in found["devices"]
    assert "whole" in found["models"]["sr-x4"]
    assert found["self_test"]["status"] == "passed"
    assert found["self_test"]["nonfinite"] == 0


@pytest.mark.usefixtures("bundled")
def test_for_people(run: Run) -> None:
    text = run("doctor", "--format", "human").out
    assert "self test" in text
    assert "passed" in text
    assert "model cache" in text


def test_damaged_weights_are_found(
    run: Run, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sr-x4"
    folder.mkdir()
    for file in (tiny_bundle / "sr-x4").iterdir():
        data = file.read_bytes()
        (folder / file.name).write_bytes(data[:-8] if file.suffix == ".safetensors" else data)
    monkeypatch.setattr(resolve, "_bundle", lambda: tmp_path)
    outcome = run("doctor", "--format", "json")
    (found,) = outcome.records
    assert outcome.code == 1
    assert "model.safetensors" in found["models"]["sr-x4"]
    assert found["self_test"]["status"] == "failed"


def test_without_models(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "_bundle", lambda: tmp_path / "none")
    outcome = run("doctor", "--format", "json")
    assert (outcome.code, outcome.records[0]["self_test"]["status"]) == (0, "skipped")


def test_doctor_says_which_models_judge_inputs(run: Run, bundled: Path) -> None:
    (findings,) = run("doctor", "--format", "json").records
    assert "judges no inputs: see fit-ood" in findings["models"]["sr-x4"]

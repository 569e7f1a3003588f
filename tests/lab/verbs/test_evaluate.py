"""`restoreflow evaluate` from the command line, with tiny weights and self-made pictures."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import restoreflow
from restoreflow.batch.record_types import RECORD_SCHEMA
from restoreflow.errors import ModelError, UsageError
from restoreflow.flows.config import FlowConfig
from restoreflow.lab.evaluation import extractors, hostile
from restoreflow.lab.evaluation.extractors import Extractor
from restoreflow.lab.verbs.evaluate import app
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import save_folder
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import build_network
from tests.lab.evaluation.fakes import FakeRestorer, scene
from tests.measures.lpips_weights import write_weights


@pytest.fixture(scope="module")
def lpips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("lpips"))


def model_folder(parent: Path, name: str) -> Path:
    """A x4 model whose weights are random and few."""
    config = ModelConfig(
        name=name,
        task="sr",
        scale=4,
        network=NetworkConfig(width=8, depth=1),
        flow=FlowConfig(steps=2, hidden=8),
    )
    save_folder(parent / name, config, build_network(config), card="For tests.")
    return parent / name


def night_folder(parent: Path) -> Path:
    """The configuration of a low-light model, enough where a fake restores."""
    (parent / "night").mkdir()
    config = ModelConfig(name="night", task="lowlight", scale=1)
    (parent / "night" / "config.json").write_text(config.to_json())
    (parent / "night" / "model.safetensors").touch()
    return parent / "night"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("models"), "tiny")


@pytest.fixture
def truths(tmp_path: Path) -> Path:
    folder = tmp_path / "Two"
    folder.mkdir()
    scene(64, 48, 0).save(folder / "a.png")
    scene(48, 64, 1).save(folder / "b.png")
    return folder


def use_fake(monkeypatch: pytest.MonkeyPatch, scale: int) -> FakeRestorer:
    fake = FakeRestorer(scale)
    monkeypatch.setattr(restoreflow, "load_model", lambda folder, device, precision: fake)
    return fake


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def records(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_sr_gives_a_record_a_method_and_the_same_file(
    truths: Path, tiny: Path, lpips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fake = use_fake(monkeypatch, 4)
    out = tmp_path / "evaluation.json"
    common = ("--data", truths, "--model", tiny, "--lpips", lpips, "--samples", "2")
    result = invoke(
        "sr", *common, "--temperatures", "0,0.5", "--no-consistency", "--format", "json", "-o", out
    )
    rows = records(result)
    assert [(row["method"], row["temperature"]) for row in rows] == [
        ("bicubic", None),
        ("tiny", 0.0),
        ("tiny", 0.5),
    ]
    assert {row["data"] for row in rows} == {"Two"}
    assert rows[1]["psnr_y"] == rows[0]["psnr_y"] > rows[2]["psnr_y"]
    assert rows[2]["spread"] > 4 > rows[1]["spread"] == 0
    assert {call["consistency"] for call in fake.calls} == {False}
    document = json.loads(out.read_text())
    assert [{"schema": RECORD_SCHEMA} | row for row in document["rows"]] == rows
    assert (document["scale"], document["samples"], document["consistency"]) == (4, 2, False)

    worn = tmp_path / "worn.json"
    result = invoke("sr", *common, "--temperatures", "0", "--noise", "20", "-o", worn)
    assert result.exit_code == 0
    document = json.loads(worn.read_text())
    assert document["wear"] == {"blur": 0.0, "noise": 20.0, "jpeg": 0}
    assert document["rows"][1]["psnr_y"] < rows[1]["psnr_y"] - 1

    table = invoke("sr", *common, "--temperatures", "0.5", "--limit", "1", "--format", "human")
    assert table.exit_code == 0
    for shown in ("PSNR-Y", "LPIPS", "S10", "bicubic", "tiny", "0.5"):
        assert shown in table.stdout


def test_without_lpips_the_rest_is_measured_and_that_said_once(
    truths: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
):
    use_fake(monkeypatch, 4)
    monkeypatch.delenv("RESTOREFLOW_LPIPS", raising=False)
    monkeypatch.setitem(sys.modules, "lpips", None)
    common = ("sr", "--data", truths, "--model", tiny, "--samples", "2", "--temperatures", "0,0.5")
    result = invoke(*common, "--format", "json")
    for row in records(result):
        assert {"psnr_y", "ssim_y", "lr_psnr", "spread"} <= row.keys()
        assert not [key for key in row if "lpips" in key or key == "diversity_s10"]
    assert result.stderr.count("LPIPS is left out") == 1
    assert "restoreflow evaluate fetch" in result.stderr
    table = invoke(*common, "--format", "human").stdout
    assert "PSNR-Y" in table and "LPIPS" not in table and "S10" not in table


def test_a_named_folder_without_lpips_is_an_error(truths: Path, tiny: Path, tmp_path: Path):
    result = invoke("sr", "--data", truths, "--model", tiny, "--lpips", tmp_path)
    assert isinstance(result.exception, ModelError)
    assert "restoreflow evaluate fetch" in result.exception.hint


def test_fetch_makes_what_a_purpose_needs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made: list[str] = []

    def make(extractor: Extractor, folder: Path, progress: object) -> bool:
        made.append(extractor.name)
        (folder / extractor.name).write_bytes(extractor.name.encode())
        return True

    known = [
        dataclasses.replace(each, sha256=hashlib.sha256(each.name.encode()).hexdigest())
        for each in extractors.EXTRACTORS
    ]
    monkeypatch.setattr(extractors, "EXTRACTORS", known)
    monkeypatch.setattr(extractors, "make", make)
    names = [extractor.name for extractor in known]
    folder = tmp_path / "new" / "extractors"
    found = records(invoke("fetch", folder, "--for", "evaluate", "--format", "json"))
    assert made == names[:2]
    assert [record["file"] for record in found] == [str(folder / name) for name in made]
    assert {record["status"] for record in found} == {"done"}
    found = records(invoke("fetch", folder, "--format", "json"))
    assert made == names
    assert [record["status"] for record in found] == ["skipped", "skipped", "done"]
    assert "is there" in invoke("fetch", folder, "--format", "human").stdout


def test_lowlight_shows_baselines_and_groups(
    lpips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    use_fake(monkeypatch, 1)
    for part, divisor in (("low", 5), ("high", 1)):
        (tmp_path / part).mkdir()
        for index, name in enumerate(("lol_1.png", "stack_1.png")):
            levels = np.asarray(scene(40, 40, index)) // divisor
            Image.fromarray(levels).save(tmp_path / part / name)
    model = night_folder(tmp_path)
    common = ("--pairs", tmp_path, "--model", model, "--lpips", lpips, "--temperatures", "0")
    rows = records(invoke("lowlight", *common, "--format", "json"))
    assert [row["method"] for row in rows[::3]] == ["identity", "gamma 0.4", "night"]
    assert [row["data"] for row in rows[:3]] == ["all", "lol", "stack"]
    assert rows[0]["psnr"] < rows[0]["psnr_matched"]
    named = records(invoke("lowlight", *common, "--format", "json", "--groups", "stack"))
    assert [row["data"] for row in named[:2]] == ["all", "stack"]


def test_hostile_shows_models_side_by_side(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    every = hostile.hostile_inputs
    few = ("noise_binary", "text", "checker_1")
    monkeypatch.setattr(
        hostile, "hostile_inputs", lambda *given: {name: every(*given)[name] for name in few}
    )
    other = model_folder(tmp_path, "other")
    common = ("--models", f"{tiny},{other}", "--size", "32", "--temperatures", "0,1")
    rows = records(invoke("hostile", *common, "--attack-steps", "1", "--format", "json"))
    assert {row["model"] for row in rows} == {str(tiny), str(other)}
    assert {row["temperature"] for row in rows} == {0.0, 1.0}
    assert {"noise_binary", "text", "adversarial_free", "adversarial_photo"} <= {
        row["input"] for row in rows
    }
    assert all(row["nonfinite"] == 0 for row in rows)
    photo = tmp_path / "photo.png"
    scene(128, 128).save(photo)
    table = invoke("hostile", *common[:4], "--temperatures", "0", "--attack-steps", "0",
                   "--photo", photo, "--format", "human")  # fmt: skip
    assert table.exit_code == 0
    assert "checker_1" in table.stdout
    assert "adversarial" not in table.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--temperatures", "0,-1"), "each must be a number, 0 or more"),
        (("--temperatures", "0,nan"), "each must be a number, 0 or more"),
        (("--temperatures", "warm"), "each must be a number, 0 or more"),
        (("-o", "{truths}/a.png"), "exists already"),
        (("-o", "{truths}/none/a.json"), "is not a folder"),
        (("--data", "{truths}/none"), "is not a folder"),
        (("--model", "{night}"), "is a model for lowlight, not sr"),
    ],
)
def test_what_cannot_be_evaluated_is_said_before_work(
    arguments: tuple[str, str], message: str, truths: Path, tiny: Path, lpips: Path, tmp_path: Path
):
    night = night_folder(tmp_path)
    option, value = arguments[0], arguments[1].format(truths=truths, night=night)
    given: dict[str, str | Path] = {"--data": truths, "--model": tiny, "--lpips": lpips}
    given |= {option: value}
    result = invoke("sr", *(part for pair in given.items() for part in pair))
    assert isinstance(result.exception, UsageError)
    assert message in result.exception.message


def test_a_photo_smaller_than_the_inputs_is_refused(tiny: Path, tmp_path: Path):
    scene(40, 40).save(tmp_path / "small.png")
    result = invoke("hostile", "--models", tiny, "--photo", tmp_path / "small.png")
    assert isinstance(result.exception, UsageError)
    assert "smaller than 96" in result.exception.message


def test_help_needs_no_torch():
    code = (
        "import sys; from typer.testing import CliRunner;"
        "from restoreflow.lab.verbs.evaluate import app;"
        "assert CliRunner().invoke(app, ['sr', '--help']).exit_code == 0;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

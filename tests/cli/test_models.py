"""`restoreflow models`: what each verb shows and records, and how each fails."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from restoreflow.cli import certificates
from restoreflow.cli.app import main
from restoreflow.cli.models import app
from restoreflow.errors import ModelError
from restoreflow.flows.config import FlowConfig
from restoreflow.models import resolve
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import save_folder
from restoreflow.networks.restoration_network import build_network
from tests.models.conftest import *  # noqa: F403 (the fixtures)
from tests.models.hub_server import WRITE_TOKEN, HubServer

KEYS = {
    "name",
    "task",
    "scale",
    "coupling",
    "values",
    "bytes",
    "temperature",
    "consistency",
    "source",
    "revision",
    "path",
}


@pytest.fixture
def bundle(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with one model."""
    shutil.copytree(saved, tmp_path / "package" / "weights" / "tiny")
    monkeypatch.setattr(resolve, "_PACKAGE", tmp_path / "package")
    return tmp_path / "package" / "weights"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})
    if result.exception is not None:
        raise result.exception
    return result.stdout


def records(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments, "--format", "json").splitlines()]


def test_list(bundle: Path) -> None:
    (record,) = records("list")
    assert record.keys() == KEYS | {"schema"}
    assert record["name"] == "tiny"
    assert record["source"] == "bundled"
    assert record["path"] == str(bundle / "tiny")
    assert record["bytes"] == sum(file.stat().st_size for file in (bundle / "tiny").iterdir())
    lines = run("list", "--format", "human").splitlines()
    assert any("tiny" in line and "sr x4" in line and "spline" in line for line in lines)
    assert run("list", "--format", "quiet") == ""


def test_list_without_models(bundle: Path) -> None:
    shutil.rmtree(bundle)
    assert records("list") == []
    assert "No models came with" in run("list", "--format", "human")


def test_show_says_licences_data_figures_and_failures(bundle: Path) -> None:
    (record,) = records("show", "tiny")
    assert record["card"]["data_license"] == "CC0: see the list"
    assert record["figures"][0]["psnr_y"] == 26.12345
    assert "certificate" not in record
    text = run("show", "tiny", "--format", "human")
    for part in (
        "licence of weights",
        "licence of code",
        "CC0: see the list",
        "Seventy photographs.",
        "When it fails",
        "26.12",
    ):
        assert part in text
    assert str(bundle / "tiny") in "".join(text.split())  # a long path is folded


def test_show_without_a_card_says_so(bundle: Path) -> None:
    (bundle / "tiny" / "README.md").unlink()
    (record,) = records("show", "tiny")
    assert record["card"] is None
    assert "cannot be read" in record["card_error"]
    assert "cannot be read" in run("show", "tiny", "--format", "human")


def test_a_card_cannot_steer_the_terminal(bundle: Path) -> None:
    card = bundle / "tiny" / "README.md"
    card.write_text(card.read_text().replace("Seventy", "\x1b[2J[red]\x9bSeventy"))
    text = run("show", "tiny", "--format", "human")
    assert "[2J[red]Seventy" in text
    assert "\x1b" not in text
    assert "\x9b" not in text


def test_certificate(bundle: Path) -> None:
    (record,) = records("show", "tiny", "--certificate")
    certificate = record["certificate"]
    layers = certificate["layers"]
    assert layers[0]["layer"] == "base"
    assert certificate["after_limiter"] == layers[-1]["peak"] == 0.5
    assert certificate["before_limiter"] == layers[-2]["peak"]
    assert certificate["result_range"] == [-0.5, 1.5]
    assert 0.5 < certificate["before_limiter"] < 1000
    assert certificate["gains"] == []
    assert certificate["gain"] == 1
    assert certificate["finite"] and not certificate["overflows"] and certificate["lost"] is None
    text = run("show", "tiny", "--certificate", "--format", "human")
    assert "detail after the limiter:  at most 0.5" in text
    assert "from -0.5 to 1.5, ends included\n" in text
    assert all(line["layer"] in text for line in layers)
    assert "found" not in layers[0]


def test_a_search_is_shown_beside_the_certificate(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "SEARCH_STEPS", 10)
    (record,) = records("show", "tiny", "--search")
    for line in record["certificate"]["layers"]:
        assert 0 < line["found"] <= line["peak"]
        assert line["ratio"] == line["found"] / line["peak"]
    heads = "largest value   found   ratio"
    assert heads in run("show", "tiny", "--search", "--format", "human")


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("chain.bijections.4", lambda p: p.add_(1.0).mul_(1e20)),  # a coupling's network
        ("chain.bijections.1.log_scale", lambda p: p.add_(200.0)),
        ("chain.bijections.1.bias", lambda p: p.add_(1e35)),
    ],
)
def test_what_float32_cannot_carry_has_no_certificate(
    bundle: Path, config: ModelConfig, part: str, change: Callable[[torch.Tensor], object]
) -> None:
    network = build_network(config)
    with torch.no_grad():
        for name, parameter in network.flow.named_parameters():
            if name.startswith(part):
                change(parameter)
    save_folder(bundle / "huge", config, network, "no card")
    (record,) = records("verify", "huge")
    certificate = record["certificate"]
    assert certificate["before_limiter"] is None and certificate["gains"] == []
    assert certificate["overflows"] and certificate["lost"] in ("conjugate coupling", "actnorm")
    told = f"no certificate: after {certificate['lost']} values could exceed what float32 carries"
    assert told in run("verify", "huge", "--format", "human")
    text = run("show", "huge", "--certificate", "--format", "human")
    assert "restoring finds and refuses them" in text
    assert "at most 0.5, where it is a number" in text


def test_the_affine_twin_has_no_bound_before_the_limiter(bundle: Path, config: ModelConfig) -> None:
    affine = dataclasses.replace(config, flow=FlowConfig(coupling="affine", steps=2, hidden=8))
    save_folder(bundle / "affine", affine, build_network(affine), "no card")
    (record,) = records("show", "affine", "--certificate")
    assert record["certificate"]["before_limiter"] is None
    assert record["certificate"]["after_limiter"] == 0.5
    gains = [gain["gain"] for gain in record["certificate"]["gains"]]
    assert gains == pytest.approx([1e4] * 3)  # two couplings and the injector
    assert record["certificate"]["gain"] == pytest.approx(1e12)
    text = run("show", "affine", "--certificate", "--format", "human")
    told = "detail before the limiter: no bound: the inverse of 3 layers can multiply a value by "
    assert told + "1e+04 each, by 1.0e+12 together" in " ".join(text.split())
    assert "detail after the limiter:  at most 0.5" in text


def test_verify(bundle: Path) -> None:
    (record,) = records("verify", "tiny")
    assert record["status"] == "verified"
    assert {file["name"] for file in record["files"] if file["listed"]} == {"model.safetensors"}
    assert record["orthogonality"]["departure"] < record["orthogonality"]["allowed"] == 1e-6
    (shown,) = records("show", "tiny", "--certificate")
    assert record["certificate"] == shown["certificate"]
    text = run("verify", "tiny", "--format", "human")
    assert "all files are whole" in text
    assert "rotations: orthogonal, |W W^T - 1| at most" in text
    assert "certificate: for every input at temperatures up to 1, detail at most" in text
    (bundle / "tiny" / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="truncated or damaged"):
        run("verify", "tiny")


def test_pull(client: HubServer) -> None:
    (record,) = records("pull", "someone/tiny@v1")
    assert record["source"] == "hub"
    assert record["revision"] == client.repositories["someone/tiny"].refs["v1"]
    client.requests.clear()
    run("pull", "someone/tiny", "--force")
    assert any("/storage/" in path for path in client.paths("GET"))


def test_push(client: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="does not know you"):
        run("push", str(folder), "someone/new")
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    (record,) = records("push", str(folder), "someone/new", "--private")
    assert record["url"] == f"{client.url}/someone/new"
    assert client.repositories["someone/new"].private


def test_unknown_names_offer_the_nearest(bundle: Path) -> None:
    for verb in ("show", "verify"):
        with pytest.raises(ModelError, match='did you mean "tiny"') as error:
            run(verb, "tinny")
        assert error.value.exit_code == 6


@pytest.mark.parametrize(
    "arguments",
    [("verify", "tinny"), ("show", "./none"), ("pull", "someone"), ("push", "none", "a/b")],
)
def test_a_model_that_is_not_to_be_had_is_exit_code_6_and_one_line(
    bundle: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["models", *arguments])
    assert ended.value.code == 6
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("restoreflow: ")
    assert line.endswith(")")


@pytest.mark.parametrize("verb", ["list", "show", "pull", "verify", "push"])
def test_help_gives_an_example(verb: str) -> None:
    text = run(verb, "--help")
    assert f"Example: restoreflow models {verb}" in text
    if verb in ("show", "verify", "pull"):
        assert "owner/name@revision" in text

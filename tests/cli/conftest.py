"""Runs command lines in this process, with a tiny model in the place of the bundled ones."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow.cli.app import main
from restoreflow.cli.startup import DEBUG_VARIABLE
from restoreflow.flows.actnorm import ActNorm
from restoreflow.flows.config import FlowConfig
from restoreflow.models import resolve
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import save_folder
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import build_network


@dataclass(frozen=True)
class Outcome:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _no_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEBUG_VARIABLE, "0")  # --debug sets it; afterwards it is as it was


@pytest.fixture(autouse=True)
def _nothing_piped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main([str(word) for word in words])
        code = ending.value.code
        assert isinstance(code, int)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundled models that holds a small random "sr-x4"."""
    bundle = tmp_path_factory.mktemp("weights")
    save_tiny(bundle, 4)
    return bundle


def save_tiny(bundle: Path, scale: int, name: str = "") -> None:
    """A small random super-resolution model, named as the bundled one of its scale if not told."""
    config = ModelConfig(
        name=name or f"sr-x{scale}",
        task="sr",
        scale=scale,
        network=NetworkConfig(width=8, depth=1),
        flow=FlowConfig(steps=2, hidden=8),
    )
    card = "---\nlicense: apache-2.0\n---\nFor tests.\n"
    network = build_network(config)
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, ActNorm):  # details of a tenth of the range: no error pixels
                part.log_scale.sub_(2.5)
    save_folder(bundle / config.name, config, network, card=card)


@pytest.fixture
def bundled(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(resolve, "_bundle", lambda: tiny_bundle)
    return tiny_bundle


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return picture(tmp_path / "photo.png")


def picture(path: Path, width: int = 16, height: int = 12, mode: str = "RGB") -> Path:
    """A small file with a gradient and some texture."""
    rows, columns = np.mgrid[:height, :width]
    planes = (rows * 255 // height, columns * 255 // width, (rows * 5 + columns * 3) % 256)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8)).convert(mode).save(path)
    return path

"""Tiny twins: a spline whose parameters are wild, and an affine flow that is known to explode."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from restoreflow.cli import program
from restoreflow.flows.coupling import CouplingNetwork
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import save_folder
from restoreflow.networks.restoration_network import RestorationNetwork
from studies.robustness.__main__ import NAME, app
from studies.robustness.arms import Arm, load_arms
from tests.cli.conftest import Outcome, Run, _no_debug, _nothing_piped_in
from tests.ood import fakes

__all__ = ["_no_debug", "_nothing_piped_in"]


def wild(coupling: str) -> RestorationNetwork:
    """Whatever the input, raw parameters are far from 0; an affine slope is then near 1e-4."""
    network = fakes.network(coupling)
    with torch.no_grad():
        for module in network.flow.modules():
            if isinstance(module, CouplingNetwork) and module.last.bias is not None:
                torch.nn.init.normal_(module.last.weight, std=1.0)
                module.last.bias.fill_(-20.0)
    return network


def named(name: str, coupling: str) -> ModelConfig:
    config = fakes.config(coupling)
    return ModelConfig(name=name, task="sr", scale=4, network=config.network, flow=config.flow)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    parent = tmp_path_factory.mktemp("twins")
    for name, coupling in (("calm", "spline"), ("wild", "affine")):
        save_folder(parent / name, named(name, coupling), wild(coupling), fakes.CARD)
    return parent / "calm", parent / "wild"


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.write_photos(tmp_path_factory.mktemp("photos"), 3)


@pytest.fixture(scope="session")
def arms(folders: tuple[Path, Path], photos: Path) -> list[Arm]:
    return load_arms([str(folder) for folder in folders], photos, reference_photos=3)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            program.run(app, NAME, [str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(int(str(ending.value.code)), captured.out, captured.err)

    return run

"""A small model, a folder of it, and a Hub to fetch it from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from restoreflow.flows.config import FlowConfig
from restoreflow.models.card import CardFacts, write_card
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import save_folder
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import RestorationNetwork, build_network
from tests.models.hub_server import HubServer, Repository


@pytest.fixture(scope="session")
def config() -> ModelConfig:
    return ModelConfig(
        name="tiny",
        task="sr",
        scale=4,
        network=NetworkConfig(width=8, depth=1),
        flow=FlowConfig(steps=2, hidden=8),
    )


@pytest.fixture(scope="session")
def network(config: ModelConfig) -> RestorationNetwork:
    return build_network(config)


@pytest.fixture(scope="session")
def facts() -> CardFacts:
    return CardFacts(
        summary="Super-resolves photographs by four.",
        license="apache-2.0",
        code_license="apache-2.0",
        data_license="CC0: see the list",
        training_data="Seventy photographs.\n\n- sharp\n- reduced",
        recipe="Stages A to C, 10 minutes.",
        limits="Text | line art.",
    )


@pytest.fixture(scope="session")
def rows() -> list[dict[str, object]]:
    return [{"data": "Set14", "method": "tiny", "temperature": 0.8, "psnr_y": 26.12345}]


@pytest.fixture(scope="session")
def saved(
    tmp_path_factory: pytest.TempPathFactory,
    config: ModelConfig,
    network: RestorationNetwork,
    facts: CardFacts,
    rows: list[dict[str, object]],
) -> Path:
    """A saved model; read it, don't change it."""
    path = tmp_path_factory.mktemp("saved") / "tiny"
    extras = {"evaluation.json": json.dumps({"rows": rows}).encode()}
    save_folder(path, config, network, write_card(config, facts, rows), extras)
    return path


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved model to damage."""
    path = tmp_path / "tiny"
    path.mkdir()
    for file in saved.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    return path


@pytest.fixture
def hub(saved: Path) -> Iterator[HubServer]:
    """A Hub that holds the saved model as someone/tiny, and a file that no one should fetch."""
    with HubServer() as server:
        repository = Repository()
        files = {file.name: file.read_bytes() for file in saved.iterdir()}
        repository.commit({**files, "optimizer.bin": b"not for users"})
        repository.refs["v1"] = repository.refs["main"]
        server.repositories["someone/tiny"] = repository
        yield server


@pytest.fixture
def client(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """The Hub's client in this process, pointed to the small Hub and to an empty cache."""
    from huggingface_hub import constants, file_download

    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    for module in (constants, file_download):  # older clients hold it in both
        monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return hub

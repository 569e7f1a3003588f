"""A model's name becomes a restorer."""

from __future__ import annotations

import pytest
import torch

from restoreflow.errors import ModelError, RestoreflowError, UsageError
from restoreflow.models.config import Defaults, ModelConfig
from restoreflow.models.folder import save_folder
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import build_network
from restoreflow.restoration.restorer import load_model
from tests.restoration.fakes import picture


@pytest.fixture
def folder(tmp_path):
    config = ModelConfig(
        name="tiny",
        task="sr",
        scale=2,
        network=NetworkConfig(width=8, depth=1),
        defaults=Defaults(temperature=0.4, consistency=False),
    )
    save_folder(tmp_path / "tiny", config, build_network(config), "# tiny")
    return tmp_path / "tiny"


def test_a_folder_is_loaded_and_restores(folder):
    restorer = load_model(str(folder), device="cpu")
    assert restorer.config.name == "tiny"
    assert not restorer.network.training
    result = restorer.restore(picture(9, 11), samples=2)
    assert result.images[1].size == (22, 18)
    assert (result.report["temperature"], result.report["consistency"]) == (0.4, False)


def test_two_loads_restore_alike(folder):
    images = [load_model(folder, device="cpu").restore(picture(8, 8)).images[0] for _ in range(2)]
    assert images[0].tobytes() == images[1].tobytes()


def test_threads_are_set(folder):
    load_model(folder, device="cpu", threads=2)
    assert torch.get_num_threads() == 2
    with pytest.raises(UsageError, match="threads is 0"):
        load_model(folder, threads=0)


def test_errors_come_before_the_model_is_read(folder):
    with pytest.raises(UsageError, match="is no device"):
        load_model("nowhere/at-all", device="tpu")
    with pytest.raises(ModelError):
        load_model(str(folder.parent / "missing"), device="cpu")
    if not torch.cuda.is_available():
        with pytest.raises(RestoreflowError, match="not available"):
            load_model(folder, device="cuda")

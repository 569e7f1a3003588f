"""What a folder describes is compared with its file before it is made; its matrices are what they
are taken for."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from restoreflow.errors import ModelError
from restoreflow.flows.config import FlowConfig
from restoreflow.flows.rotation import (
    TOLERANCE,
    departure,
    largest_departure,
    random_rotation,
    stretch,
)
from restoreflow.models import folder as folders
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import load_folder, save_folder, verify_folder
from restoreflow.models.resolve import bundled_models
from restoreflow.networks import restoration_network
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import build_network, described_tensors

COARSE = FlowConfig(steps=2, coarse=1, hidden=8, rotations="cosine")
LARGEST = FlowConfig(steps=64, coarse=64, hidden=1024, bins=32)

MATRICES = {
    "the activation norm's basis": "flow.chain.bijections.1.basis",
    "the bare rotation": "flow.chain.bijections.3.weight",
    "a step's": "flow.chain.bijections.4.rotation.weight",
    "a shifted step's": "flow.chain.bijections.5.inner.rotation.weight",
    "a coarse step's": "flow.chain.bijections.6.inner.rotation.weight",
}
DAMAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "a hundredfold": lambda w: 100 * w,
    "a little longer": lambda w: (1 + 2e-6) * w,
    "a hole": lambda w: torch.zeros_like(w),
    "sheared": lambda w: w + 1e-3 * w.roll(1, 0),
    "one value moved": lambda w: w + 1e-5 * (torch.arange(w.numel()).reshape(w.shape) == 7),
    "huge": lambda w: 1e30 * w,
}


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory, config: ModelConfig) -> Path:
    path = tmp_path_factory.mktemp("coarse") / "tiny"
    described = dataclasses.replace(config, flow=COARSE)
    save_folder(path, described, build_network(described), "card")
    return path


def rewritten(folder: Path, to: Path, name: str, change: Callable[[Tensor], Tensor]) -> Path:
    """A copy with one tensor changed, and its checksum with it."""
    to.mkdir()
    tensors = load((folder / "model.safetensors").read_bytes())
    tensors[name] = change(tensors[name]).contiguous()
    data = save(tensors)
    (to / "model.safetensors").write_bytes(data)
    config = json.loads((folder / "config.json").read_text())
    config["sha256"] = {"model.safetensors": hashlib.sha256(data).hexdigest()}
    (to / "config.json").write_text(json.dumps(config))
    return to


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_matrix_that_is_not_orthogonal_is_refused(
    coarse: Path, tmp_path: Path, matrix: str, damage: str
) -> None:
    name = MATRICES[matrix]
    broken = rewritten(coarse, tmp_path / "broken", name, DAMAGES[damage])
    for check in (load_folder, verify_folder):
        with pytest.raises(ModelError, match=r"is not orthogonal: \|W W\^T - 1\| is") as error:
            check(broken)
        assert name.removeprefix("flow.") in str(error.value)
        assert error.value.exit_code == 6 and "\n" not in str(error.value)


@pytest.mark.parametrize("matrix", MATRICES)
def test_another_orthogonal_matrix_is_as_good(coarse: Path, tmp_path: Path, matrix: str) -> None:
    other = rewritten(
        coarse, tmp_path / "other", MATRICES[matrix], lambda w: random_rotation(len(w), 5).float()
    )
    assert largest_departure(load_folder(other).network.flow).size < TOLERANCE


def test_the_table_has_every_matrix_of_a_flow(coarse: Path) -> None:
    flow = load_folder(coarse).network.flow
    fixed = {name for name, _ in flow.named_buffers() if name.endswith("6.basis")}  # of no file
    assert {f"flow.{name}" for name, _ in flow.named_buffers() if name not in fixed} == set(
        MATRICES.values()
    )


def test_what_could_not_be_loaded_is_not_saved(tmp_path: Path, config: ModelConfig) -> None:
    network = build_network(config)
    network.flow.get_buffer("chain.bijections.3.weight").mul_(1.01)
    with pytest.raises(ModelError, match=r"tiny: chain\.bijections\.3\.weight is not orthogonal"):
        save_folder(tmp_path / "tiny", config, network, "card")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["sr-x2", "sr-x4", "sr-x8", "sr-x4-photo", "lowlight"])
def test_bundled_models_are_orthogonal(name: str) -> None:
    flow = load_folder(bundled_models()[name]).network.flow
    assert largest_departure(flow).size < 0.3 * TOLERANCE


def test_departure_and_stretch_are_what_they_say() -> None:
    torch.manual_seed(0)
    for scale in (0.0, 1e-6, 1e-3, 0.3):
        w = random_rotation(48, 1) + scale * torch.randn(48, 48, dtype=torch.float64)
        e, (factor, slack) = departure(w), stretch(w)
        x = torch.randn(48, 1000, dtype=torch.float64)
        norm = x.square().sum(0).sqrt()
        for matrix in (w, w.T):
            assert ((matrix @ x).square().sum(0).sqrt() <= factor * norm * (1 + 1e-12)).all()
        back = w.T @ (w @ x) - x
        assert (back.square().sum(0).sqrt() <= slack * norm + 1e-12).all()
        assert factor <= (1 + 48 * e) ** 0.5 + 1e-12 and slack <= 48 * e + 1e-12
    assert departure(torch.full((2, 2), float("nan"))) == float("inf")
    assert stretch(torch.full((2, 2), float("inf"))) == (float("inf"), float("inf"))


@pytest.mark.parametrize(
    "changes",
    [
        {"flow": LARGEST},
        {"flow": dataclasses.replace(LARGEST, rotations="learnt")},
        {"network": NetworkConfig(width=1024, depth=256, context=256, told=True)},
        {
            "task": "lowlight",
            "scale": 1,
            "network": NetworkConfig("low_light", width=1023, depth=256, context=256),
        },
    ],
)
def test_the_largest_description_takes_next_to_no_memory(
    config: ModelConfig, changes: dict[str, object]
) -> None:
    described = described_tensors(dataclasses.replace(config, **changes))  # pyright: ignore
    assert sum(tensor.numel() for tensor in described.values()) > 1e7
    assert sum(t.numel() * 4 for t in described.values() if not t.is_meta) < 2e6


def test_a_description_is_what_is_built(config: ModelConfig) -> None:
    for folder in bundled_models().values():
        described = described_tensors(folder.config)
        built = build_network(folder.config).state_dict()
        assert list(described) == list(built)
        for name, tensor in built.items():
            assert (described[name].shape, described[name].dtype) == (tensor.shape, tensor.dtype)


@pytest.mark.parametrize("part", ["flow", "network"])
def test_nothing_is_built_that_the_file_does_not_hold(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    folder = rewritten(saved, tmp_path / "tiny", "encoder.head.bias", lambda bias: bias)
    config = json.loads((folder / "config.json").read_text())
    config[part] |= {"steps": 64, "hidden": 1024} if part == "flow" else {"depth": 256}
    (folder / "config.json").write_text(json.dumps(config))
    built: list[torch.device] = []
    original = restoration_network.build_network

    def watched(described: ModelConfig):
        network = original(described)
        built.append(next(network.parameters()).device)
        return network

    monkeypatch.setattr(restoration_network, "build_network", watched)
    with pytest.raises(ModelError, match=r"does not fit config.json: \d+ tensors missing"):
        folders.load_folder(folder)
    assert [device.type for device in built] == ["meta"]

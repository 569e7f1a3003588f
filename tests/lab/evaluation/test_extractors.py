"""Files of LPIPS and of texture stages, made from checkpoints laid out as their publishers' are."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from restoreflow import remote_time
from restoreflow.errors import ModelError
from restoreflow.lab.evaluation.extractors import EXTRACTORS, Extractor, Published, is_made, make
from restoreflow.measures.lpips import load_lpips

ALEX, SQUEEZE, VGG = EXTRACTORS


class Fire(nn.Module):
    """SqueezeNet's module (Iandola et al., 2016), with torchvision's names."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, 2, 1)
        self.expand1x1 = nn.Conv2d(2, 3, 1)
        self.expand3x3 = nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


def alexnet() -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, 6, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers += [nn.Conv2d(6, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    for _ in range(3):
        layers += [nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def squeezenet() -> nn.Sequential:
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    fires = [Fire(4), *(Fire(6) for _ in range(7))]
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), nn.ReLU(), pool, *fires[:2], pool, *fires[2:4], pool, *fires[4:]
    )


def vgg() -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 4), (4, 4), (0, 0), (4, 5), (5, 5)):
        convolution = [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()] if inputs else []
        layers += convolution or [nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


class Case(NamedTuple):
    """An extractor, its trunk as published, and the places in it after which LPIPS looks."""

    extractor: Extractor
    trunk: Callable[[], nn.Sequential]
    looks: tuple[int, ...] = ()


CASES = {
    "alex": Case(ALEX, alexnet, (2, 5, 8, 10, 12)),
    "squeeze": Case(SQUEEZE, squeezenet, (2, 5, 8, 10, 11, 12, 13)),
    "vgg": Case(VGG, vgg),
}


def publish(case: Case, folder: Path) -> tuple[Extractor, nn.Sequential]:
    """The extractor with sources of small random tensors, and the trunk they hold."""
    torch.manual_seed(0)
    trunk = case.trunk()
    features = {f"features.{name}": value for name, value in trunk.state_dict().items()}
    states = [features | {"classifier.1.weight": torch.zeros(2)}]
    if case.looks:
        x = torch.zeros(1, 3, 64, 64)
        channels = [trunk[:look](x).shape[1] for look in case.looks]
        heads = {f"lin{i}.model.1.weight": torch.rand(1, n, 1, 1) for i, n in enumerate(channels)}
        states.append(heads)
    sources: list[Published] = []
    for index, state in enumerate(states):
        path = folder / f"{index}.pth"
        torch.save(state, path)
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        sources.append(Published(path.as_uri(), sha256, len(data), "BSD-3-Clause"))
    return dataclasses.replace(case.extractor, sources=tuple(sources)), trunk


@pytest.mark.parametrize("name", ["alex", "squeeze"])
def test_lpips_sees_what_the_published_network_sees(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    extractor, trunk = publish(case, tmp_path)
    came: list[int] = []
    assert not make(extractor, tmp_path, came.append), "random weights are not those of the cards"
    assert sum(came) == sum(source.size for source in extractor.sources)
    metric = load_lpips("alex" if name == "alex" else "squeeze", tmp_path)
    x = torch.rand(1, 3, 64, 64)
    shift, scale = (metric.get_buffer(part) for part in ("shift", "scale"))
    with torch.no_grad():
        seen = metric.features(x)
        for ours, look in zip(seen, case.looks, strict=True):
            theirs = trunk[:look]((2 * x - 1 - shift) / scale)
            unit = F.normalize(theirs, dim=1)
            torch.testing.assert_close(ours, unit, atol=2e-3, rtol=2e-2)


def test_vgg_holds_the_first_four_convolutions(tmp_path: Path) -> None:
    extractor, trunk = publish(CASES["vgg"], tmp_path)
    make(extractor, tmp_path)
    made = load_file(tmp_path / extractor.name)
    layers = [layer for layer in trunk if isinstance(layer, nn.Conv2d)]
    names = ("conv1_1", "conv1_2", "conv2_1", "conv2_2")
    assert set(made) == {f"{name}.{part}" for name in names for part in "wb"}
    for name, layer in zip(names, layers, strict=True):
        torch.testing.assert_close(made[f"{name}.w"], layer.weight.detach().half())


def test_what_is_there_is_known_by_its_content(tmp_path: Path) -> None:
    extractor, _ = publish(CASES["vgg"], tmp_path)
    assert not is_made(extractor, tmp_path)
    make(extractor, tmp_path)
    path = tmp_path / extractor.name
    exact = dataclasses.replace(extractor, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    assert is_made(exact, tmp_path) and make(exact, tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_made(exact, tmp_path)


@pytest.mark.parametrize("harm", ["gone", "cut", "longer", "other", "code"])
def test_no_other_file_than_the_published_one_is_taken(harm: str, tmp_path: Path) -> None:
    extractor, _ = publish(CASES["vgg"], tmp_path)
    (source,) = extractor.sources
    path = tmp_path / "0.pth"
    whole = path.read_bytes()
    told = "is not the file that was published"
    if harm == "gone":
        path.unlink()
        told = "cannot be fetched"
    elif harm == "code":  # a pickle that would open a file, and has the right sha256
        path.write_bytes(b"cbuiltins\nopen\n(X\x01\x00\x00\x00xX\x01\x00\x00\x00wtR.")
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        source = dataclasses.replace(source, sha256=sha256)
        extractor = dataclasses.replace(extractor, sources=(source,))
        told = "cannot be read"
    else:
        path.write_bytes({"cut": whole[:-9], "longer": whole + b"x", "other": whole[::-1]}[harm])
    with pytest.raises(ModelError, match=told):
        make(extractor, tmp_path)
    assert not (tmp_path / extractor.name).exists()
    assert not Path("x").exists()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"])
def test_a_server_that_falls_silent_or_drips_is_given_up(
    said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_time, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(remote_time, "SLOWEST", 2**30)
    over = threading.Event()

    def serve() -> None:
        asking, _ = server.accept()
        with asking, contextlib.suppress(OSError):
            asking.sendall(said)
            while not over.wait(0.05):
                asking.sendall(b"x" if said else b"")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/weights.pth"
        source = Published(url, "0" * 64, 1000, "MIT")
        with pytest.raises(ModelError, match=r"cannot be fetched: .*does not answer within"):
            make(dataclasses.replace(VGG, sources=(source,)), tmp_path)
        over.set()

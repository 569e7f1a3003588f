"""CPU time of a model beside light super-resolution networks, in one run, on one thread.

    python benchmarks/peers.py --peers CLONES [--model sr-x4] [--rounds 7] [--photo PICTURE] \
        [--side 128] [--no-compile] [--only TEXT] [--out benchmarks/peers.json]

CLONES holds clones of the peers' repositories, see benchmarks/peers.md; none of their code is here.
Every round runs every case once, and a case is given as the median over the rounds of its time over
RLFN's in the same round: other work on the machine then slows both. Weights are random, but for
the model's own: time does not depend on them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import sys
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from restoreflow.lab.photographs import as_tensor
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.restoration.latents import latent_window
from restoreflow.restoration.restorer import Restorer, load_model

Case = Callable[[], object]

PHOTO = Path(__file__).parents[1] / "docs" / "pictures" / "dog.png"


@dataclass(frozen=True)
class Peer:
    """Where a network's class is found.

    Args:
        folder: of the clone, and below it the folder that its imports start from.
        module, name: of the class.
        settings: what it is made with.
    """

    folder: str
    module: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


PEERS = {
    "RLFN": Peer("RLFN", "model.rlfn_ntire", "RLFN_Prune"),
    "RFDN": Peer("RFDN", "RFDN", "RFDN"),
    "IMDN": Peer("NTIRE2022_ESR", "models.imdn_baseline", "IMDN"),
    "SAFMN": Peer("SAFMN/basicsr/archs", "safmn_arch", "SAFMN", {"dim": 36, "upscaling_factor": 4}),
    "SRVGG, 16 layers (LSDIR-Compact)": Peer(
        "Real-ESRGAN/realesrgan/archs",
        "srvgg_arch",
        "SRVGGNetCompact",
        {"num_feat": 64, "num_conv": 16, "upscale": 4},
    ),
}

REDUCED = ("RLFN", "SRVGG, 16 layers (LSDIR-Compact)")
"""Peers that are run in bfloat16 as well."""


def main() -> None:
    """Time everything, print a table, and write all figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--model", default="sr-x4")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--photo", type=Path, default=PHOTO, help="its middle is restored")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name holds this, and RLFN")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    picture = middle_of(given.photo, given.side)
    cases, parameters = peers(given.peers, picture[None])
    cases |= ours(given.model, picture, not given.no_compile)
    cases = {name: case for name, case in cases.items() if name == "RLFN" or given.only in name}
    with torch.inference_mode():
        seconds = interleaved(cases, given.rounds)
    megapixels = 16 * given.side**2 / 1e6
    rows = [row(name, taken, seconds["RLFN"], megapixels) for name, taken in seconds.items()]
    for found in rows:
        print(
            f"{found['case']:42} {found['ratio_to_rlfn']:7.2f} x RLFN "
            f"({found['lowest']:.2f} .. {found['highest']:.2f}), "
            f"{found['seconds_per_megapixel']:.2f} s a megapixel"
        )
    facts = {"machine": machine(), "side": given.side, "rounds": given.rounds}
    if given.out is not None:
        record = facts | {"model": given.model, "parameters": parameters, "rows": rows}
        given.out.write_text(json.dumps(record, indent=2) + "\n")


def middle_of(photo: Path, side: int) -> Tensor:
    """(3, side, side) in [0, 1]: what consistency takes depends on the picture."""
    with Image.open(photo) as image:
        left, top = ((size - side) // 2 for size in image.size)
        part = image.convert("RGB").crop((left, top, left + side, top + side))
    return as_tensor(part)[0]


def peers(root: Path, picture: Tensor) -> tuple[dict[str, Case], dict[str, int]]:
    """A case for each peer whose clone is there, and its parameters; RLFN's has to be."""
    cases: dict[str, Case] = {}
    parameters: dict[str, int] = {}
    for name, peer in PEERS.items():
        if (root / peer.folder).is_dir():
            network = built(root / peer.folder, peer)
            parameters[name] = sum(values.numel() for values in network.parameters())
            cases[name] = lambda network=network: network(picture)
            if name in REDUCED:
                cases[f"{name}, bfloat16"] = in_bfloat16(network, picture)
        elif name == "RLFN":
            raise SystemExit(f"{root / peer.folder} is missing; see benchmarks/peers.md")
    return cases, parameters


def in_bfloat16(network: nn.Module, picture: Tensor) -> Case:
    """A peer as our own networks run: channels last, convolutions in bfloat16."""
    last = deepcopy(network).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    given = picture.contiguous(memory_format=torch.channels_last)

    def run() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return last(given)

    return run


def built(folder: Path, peer: Peer) -> nn.Module:
    """A peer's network with random weights."""
    torch.manual_seed(0)
    with importing_from(folder):
        return getattr(importlib.import_module(peer.module), peer.name)(**peer.settings).eval()


@contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """Import from a folder, then forget its modules; what the peers import in vain is empty."""
    before = set(sys.modules)
    registry = types.ModuleType("basicsr.utils.registry")
    vars(registry)["ARCH_REGISTRY"] = types.SimpleNamespace(register=lambda: lambda made: made)
    empty = {name: types.ModuleType(name) for name in ("basicsr", "basicsr.utils", "torchvision")}
    vars(empty["torchvision"])["ops"] = None
    sys.modules.update({**empty, "basicsr.utils.registry": registry})
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if not name.startswith(("torch.", "numpy")):
                del sys.modules[name]


def ours(model: str, picture: Tensor, compiled: bool) -> dict[str, Case]:
    """The whole restoration and its steps in both precisions, and ways to run the network."""
    cases: dict[str, Case] = {}
    for precision in ("float32", "bfloat16"):
        restorer = load_model(model, device="cpu", precision=precision)
        found = restorations(restorer, picture)
        found |= steps(restorer.network, picture[None], restorer.config.defaults.temperature)
        cases |= {f"{name}, {precision}": case for name, case in found.items()}
    found = ways(model, picture[None], compiled)
    return cases | {f"network, {name}": case for name, case in found.items()}


def restorations(restorer: Restorer, picture: Tensor) -> dict[str, Case]:
    """The whole restoration at three settings, and without consistency."""
    cases: dict[str, Case] = {
        "restore, T = 0": lambda: restorer.restore(picture, temperature=0),
        "restore, one sample": lambda: restorer.restore(picture),
        "restore, 8 samples": lambda: restorer.restore(picture, samples=8),
    }
    if restorer.network.task == "sr":
        cases["restore, one sample, no consistency"] = lambda: restorer.restore(
            picture, consistency=False
        )
    return cases


def ways(model: str, picture: Tensor, compiled: bool) -> dict[str, Callable[[], Tensor]]:
    """A model's encoder and one sample, in PyTorch's ways to run them."""
    network = load_model(model, device="cpu", precision="float32").network
    reduced = load_model(model, device="cpu", precision="bfloat16").network
    found = {
        "eager": sampling(network, picture),
        "bfloat16": sampling(reduced, picture),
    }
    if compiled:
        found["compiled"] = torch.compile(sampling(network, picture))
    return found


def steps(network: RestorationNetwork, picture: Tensor, temperature: float) -> dict[str, Case]:
    """The network's steps one by one."""
    rows, columns = (slice(0, side * network.scale // network.cell) for side in picture.shape[-2:])

    def latent() -> Tensor:
        found = latent_window(0, 0, rows, columns, network.latent_channels)
        return torch.from_numpy(found)[None]

    with torch.inference_mode():
        encoding = network.encode(picture)
        condition = network.prepare(encoding.features)
    drawn = latent()
    return {
        "step: encode": lambda: network.encode(picture),
        "step: prepare": lambda: network.prepare(encoding.features),
        "step: latents": latent,
        "step: sample": lambda: network.sample(encoding, drawn, temperature, condition),
    }


class Whole(nn.Module):
    """Encoder and one sample as a function of two tensors, without checks and consistency."""

    def __init__(self, network: RestorationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, latent: Tensor) -> Tensor:
        encoding = self.network.encode(picture)
        condition = self.network.prepare(encoding.features)
        return self.network.sample(encoding, latent, 0.8, condition).image


def latent_for(network: RestorationNetwork, picture: Tensor) -> Tensor:
    """A latent of the size that a picture's result needs; always the same."""
    height, width = (side * network.scale // network.cell for side in picture.shape[-2:])
    shape = (1, network.latent_channels, height, width)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def sampling(network: RestorationNetwork, picture: Tensor) -> Callable[[], Tensor]:
    """`Whole` of one picture, its latent drawn beforehand."""
    whole, latent = Whole(network).eval(), latent_for(network, picture)
    return lambda: whole(picture, latent)


def interleaved(cases: dict[str, Case], rounds: int) -> dict[str, list[float]]:
    """Processor seconds of every case in every round, after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for index in range(rounds + 1):
        for name, case in cases.items():
            started = time.process_time()
            case()
            if index:
                seconds[name].append(time.process_time() - started)
    return seconds


def row(name: str, taken: list[float], base: list[float], megapixels: float) -> dict[str, Any]:
    """A case's figures: ratios to the base in the same rounds, and its median time."""
    median, lowest, highest = ratios(taken, base)
    return {
        "case": name,
        "ratio_to_rlfn": median,
        "lowest": lowest,
        "highest": highest,
        "seconds_per_megapixel": round(statistics.median(taken) / megapixels, 3),
    }


def ratios(taken: list[float], base: list[float]) -> tuple[float, float, float]:
    """Median, lowest and highest ratio to the base in the same rounds."""
    found = [one / other for one, other in zip(taken, base, strict=True)]
    return round(statistics.median(found), 3), round(min(found), 3), round(max(found), 3)


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    main()

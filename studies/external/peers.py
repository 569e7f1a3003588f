"""Feed-forward networks by the contract, from clones that lie outside this repository.

    git clone https://github.com/sunny2109/SAFMN && git -C SAFMN checkout 68c2182e
    python -m studies.external ask studies.external.peers:safmn:SAFMN --name SAFMN

The networks' code and weights are their authors'; nothing of either is here.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from restoreflow.errors import UsageError

__all__ = ["FeedForward", "safmn"]


class FeedForward:
    """A network that has one answer for an input."""

    temperatures = (0.0,)

    def __init__(self, network: nn.Module, about: str) -> None:
        self.network = network.eval()
        self.parameters = sum(each.numel() for each in network.parameters())
        self.about = about

    def __call__(self, input: Tensor, latent: torch.Generator, temperature: float) -> Tensor:
        """See `asking.Sampler`; there is no latent."""
        del latent, temperature
        return self.network(input)


def safmn(clone: str) -> FeedForward:
    """SAFMN for x4 (Sun et al., ICCV 2023) as it was entered in NTIRE 2023, MIT.

    Raises:
        UsageError: the clone's files are not there.
    """
    folder = Path(clone) / "NTIRE2023_ESR"
    module = _module(folder / "models" / "team15_SAFMN.py")
    network = module.SAFMN(dim=36, n_blocks=8, ffn_scale=2.0, upscaling_factor=4)
    weights = torch.load(
        folder / "model_zoo" / "team15_SAFMN.pth", map_location="cpu", weights_only=True
    )
    network.load_state_dict(weights.get("params", weights))
    return FeedForward(network, "sunny2109/SAFMN, NTIRE2023_ESR, MIT")


def _module(path: Path) -> Any:
    """A file as a module; einops, which it names and does not use, need not be installed."""
    if not path.is_file():
        raise UsageError(f"{path} is not there", "name a clone of the peer's repository")
    if importlib.util.find_spec("einops") is None:
        sys.modules.setdefault("einops", types.SimpleNamespace(rearrange=None))  # pyright: ignore[reportArgumentType]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no module", "")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""From a model's name to a restorer."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch

from restoreflow.errors import UsageError
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import ModelFolder, load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.restoration.engine import choose_device
from restoreflow.restoration.restorer import Restorer

__all__ = ["MOST_THREADS", "Opened", "load_model", "open_model"]

MOST_THREADS = 1024
"""Beyond that many, some systems start none at all."""


class Opened(NamedTuple):
    """A model that was loaded, and where its restorer is to work."""

    folder: ModelFolder
    network: RestorationNetwork
    config: ModelConfig
    device: torch.device


def open_model(
    name: str | Path | ModelFolder, device: str = "auto", threads: int | None = None
) -> Opened:
    """Find a model, choose its device, and load it; arguments and errors as of `load_model`."""
    if threads is not None:
        if not 1 <= threads <= MOST_THREADS:
            raise UsageError(f"threads is {threads}", f"ask for 1 to {MOST_THREADS}")
        torch.set_num_threads(threads)
    place, _ = choose_device(device)
    folder = resolve_model(name)
    return Opened(folder, *load_folder(folder), place)


def load_model(
    name: str | Path | ModelFolder = "sr-x4",
    device: str = "auto",
    precision: str = "auto",
    compile: bool = False,
    threads: int | None = None,
) -> Restorer:
    """Load a model, ready to restore.

    >>> load_model("sr-x4", device="cpu").config.scale
    4

    Args:
        name: a bundled model, a folder, or a Hub id `owner/name[@revision]`.
        device: "auto", "cpu", "cuda", "cuda:i" or "mps".
        precision: what convolutions compute in: "float32"; "bfloat16" or "float16", of which a
            tile that fails is done again in float32; "auto": bfloat16 on a CPU that has it in
            hardware, which moves a result by .001 dB, else float32. The report says which.
        compile: compile the network with torch.compile; pays from some pictures on.
        threads: CPU threads, for the whole process; None leaves PyTorch's setting.

    Raises:
        UsageError: a device, precision or number of threads that does not exist.
        RestoreflowError: that device is not available.
        ModelError: the model is missing or damaged, or cannot be downloaded.
    """
    opened = open_model(name, device, threads)
    return Restorer(opened.network, opened.config, opened.device, precision, compile)

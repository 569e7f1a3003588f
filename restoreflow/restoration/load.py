"""From a model's name to a restorer."""

from __future__ import annotations

from pathlib import Path

import torch

from restoreflow.errors import UsageError
from restoreflow.models.folder import ModelFolder, load_folder
from restoreflow.models.resolve import resolve_model
from restoreflow.restoration.device import choose_device
from restoreflow.restoration.restorer import Restorer

__all__ = ["MOST_THREADS", "load_model"]

MOST_THREADS = 1024
"""Beyond that many, some systems start none at all."""


def load_model(
    name: str | Path | ModelFolder = "sr-x4",
    device: str = "auto",
    precision: str = "auto",
    compile: bool = False,
    threads: int | None = None,
) -> Restorer:
    """Load a model, ready to restore.

    >>> restorer = load_model("sr-x4")  # doctest: +SKIP
    >>> result = restorer.restore(image, samples=8, temperature=0.8)  # doctest: +SKIP
    >>> result.images[0].save("restored.png")  # doctest: +SKIP

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
    if threads is not None:
        if not 1 <= threads <= MOST_THREADS:
            raise UsageError(f"threads is {threads}", f"ask for 1 to {MOST_THREADS}")
        torch.set_num_threads(threads)
    place, _ = choose_device(device)
    loaded = load_folder(resolve_model(name))
    return Restorer(loaded.network, loaded.config, place, precision, compile)

"""What `restoreflow doctor` finds out."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from typing import Any

import numpy as np
import torch
from huggingface_hub import constants

from restoreflow import __version__, load_model
from restoreflow.batch.record import rounded
from restoreflow.errors import RestoreflowError
from restoreflow.free_memory import available_bytes
from restoreflow.models.folder import verify_folder
from restoreflow.models.resolve import bundled_models
from restoreflow.ood.reference import has_reference
from restoreflow.restoration.engine import choose_device
from restoreflow.tasks.table import USUAL

__all__ = ["diagnose"]

_PACKAGES = ("torch", "numpy", "pillow", "tifffile", "imagecodecs", "huggingface-hub", "typer")
_VARIABLES = ("HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "CUDA_VISIBLE_DEVICES")
_SIDE = 48
_PYTORCH = "https://pytorch.org/get-started/locally"


def diagnose(device: str = "auto") -> dict[str, Any]:
    """Everything that helps to see why something does or does not work.

    Args:
        device: as for `load_model`.
    """
    tested = _self_test(device)
    return {
        "restoreflow": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "processor": _processor(),
        "devices": _devices(),
        "device": _chosen(device),
        "model_cache": constants.HF_HUB_CACHE,
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "models": _models(),
        "self_test": tested,
        "next": _next(tested),
    }


def _next(tested: dict[str, Any]) -> list[str]:
    """What to do now, in sentences."""
    if tested["status"] != "passed":
        return [tested.get("hint") or "install restoreflow again: no model came with it"]
    ready = ["all is well: restoreflow sr photo.jpg"]
    if tested["device"] != "cpu":
        return ready
    return [*ready, f"a GPU in this machine needs a PyTorch made for it: {_PYTORCH}"]


def _processor() -> str:
    free = available_bytes()
    memory = "" if free is None else f", {free / 2**30:.1f} GiB of memory available"
    return f"{os.cpu_count()} processors, {torch.get_num_threads()} threads{memory}"


def _devices() -> list[str]:
    found = [
        f"cuda:{index} {torch.cuda.get_device_name(index)}"
        for index in range(torch.cuda.device_count())
    ]
    return [*found, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def _chosen(device: str) -> str:
    try:
        place, reason = choose_device(device)
    except RestoreflowError as error:
        return str(error)
    return f"{place}: {reason}"


def _models() -> dict[str, str]:
    """Each bundled model's state."""
    states: dict[str, str] = {}
    for name, folder in bundled_models().items():
        try:
            size = sum(facts.size for facts in verify_folder(folder))
            judging = "judges inputs" if has_reference(folder) else "judges no inputs: see fit-ood"
            kind = f"{folder.config.task} x{folder.config.scale}"
            states[name] = f"{kind}, {size / 1e6:.1f} MB, whole, {judging}"
        except RestoreflowError as error:
            states[name] = str(error)
    return states


def _self_test(device: str) -> dict[str, Any]:
    """Restore a self-made picture with the first bundled model."""
    names = list(bundled_models())
    if not names:
        return {"status": "skipped", "reason": "no bundled model"}
    model = USUAL.default_model if USUAL.default_model in names else names[0]
    started = time.perf_counter()
    try:
        report = load_model(model, device).restore(_picture()).report
    except RestoreflowError as error:
        return {"status": "failed", "model": model, "error": error.message, "hint": error.hint}
    kept = ("device", "precision", "error_pixels", "nonfinite", "lr_psnr")
    told = {name: report[name] for name in kept}
    seconds = time.perf_counter() - started
    return rounded({"status": "passed", "model": model, "seconds": seconds, **told})


def _picture() -> np.ndarray:
    """(48, 48, 3) float32 in [0, 1]: a smooth gradient with a disc in it."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE] / np.float32(_SIDE - 1)
    disc = ((rows - 0.5) ** 2 + (columns - 0.5) ** 2 < 0.1).astype(np.float32)
    planes = (rows, columns, 0.25 + 0.5 * disc)
    return np.stack(planes, axis=-1).astype(np.float32)

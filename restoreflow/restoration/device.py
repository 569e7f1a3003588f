"""Which device restores, and why."""

from __future__ import annotations

import re

import torch

from restoreflow.errors import RestoreflowError, UsageError

__all__ = ["choose_device"]

_NAME = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def choose_device(name: str = "auto") -> tuple[torch.device, str]:
    """The device a name stands for, and the reason in words.

    Args:
        name: "auto" (a CUDA device if there is one, else Apple's GPU, else the CPU), "cpu",
            "cuda", "cuda:i" or "mps".

    Raises:
        UsageError: the name is none of these.
        RestoreflowError: that device is not available; another is never taken instead.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f'"{name}" is no device', "one of auto, cpu, cuda, cuda:0, mps")
    if name == "auto":
        return _best()
    if name == "cpu":
        return torch.device("cpu"), "as asked for"
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise _unavailable(name, "PyTorch finds no Apple GPU")
        return torch.device("mps"), "Apple's GPU, as asked for"
    return _cuda(name)


def _best() -> tuple[torch.device, str]:
    if torch.cuda.is_available():
        return torch.device("cuda", 0), f"the first CUDA device, {torch.cuda.get_device_name(0)}"
    if torch.backends.mps.is_available():
        return torch.device("mps"), "Apple's GPU"
    return torch.device("cpu"), f"PyTorch {torch.__version__} finds no GPU"


def _cuda(name: str) -> tuple[torch.device, str]:
    if not torch.cuda.is_available():
        build = "was built without CUDA" if torch.version.cuda is None else "finds no CUDA device"
        raise _unavailable(name, f"PyTorch {torch.__version__} {build}")
    index = int(name.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        raise _unavailable(name, f"CUDA devices here: {torch.cuda.device_count()}")
    return torch.device("cuda", index), f"{torch.cuda.get_device_name(index)}, as asked for"


def _unavailable(name: str, why: str) -> RestoreflowError:
    hint = "restoreflow doctor lists the devices; --device cpu always works"
    return RestoreflowError(f"device {name} is not available: {why}", hint)

"""What does the work: a network on its device, in its precision, its steps compiled or not."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.flows.bijection import Condition
from restoreflow.networks.restoration_network import Encoding, RestorationNetwork, Sample

__all__ = ["Engine", "Stages", "choose_device", "fast_bfloat16", "precision_of"]

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


_REDUCED = {"bfloat16": torch.bfloat16, "float16": torch.float16}

_FAST = {"avx512_bf16", "amx_bf16"}
"""Linux' names of the instructions that oneDNN multiplies bfloat16 with, twice as fast or more."""

_PROCESSOR = Path("/proc/cpuinfo")


def precision_of(name: str, device: torch.device | str = "cpu") -> torch.dtype | None:
    """What convolutions compute in on a device; None for float32.

    A flow's maps and rotations are in float32 always.

    Args:
        name: "float32", "bfloat16", "float16", or "auto": bfloat16 on a CPU that multiplies it
            fast (`fast_bfloat16`), else float32.
        device: where they compute.

    Raises:
        UsageError: another name.
    """
    if name not in ("auto", "float32", *_REDUCED):
        raise UsageError(f'"{name}" is no precision', "one of auto, float32, bfloat16, float16")
    if name == "auto" and torch.device(device).type == "cpu" and fast_bfloat16():
        return torch.bfloat16
    return _REDUCED.get(name)


@lru_cache(maxsize=1)
def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware, by its flags; only Linux tells them."""
    if not torch.backends.mkldnn.is_available():
        return False
    try:
        text = _PROCESSOR.read_text(errors="replace")
    except OSError:
        return False
    flags = (line.partition(":")[2] for line in text.splitlines() if line.startswith("flags"))
    return not _FAST.isdisjoint(next(flags, "").split())


class Stages(NamedTuple):
    """A network's steps, compiled or not."""

    estimate: Callable[..., Tensor]
    encode: Callable[..., Encoding]
    prepare: Callable[[Tensor], Condition]
    sample: Callable[[Encoding, Tensor, float, Condition], Sample]

    @classmethod
    def of(cls, network: RestorationNetwork, compile: bool = False) -> Stages:
        """A network's own steps."""
        if not compile:
            return cls(network.estimate, network.encode, network.prepare, network.sample)
        return cls(
            torch.compile(network.estimate),
            torch.compile(network.encode),
            torch.compile(network.prepare),
            torch.compile(network.sample),
        )


class Engine(NamedTuple):
    """What does the work, and where.

    Attributes:
        network: switched to float32 for a tile that fails in reduced precision.
        stages: its steps.
        device: where it is.
    """

    network: RestorationNetwork
    stages: Stages
    device: torch.device

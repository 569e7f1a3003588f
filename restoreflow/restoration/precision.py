"""What a network computes in, and what a processor is fast in."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from restoreflow.errors import UsageError

__all__ = ["fast_bfloat16", "precision_of"]

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

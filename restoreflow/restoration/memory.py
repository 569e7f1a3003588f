"""How much is restored at a time: tiles that fit the memory, and what out of memory looks like."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from restoreflow.errors import LimitError

__all__ = [
    "BYTES_A_CELL",
    "CPU_CELLS",
    "CUDA_CELLS",
    "available_bytes",
    "canonical_cells",
    "check_host",
    "host_bytes",
    "is_out_of_memory",
    "window_cells",
]

BYTES_A_CELL = 12 * 1024
"""Working memory a grid cell of a window, over the weights: twice the 5.8 KiB that a network of 48
channels takes in float32 on CPU, for wider ones."""

CPU_CELLS = 400 * 400
"""Cells of the largest window on CPU. Larger ones waste less on halos but miss the caches."""

CUDA_CELLS = 1024 * 1024
"""Cells of the largest window on a GPU: 16 megapixels of output keep any of them busy."""


def canonical_cells(device: torch.device) -> int:
    """Grid cells that a window on this device has at most, whatever memory is free.

    Always the same on a device, so that tiles, and with them results, are the same too.
    """
    if device.type != "cuda":
        return CPU_CELLS
    _, total = torch.cuda.mem_get_info(device)
    return min(CUDA_CELLS, total // 4 // BYTES_A_CELL)


def window_cells(device: torch.device) -> int:
    """The same, but no more than three quarters of the free memory hold."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_bytes()
    most = canonical_cells(device)
    return most if free is None else min(most, free * 3 // 4 // BYTES_A_CELL)


def host_bytes(pixels: int, samples: int, whole: bool = True) -> int:
    """Bytes that a result of so many pixels takes on the host.

    A sample is three float32 values a pixel and an 8-bit picture, which Pillow keeps in four bytes;
    mean and spread come to it.

    Args:
        pixels: of the result.
        samples: how many.
        whole: whether all of it is held at once. If not, its 8-bit values and the file made of them
            still are, by the caller, six bytes a pixel together.
    """
    return pixels * (samples * (12 + 4) + 4 + 4 + 4 if whole else samples * 6)


def check_host(pixels: int, samples: int, whole: bool = True) -> None:
    """See that a result fits before work on it begins.

    Raises:
        LimitError: it needs more memory than is available.
    """
    needed, free = host_bytes(pixels, samples, whole), available_bytes()
    if free is not None and needed > free:
        raise LimitError(
            f"a result of {pixels / 1e6:.0f} megapixels with {samples} sample(s) needs "
            f"{needed / 2**30:.1f} GiB of memory; {free / 2**30:.1f} GiB is available",
            "ask for fewer samples, or restore the picture in parts",
        )


def available_bytes() -> int | None:
    """Memory the process may still take, from the kernel and its control group; None if unknown."""
    known = [value for value in (_system_available(), _group_available()) if value is not None]
    return min(known) if known else None


def _system_available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None
    except OSError:
        pass
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _group_available(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What control group v2 leaves; the page cache it counts can be reclaimed."""
    try:
        limit = (root / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((root / "memory.current").read_text())
        lines = (root / "memory.stat").read_text().splitlines()
        cache = sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
        return max(int(limit) - used + cache, 0)
    except (OSError, ValueError):
        return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the host or on a device."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    phrases = ("out of memory", "not enough memory", "defaultcpuallocator", "can't allocate memory")
    return isinstance(error, RuntimeError) and any(phrase in text for phrase in phrases)

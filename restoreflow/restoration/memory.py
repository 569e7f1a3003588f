"""How much is restored at a time, whether memory holds it, and what out of memory looks like."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from restoreflow.errors import LimitError

__all__ = [
    "BYTES_A_CELL",
    "WINDOW_CELLS",
    "available_bytes",
    "check_host",
    "check_window",
    "host_bytes",
    "is_out_of_memory",
    "out_of_memory",
]

BYTES_A_CELL = 8 * 1024
"""Working memory a grid cell of a window, over the weights: the 6.1 KiB that a network of 48
channels takes in float32 on CPU, and a third as much again for wider ones."""

WINDOW_CELLS = 400 * 400
"""Cells of the largest window, on every device and whatever memory is free: 0.93 GiB.

Never another number, so that the arrays that are computed, and with them the results, are the same
bit for bit whatever a user asks for. 320 * 320 takes 0.55 GiB, and a tenth more time for halos.
"""

_CLOSE = "close other programs, or cut the picture into parts of less than 400 pixels a side"
_ELSEWHERE = "close other programs that use this device, or take --device cpu"


def check_window(cells: int, device: torch.device) -> None:
    """See that a window of so many grid cells fits before work on it begins.

    Raises:
        LimitError: it needs more memory than is available.
    """
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_bytes()
    needed = cells * BYTES_A_CELL
    if free is not None and needed > free:
        raise LimitError(
            f"{needed / 2**30:.2f} GiB of memory on {device} are needed; "
            f"{free / 2**30:.2f} GiB are available",
            _ELSEWHERE if device.type == "cuda" else _CLOSE,
        )


def out_of_memory(device: torch.device) -> LimitError:
    """The error for memory that ran out in the middle of a window."""
    return LimitError(
        f"memory on {device} ran out", _ELSEWHERE if device.type == "cuda" else _CLOSE
    )


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

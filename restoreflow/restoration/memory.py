"""How much is restored at a time, and whether memory holds it."""

from __future__ import annotations

import torch

from restoreflow import free_memory
from restoreflow.errors import LimitError

__all__ = [
    "BYTES_A_CELL",
    "WINDOW_CELLS",
    "check_host",
    "check_window",
    "host_bytes",
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
    on_gpu = device.type == "cuda"
    free = torch.cuda.mem_get_info(device)[0] if on_gpu else free_memory.available_bytes()
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


def check_host(pixels: int, samples: int, whole: bool = True, beside: int = 0) -> None:
    """See that a result fits before work on it begins.

    Args:
        pixels, samples, whole: as `host_bytes`.
        beside: bytes that writing it takes.

    Raises:
        LimitError: it needs more memory than is available.
    """
    free_memory.check_free(
        host_bytes(pixels, samples, whole) + beside,
        f"a result of {pixels / 1e6:.0f} megapixels with {samples} sample(s)",
        "ask for fewer samples, or restore the picture in parts",
    )

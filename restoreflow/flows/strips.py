"""Chains of operations on single locations, finished strip by strip while a strip is in the cache.

A flow's 1 x 1 convolutions and element-wise maps pass through memory once each where they are run
on whole tensors, which takes longer than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["graph_recorded", "stripwise"]

LOCATIONS = 4096
"""Locations a strip and thread: with a hundred channels they fill the second-level cache."""


def graph_recorded() -> bool:
    """Whether operations are being recorded, to be compiled or exported, and not only done."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def stripwise(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """``function(*tensors)``, rows by rows, where nothing but the values is asked for.

    Args:
        function: tensors (N, C, h, w) to one such tensor, each location for itself.
        tensors: of the same h and w; at least one.
    """
    if graph_recorded() or torch.is_grad_enabled() or tensors[0].device.type != "cpu":
        return function(*tensors)
    height, width = tensors[0].shape[-2:]
    rows = max(1, LOCATIONS * torch.get_num_threads() // max(width, 1))
    if rows >= height:
        return function(*tensors)
    result: Tensor | None = None
    for top in range(0, height, rows):
        strip = slice(top, top + rows)
        part = function(*(values[:, :, strip] for values in tensors))
        if result is None:
            result = part.new_empty((*part.shape[:2], height, width))
        result[:, :, strip] = part
    assert result is not None
    return result

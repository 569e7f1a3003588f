"""Chains of operations on single locations, finished strip by strip while a strip is in the cache.

A flow's 1 x 1 convolutions and element-wise maps pass through memory once each where they are run
on whole tensors, which takes longer than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from restoreflow.flows.layout import is_channels_last

__all__ = ["graph_recorded", "stripwise"]

LOCATIONS = 2048
"""Locations a strip and thread: with a hundred channels they fill the second-level cache."""

Results = TypeVar("Results", Tensor, tuple[Tensor, ...])


def graph_recorded() -> bool:
    """Whether operations are being recorded, to be compiled or exported, and not only done."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def stripwise(function: Callable[..., Results], *tensors: Tensor) -> Results:
    """``function(*tensors)``, rows by rows, where nothing but the values is asked for.

    Args:
        function: tensors (N, C, h, w) to one such tensor or several, each location for itself.
        tensors: of the same h and w; at least one.
    """
    if graph_recorded() or torch.is_grad_enabled() or tensors[0].device.type != "cpu":
        return function(*tensors)
    height, width = tensors[0].shape[-2:]
    rows = max(1, LOCATIONS * torch.get_num_threads() // max(width, 1))
    if rows >= height:
        return function(*tensors)
    first = function(*(values[:, :, :rows] for values in tensors))
    wholes = [_room(part, height, rows) for part in _parts(first)]
    for top in range(rows, height, rows):
        strip = slice(top, top + rows)
        found = function(*(values[:, :, strip] for values in tensors))
        for whole, part in zip(wholes, _parts(found), strict=True):
            whole[:, :, strip] = part
    return wholes[0] if isinstance(first, Tensor) else tuple(wholes)


def _parts(results: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (results,) if isinstance(results, Tensor) else results


def _room(part: Tensor, height: int, rows: int) -> Tensor:
    """Memory for a whole in the layout of its first strip, which is put there."""
    form = torch.channels_last if is_channels_last(part) else torch.contiguous_format
    shape = (*part.shape[:2], height, part.shape[-1])
    whole = torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=form)
    whole[:, :, :rows] = part
    return whole

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
    whole = _room(first, height, rows)
    for top in range(rows, height, rows):
        strip = slice(top, top + rows)
        _put(whole, strip, function(*(values[:, :, strip] for values in tensors)))
    return whole


def _put(whole: Results, strip: slice, found: Results) -> None:
    if isinstance(whole, Tensor):
        whole[:, :, strip] = found
        return
    for each, part in zip(whole, found, strict=True):
        each[:, :, strip] = part


def _room(first: Results, height: int, rows: int) -> Results:
    """Memory for wholes in the layouts of their first strips, which are put there."""
    if isinstance(first, Tensor):
        return _room_of(first, height, rows)
    return tuple(_room_of(part, height, rows) for part in first)


def _room_of(part: Tensor, height: int, rows: int) -> Tensor:
    form = torch.channels_last if is_channels_last(part) else torch.contiguous_format
    shape = (*part.shape[:2], height, part.shape[-1])
    whole = torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=form)
    whole[:, :, :rows] = part
    return whole

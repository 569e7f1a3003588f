"""How (N, C, H, W) tensors lie in memory, and how much of them is worked on at once.

On a CPU convolutions are several times as fast where a location's channels lie side by side
("channels last"), and a product with a matrix needs no other layout than either. So functions here
take both and keep what they get; values do not depend on it but for rounding.

A flow's 1 x 1 convolutions and element-wise maps pass through memory once each where they are run
on whole tensors, which takes longer than the arithmetic: chains of operations on single locations
are finished strip by strip, while a strip is in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

__all__ = [
    "add_mixed",
    "as_channels_last",
    "by_locations",
    "graph_recorded",
    "in_memory_order",
    "is_channels_last",
    "like_layout",
    "mix_channels",
    "stripwise",
]


def is_channels_last(x: Tensor) -> bool:
    """Whether a location's channels lie side by side, also in a part of a larger tensor."""
    return x.dim() == 4 and x.stride(1) == 1 and x.shape[1] > 1


def as_channels_last(x: Tensor) -> Tensor:
    """The same values with a location's channels side by side."""
    return x.contiguous(memory_format=torch.channels_last)


def by_locations(x: Tensor) -> Tensor:
    """A view (N, H, W, C)."""
    return x.permute(0, 2, 3, 1)


def in_memory_order(x: Tensor, like: Tensor) -> Tensor:
    """(N, values), items' values in the order in which those of ``like`` lie."""
    return (by_locations(x) if is_channels_last(like) else x).flatten(1)


def like_layout(flat: Tensor, like: Tensor) -> Tensor:
    """Inverse of `in_memory_order`, of the shape of ``like``."""
    if not is_channels_last(like):
        return flat.view(like.shape)
    return flat.view(by_locations(like).shape).permute(0, 3, 1, 2)


def mix_channels(x: Tensor, matrix: Tensor) -> Tensor:
    """Apply a matrix (out, in) to the channel vector at every location, never in low precision.

    A product, since convolutions in float32 may be rounded to TF32 on a GPU, and outside autocast.
    """
    with torch.autocast(x.device.type, enabled=False):
        if is_channels_last(x):
            places = by_locations(x)
            # As one matrix: of part of a picture torch.matmul would make a product a row.
            mixed = torch.mm(places.reshape(-1, places.shape[-1]), matrix.T.to(x.dtype))
            return mixed.view(*places.shape[:-1], len(matrix)).permute(0, 3, 1, 2)
        mixed = torch.matmul(matrix.to(x.dtype), x.flatten(2))
    return mixed.view(x.shape[0], matrix.shape[0], *x.shape[2:])


def add_mixed(total: Tensor, x: Tensor, matrix: Tensor) -> Tensor:
    """``total`` plus `mix_channels` of x, in place; both channels last, whole in memory."""
    flat = by_locations(total).flatten(0, 2)
    with torch.autocast(x.device.type, enabled=False):
        flat.addmm_(by_locations(x).flatten(0, 2), matrix.T.to(x.dtype))
    return total


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

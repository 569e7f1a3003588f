"""How (N, C, H, W) tensors lie in memory: channel by channel, or location by location.

On a CPU convolutions are several times as fast where a location's channels lie side by side
("channels last"), and a product with a matrix needs no other layout than either. So functions here
take both and keep what they get; values do not depend on it but for rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "add_mixed",
    "as_channels_last",
    "by_locations",
    "in_memory_order",
    "is_channels_last",
    "like_layout",
    "mix_channels",
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

"""Fixed orthogonal maps of the channels."""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from restoreflow.flows.bijection import Bijection, Bound, Condition

__all__ = ["Conjugate", "Rotation", "cosine_basis", "mix_channels", "random_rotation"]


def random_rotation(channels: int, seed: int) -> Tensor:
    """A random orthogonal matrix (channels, channels), float64, the same for a seed everywhere."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    # torch.linalg carries no types.
    decomposed = torch.linalg.qr(normal)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    q, r = cast("tuple[Tensor, Tensor]", decomposed)
    return q * r.diagonal().sign()


def cosine_basis(cell: int = 4) -> Tensor:
    """Orthonormal basis of cell x cell RGB blocks: cosines in space, opponents in colour.

    Rows are basis vectors, columns follow the channel order of `Squeeze`. Float64,
    (3 cell^2, 3 cell^2).
    """
    position = torch.arange(cell, dtype=torch.float64)
    cosines = torch.cos(math.pi * (position + 0.5) * position[:, None] / cell)
    cosines = cosines / cosines.square().sum(1, keepdim=True).sqrt()
    opponents = torch.tensor([[1, 1, 1], [1, 0, -1], [1, -2, 1]], dtype=torch.float64)
    opponents = opponents / opponents.square().sum(1, keepdim=True).sqrt()
    blocks = torch.einsum("ui,vj,kc->uvkcij", cosines, cosines, opponents)
    images = blocks.reshape(-1, 3, cell, cell)
    return images_to_cells(images).flatten(1)


def _quadrants(colours: int) -> list[int]:
    """Where pixel_unshuffle puts what `images_to_cells` orders by quadrant, colour, pixel."""
    return [
        16 * colour + 4 * (2 * down + row) + 2 * right + column
        for down in range(2)
        for right in range(2)
        for colour in range(colours)
        for row in range(2)
        for column in range(2)
    ]


def images_to_cells(x: Tensor) -> Tensor:
    """(N, 3, 4h, 4w) to (N, 48, h, w), channels ordered quadrant, colour, pixel in the quadrant."""
    n, colours, height, width = x.shape
    cells = F.pixel_unshuffle(x, 4)
    cells = cells.reshape(n, 16 * colours, height // 4, width // 4)  # an empty batch was not
    return cells[:, _quadrants(colours)]


def cells_to_images(z: Tensor) -> Tensor:
    """Inverse of `images_to_cells`."""
    n, channels, height, width = z.shape
    order = _quadrants(channels // 16)
    back = sorted(range(channels), key=order.__getitem__)
    return F.pixel_shuffle(z[:, back], 4).reshape(n, channels // 16, 4 * height, 4 * width)


def mix_channels(x: Tensor, matrix: Tensor) -> Tensor:
    """Apply a matrix (out, in) to the channel vector at every location, never in low precision.

    A product, since convolutions in float32 may be rounded to TF32 on a GPU, and outside autocast.
    """
    with torch.autocast(x.device.type, enabled=False):
        mixed = torch.matmul(matrix.to(x.dtype), x.flatten(2))
    return mixed.view(x.shape[0], matrix.shape[0], *x.shape[2:])


class Rotation(Bijection):
    """z = R x at every location, R fixed and orthogonal, so that the inverse is the transpose."""

    weight: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.clone())

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        del condition
        return mix_channels(x, self.weight), x.new_zeros(x.shape[0])

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        del condition
        return mix_channels(z, self.weight.T)

    def inverse_bound(self, bound: Bound) -> Bound:
        rows = float(self.weight.T.abs().sum(1).max())
        return Bound(bound.norm, bound.peak * rows).tightened(self.weight.shape[0])


class Conjugate(Bijection):
    """z = Rt f(R x): a bijection in rotated coordinates, rotated back.

    Where f is near the identity the whole is too, and channels keep their meaning, which lets
    `HalfCellShift` regroup pixels between steps.
    """

    def __init__(self, rotation: Rotation, inner: Bijection) -> None:
        super().__init__()
        self.rotation = rotation
        self.inner = inner
        self.halo = inner.halo

    def prepare(self, features: Tensor) -> Condition:
        return self.inner.prepare(features)

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        rotated, _ = self.rotation(x, None)
        moved, ladj = self.inner(rotated, condition)
        return self.rotation.inverse(moved, None), ladj

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        rotated, _ = self.rotation(z, None)
        return self.rotation.inverse(self.inner.inverse(rotated, condition), None)

    def inverse_bound(self, bound: Bound) -> Bound:
        channels = self.rotation.weight.shape[0]
        way = self.inverse_displacement()
        inner = self.inner.inverse_bound(bound._replace(peak=bound.norm).tightened(channels))
        norm = min(inner.norm, bound.norm + way)
        return Bound(norm, min(norm, bound.peak + way)).tightened(channels)

    def inverse_displacement(self) -> float:
        return self.inner.inverse_displacement()

"""Orthogonal maps of the channels, fixed, or learnt in training and fixed afterwards.

Constants are made on the CPU, so that a network can be laid out on the meta device without work.
How far a matrix is from orthogonal, and what that does to norms, is found in float64.
"""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restoreflow.flows.bijection import Bijection, Bound, Condition
from restoreflow.flows.layout import by_locations, graph_recorded, mix_channels

__all__ = [
    "LOW_BANDS",
    "TOLERANCE",
    "Conjugate",
    "Departure",
    "Rotation",
    "cayley",
    "coarse_rotation",
    "cosine_basis",
    "departure",
    "frequency_basis",
    "frequency_rotation",
    "largest_departure",
    "nearest_orthogonal",
    "random_rotation",
    "stretch",
]

LOW_BANDS = 12
"""Of `frequency_basis`: a cell's bands below half of its highest frequency, both ways."""


def random_rotation(channels: int, seed: int) -> Tensor:
    """A random orthogonal matrix (channels, channels), float64, the same for a seed everywhere."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(channels, channels, generator=generator, dtype=torch.float64, device="cpu")
    # torch.linalg carries no types.
    decomposed = torch.linalg.qr(normal)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    q, r = cast("tuple[Tensor, Tensor]", decomposed)
    return q * r.diagonal().sign()


def cosine_basis(cell: int = 4) -> Tensor:
    """Orthonormal basis of cell x cell RGB blocks: cosines in space, opponents in colour.

    Rows are basis vectors, columns follow the channel order of `Squeeze`. Float64,
    (3 cell^2, 3 cell^2).
    """
    position = torch.arange(cell, dtype=torch.float64, device="cpu")
    cosines = torch.cos(math.pi * (position + 0.5) * position[:, None] / cell)
    cosines = cosines / cosines.square().sum(1, keepdim=True).sqrt()
    colours = [[1, 1, 1], [1, 0, -1], [1, -2, 1]]
    opponents = torch.tensor(colours, dtype=torch.float64, device="cpu")
    opponents = opponents / opponents.square().sum(1, keepdim=True).sqrt()
    blocks = torch.einsum("ui,vj,kc->uvkcij", cosines, cosines, opponents)
    images = blocks.reshape(-1, 3, cell, cell)
    return images_to_cells(images).flatten(1)


def frequency_basis(cell: int = 4) -> Tensor:
    """`cosine_basis` in order of frequency; its first rows, colour by colour, are the mean.

    The larger of the two frequencies orders, then their sum, so that the first 3 k^2 rows are
    what k x k bands give.
    """
    return cosine_basis(cell)[_by_frequency([(u, v) for u in range(cell) for v in range(cell)])]


def _by_frequency(bands: list[tuple[int, int]]) -> list[int]:
    """Rows of bands in three colours each, from the lowest to the highest."""
    order = sorted(range(len(bands)), key=lambda i: (max(bands[i]), sum(bands[i]), bands[i]))
    return [3 * band + colour for band in order for colour in range(3)]


def frequency_rotation(step: int, cell: int = 4) -> Tensor:
    """A coupling step's rotation: bands in order of frequency, float64.

    A coupling leaves the first half of its channels still. In even steps those are the low bands;
    in odd ones every second band, so that low bands move as well.
    """
    return _interleaved(frequency_basis(cell)) if step % 2 else frequency_basis(cell)


def _interleaved(basis: Tensor) -> Tensor:
    return torch.cat((basis[0::2], basis[1::2]))


def coarse_rotation(step: int) -> Tensor:
    """The same for `LOW_BANDS` of 2 x 2 cells, in the order that pixel_unshuffle puts them.

    Sums and differences of the four cells (Haar's basis) of each band, in order of frequency.
    """
    haar = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64, device="cpu") / 2.0**0.5
    four = torch.einsum("ai,bj->abij", haar, haar).reshape(4, 4)
    whole = torch.kron(torch.eye(LOW_BANDS, dtype=torch.float64, device="cpu"), four)
    # Rows are (band, colour) by (down, right); a difference lies half a band above the sum.
    frequencies = [
        (2 * u + down, 2 * v + right)
        for u, v in ((0, 0), (0, 1), (1, 0), (1, 1))
        for _ in range(3)
        for down in range(2)
        for right in range(2)
    ]
    order = sorted(
        range(len(frequencies)),
        key=lambda i: (max(frequencies[i]), sum(frequencies[i]), frequencies[i], i),
    )
    basis = whole[order]
    return _interleaved(basis) if step % 2 else basis


def cayley(skew: Tensor) -> Tensor:
    """The rotation (I + A)^-1 (I - A) of A = skew - skew^T; the identity for zeros."""
    antisymmetric = skew - skew.T
    unit = torch.eye(len(skew), dtype=skew.dtype, device=skew.device)
    # torch.linalg carries no types.
    return torch.linalg.solve(unit + antisymmetric, unit - antisymmetric)  # pyright: ignore


@torch.no_grad()
def nearest_orthogonal(matrix: Tensor) -> Tensor:
    """The orthogonal matrix nearest to a square one (its polar factor), computed in float64."""
    decomposed = torch.linalg.svd(matrix.double())  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    u, _, v = cast("tuple[Tensor, Tensor, Tensor]", decomposed)
    return (u @ v).to(matrix.dtype)


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
    plain = not (torch.is_grad_enabled() or graph_recorded()) and z.dtype is torch.float32
    if plain and channels == 48 and z.numel() and by_locations(z).is_contiguous():
        return _pairs_to_images(z)
    order = _quadrants(channels // 16)
    back = sorted(range(channels), key=order.__getitem__)
    return F.pixel_shuffle(z[:, back], 4).reshape(n, channels // 16, 4 * height, 4 * width)


def _pairs_to_images(z: Tensor) -> Tensor:
    """`cells_to_images` of channels that lie side by side, in float32.

    Two pixels beside each other are so in both, and are moved as one number: a fifth of the time.
    """
    n, _, height, width = z.shape
    rows = torch.empty(n, 3, height, 2, 2, width, 4, dtype=z.dtype, device=z.device)
    pairs = by_locations(z).view(torch.float64).view(n, height, width, 2, 2, 3, 2)
    places = rows.view(torch.float64)  # n, colour, h, down, row, w, right
    for right in range(2):
        places[..., right] = pairs[:, :, :, :, right].permute(0, 4, 1, 3, 5, 2)
    return rows.view(n, 3, 4 * height, 4 * width)


class Rotation(Bijection):
    """z = R x at every location, R orthogonal, so that the inverse is the transpose.

    In training R may move: it is then cayley(skew) ``weight``, and the trainer folds what was
    learnt into ``weight`` before a model is written (`fold`).

    Attributes:
        skew: (channels, channels), None where R is ``weight`` alone.
    """

    weight: Tensor
    skew: nn.Parameter | None
    local = True

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.clone())
        self.register_parameter("skew", None)

    def learn(self) -> None:
        """Let R be learnt from where it is."""
        if self.skew is None:
            self.skew = nn.Parameter(torch.zeros_like(self.weight))

    @torch.no_grad()
    def settle(self) -> None:
        """Put what was learnt into ``weight``, orthogonal to the last digit of its type."""
        if self.skew is not None:
            moved = cayley(self.skew.double()) @ self.weight.double()
            self.weight.copy_(nearest_orthogonal(moved))
            self.skew.zero_()

    def fold(self) -> None:
        """Fix R where it is."""
        self.settle()
        self.skew = None

    def matrix(self) -> Tensor:
        """R, (channels, channels), differentiable where it is learnt."""
        return self.weight if self.skew is None else cayley(self.skew) @ self.weight

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        del condition
        return mix_channels(x, self.matrix()), x.new_zeros(x.shape[0])

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        del condition
        return mix_channels(z, self.matrix().T)

    def inverse_bound(self, bound: Bound) -> Bound:
        """The matrix as it is, orthogonal or not: see `orthogonal.TOLERANCE`."""
        matrix = self.matrix().detach()
        rows = float(matrix.double().T.abs().sum(1).max())
        norm = bound.norm * stretch(matrix)[0]
        return Bound(norm, bound.peak * rows).tightened(len(matrix))


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
        matrix = self.rotation.matrix()
        moved, ladj = self.inner(mix_channels(x, matrix), condition)
        return mix_channels(moved, matrix.T), ladj

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        return self.inner.inverse_turned(z, self.rotation.matrix(), condition)

    def inverse_bound(self, bound: Bound) -> Bound:
        factor, _ = stretch(self.rotation.matrix())
        channels = self.rotation.weight.shape[0]
        way = self.inverse_displacement(bound)
        inner = self.inner.inverse_bound(_turned(bound, factor))
        norm = min(factor * inner.norm, bound.norm + way)
        return Bound(norm, min(norm, bound.peak + way)).tightened(channels)

    def inverse_displacement(self, bound: Bound) -> float:
        """R^T f(R z) - z = R^T (f(R z) - R z) + (R^T R - 1) z; the last is 0 but for rounding."""
        factor, slack = stretch(self.rotation.matrix())
        way = self.inner.inverse_displacement(_turned(bound, factor))
        return factor * way + slack * bound.norm


def _turned(bound: Bound, factor: float) -> Bound:
    """Bound on what a matrix makes of values, from the factor that it can lengthen vectors by."""
    return Bound(factor * bound.norm, factor * bound.norm)


TOLERANCE = 1e-6
"""Largest |W W^T - 1| of a model's matrices: what rounding to float32 leaves is below 3e-7.

Such a matrix of c x c lengthens no vector by more than a factor of sqrt(1 + 1e-6 c), which is
1.000024 for 48 channels; certificates count with the factor itself, see `stretch`.
"""


class Departure(NamedTuple):
    """The matrix that is farthest from orthogonal, and its largest |W W^T - 1|."""

    name: str
    size: float


def largest_departure(flow: nn.Module) -> Departure:
    """Of all matrices that a flow holds constant: its buffers, rotations and bases of every kind.

    NaN counts as infinitely far.
    """
    found = [Departure(n, departure(m)) for n, m in flow.named_buffers() if m.dim() == 2]
    return max(found, key=lambda each: each.size, default=Departure("", 0.0))


@torch.no_grad()
def departure(matrix: Tensor) -> float:
    """The largest |W W^T - 1|, infinite where that is no number."""
    w = matrix.double()
    unit = torch.eye(len(w), dtype=w.dtype, device=w.device)
    size = float((w @ w.T - unit).abs().max())
    return math.inf if math.isnan(size) else size


@torch.no_grad()
def stretch(matrix: Tensor) -> tuple[float, float]:
    """What a matrix W, orthogonal or not, does to 2-norms.

    Where |W W^T - 1| <= e for each entry and W is c x c, the first is at most sqrt(1 + c e) and the
    second at most c e.

    Returns:
        bounds on |W x| / |x|, which holds for the transpose too, and on |W^T W x - x| / |x|; both
        infinite where W is not finite.
    """
    w = matrix.double()
    if not bool(torch.isfinite(w).all()):
        return math.inf, math.inf
    # torch.linalg carries no types.
    singular = cast("Tensor", torch.linalg.svdvals(w))  # pyright: ignore[reportUnknownMemberType]
    return float(singular.max()), float((singular.square() - 1.0).abs().max())

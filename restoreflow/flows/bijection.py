"""The contract of a bijection, once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor, nn

from restoreflow.flows.float32 import CEILING, ROUNDING
from restoreflow.flows.layout import graph_recorded, mix_channels, stripwise

__all__ = ["UNBOUNDED", "Bijection", "Bound", "Chain", "Condition", "sum_per_item"]

Condition = Tensor | tuple["Condition", ...] | None
"""What `prepare` made of the features; its form is the bijection's own business."""


class Bound(NamedTuple):
    """How large a tensor (N, C, H, W) can be, in two norms at once.

    Attributes:
        norm: bound on the 2-norm of the channel vector at every location.
        peak: bound on every absolute value.
    """

    norm: float
    peak: float

    def tightened(self, channels: int) -> Bound:
        """Let each norm bound the other: peak <= norm <= sqrt(channels) * peak."""
        peak = min(self.peak, self.norm)
        return Bound(min(self.norm, channels**0.5 * peak), peak)

    def in_float32(self) -> Bound:
        """What holds of the rounded values; no bound where float32 cannot carry them safely."""
        if not (self.norm <= CEILING and self.peak <= CEILING):  # false for NaN too
            return UNBOUNDED
        return Bound(self.norm * (1.0 + ROUNDING), self.peak * (1.0 + ROUNDING))


UNBOUNDED = Bound(math.inf, math.inf)


class Bijection(nn.Module):
    """An invertible map of (N, C, H, W) under a condition.

    A subclass

    * MUST implement ``forward(x, condition) -> (z, ladj)``, data to latent, where ``ladj`` is (N,):
      the natural logarithm of |det dz/dx| of each item, positive where the map expands;
    * MUST implement ``inverse(z, condition) -> x``, latent to data, computing no determinant;
    * MUST implement ``inverse_bound(bound)``: given a finite bound on z that holds anywhere, one
      on x that holds for *every* condition, in exact arithmetic, from whatever matrices and
      weights it has; infinite where there is none, and where float32 could overflow on the way;
    * MUST keep dtype (float32 or float64) and device, accept N = 0, and index nothing by data: no
      boolean masks, no branches on values, no asserts on values;
    * MAY implement ``prepare(features)``: what depends on the features alone; it is computed once
      and shared by all samples. The default needs no condition;
    * MUST accept as condition what its own ``prepare`` returned, with N equal to x's or 1, and
      let ``prepare`` bound it (`steadied`), whatever the features are;
    * MAY implement ``inverse_displacement``, a bound on how far the inverse moves a location;
    * MAY implement ``inverse_turned`` where it is faster than its three steps;
    * MAY set ``local`` where a location of ``inverse``'s result depends on that location alone;
    * MAY set ``halo``, how many cells of z to either side a cell of x depends on, and
      ``alignment``, cells at whose multiples a window of a larger grid has to begin.

    Shapes stay as they are except in `Squeeze`.
    """

    halo: int = 0
    alignment: int = 1
    local: bool = False

    def prepare(self, features: Tensor) -> Condition:
        """What depends on the features (N, F, H, W) alone."""
        del features
        return None

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        """Data to latent, with the log-determinant (N,)."""
        raise NotImplementedError

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        """Latent to data."""
        raise NotImplementedError

    def inverse_turned(self, z: Tensor, matrix: Tensor, condition: Condition) -> Tensor:
        """R^T inverse(R z): the inverse in coordinates turned by R (channels, channels)."""
        return mix_channels(self.inverse(mix_channels(z, matrix), condition), matrix.T)

    def inverse_bound(self, bound: Bound) -> Bound:
        """A bound on ``inverse``'s result for any condition, from a bound on its input."""
        raise NotImplementedError

    def inverse_displacement(self, bound: Bound) -> float:
        """Bound on the 2-norm, at any location, of ``inverse(z) - z`` for any condition.

        Infinite where there is none. A tighter composition than ``inverse_bound`` for maps around
        the identity.

        Args:
            bound: on z.
        """
        del bound
        return math.inf


class Chain(Bijection):
    """Bijections one after another, in the order from data to latent."""

    def __init__(self, bijections: Sequence[Bijection]) -> None:
        super().__init__()
        self.bijections = nn.ModuleList(bijections)
        self.halo = sum(b.halo for b in bijections)
        self.alignment = math.lcm(*(b.alignment for b in bijections))

    def __iter__(self):
        return iter(self.parts)

    @property
    def parts(self) -> list[Bijection]:
        """The bijections, typed."""
        return [b for b in self.bijections if isinstance(b, Bijection)]

    def prepare(self, features: Tensor) -> Condition:
        return tuple(b.prepare(features) for b in self.parts)

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(x.shape[0])
        for bijection, own in zip(self.parts, as_tuple(condition), strict=True):
            x, ladj = bijection(x, own)
            total = total + ladj
        return x, total

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        parts, conditions = self.parts, as_tuple(condition)
        steps = zip(reversed(parts), reversed(conditions), strict=True)
        if graph_recorded():  # which has no strips, and cannot follow groupby
            for bijection, own in steps:
                z = bijection.inverse(z, own)
            return z
        for local, run in groupby(steps, lambda step: step[0].local):
            if local:
                z = _inverse_locally(list(run), z)
                continue
            for bijection, own in run:
                z = bijection.inverse(z, own)
        return z

    def inverse_bound(self, bound: Bound) -> Bound:
        for bijection in reversed(self.parts):
            bound = bijection.inverse_bound(bound)
        return bound


def _inverse_locally(steps: list[tuple[Bijection, Condition]], z: Tensor) -> Tensor:
    """The inverses of `local` bijections one after another, strip by strip through all of them."""

    def through(z: Tensor, *tensors: Tensor) -> Tensor:
        remaining = iter(tensors)
        for bijection, own in steps:
            z = bijection.inverse(z, _of_tensors(own, remaining))
        return z

    return stripwise(through, z, *(tensor for _, own in steps for tensor in _tensors(own)))


def _tensors(condition: Condition) -> Iterator[Tensor]:
    """All that a condition holds."""
    if isinstance(condition, torch.Tensor):
        yield condition
    elif condition is not None:
        for part in condition:
            yield from _tensors(part)


def _of_tensors(condition: Condition, tensors: Iterator[Tensor]) -> Condition:
    """A condition of the same form with other tensors, in the order of `_tensors`."""
    if isinstance(condition, torch.Tensor):
        return next(tensors)
    return None if condition is None else tuple(_of_tensors(c, tensors) for c in condition)


def as_tuple(condition: Condition) -> tuple[Condition, ...]:
    """The parts of a composite's condition.

    Raises:
        TypeError: when the condition was made by another bijection's ``prepare``.
    """
    if not isinstance(condition, tuple):
        raise TypeError("a composite bijection needs the tuple its own prepare() returned")
    return condition


def as_tensor(condition: Condition) -> Tensor:
    """The condition of a bijection that prepares one tensor.

    Raises:
        TypeError: when the condition was made by another bijection's ``prepare``.
    """
    if not isinstance(condition, torch.Tensor):
        raise TypeError("this bijection needs the tensor its own prepare() returned")
    return condition


def sum_per_item(x: Tensor) -> Tensor:
    """Sum (N, ...) over everything but the items: (N,)."""
    return x.flatten(1).sum(1)


def zero_initialise(convolution: nn.Conv2d) -> None:
    """Let a convolution give zeros, so that the map it steers starts as the identity."""
    nn.init.zeros_(convolution.weight)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)

"""Activation norm: constants that give the data unit variance, in a fixed orthogonal basis."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from restoreflow.flows.bijection import Bijection, Bound, Condition
from restoreflow.flows.layout import mix_channels
from restoreflow.flows.rotation import stretch

__all__ = ["ActNorm"]


class ActNorm(Bijection):
    """z = (Q x - bias) exp(-log_scale), per channel, Q fixed and orthogonal.

    With the cosine basis as Q the detail of natural images is nearly uncorrelated, so that unit
    variance per channel is close to whitening; what varies little (a cell's mean brightness, which
    the input already determines) can then vary little in every sample.

    Args:
        basis: (channels, channels), orthogonal; the identity for a plain activation norm.
    """

    basis: Tensor
    local = True

    def __init__(self, basis: Tensor) -> None:
        super().__init__()
        channels = basis.shape[0]
        self.register_buffer("basis", basis.clone())
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    @torch.no_grad()
    def start(self, x: Tensor, floor: float = 1e-4) -> None:
        """Data-dependent start: unit variance and zero mean over (N, C, H, W) data.

        Args:
            x: data in the form that ``forward`` will see.
            floor: smallest standard deviation assumed.
        """
        rotated = mix_channels(x, self.basis).transpose(0, 1).flatten(1)
        self.bias.copy_(rotated.mean(1))
        self.log_scale.copy_(rotated.std(1).clamp_min(floor).log())

    def forward(self, x: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        del condition
        scale = torch.exp(-self.log_scale).to(x.dtype)[:, None, None]
        z = (mix_channels(x, self.basis) - self.bias.to(x.dtype)[:, None, None]) * scale
        ladj = -self.log_scale.to(x.dtype).sum() * (x.shape[-2] * x.shape[-1])
        return z, ladj.expand(x.shape[0])

    def inverse(self, z: Tensor, condition: Condition) -> Tensor:
        del condition
        scale = torch.exp(self.log_scale).to(z.dtype)[:, None, None]
        return mix_channels(z * scale + self.bias.to(z.dtype)[:, None, None], self.basis.T)

    @torch.no_grad()
    def inverse_bound(self, bound: Bound) -> Bound:
        """The linear part's rows, and the constant part exactly; the basis as it is."""
        scale = self.log_scale.double().exp()
        linear = (self.basis.double() * scale[:, None]).T
        constant = self.basis.double().T @ self.bias.double()
        by_norm = bound.norm * linear.square().sum(1).sqrt() + constant.abs()
        by_peak = bound.peak * linear.abs().sum(1) + constant.abs()
        factor, _ = stretch(self.basis)
        norm = bound.norm * float(scale.max()) * factor + float(constant.square().sum().sqrt())
        peak = float(torch.minimum(by_norm, by_peak).max())
        return Bound(norm, peak).tightened(len(constant))

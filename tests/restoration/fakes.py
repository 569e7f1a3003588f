"""Small networks with the interface of the real one and a known receptive field."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restoreflow.networks.restoration_network import Encoding, Sample

__all__ = ["FakeNetwork", "config", "picture"]


class FakeNetwork(nn.Module):
    """Zero-padded 3 x 3 convolutions on the grid, and a limited detail; halo 4.

    Args:
        task, scale: as the real network's; the input is squeezed or repeated onto the grid.
        gain: of the detail before the limiter.
    """

    cell = 4
    latent_channels = 48
    halo = 4

    def __init__(self, task: str = "sr", scale: int = 4, gain: float = 0.3) -> None:
        super().__init__()
        torch.manual_seed(scale)
        self.task, self.scale, self.gain = task, scale, gain
        self.squeeze = max(1, self.cell // scale)
        self.repeat = max(1, scale // self.cell)
        self.first = nn.Conv2d(3 * self.squeeze**2, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.to_mean = nn.Conv2d(8, 48, 1)
        self.from_latent = nn.Conv2d(48, 48, 3, padding=1)
        self.gate = nn.Conv2d(8, 48, 3, padding=1)
        self.precision: torch.dtype | None = None
        self.flow = SimpleNamespace(
            halo=2, alignment=1
        )  # the condition's and the latent's convolutions
        self.calls: list[tuple[int, int]] = []

    def set_precision(self, dtype: torch.dtype | None) -> None:
        self.precision = dtype

    def global_context(self, picture: Tensor) -> Tensor | None:
        return None

    def encode(self, degraded: Tensor) -> Encoding:
        self.calls.append((degraded.shape[-2], degraded.shape[-1]))
        grid = F.pixel_unshuffle(degraded, self.squeeze)
        grid = F.interpolate(grid, scale_factor=self.repeat, mode="nearest")
        features = self.second(torch.relu(self.first(grid)))
        plain = F.interpolate(degraded, scale_factor=self.scale, mode="nearest")
        mean = plain + 0.2 * torch.tanh(F.pixel_shuffle(self.to_mean(features), self.cell))
        return Encoding(mean.clamp(0, 1), features)

    def estimate(self, degraded: Tensor) -> Tensor:
        return self.encode(degraded).mean

    def prepare(self, features: Tensor) -> Any:
        return torch.sigmoid(self.gate(features))

    def sample(
        self, encoding: Encoding, latent: Tensor, temperature: float, condition: Any = None
    ) -> Sample:
        condition = self.prepare(encoding.features) if condition is None else condition
        detail = self.gain * self.from_latent(temperature * latent) * condition
        detail = F.pixel_shuffle(detail, self.cell)
        return Sample(encoding.mean + 0.5 * torch.tanh(detail / 0.5), detail)

    def log_prob(self, degraded: Tensor, clean: Tensor) -> Tensor:
        return -(clean - self.encode(degraded).mean).square().sum(dim=(1, 2, 3))


def config(temperature: float = 0.8, consistency: bool = True, scale: int = 4) -> Any:
    """As much of a model's configuration as a restorer reads."""
    defaults = SimpleNamespace(temperature=temperature, consistency=consistency)
    network = SimpleNamespace(told=False)
    return SimpleNamespace(name="fake", scale=scale, defaults=defaults, network=network)


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    """(3, height, width) in [0, 1]: 8-bit levels, smooth waves, a hard edge and a little noise."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.linspace(0, 5, height)[:, None]
    columns = torch.linspace(0, 9, width)[None]
    waves = [torch.sin(rows * (c + 1)) * torch.cos(columns + c) for c in range(3)]
    values = 0.5 + 0.35 * torch.stack(waves)
    values[:, :, width // 2 :] *= 0.7
    values += 0.02 * torch.randn(values.shape, generator=generator)
    return values.clamp(0, 1).mul(255).round().div(255)

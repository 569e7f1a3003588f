"""What goes wrong with photographs, at five severities: the inputs a score is measured on.

Kinds as in Hendrycks and Dietterich, "Benchmarking neural network robustness to common corruptions
and perturbations" (ICLR 2019); the strengths are this project's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from restoreflow.lab.degradations.operations import compress_jpeg, gaussian_blur, round_8bit

__all__ = ["CORRUPTIONS", "SEVERITIES", "Corruption", "corrupt"]

SEVERITIES = (1, 2, 3, 4, 5)

Apply = Callable[[Tensor, float, torch.Generator], Tensor]


class Corruption(NamedTuple):
    """A way to spoil pictures.

    Attributes:
        apply: (N, 3, h, w) in [0, 1], a strength and a CPU generator to a picture of that shape.
        strengths: one for each of `SEVERITIES`.
        of_scene: it changes what is to be restored, too: a truth has to be changed likewise.
    """

    apply: Apply
    strengths: tuple[float, float, float, float, float]
    of_scene: bool = False


def corrupt(x: Tensor, name: str, severity: int, generator: torch.Generator) -> Tensor:
    """Pictures (N, 3, h, w) in [0, 1] spoilt; the result holds 8-bit levels.

    Args:
        x: on the CPU.
        name: of `CORRUPTIONS`.
        severity: 1 .. 5.
        generator: the only source of chance.
    """
    kind = CORRUPTIONS[name]
    return round_8bit(kind.apply(x, kind.strengths[severity - 1], generator))


def _gaussian_noise(x: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    return x + deviation / 255 * torch.randn(x.shape, generator=generator)


def _shot_noise(x: Tensor, photons: float, generator: torch.Generator) -> Tensor:
    return torch.poisson(x * photons, generator=generator) / photons


def _impulse_noise(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    shape = (x.shape[0], 1, *x.shape[2:])
    struck = torch.rand(shape, generator=generator) < share
    salt = (torch.rand(shape, generator=generator) < 0.5).to(x)
    return torch.where(struck, salt, x)


def _jpeg(x: Tensor, quality: float, generator: torch.Generator) -> Tensor:
    return compress_jpeg(x, [round(quality)] * len(x), [True] * len(x))


def _blur(x: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    return gaussian_blur(x, torch.full((len(x),), deviation))


def _contrast(x: Tensor, factor: float, generator: torch.Generator) -> Tensor:
    middle = x.mean((1, 2, 3), keepdim=True)
    return middle + factor * (x - middle)


def _saturation(x: Tensor, factor: float, generator: torch.Generator) -> Tensor:
    gray = (x * x.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    return gray + factor * (x - gray)


def _pixelation(x: Tensor, side: float, generator: torch.Generator) -> Tensor:
    return _through(x, 1 / side, "area")


def _banding(x: Tensor, levels: float, generator: torch.Generator) -> Tensor:
    return (x * (levels - 1)).round() / (levels - 1)


def _nearest(x: Tensor, factor: float, generator: torch.Generator) -> Tensor:
    return _through(x, factor, "nearest")


def _through(x: Tensor, factor: float, mode: str) -> Tensor:
    """Reduced by a factor without care, and enlarged again in blocks."""
    height, width = x.shape[-2:]
    small = (max(round(height * factor), 1), max(round(width * factor), 1))
    return F.interpolate(F.interpolate(x, small, mode=mode), (height, width), mode="nearest")


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": Corruption(_gaussian_noise, (4, 8, 16, 30, 50)),  # levels of 255
    "shot_noise": Corruption(_shot_noise, (500, 200, 80, 30, 12)),  # photons at white
    "impulse_noise": Corruption(_impulse_noise, (0.003, 0.01, 0.03, 0.08, 0.2)),  # share
    "jpeg": Corruption(_jpeg, (80, 60, 40, 20, 8)),  # libjpeg's quality, 4:2:0
    "blur": Corruption(_blur, (0.5, 0.8, 1.2, 2.0, 3.0)),  # deviation, pixels
    "contrast": Corruption(_contrast, (0.8, 0.6, 0.4, 0.25, 0.12), of_scene=True),
    "saturation": Corruption(_saturation, (1.5, 2.0, 3.0, 4.0, 8.0), of_scene=True),
    "pixelation": Corruption(_pixelation, (2, 3, 4, 6, 8)),  # side of a block
    "banding": Corruption(_banding, (64, 32, 16, 8, 4)),  # levels a channel
    "resampling": Corruption(_nearest, (0.8, 0.66, 0.5, 0.4, 0.3)),  # nearest neighbour
}

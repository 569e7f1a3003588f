"""What became of an input: the outcomes that a score is to foretell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.restoration.latents import latent_window
from restoreflow.restoration.sampling import ERROR_RANGE
from restoreflow.restoration.tiles import Geometry

__all__ = ["Drawn", "draw", "draw_each", "error_places", "surprise"]

FLOOR = 1.0 / 255.0
"""Spread that is granted to every prediction: the rounding of 8-bit pictures and a little more."""


class Drawn(NamedTuple):
    """Samples of one input, without the padding.

    Attributes:
        image: (n, 3, H, W), limited, in (-0.5, 1.5).
        unlimited: (n, 3, H, W), mean plus detail as before the limiter.
        largest_detail: largest finite absolute value of the detail before the limiter.
    """

    image: Tensor
    unlimited: Tensor
    largest_detail: float = 0.0


def draw(
    network: RestorationNetwork,
    degraded: Tensor,
    temperature: float,
    samples: int,
    seed: int = 0,
) -> Drawn:
    """Samples of a picture (3, h, w) in one piece, from the latents that a restorer draws.

    Nothing is refused: what is not finite is an outcome.
    """
    return draw_each(network, degraded, [temperature], samples, seed)[0]


@torch.inference_mode()
def draw_each(
    network: RestorationNetwork,
    degraded: Tensor,
    temperatures: Sequence[float],
    samples: int,
    seed: int = 0,
) -> list[Drawn]:
    """Like `draw` at several temperatures, from the same latents; the encoder runs once.

    At temperature 0 all samples are the same: one is computed.
    """
    device = next(network.parameters()).device
    height, width = (side * network.scale for side in degraded.shape[-2:])
    padded = Geometry.of(network).padded(degraded)[None].to(device)
    encoding = network.encode(padded)
    condition = network.prepare(encoding.features)
    rows, columns = encoding.features.shape[-2:]
    latents = [
        torch.from_numpy(
            latent_window(seed, index, slice(0, rows), slice(0, columns), network.latent_channels)
        )[None].to(device)
        for index in range(samples)
    ]
    drawn: list[Drawn] = []
    for temperature in temperatures:
        found = [
            network.sample(encoding, latent, temperature, condition)
            for latent in (latents if temperature > 0 else latents[:1])
        ]
        image = torch.cat([sample.image for sample in found])[..., :height, :width].float()
        detail = torch.cat([sample.detail for sample in found])[..., :height, :width].float()
        size = torch.where(detail.isfinite(), detail.abs(), 0.0)
        mean = encoding.mean[..., :height, :width]
        # expand: as many as were asked for, also where all are the same.
        planes = [x.cpu().expand(samples, -1, -1, -1) for x in (image, mean + detail)]
        drawn.append(Drawn(planes[0], planes[1], float(size.max())))
    return drawn


def error_places(drawn: Drawn, cell: int = 4) -> NDArray[np.bool_]:
    """Cells with an error pixel in any sample: (rows, columns)."""
    low, high = ERROR_RANGE
    sound = (drawn.unlimited >= low) & (drawn.unlimited <= high)  # false for NaN too
    wrong = (~sound).any(0).any(0).float()
    return _cells(wrong[None], cell, "max")[0].numpy() > 0


def surprise(drawn: Drawn, clean: Tensor, cell: int = 4) -> NDArray[np.float32]:
    """How much further from the truth samples are than they are from each other: (rows, columns).

    Cell by cell, the root mean square distance of the samples' mean from the truth over the
    samples' deviation: about 1 for samples of the true distribution.

    Args:
        drawn: two samples or more.
        clean: (3, H, W), the truth.
    """
    n = drawn.image.shape[0]
    if n < 2:
        raise ValueError("a spread needs two samples or more")
    centre = drawn.image.mean(0)
    error = _cells((centre - clean).square(), cell, "mean").mean(0)
    variance = (drawn.image - centre).square_().sum(0).div_(n - 1)  # ten times faster than var
    spread = _cells(variance, cell, "mean").mean(0) * (1 + 1 / n) + FLOOR**2
    return (error / spread).sqrt().numpy()


def _cells(planes: Tensor, cell: int, kind: str) -> Tensor:
    """(C, H, W) by cells; cells at the border may be cut."""
    height, width = planes.shape[-2:]
    padded = F.pad(planes[None], (0, -width % cell, 0, -height % cell), mode="replicate")
    pool = F.max_pool2d if kind == "max" else F.avg_pool2d
    return pool(padded, cell)[0]

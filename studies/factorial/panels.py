"""What the six-column figure shows of one flow, as small PNG files in text."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.lab.fitting.fit import fit_gaussians
from restoreflow.lab.fitting.outcomes import draw_each
from restoreflow.lab.fitting.pictures import pairs
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.features import FEATURES
from restoreflow.ood.maps import energy_maps
from restoreflow.restoration.sampling import ERROR_RANGE

__all__ = ["panels", "patched"]

SIDE = 256
"""Of the photograph, in pixels of the output."""


def patched(photo: Path) -> Tensor:
    """A reduced photograph (3, h, w) with a one-pixel checkerboard in its middle quarter."""
    degraded = next(pairs([photo], "bicubic", 4, 0, SIDE)).degraded.clone()
    rows, columns = (slice(3 * side // 8, 5 * side // 8) for side in degraded.shape[-2:])
    part = degraded[:, rows, columns]
    y, x = torch.meshgrid(*(torch.arange(side) for side in part.shape[-2:]), indexing="ij")
    degraded[:, rows, columns] = ((x + y) % 2).float()
    return degraded


def panels(
    network: RestorationNetwork, degraded: Tensor, learnt: Sequence[Tensor], seed: int
) -> dict[str, Any]:
    """One sample at T = 1: before and after the limiter, its error pixels, and the score's map.

    Returns:
        `input`, `before`, `after`, `errors` and `score`, PNG in base64; `error_pixels`;
        `largest`, the largest finite |detail|.
    """
    gaussian = fit_gaussians(network, list(learnt), [FEATURES])[0][FEATURES]
    fitted = gaussian.mean, gaussian.whitening
    energies = np.log(
        np.maximum(energy_maps(network, degraded, {FEATURES: fitted})[FEATURES], 1e-6)
    )
    (drawn,) = draw_each(network, degraded, [1.0], 1, seed)
    values = drawn.unlimited[0]
    low, high = ERROR_RANGE
    wrong = ~((values >= low) & (values <= high)).all(0)
    span = max(float(energies.max() - energies.min()), 1e-6)
    return {
        "input": _png(_levels(degraded)),
        "before": _png(_levels(values.nan_to_num(nan=0.0))),
        "after": _png(_levels(drawn.image[0])),
        "errors": _png(wrong.numpy().astype(np.uint8) * 255),
        "score": _png(np.uint8(255 * (energies - energies.min()) / span)),
        "error_pixels": int(wrong.sum()),
        "largest": drawn.largest_detail if math.isfinite(drawn.largest_detail) else 1e300,
    }


def _levels(picture: Tensor) -> NDArray[np.uint8]:
    levels = (picture.clamp(0.0, 1.0) * 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous().numpy()


def _png(levels: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()

"""A whole picture's features and energies, of any size: tile by tile, only the encoder running."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.features import extract
from restoreflow.ood.mahalanobis import energy_map
from restoreflow.restoration.memory import WINDOW_CELLS
from restoreflow.restoration.tiles import Geometry, Reach, plan, plan_within

__all__ = ["FeatureTile", "energy_maps", "feature_tiles", "smoothed"]

_BLOCK = 8  # places a side: as blocks of JPEG have, whose lattice is then no longer seen


class FeatureTile(NamedTuple):
    """Features of a part of a picture.

    Attributes:
        top, left: of the part, in grid cells.
        layers: layer to (C, rows, columns), on the network's device, without halo or padding.
        coarseness: layer to the grid cells of a feature's side.
    """

    top: int
    left: int
    layers: dict[str, Tensor]
    coarseness: dict[str, int]


@torch.inference_mode()
def feature_tiles(
    network: RestorationNetwork,
    degraded: Tensor,
    layers: Sequence[str],
    tile: int | None = None,
) -> Iterator[FeatureTile]:
    """Features of all places of a picture, each once; they do not depend on the tiles.

    Args:
        network: on any device.
        degraded: (3, h, w) in [0, 1], on the CPU.
        layers: of `features.layer_names`.
        tile: largest side of a part in input pixels; None is that of restoring.
    """
    encoder = network.encoder
    device = next(encoder.parameters()).device
    padded = Geometry.of(network).padded(degraded)
    alignment: int = getattr(encoder, "alignment", 1)
    geometry = _coarse_units(network, alignment)
    size = (-(-padded.shape[-2] // geometry.pixels), -(-padded.shape[-1] // geometry.pixels))
    reach = Reach(-(-encoder.halo // geometry.cells))
    if tile is None:
        tiles = plan_within(size, reach, WINDOW_CELLS // geometry.cells**2)
    else:
        side = max(tile // geometry.pixels, 1)
        tiles = plan(size, reach, (side, side))
    real = [-(-side * network.scale // network.cell) for side in degraded.shape[-2:]]
    judge = getattr(encoder, "global_context", None)
    context = None if judge is None else judge(degraded[None].to(device))
    for core, window in tiles:
        # Windows are whole units; at the picture's end a slice stops where the picture does.
        rows, columns = window.slices(geometry.pixels)
        seen = padded[None, :, rows, columns].to(device).contiguous()
        told = context
        if context is not None:
            corner = window.top * geometry.cells, window.left * geometry.cells
            told = network.placed(context, *corner)
        found = extract(network, seen, layers, told)
        cells = seen.shape[-2] * network.scale // network.cell
        top, left = core.top * geometry.cells, core.left * geometry.cells
        inner, kept, coarse = core.seen_from(window), {}, {}
        for name, values in found.items():
            # An encoder of several resolutions may have filled up its last coarse cell.
            coarse[name] = round(-(-cells // alignment) * alignment / values.shape[-2])
            inside = values[0][(slice(None), *inner.slices(geometry.cells // coarse[name]))]
            most = (-(-(real[0] - top) // coarse[name]), -(-(real[1] - left) // coarse[name]))
            kept[name] = inside[:, : max(most[0], 0), : max(most[1], 0)].float()
        yield FeatureTile(top, left, kept, coarse)


def energy_maps(
    network: RestorationNetwork,
    degraded: Tensor,
    gaussians: dict[str, tuple[Tensor, Tensor]],
    tile: int | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Energies of all places of a picture.

    Args:
        network, degraded, tile: as `feature_tiles`.
        gaussians: layer to mean (C,) and whitening (R, C).

    Returns:
        layer to (rows, columns) float32, on the grid or the layer's own coarser one.
    """
    parts: dict[str, list[tuple[int, int, NDArray[np.float32]]]] = {n: [] for n in gaussians}
    for piece in feature_tiles(network, degraded, tuple(gaussians), tile):
        for name, features in piece.layers.items():
            energies = energy_map(features[None], *gaussians[name])[0].cpu().numpy()
            side = piece.coarseness[name]
            parts[name].append((piece.top // side, piece.left // side, energies))
    return {name: _assembled(found) for name, found in parts.items()}


def smoothed(energies: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map to look at: each place has the mean of the 8 x 8 places around it."""
    before, after = _BLOCK // 2, _BLOCK - _BLOCK // 2 - 1
    edges = F.pad(torch.from_numpy(energies)[None], (before, after, before, after), "replicate")
    return F.avg_pool2d(edges, _BLOCK, stride=1)[0].numpy()


def _assembled(parts: list[tuple[int, int, NDArray[np.float32]]]) -> NDArray[np.float32]:
    if len(parts) == 1:
        return parts[0][2]
    rows = max(top + part.shape[0] for top, _, part in parts)
    columns = max(left + part.shape[1] for _, left, part in parts)
    whole = np.empty((rows, columns), np.float32)
    for top, left, part in parts:
        whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole


def _coarse_units(network: RestorationNetwork, alignment: int) -> Geometry:
    """The network's units, made so large that a tile begins where its coarsest grid does."""
    plain = Geometry.of(network)
    return Geometry(plain.pixels * alignment, plain.cells * alignment, plain.output * alignment)

"""Energies of a picture's places, from the features that its restoration computes anyway."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.features import listening
from restoreflow.ood.mahalanobis import LEAST, energy_map
from restoreflow.restoration.sampling import Seen
from restoreflow.restoration.tiles import Geometry, Tile

__all__ = ["Watch"]


class Watch:
    """Looks over an encoder's shoulder, window after window; see `Restorer.restore`.

    Args:
        network: that restores the picture, not compiled.
        gaussians: layer to mean (C,) and whitening (R, C); layers on the grid of cells.
        size: the picture's rows and columns in input pixels.
        limit: energy of the first layer beyond which the temperature is lowered, in proportion;
            None: nowhere.

    Attributes:
        maps: layer to energies (rows, columns) float32 on the grid, as `maps.energy_maps` gives
            them; whole when the restoration is.
    """

    def __init__(
        self,
        network: RestorationNetwork,
        gaussians: Mapping[str, tuple[Tensor, Tensor]],
        size: tuple[int, int],
        limit: float | None = None,
    ) -> None:
        rows, columns = (-(-side * network.scale // network.cell) for side in size)
        self._network, self._gaussians, self._limit = network, gaussians, limit
        self._cells = Geometry.of(network).cells
        self.maps: dict[str, NDArray[np.float32]] = {
            name: np.zeros((rows, columns), np.float32) for name in gaussians
        }

    @contextmanager
    def __call__(self, tile: Tile) -> Iterator[Seen]:
        """A context in which the encoder looks at a tile's window, once."""
        seen = Seen()
        with listening(self._network.encoder, tuple(self._gaussians)) as found:
            yield seen
        inner = tile.core.seen_from(tile.window).slices(self._cells)
        rows, columns = tile.core.slices(self._cells)
        for index, name in enumerate(self._gaussians):
            energies = energy_map(found[name].float(), *self._gaussians[name])[0]
            if index == 0 and self._limit is not None:
                seen.share = (self._limit / energies.clamp(min=LEAST)).clamp(max=1.0)
            place = self.maps[name][rows, columns]  # ends where the picture does
            kept = energies[inner].cpu().numpy()
            place[...] = kept[: place.shape[0], : place.shape[1]]

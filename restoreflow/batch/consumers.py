"""What takes a result's bands as they come: each keeps what its file or its lookers need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from restoreflow.images.canvas import Canvas

if TYPE_CHECKING:
    from restoreflow.restoration.bands import Band

__all__ = ["Canvases", "Consumer", "Numbers", "Pictures", "Spread"]


class Consumer(Protocol):
    """Takes a result, from the top to the bottom."""

    def add(self, band: Band) -> None:
        """Take in finished rows."""
        ...


class Canvases:
    """The samples as their files hold them.

    Args:
        canvases: one a sample, in their order.
    """

    def __init__(self, canvases: list[Canvas]) -> None:
        self.canvases = canvases

    def add(self, band: Band) -> None:
        """Take in finished rows; OutputError where a value is not finite."""
        for canvas, sample in zip(self.canvases, band.values, strict=True):
            canvas.put(band.top, sample.permute(1, 2, 0).numpy())


class Spread:
    """How far the samples are apart.

    Attributes:
        values: (H, W) float32, as `Restoration.uncertainty`.
    """

    def __init__(self, width: int, height: int) -> None:
        self.values = np.empty((height, width), np.float32)

    def add(self, band: Band) -> None:
        """Take in finished rows."""
        self.values[band.top : band.top + len(band.mean)] = band.uncertainty


class Pictures:
    """A result in 8 bits, for sheets and for those who look at it.

    Attributes:
        images: the samples, RGB.
        mean: the network's clean estimate, RGB.
    """

    def __init__(self, width: int, height: int, samples: int) -> None:
        self.images = [Image.new("RGB", (width, height)) for _ in range(samples)]
        self.mean = Image.new("RGB", (width, height))
        self._spread = Spread(width, height)

    @property
    def uncertainty(self) -> np.ndarray:
        """(H, W) float32, as `Restoration.uncertainty`."""
        return self._spread.values

    def add(self, band: Band) -> None:
        """Take in finished rows."""
        for image, levels in zip(self.images, band.levels, strict=True):
            image.paste(Image.fromarray(levels), (0, band.top))
        self.mean.paste(Image.fromarray(band.mean), (0, band.top))
        self._spread.add(band)


class Numbers:
    """A result as numbers.

    Attributes:
        samples: (n, H, W, 3) float32 in [0, 1], as the pictures round them.
        mean: (H, W, 3) uint8, the network's clean estimate.
    """

    def __init__(self, width: int, height: int, samples: int) -> None:
        self.samples = np.empty((samples, height, width, 3), np.float32)
        self.mean = np.empty((height, width, 3), np.uint8)
        self._spread = Spread(width, height)

    @property
    def uncertainty(self) -> np.ndarray:
        """(H, W) float32, as `Restoration.uncertainty`."""
        return self._spread.values

    def add(self, band: Band) -> None:
        """Take in finished rows."""
        rows = slice(band.top, band.top + len(band.mean))
        self.samples[:, rows] = band.values.permute(0, 2, 3, 1).numpy()
        self.mean[rows] = band.mean
        self._spread.add(band)

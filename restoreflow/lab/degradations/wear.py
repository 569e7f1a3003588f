"""What may have happened to a small picture before it is to be enlarged."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from PIL import Image

from restoreflow.errors import UsageError
from restoreflow.lab.degradations.operations import compress_jpeg, gaussian_blur
from restoreflow.lab.photographs import as_tensor
from restoreflow.restoration.pixels import eight_bit

__all__ = ["Wear"]


@dataclass(frozen=True)
class Wear:
    """Blur, then noise, then JPEG; nothing by default.

    Args:
        blur: standard deviation of a Gaussian, in the picture's pixels, 0 to 4.
        noise: standard deviation of Gaussian noise, in 8-bit levels.
        jpeg: libjpeg's quality, 1 to 100, with halved chroma; 0 for none.

    Raises:
        UsageError: a value is out of its range.
    """

    blur: float = 0.0
    noise: float = 0.0
    jpeg: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.blur <= 4:
            raise UsageError(f"--blur is {self.blur}, not within 0 .. 4 pixels")
        if not 0 <= self.noise <= 128:
            raise UsageError(f"--noise is {self.noise}, not within 0 .. 128 levels")
        if not 0 <= self.jpeg <= 100:
            raise UsageError(f"--jpeg is {self.jpeg}, not a quality within 1 .. 100")

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return self != Wear()

    def apply(self, picture: Image.Image, seed: int) -> Image.Image:
        """An RGB picture worn, in 8 bits; the same seed gives the same noise."""
        if not self:
            return picture
        x = as_tensor(picture)
        if self.blur > 0:
            x = gaussian_blur(x, torch.tensor([self.blur]))
        if self.noise > 0:
            generator = torch.Generator().manual_seed(seed)
            x = x + self.noise / 255.0 * torch.randn(x.shape, generator=generator)
        worn = eight_bit(compress_jpeg(x, [self.jpeg], [True])[0])
        return Image.fromarray(worn.permute(1, 2, 0).contiguous().numpy())

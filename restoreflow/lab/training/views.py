"""Views of photographs: a patch, what the whole picture looks like, and where the patch lies.

Exposure is judged on whole pictures and noise on patches, so low light needs both.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from restoreflow.tasks.task import resize

__all__ = ["View", "draw_view", "reduce", "thumbnail_of", "turn_view"]


class View(NamedTuple):
    """A patch of a picture, and the picture.

    Attributes:
        patch: (3, size, size), in [0, 1].
        thumbnail: (3, h, w), the whole picture reduced, in [0, 1].
        box: (4,), the patch's top, left, height, width as shares of the picture.
    """

    patch: Tensor
    thumbnail: Tensor
    box: Tensor


def thumbnail_of(image: Tensor, side: int) -> Tensor:
    """Average a picture (3, H, W), uint8, over the cells of a square: (3, side, side) in [0, 1]."""
    return F.adaptive_avg_pool2d(image.float().div(255.0), (side, side))


def draw_view(
    image: Tensor,
    thumbnail: Tensor,
    size: int,
    generator: torch.Generator,
    nearest: float = 0.5,
) -> View:
    """Cut a patch that shows much or little of the picture.

    Half of the patches are cut at 1:1, half from a picture reduced by a random factor, up to the
    one at which the patch is all there is: exposure must be judged on small and large views.

    Args:
        image: (3, H, W), uint8.
        thumbnail: the picture's `thumbnail_of`.
        size: side of the patch in pixels; the picture's sides must be at least that.
        generator: a CPU generator.
        nearest: share of patches cut at 1:1.

    Raises:
        ValueError: when the picture is smaller than the patch.
    """
    height, width = image.shape[1:]
    whole = min(height, width)
    if whole < size:
        raise ValueError(f"a picture of {width} x {height} has no patch of {size} x {size}")
    close, zoom, down, right = torch.rand(4, generator=generator).tolist()
    side = size if close < nearest else round(size * (whole / size) ** zoom)
    top, left = int(down * (height - side + 1)), int(right * (width - side + 1))
    patch = image[:, top : top + side, left : left + side].float().div(255.0)
    if side > size:
        patch = reduce(patch, (size, size)).clamp(0.0, 1.0)
    box = torch.tensor([top / height, left / width, side / height, side / width])
    return View(patch, thumbnail, box)


def turn_view(view: View, symmetry: int) -> View:
    """Mirror (4 and up) and turn by quarters a view by one of the square's eight symmetries."""
    patch, thumbnail = view.patch, view.thumbnail
    top, left, height, width = view.box.tolist()
    if symmetry >= 4:
        patch, thumbnail, left = patch.flip(-1), thumbnail.flip(-1), 1.0 - left - width
    for _ in range(symmetry % 4):
        top, left, height, width = 1.0 - left - width, top, width, height
    patch, thumbnail = (torch.rot90(x, symmetry % 4, (-2, -1)) for x in (patch, thumbnail))
    return View(patch, thumbnail, torch.tensor([top, left, height, width]))


def reduce(x: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture (3, H, W) in a smaller size, by antialiased bicubic interpolation; not clamped."""
    return resize(x, *size)

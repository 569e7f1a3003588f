"""A sheet of training pairs to look at: dark, dark brightened, target."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from restoreflow.lab.degradations.low_light import true_stops
from restoreflow.networks.exposure import exposure_curve, linear_to_srgb, srgb_to_linear

__all__ = ["pair_sheet"]

GAP = 6
LINE = 14


def pair_sheet(pairs: Sequence[tuple[Tensor, Tensor]], captions: Sequence[str]) -> Image.Image:
    """Lay pairs out at 1:1, two a row: dark as it is, dark brightened, target.

    The brightened one gets the exposure, one for all channels, that takes it nearest to the
    target; so what remains of noise and colour cast shows.

    Args:
        pairs: (dark, target), each (3, H, W) in [0, 1], all of one size.
        captions: one line of text a pair.

    Raises:
        ValueError: when there is no pair, or not one caption for each.
    """
    if not pairs or len(pairs) != len(captions):
        raise ValueError(f"{len(pairs)} pairs and {len(captions)} captions")
    height, width = pairs[0][0].shape[1:]
    cell = (3 * width + 3 * GAP, height + LINE + GAP)
    rows = -(-len(pairs) // 2)
    sheet = Image.new("RGB", (2 * cell[0] + GAP, rows * cell[1] + GAP), (90, 90, 90))
    draw = ImageDraw.Draw(sheet)
    for index, ((dark, target), caption) in enumerate(zip(pairs, captions, strict=True)):
        left, top = GAP + index % 2 * cell[0], GAP + index // 2 * cell[1]
        draw.text((left, top), caption, fill=(255, 255, 255))
        for column, picture in enumerate((dark, _brighten(dark, target), target)):
            sheet.paste(_image(picture), (left + column * (width + GAP), top + LINE))
    return sheet


def _brighten(dark: Tensor, target: Tensor) -> Tensor:
    light = srgb_to_linear(dark[None])
    stops = true_stops(light, srgb_to_linear(target[None])).mean()
    return linear_to_srgb(exposure_curve(light, stops))[0]


def _image(picture: Tensor) -> Image.Image:
    levels = picture.detach().clamp(0.0, 1.0).mul(255.0).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())

"""Drawn pictures to learn from: text, lines and flat shapes, which photographs hardly have.

People enlarge screenshots, diagrams and comics too; a model that has seen photographs alone gives
their edges the texture of leaves.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from restoreflow.lab.degradations.example import Example

__all__ = ["Drawing", "draw_drawing", "with_drawings", "with_hard_edges"]

OVERSAMPLING = 2
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?()+-=/%&"
Colour = tuple[int, int, int]


class Drawing(NamedTuple):
    """A drawing, (3, size, size) in [0, 1], and itself as a program draws it small.

    Attributes:
        hard: (3, size / scale, size / scale): one colour a pixel, that of its middle, as where
            nothing smooths the edges; None where there is no such scale.
    """

    picture: Tensor
    hard: Tensor | None


class Dice:
    """Random numbers of a torch generator, drawn all at once and handed out one by one."""

    def __init__(self, generator: torch.Generator, count: int = 2048) -> None:
        self.values = torch.rand(count, generator=generator).tolist()
        self.next = 0

    def real(self, low: float = 0.0, high: float = 1.0) -> float:
        """Uniform between two bounds."""
        self.next = (self.next + 1) % len(self.values)
        return low + (high - low) * self.values[self.next]

    def integer(self, low: int, high: int) -> int:
        """One of low ... high - 1."""
        return min(high - 1, int(self.real(low, high)))

    def colour(self, low: float = 0.0, high: float = 1.0) -> Colour:
        """Any brightness within the bounds; half of the time grey."""
        level = self.real(low, high)
        spread = 0.0 if self.real() < 0.5 else 0.5
        values = [min(1.0, max(0.0, level + self.real(-spread, spread))) for _ in range(3)]
        return round(255 * values[0]), round(255 * values[1]), round(255 * values[2])


def draw_drawing(size: int, generator: torch.Generator, scale: int = 1) -> Drawing:
    """One drawing, 8-bit levels: a ground, shapes, lines and text.

    Half of them are smooth at the edges, drawn larger and reduced; half as drawn.

    Args:
        size: side in pixels, a multiple of the scale.
        generator: a CPU generator.
        scale: of the small form beside it, 1 for none.
    """
    dice = Dice(generator)
    factor = OVERSAMPLING if dice.real() < 0.5 or scale > 1 else 1
    side = size * factor
    dark = dice.real() < 0.3
    picture = Image.new("RGB", (side, side), dice.colour(0.0, 0.25) if dark else dice.colour(0.8))
    canvas = ImageDraw.Draw(picture)
    ink = (0.7, 1.0) if dark else (0.0, 0.3)
    for _ in range(dice.integer(0, 6)):
        _shape(canvas, side, dice, ink, factor)
    for _ in range(dice.integer(0, 8)):
        ends = [dice.real(-0.2, 1.2) * side for _ in range(4)]
        canvas.line(ends, fill=dice.colour(*ink), width=factor * dice.integer(1, 5))
    if dice.real() < 0.75:
        _text(canvas, side, dice, ink, factor)
    if dice.real() < 0.3:
        turned = dice.real(-20.0, 20.0)
        picture = picture.rotate(
            turned, Image.Resampling.BICUBIC, fillcolor=picture.getpixel((0, 0))
        )
    middle, step = scale * factor // 2, scale * factor
    hard = _as_tensor(picture)[:, middle::step, middle::step] if scale > 1 else None
    return Drawing(_as_tensor(picture.resize((size, size), Image.Resampling.BOX)), hard)


def _as_tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float().div(255.0)


def with_drawings(clean: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """Some patches (N, 3, s, s) replaced by drawings; with a share of 0 nothing is drawn."""
    if share <= 0:
        return clean
    chosen = torch.rand(len(clean), generator=generator) < share
    drawn = [
        draw_drawing(clean.shape[-1], generator).picture if c else x
        for c, x in zip(chosen, clean, strict=True)
    ]
    return torch.stack(drawn)


def with_hard_edges(example: Example, generator: torch.Generator, share: float) -> Example:
    """Some items replaced by drawings whose inputs nothing has smoothed: icons, comics, plots.

    An antialiased reduction of an edge says where between two pixels it lies; these do not, and
    enlarged as if they were reductions, they get echoes beside every edge.

    Args:
        example: one that says what its inputs suffer from: these from nothing.
        generator: a CPU generator.
        share: of the items.
    """
    chosen = torch.rand(len(example.clean), generator=generator) < share
    degraded, clean = example.degraded.clone(), example.clean.clone()
    wear = None if example.wear is None else example.wear.masked_fill(chosen[:, None], 0.0)
    for index in chosen.nonzero().flatten().tolist():
        scale = clean.shape[-1] // degraded.shape[-1]
        drawing = draw_drawing(clean.shape[-1], generator, scale)
        assert drawing.hard is not None
        clean[index], degraded[index] = drawing.picture, drawing.hard
    return example._replace(degraded=degraded, clean=clean, wear=wear)


def _shape(
    canvas: ImageDraw.ImageDraw, side: int, dice: Dice, ink: tuple[float, float], factor: int
) -> None:
    """A filled shape, often with an outline, as comics have them."""
    fill = dice.colour()
    outline = dice.colour(*ink) if dice.real() < 0.7 else None
    width = factor * dice.integer(1, 5)
    x, y = dice.real() * side, dice.real() * side
    a, b = (dice.real(0.05, 0.5) * side for _ in range(2))
    box = (x - a, y - b, x + a, y + b)
    kind = dice.integer(0, 3)
    if kind == 0:
        canvas.rectangle(box, fill=fill, outline=outline, width=width)
    elif kind == 1:
        canvas.ellipse(box, fill=fill, outline=outline, width=width)
    else:
        corners = dice.integer(3, 7)
        angles = [2.0 * math.pi * (i + dice.real(-0.4, 0.4)) / corners for i in range(corners)]
        points = [(x + a * math.cos(t), y + b * math.sin(t)) for t in angles]
        canvas.polygon(points, fill=fill, outline=outline, width=width)


def _text(
    canvas: ImageDraw.ImageDraw, side: int, dice: Dice, ink: tuple[float, float], factor: int
) -> None:
    """Lines of letters at random, of one size, from the top to the bottom."""
    height = dice.real(11.0, 40.0) * factor
    font = ImageFont.load_default(height)
    colour = dice.colour(*ink)
    left, y = dice.real(-0.3, 0.2) * side, dice.real(-0.1, 0.6) * side
    for _ in range(dice.integer(1, 9)):
        words = (
            "".join(LETTERS[dice.integer(0, len(LETTERS))] for _ in range(dice.integer(1, 10)))
            for _ in range(5)
        )
        canvas.text((left, y), " ".join(words), fill=colour, font=font)
        y += dice.real(1.1, 1.6) * height

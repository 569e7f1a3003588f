"""Exposure that differs by place and light: a small map of gains, judged once on a whole picture.

The map is a bilateral grid (Chen, Paris and Durand, "Real-time edge-aware image processing with the
bilateral grid", SIGGRAPH 2007; learnt as in Gharbi et al., "Deep bilateral learning for real-time
image enhancement", SIGGRAPH 2017): places to two sides, levels of light to the third. It is read at
the picture's cells and taken to pixels by the guided filter (He, Sun and Tang, ECCV 2010), so that
a roof's edge against the sky is as sharp in the gains as in the picture.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restoreflow.networks.wear import local_mean

__all__ = [
    "GAINS",
    "PLACE",
    "GainJudge",
    "along_edges",
    "light_level",
    "read_map",
]

SIDE = 16
"""Places of the map to either side."""
LEVELS = (-7.0, -5.0, -3.0, -1.0, 1.0, 3.0)
"""Levels of light, as the picture's exposure would show them, in stops from white."""
ANCHOR = 2
GAINS = len(LEVELS) * SIDE**2
"""Values of a map."""
PLACE = 4
"""Values that say which part of a picture is at hand: its top and left, and the picture's rows and
columns, all in the cells of what is at hand."""

MOST_CHANGE = 3.0
STEEPEST, FLATTEST = -0.75, 0.25
STEP = LEVELS[1] - LEVELS[0]
DARKEST = 2.0**-12
RADIUS = 2
CONTRAST = 0.15**2
"""Variance of light, in stops squared, from which on an edge is one."""


class GainJudge(nn.Module):
    """The map of gains of whole pictures, seen small.

    From one level of light to the next, two stops up, the gain falls by at most 1.5 stops: what is
    brighter stays brighter. At the level of dark mid tones it lies within 3 stops. A fresh judge
    leaves everything as it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(7, 24, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 48, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(48, 48, 3, padding=1),
            nn.ReLU(),
        )
        self.around = nn.Sequential(
            nn.Conv2d(48, 48, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(48, 48, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.overall = nn.Linear(96, 48)
        self.judge = nn.Sequential(
            nn.Conv2d(96, 48, 3, padding=1), nn.ReLU(), nn.Conv2d(48, len(LEVELS), 1)
        )
        last = self.judge[2]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, pictures: Tensor, level: Tensor) -> Tensor:
        """Maps (N, GAINS), in stops.

        Args:
            pictures: (N, 6, 64, 64), the picture as it is and as its exposure shows it.
            level: (N, 1, 64, 64), of light as its exposure shows it: see `light_level`.
        """
        near = self.look(torch.cat((pictures, level / 8.0), 1))
        far = self.around(near)
        overall = torch.relu(self.overall(torch.cat((far.mean((2, 3)), far.amax((2, 3))), 1)))
        wide = F.interpolate(far, near.shape[-2:], mode="bilinear", align_corners=False)
        raw = self.judge(torch.cat((near, wide + overall[:, :, None, None]), 1)).float()
        return _stacked(raw).flatten(1)


def _stacked(raw: Tensor) -> Tensor:
    """Unbounded values (N, L, h, w) to the gains of all levels, each step between them bounded."""
    middle = MOST_CHANGE * torch.tanh(raw[:, :1] / MOST_CHANGE)
    steps = raw[:, 1:].clamp(min=0.0), raw[:, 1:].clamp(max=0.0)
    most, least = STEP * FLATTEST, STEP * STEEPEST
    rise = most * torch.tanh(steps[0] / most) - least * torch.tanh(steps[1] / -least)
    down = -rise[:, :ANCHOR].flip(1).cumsum(1).flip(1)
    return torch.cat((middle + down, middle, middle + rise[:, ANCHOR:].cumsum(1)), 1)


def light_level(light: Tensor, stops: Tensor) -> Tensor:
    """How bright linear light (N, 3, h, w) is shown by (N, 3, 1, 1) stops: (N, 1, h, w), stops.

    Never below -12 stops.
    """
    shown = (light * torch.exp2(stops)).mean(1, keepdim=True)
    return torch.log2(shown.clamp(min=DARKEST))


def read_map(gains: Tensor, level: Tensor, place: Tensor) -> Tensor:
    """The gains at cells, by trilinear interpolation; nothing but single values' arithmetic.

    Args:
        gains: (N, GAINS), of `GainJudge`.
        level: (N, 1, h, w), of the light in each cell.
        place: (N, 4), where the cells lie: see `PLACE`.

    Returns:
        (N, 1, h, w), in stops.
    """
    count, height, width = len(gains), *level.shape[-2:]
    grid = gains.view(count, len(LEVELS), SIDE, SIDE)
    grid = _along(grid, _coordinates(place[:, 0], place[:, 2], height)[:, None, :, None], 2)
    grid = _along(grid, _coordinates(place[:, 1], place[:, 3], width)[:, None, None, :], 3)
    where = ((level - LEVELS[0]) / STEP).clamp(0.0, len(LEVELS) - 1.0)
    total = torch.zeros_like(level)
    for index in range(len(LEVELS)):
        total = total + (1.0 - (where - index).abs()).clamp(min=0.0) * grid[:, index : index + 1]
    return total


def _coordinates(first: Tensor, whole: Tensor, count: int) -> Tensor:
    """(N, count): where cells lie between the map's places, from the first to the last."""
    cells = torch.arange(count, device=first.device, dtype=first.dtype) + 0.5
    return ((first[:, None] + cells) * (SIDE / whole[:, None]) - 0.5).clamp(0.0, SIDE - 1.0)


def _along(grid: Tensor, where: Tensor, axis: int) -> Tensor:
    """Linear interpolation of (N, L, h, w) along one axis."""
    shape = [len(grid), grid.shape[1], *grid.shape[2:]]
    shape[axis] = where.shape[axis]
    before = where.floor().clamp(max=SIDE - 2.0)
    index = before.long().expand(shape)
    share = where - before
    return grid.gather(axis, index) * (1.0 - share) + grid.gather(axis, index + 1) * share


def along_edges(gains: Tensor, cells: Tensor, pixels: Tensor) -> Tensor:
    """Gains from cells to pixels along the picture's own edges, by the guided filter.

    Args:
        gains: (N, 1, h, w), in stops.
        cells: (N, 1, h, w), level of light in each cell.
        pixels: (N, 1, H, W), level of light of each pixel, H and W a multiple of h and w.

    Returns:
        (N, 1, H, W), within the range of the gains around.
    """
    box = partial(local_mean, radius=RADIUS)
    light, mean = box(cells), box(gains)
    spread = (box(cells * cells) - light * light).clamp(min=0.0)
    slope = (box(cells * gains) - light * mean) / (spread + CONTRAST)
    slope = slope.clamp(STEEPEST, FLATTEST)
    slope, offset = box(slope), box(mean - slope * light)
    lowest, highest = -F.max_pool2d(-gains, 5, 1, 2), F.max_pool2d(gains, 5, 1, 2)
    found = torch.cat((slope, offset, lowest, highest), 1)
    found = F.interpolate(found, pixels.shape[-2:], mode="bilinear", align_corners=False)
    slope, offset, lowest, highest = found.split(1, 1)
    return torch.minimum(torch.maximum(slope * pixels + offset, lowest), highest)


def content_box(picture: Tensor) -> tuple[int, int, int, int]:
    """What frames and bars of one colour leave of a picture (3, H, W): top, bottom, left, right.

    A row or column belongs to a bar when it is of one colour, to three levels, and all from there
    to the border are of the same. At least a quarter of each side is left; a picture that would be
    nothing but bars is whole.
    """
    height, width = picture.shape[-2:]
    top, bottom = _bars(picture.transpose(1, 2))
    if top == height:
        return 0, height, 0, width
    left, right = _bars(picture[:, top : height - bottom])
    if height - top - bottom < height // 4 or width - left - right < width // 4:
        return 0, height, 0, width
    return top, height - bottom, left, width - right


def _bars(picture: Tensor) -> tuple[int, int]:
    """How many columns of (3, H, W) at the left and at the right are of one colour."""
    low, high = picture.amin(1), picture.amax(1)
    plain = (high - low).amax(0) <= 3.5 / 255.0
    middle = (low + high) / 2.0
    first = plain & ((middle - middle[:, :1]).abs().amax(0) <= 3.5 / 255.0)
    last = plain & ((middle - middle[:, -1:]).abs().amax(0) <= 3.5 / 255.0)
    return int(first.long().cumprod(0).sum()), int(last.flip(0).long().cumprod(0).sum())

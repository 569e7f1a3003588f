"""The low-light encoder: exposure judged on the whole picture, noise place by place."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restoreflow.networks.encoder import FEATURES, Encoder, Encoding, Tap
from restoreflow.networks.exposure import exposure_curve, linear_to_srgb, srgb_to_linear
from restoreflow.networks.gains import (
    GAINS,
    PLACE,
    GainJudge,
    along_edges,
    content_box,
    light_level,
    read_map,
)
from restoreflow.networks.residual import ResidualBlock
from restoreflow.networks.wear import local_mean, log_strength

__all__ = [
    "ExposureContext",
    "LowLightEncoder",
    "noise_facts",
    "with_exposure",
    "with_place",
    "with_stops",
]

CELL = 4
THUMBNAIL = 64
MOST_STOPS = 8.0
MIDDLE_GRAY = 0.2
LOCAL_STOPS = 2.0
QUANTILES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
VOID = 0.25 / 255.0
LEAST_REACH = 1.0 / 1024.0  # of the flow's detail where there is nothing: an eighth of a level
TRUST = 2.0  # the brightened picture against its smoothed versions, as a logit, at the start


def with_exposure(context: Tensor, ev: float) -> Tensor:
    """A context that brightens by ``ev`` stops more than it did (less, when negative)."""
    return torch.cat((context[:, :3] + ev, context[:, 3:]), 1)


def with_stops(context: Tensor, stops: Tensor) -> Tensor:
    """A context with its exposure replaced by (N, 3) stops, one a channel."""
    return torch.cat((stops.to(context), context[:, 3:]), 1)


def with_place(context: Tensor, place: Tensor) -> Tensor:
    """A context with a map of gains, told which part of the picture is at hand, see `PLACE`."""
    return torch.cat((context[:, :-PLACE], place.to(context)), 1)


class ExposureContext(nn.Module):
    """Judge a whole picture: which exposure it needs, and what else all of its parts share.

    The exposure starts from the one that makes the mean middle gray, which a small network
    corrects by up to 4 stops for all channels and half a stop for each. It never darkens: within
    [0, 8] stops, for any input.

    Two networks do it, so that the exposure can be learnt on without changing what the rest of the
    encoder is told.

    Args:
        channels: G, how many values besides the exposure the parts share, each within [-1, 1].
        gains: whether the exposure differs by place, see `restoreflow.networks.gains`. Frames and
            bars of one colour are then left out of what is judged.
    """

    def __init__(self, channels: int, gains: bool = False) -> None:
        super().__init__()
        self.exposure = _Judge(4)
        self.gist = _Judge(channels)
        self.gains = GainJudge() if gains else None

    def forward(self, picture: Tensor) -> Tensor:
        """Judge (N, 3, H, W), sRGB in [0, 1], any size.

        Returns:
            (N, 3 + G): the exposure of each channel in stops, then the shared values. With gains
            (N, 3 + G + GAINS + 3 + PLACE): the map besides, the exposure that its levels of light
            are counted from, and where the whole picture lies in it.
        """
        if self.gains is None:
            small = F.adaptive_avg_pool2d(picture.clamp(0.0, 1.0), (THUMBNAIL, THUMBNAIL))
            return self._judged(small)
        parts, places = [], []
        for item in picture:
            top, bottom, left, right = _content(item)
            content = item[:, top:bottom, left:right].clamp(0.0, 1.0)
            parts.append(F.adaptive_avg_pool2d(content, (THUMBNAIL, THUMBNAIL)))
            places.append((-top, -left, bottom - top, right - left))
        place = picture.new_tensor(places) / CELL
        return torch.cat((self._judged(torch.stack(parts)), place), 1)

    def _judged(self, small: Tensor) -> Tensor:
        light = srgb_to_linear(small)
        colours = light.mean((2, 3)).clamp(min=1e-5)
        level = colours.mean(1, keepdim=True)
        plain = torch.log2(MIDDLE_GRAY / level).clamp(0.0, MOST_STOPS)
        bright = linear_to_srgb(exposure_curve(light, plain[:, :, None, None]))
        pictures = torch.cat((small, bright), 1) - 0.5
        ranks = light.new_tensor(QUANTILES)
        spread = torch.quantile(light.mean(1).flatten(1), ranks, dim=1).t().clamp(min=1e-5)
        facts = torch.log2(torch.cat((colours, spread), 1)) / 8.0 + 0.5
        judged = self.exposure(pictures, facts)
        overall = plain + 4.0 * torch.tanh(judged[:, :1] / 4.0)
        stops = overall + 0.5 * torch.tanh(judged[:, 1:4])
        shared = torch.tanh(self.gist(pictures, facts))
        judgement = torch.cat((stops.clamp(0.0, MOST_STOPS), shared), 1)
        if self.gains is None:
            return judgement
        # The exposure stands for the whole; what differs by place is judged from it, not it.
        base = judgement[:, :3].detach()
        fixed = base[:, :, None, None]
        shown = torch.cat((small, linear_to_srgb(exposure_curve(light, fixed))), 1) - 0.5
        return torch.cat((judgement, self.gains(shown, light_level(light, fixed)), base), 1)


def _content(picture: Tensor) -> tuple[int, int, int, int]:
    """`content_box` of more than a thumbnail, whose rows say nothing of bars."""
    height, width = picture.shape[-2:]
    return content_box(picture) if min(height, width) > THUMBNAIL else (0, height, 0, width)


class _Judge(nn.Module):
    """Values from two small pictures (N, 6, h, w) and facts (N, 10): (N, out), unbounded."""

    def __init__(self, out: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(6, 24, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 48, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(48, 48, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.judge = nn.Sequential(
            nn.Linear(96 + 3 + len(QUANTILES), 64),
            nn.ReLU(),
            nn.Linear(64, out),
        )

    def forward(self, pictures: Tensor, facts: Tensor) -> Tensor:
        seen = self.look(pictures)
        return self.judge(torch.cat((seen.mean((2, 3)), seen.amax((2, 3)), facts), 1)).float()


class LowLightEncoder(Encoder):
    """Dark picture to mean image and features on the grid of 4 x 4 cells.

    The picture is brightened by the exposure of its context, by up to 2 stops more or less where
    the features ask for it, since light is uneven. The mean image is, pixel by pixel, a weighted
    average of the brightened picture and two smoothed versions of it, plus a correction of at
    most ``mean_range``; clamped to [0, 1]. The correction, and the flow's detail after it, are
    scaled by how much light there is and how far from white it is, so that black stays black and
    white stays white.

    Three resolutions, 1/4, 1/8 and 1/16 of the picture's, see noise and its surroundings. How much
    the picture fluctuates, and how little it does where it does least, is told besides
    (``noise_facts``): what fluctuates in the calmest places too is noise, the rest is texture. The
    flow's features are made from the trunk's by blocks of their own, and no gradient goes back
    from them into the trunk.

    Args:
        width: channels of trunk and features, a multiple of 3.
        depth: residual blocks of the trunk after the coarser resolutions were seen.
        context: residual blocks between the trunk and the flow's features.
        mean_range: bound on the correction.
        shared: G, values that all parts of a picture share besides the exposure.
        gains: whether the exposure differs by place, by a map judged on the whole picture.
    """

    cell = CELL
    scale = 1
    alignment = 4  # grid cells: tiles begin at multiples of it

    def __init__(
        self,
        width: int,
        depth: int,
        context: int,
        mean_range: float,
        shared: int = 32,
        gains: bool = False,
    ) -> None:
        super().__init__()
        if width < 3 or width % 3:
            raise ValueError(f"width is {width}, not a multiple of 3")
        middle, deep = 4 * width // 3, 2 * width
        self.mean_range = mean_range
        self.shared = shared
        self.judgement = ExposureContext(shared, gains)
        self.share = nn.Linear(3 + shared, width + middle + deep)
        self.widths = (width, middle, deep)
        self.head = nn.Conv2d(3 * self.cell**2 + 4, width, 3, padding=1)
        self.block4 = ResidualBlock(width)
        self.down8 = nn.Conv2d(width, middle, 2, stride=2)
        self.block8 = ResidualBlock(middle)
        self.down16 = nn.Conv2d(middle, deep, 2, stride=2)
        self.block16 = ResidualBlock(deep)
        self.up8 = nn.Conv2d(deep, 4 * middle, 1)
        self.back8 = ResidualBlock(middle)
        self.up4 = nn.Conv2d(middle, 4 * width, 1)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(depth)))
        self.tail = nn.Conv2d(width, width, 3, padding=1)
        self.detail = nn.Conv2d(width, 3 * self.cell**2, 3, padding=1)
        self.weights = nn.Conv2d(width, 3 * self.cell**2, 3, padding=1)
        self.light = nn.Conv2d(width, 1, 1)
        for layer in (self.detail, self.weights, self.light):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
        with torch.no_grad():
            self.weights.bias[: self.cell**2] = TRUST  # pyright: ignore[reportOptionalSubscript]
        self.context = nn.Sequential(*(ResidualBlock(width) for _ in range(context)))

    def taps(self) -> dict[str, Tap]:
        """Layers to listen to, on grids of 4 pixels or as many as their names say.

        "head", "block4", "block8", "block16", "back8", "blocks", "tail", "mean", "trunk",
        "features".
        """
        steps = ("head", "block4", "block8", "block16", "back8", "blocks", "tail")
        inside = dict(self.named_children())
        mean = {"mean": Tap("detail"), "trunk": Tap("context", entering=True)}
        return {**{n: Tap(n) for n in steps if n in inside}, **mean, FEATURES: Tap("context")}

    def mean_parameters(self) -> list[nn.Parameter]:
        return [p for name, p in self.named_parameters() if not name.startswith("context.")]

    def judging_parameters(self) -> list[nn.Parameter]:
        gains = self.judgement.gains
        return [
            *self.judgement.exposure.parameters(),
            *(() if gains is None else gains.parameters()),
        ]

    @property
    def halo(self) -> int:
        # A 3 x 3 convolution reaches 1 cell at 1/4, 2 at 1/8, 4 at 1/16; beginning at multiples
        # of the alignment, a coarse cell lies up to 3 cells off.
        trunk = 1 + 2 + 2 * len(self.blocks) + 1 + 2 * 2 + 2 * 4 + 2 * 2 + 3
        trunk += 1 + 3  # the noise facts: a pixel's neighbours, and the calmest of 4 x 4 cells
        if self.judgement.gains is not None:  # two boxes of 5 x 5 cells, and between cells
            trunk += 5
        # The mean image sees features a cell away through its light, and that through the smoothed
        # picture, which reaches 3 cells.
        return trunk + max(4, 2 * len(self.context))

    def global_context(self, picture: Tensor) -> Tensor:
        """What all parts of a picture share: computed once, on the whole picture.

        Returns:
            of `ExposureContext`.
        """
        return self.judgement(picture)

    def placed(self, context: Tensor, top: int, left: int) -> Tensor:
        """The context of a window that begins so many cells below and right of the whole's."""
        if self.judgement.gains is None:
            return context
        moved = context.new_tensor([[top, left, 0.0, 0.0]])
        return torch.cat((context[:, :-PLACE], context[:, -PLACE:] + moved), 1)

    def stops_of(self, light: Tensor, context: Tensor, cell: int = CELL) -> Tensor:
        """The exposure of each pixel of linear light (N, 3, H, W), in stops; never darkening by it.

        Args:
            light: a picture or a part of it, sides multiples of ``cell``.
            context: of the whole, told where the part lies.
            cell: pixels to a side of what the map is read at.

        Returns:
            (N, 3, H, W), or (N, 3, 1, 1) without a map.
        """
        stops = context[:, :3, None, None]
        if self.judgement.gains is None:
            return stops
        first = 3 + self.shared
        gains, base, place = context[:, first:].split((GAINS, 3, PLACE), 1)
        base = base[:, :, None, None]
        cells = light_level(F.avg_pool2d(light, cell), base)
        found = read_map(gains, cells, place)
        if cell > 1:
            smooth = local_mean(light)
            found = along_edges(found, cells, light_level(smooth, base))
        changed = torch.minimum(stops + found, stops.clamp(min=MOST_STOPS))
        return torch.maximum(changed, stops.clamp(max=0.0))

    def forward(self, degraded: Tensor, context: Tensor | None = None) -> Encoding:
        """Encode (N, 3, H, W), sRGB in [0, 1], H and W multiples of 4.

        Args:
            degraded: the picture, or a part of it.
            context: ``global_context`` of the whole picture, when ``degraded`` is a part of it.

        Raises:
            ValueError: when a side is not a multiple of 4.
        """
        mean, trunk, reach = self._look(degraded, context)
        return Encoding(mean, self.context(self.isolate(trunk)), reach)

    def estimate(self, degraded: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean image (N, 3, H, W) of what `forward` takes."""
        return self._look(degraded, context)[0]

    def _look(self, degraded: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Mean image, trunk and reach."""
        height, width = degraded.shape[-2:]
        if height % self.cell or width % self.cell:
            raise ValueError(f"a picture of {width} x {height} does not fill cells of 4 x 4")
        if context is None:
            context = self.global_context(degraded)
        step = self.cell * self.alignment
        padding = (0, -width % step, 0, -height % step)
        dark = F.pad(degraded.clamp(0.0, 1.0), padding, mode="replicate")
        light = srgb_to_linear(dark)
        stops = self.stops_of(light, context)
        bright = linear_to_srgb(exposure_curve(light, stops))
        facts = noise_facts(bright[..., :height, :width], self.cell, self.alignment)
        trunk = self.trunk(bright, facts, context)
        lit = linear_to_srgb(exposure_curve(light, self.local_stops(trunk, stops)))
        substance = _substance(dark)
        mean, reach = (
            values[..., :height, :width]
            for values in (self.mean(lit, trunk, substance), substance.clamp(min=LEAST_REACH))
        )
        # Cut before the blocks, so that they see the picture's own border as any other encoder's.
        trunk = trunk[..., : height // self.cell, : width // self.cell]
        return mean, trunk, reach

    def local_stops(self, features: Tensor, stops: Tensor) -> Tensor:
        """The exposure place by place: within 2 stops of the picture's, never darkening by it."""
        change = LOCAL_STOPS * torch.tanh(self.light(features).float() / LOCAL_STOPS)
        change = F.interpolate(change, scale_factor=self.cell, mode="bilinear", align_corners=False)
        return torch.maximum(stops + change, stops.clamp(max=0.0))

    def trunk(self, bright: Tensor, facts: Tensor, context: Tensor) -> Tensor:
        """Features from the brightened picture, its sides multiples of 16, and its noise facts."""
        known = torch.cat((context[:, :3] / 4.0 - 1.0, context[:, 3 : 3 + self.shared]), 1)
        known = known.clamp(-4.0, 4.0)
        shared4, shared8, shared16 = self.share(known)[:, :, None, None].split(self.widths, 1)
        cells = torch.cat((F.pixel_unshuffle(bright - 0.5, self.cell), facts), 1)
        grid4 = self.block4(self.head(cells) + shared4)
        grid8 = self.block8(self.down8(grid4) + shared8)
        grid16 = self.block16(self.down16(grid8) + shared16)
        grid8 = self.back8(grid8 + F.pixel_shuffle(self.up8(grid16), 2))
        return self.tail(self.blocks(grid4 + F.pixel_shuffle(self.up4(grid8), 2)))

    def mean(self, bright: Tensor, features: Tensor, substance: Tensor) -> Tensor:
        """The mean image from the brightened picture, the features and where there is anything."""
        # Linear in the features: behind a ReLU nine tenths of them died in the first 1000 steps.
        choice = F.pixel_shuffle(self.weights(features), self.cell).float().softmax(1)
        fine, coarse = _smooth(bright)
        mixed = bright * choice[:, :1] + fine * choice[:, 1:2] + coarse * choice[:, 2:]
        detail = F.pixel_shuffle(self.detail(features), self.cell).float()
        limited = self.mean_range * torch.tanh(detail / self.mean_range)
        return (mixed + limited * substance).clamp(0.0, 1.0)


def noise_facts(bright: Tensor, cell: int, group: int) -> Tensor:
    """How much a picture fluctuates, cell by cell, and in the calmest cell of each group.

    Texture fluctuates in places, noise everywhere; and noise differs from channel to channel, where
    texture hardly does. Fluctuation is the mean absolute difference from the mean of 3 x 3 pixels.

    Args:
        bright: (N, 3, H, W), sRGB in [0, 1], H and W multiples of ``cell``.
        cell: side of a cell in pixels.
        group: side of a group in cells.

    Returns:
        (N, 4, h, w), h and w the cells rounded up to whole groups: of light, of colour, then of
        both in the group's calmest cells; logarithms of base 2, scaled to within [-1, 1].
    """
    rough = bright - local_mean(bright)
    light = rough.mean(1, keepdim=True)
    colour = (rough - light).abs().mean(1, keepdim=True)
    own = F.avg_pool2d(torch.cat((light.abs(), colour), 1), cell)
    own = F.pad(own, (0, -own.shape[3] % group, 0, -own.shape[2] % group), mode="replicate")
    calm = F.interpolate(-F.max_pool2d(-own, group), scale_factor=group, mode="nearest")
    return log_strength(torch.cat((own, calm), 1))


def _smooth(x: Tensor) -> tuple[Tensor, Tensor]:
    """A picture smoothed over some 3 pixels and over some 3 cells of 4 pixels."""
    fine = local_mean(x)
    cells = local_mean(F.avg_pool2d(fine, 4))
    coarse = F.interpolate(cells, scale_factor=4, mode="bilinear", align_corners=False)
    return fine, coarse


def _substance(dark: Tensor) -> Tensor:
    """0 where everything around is black, or white, in the file; nearly 1 elsewhere."""
    level = local_mean(F.avg_pool2d(dark.mean(1, keepdim=True), 4))
    lack = (1.0 - level).clamp(min=0.0)
    scale = (level / (level + VOID)) * (lack / (lack + VOID))
    return F.interpolate(scale, scale_factor=4, mode="nearest")

"""What differs from one dark picture to the next: scene, sensor and development."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LowLightSettings", "Shot", "draw_shot"]

Range = tuple[float, float]


@dataclass(frozen=True)
class LowLightSettings:
    """Every range the pairs are drawn from; a range is uniform, a ``_share`` a probability.

    Noise is in units of the sensor's full scale, blurs in pixels, exposure in stops (EV).
    """

    stops: Range = (1.5, 6.0)
    normal_share: float = 0.18
    normal_mean: float = (
        0.25  # sRGB; a darker photo is brightened to the target's mean all the same
    )
    darkest_mean: float = 0.0015  # linear: about 5 of 255 in sRGB
    field_share: float = 0.5
    field_low: Range = (0.06, 0.8)  # share of the light where there is least
    lights_share: float = 0.5
    lights_from: Range = (0.15, 0.7)  # linear light from which on a place is a light, or a sky
    contrast_share: float = 0.4
    contrast: Range = (0.4, 1.0)  # share of the stops that the brightest regions are spared
    contrast_power: Range = (0.3, 1.5)
    inverse_tone_share: float = 0.5
    tone_share: float = 0.5
    red_gain: Range = (1.9, 2.4)
    blue_gain: Range = (1.5, 1.9)
    balance_jitter: float = 0.08
    matrix: Range = (-0.3, 0.05)
    matrix_jitter: float = 0.08
    shot_noise: Range = (1e-4, 1.2e-2)
    shot_noise_darkest: float = 5e-2
    read_slope: float = 2.18
    read_offset: float = 1.20
    read_spread: float = 0.26
    merged_share: float = 0.5  # pictures merged from several exposures, or much reduced since
    merged: Range = (2.0, 8.0)  # by how many powers of two their noise variance is lower
    signal_to_noise: Range = (1.5, 6.0)  # at the dark mean; drawn noise is lowered to leave it
    bits: int = 12
    clip_share: float = 0.5
    row_noise_share: float = 0.2
    row_noise: float = 0.1
    mosaic_share: float = 0.6  # the others stand for pictures reduced since they were taken
    malvar_share: float = 0.5
    denoise_share: float = 0.6
    luma_blur: Range = (0.3, 0.9)
    chroma_blur: Range = (0.6, 2.5)
    sharpen_share: float = 0.6
    sharpen: Range = (0.1, 0.7)
    jpeg_share: float = 0.5
    jpeg_quality: Range = (70.0, 98.0)
    target_mean: Range = (0.35, 0.6)


class Shot(NamedTuple):
    """One draw of scene, camera and development, an item; (N, 1, 1, 1) where not said."""

    normal: Tensor  # 1 where the picture is exposed as it should be
    stops: Tensor
    field: Tensor  # (N, 1, 4, 4)
    lights: Tensor  # share of the stops that light sources are spared
    lights_from: Tensor  # linear light where sources begin; at 1 they are spared wholly
    contrast: Tensor  # share of the stops that the brightest regions are spared
    contrast_power: Tensor  # of their brightness: below 1 dimmer ones are spared too
    inverse_tone: Tensor
    tone: Tensor
    gains: Tensor  # (N, 3, 1, 1)
    balance: Tensor  # (N, 3, 1, 1), its error
    matrix: Tensor  # (N, 3, 3), camera to sRGB
    matrix_error: Tensor  # (N, 3, 3)
    shot: Tensor
    read: Tensor
    row: Tensor
    clipped: Tensor
    phase: Tensor  # (N,)
    demosaic: Tensor  # (N,), 0 none, 1 bilinear, 2 Malvar
    denoise: Tensor  # (N,), 0 none, 1 Gaussian, 2 edge-preserving
    luma_blur: Tensor  # (N,)
    chroma_blur: Tensor  # (N,)
    sharpen: Tensor
    quality: list[int]
    subsample: list[bool]


class _Draw:
    """Uniform draws of shape (N, 1, 1, 1)."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self.count = count
        self.generator = generator

    def uniform(self, low: float = 0.0, high: float = 1.0, shape: tuple = (1, 1, 1)) -> Tensor:
        return low + (high - low) * torch.rand((self.count, *shape), generator=self.generator)

    def happens(self, share: float) -> Tensor:
        return (self.uniform() < share).float()

    def normal(self) -> Tensor:
        return torch.randn((self.count, 1, 1, 1), generator=self.generator)


def draw_shot(light: Tensor, generator: torch.Generator, settings: LowLightSettings) -> Shot:
    """Draw scene, camera and development for pictures whose mean linear light is ``light`` (N,)."""
    s, count = settings, light.shape[0]
    draw = _Draw(count, generator)
    light = light.reshape(-1, 1, 1, 1).clamp(min=1e-4)
    normal = draw.happens(s.normal_share)
    dark = 1.0 - normal
    limit = torch.log2(light / s.darkest_mean).clamp(min=0.0)
    stops = torch.minimum(draw.uniform(*s.stops), limit) * dark
    low, high = (math.log(share) for share in s.field_low)
    lowest = torch.exp(draw.uniform(low, high))
    bright = lowest ** draw.uniform(0.0, 1.0, (1, 4, 4))
    field = torch.where(draw.happens(s.field_share) * dark > 0, bright, torch.ones(()))
    inverse_tone = draw.happens(s.inverse_tone_share)
    strength = draw.uniform() * draw.happens(s.tone_share)
    gains = torch.ones(count, 3, 1, 1)
    gains[:, :1], gains[:, 2:] = draw.uniform(*s.red_gain), draw.uniform(*s.blue_gain)
    error = draw.uniform(-s.balance_jitter, s.balance_jitter, (3, 1, 1)) * dark
    error[:, 1] = 0.0
    shot, read = _noise_levels(light, stops, normal, draw, s)
    mosaic = draw.happens(s.mosaic_share) * (1 + draw.happens(s.malvar_share))
    denoise = draw.happens(s.denoise_share) * (1 + draw.happens(0.5)) * dark
    jpeg = draw.uniform(*s.jpeg_quality) * draw.happens(s.jpeg_share)
    # A normal exposure comes back as it is, so its tone and sharpness stay as they are.
    return Shot(
        normal=normal,
        stops=stops,
        field=field,
        lights=draw.uniform(0.4, 1.0) * draw.happens(s.lights_share),
        lights_from=draw.uniform(*s.lights_from),
        contrast=draw.uniform(*s.contrast) * draw.happens(s.contrast_share),
        contrast_power=draw.uniform(*s.contrast_power),
        inverse_tone=inverse_tone * dark,
        # A full S-curve would bury what is darkest under the first 8-bit level.
        tone=strength * dark * (1.0 - _darkness(stops, s) ** 2),
        gains=gains,
        balance=1.0 + error,
        matrix=_rows_to_one(draw.uniform(*s.matrix, (3, 3))),
        matrix_error=_rows_to_one(
            draw.uniform(-s.matrix_jitter, s.matrix_jitter, (3, 3)) / 2 * dark[:, 0]
        ),
        shot=shot,
        read=read,
        row=s.row_noise * draw.happens(s.row_noise_share),
        clipped=draw.happens(s.clip_share),
        phase=torch.randint(0, 4, (count,), generator=generator),
        demosaic=(mosaic * dark).flatten().long(),
        denoise=denoise.flatten().long(),
        luma_blur=draw.uniform(*s.luma_blur).flatten(),
        chroma_blur=draw.uniform(*s.chroma_blur).flatten(),
        sharpen=draw.uniform(*s.sharpen) * draw.happens(s.sharpen_share) * dark,
        quality=[round(q) for q in jpeg.flatten().tolist()],
        subsample=[b > 0 for b in draw.happens(0.5).flatten().tolist()],
    )


def _noise_levels(
    light: Tensor, stops: Tensor, normal: Tensor, draw: _Draw, s: LowLightSettings
) -> tuple[Tensor, Tensor]:
    """Shot and read noise by the camera's prior, lowered until the picture can be made out."""
    darkness = _darkness(stops, s)
    top = math.log(s.shot_noise[1]) + darkness**4 * math.log(s.shot_noise_darkest / s.shot_noise[1])
    bottom = math.log(s.shot_noise[0])
    shot = bottom + (top - bottom) * draw.uniform() * (1.0 - 0.5 * normal)
    spread = s.read_spread * draw.normal()
    # Read noise follows shot noise, so a few halvings of the gain find the limit for both.
    dark = light * torch.exp2(-stops)
    low, high = (math.log(ratio) for ratio in s.signal_to_noise)
    least = torch.exp(draw.uniform(low, high))
    for _ in range(24):
        read = torch.exp(s.read_slope * shot + s.read_offset + spread)
        ratio = dark / (torch.exp(shot) * dark + read).sqrt()
        shot = torch.where(ratio < least, shot - 0.25, shot)
    read = torch.exp(s.read_slope * shot + s.read_offset + spread)
    merged = torch.exp2(-draw.uniform(*s.merged) * draw.happens(s.merged_share))
    quiet = normal * draw.happens(0.5)
    return torch.exp(shot) * merged * (1.0 - quiet), read * merged * (1.0 - quiet)


def _darkness(stops: Tensor, s: LowLightSettings) -> Tensor:
    """0 at the least, 1 at the most of the drawn exposures."""
    return ((stops - s.stops[0]) / max(s.stops[1] - s.stops[0], 1e-6)).clamp(0.0, 1.0)


def _rows_to_one(matrix: Tensor) -> Tensor:
    """Set the diagonal of (N, 3, 3) so that each row sums to 1: gray stays gray."""
    off = matrix * (1.0 - torch.eye(3))
    return off + torch.diag_embed(1.0 - off.sum(2))

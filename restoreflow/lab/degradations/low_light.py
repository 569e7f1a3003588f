"""Low-light pairs from ordinary photos: what a camera would have made of the scene in the dark.

A photo is taken back to linear light, darkened, seen through a sensor's mosaic with its noise,
developed as a camera does, and compressed. The photo itself is the target.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from restoreflow.lab.degradations import camera
from restoreflow.lab.degradations.example import Example
from restoreflow.lab.degradations.low_light_shot import LowLightSettings, Shot, draw_shot
from restoreflow.lab.degradations.operations import compress_jpeg
from restoreflow.networks.exposure import linear_to_srgb, srgb_to_linear
from restoreflow.networks.low_light import CELL

__all__ = [
    "Pair",
    "darken",
    "darken_views",
    "expose",
    "exposure_stops",
    "make_pair",
    "simulate",
    "true_stops",
]

DEFAULT = LowLightSettings()


class Pair(NamedTuple):
    """A training example.

    Attributes:
        dark: (N, 3, H, W), the dark picture, 8-bit levels in [0, 1].
        target: (N, 3, H, W), the well exposed one.
        stops: (N, 3), the exposure that takes dark to target, each channel's, in EV.
        thumbnail: (N, 3, h, w), the dark whole picture reduced; None when none was asked for.
        bright: (N, 3, h, w), the same well exposed.
    """

    dark: Tensor
    target: Tensor
    stops: Tensor
    thumbnail: Tensor | None
    bright: Tensor | None = None


def exposure_stops(x: Tensor, wanted: tuple[float, float]) -> Tensor:
    """How many stops along ``expose`` bring each photo's mean sRGB value into ``wanted``.

    Args:
        x: (N, 3, h, w), sRGB; a reduced picture is enough.
        wanted: the range; a photo within it needs 0 stops, others go to its nearer end.

    Returns:
        (N, 1, 1, 1), within [-3, 3], to 0.05.
    """
    mean = x.mean((1, 2, 3), keepdim=True)
    goal = mean.clamp(*wanted)
    low, high = torch.full_like(mean, -3.0), torch.full_like(mean, 3.0)
    for _ in range(7):
        middle = (low + high) / 2
        over = expose(x, middle).mean((1, 2, 3), keepdim=True) > goal
        low, high = torch.where(over, low, middle), torch.where(over, middle, high)
    return torch.where(goal == mean, torch.zeros(()), (low + high) / 2)


def expose(x: Tensor, stops: Tensor) -> Tensor:
    """Brighten or darken sRGB along y = g x / (1 + (g - 1) x) in linear light, g = 2^stops.

    Black stays black and white white.
    """
    light, gain = srgb_to_linear(x.clamp(0.0, 1.0)), torch.exp2(stops)
    return linear_to_srgb(gain * light / (1.0 + (gain - 1.0) * light)).clamp(0.0, 1.0)


def true_stops(dark: Tensor, target: Tensor) -> Tensor:
    """The exposure, channel by channel, that takes a dark picture nearest to its target.

    A ratio of weighted sums of linear light; dark and mid tones count as the eye counts them,
    light sources and clipped white hardly at all.

    Args:
        dark: (N, 3, H, W), linear light without noise.
        target: (N, 3, H, W), linear light.

    Returns:
        (N, 3), in EV, within [-1, 8].
    """
    weight = (1.0 - target.amax(1, keepdim=True)).clamp(min=1e-3) ** 2 / (target + 0.05)
    ratio = (weight * target).sum((2, 3)) / (weight * dark).sum((2, 3)).clamp(min=1e-9)
    return torch.log2(ratio.clamp(min=1e-9)).clamp(-1.0, 8.0)


def make_pair(
    clean: Tensor, generator: torch.Generator, settings: LowLightSettings = DEFAULT
) -> tuple[Tensor, Tensor]:
    """Dark pictures and their well exposed targets from clean photos.

    Args:
        clean: (N, 3, H, W), sRGB in [0, 1], float32 on the CPU; sides of at least 16.
        generator: a CPU generator, the only source of chance.
        settings: the ranges drawn from.

    Returns:
        (dark, target), both (N, 3, H, W) in [0, 1]; dark holds 8-bit levels.
    """
    pair = simulate(clean, generator, settings)
    return pair.dark, pair.target


def simulate(
    clean: Tensor,
    generator: torch.Generator,
    settings: LowLightSettings = DEFAULT,
    thumbnail: Tensor | None = None,
    box: Tensor | None = None,
) -> Pair:
    """``make_pair`` with what a network that judges exposure on the whole picture needs besides.

    Args:
        clean, generator, settings: as in ``make_pair``.
        thumbnail: (N, 3, h, w), the whole picture reduced, of which ``clean`` is a part.
        box: (N, 4), which part: see ``View``.
    """
    count = clean.shape[0]
    whole = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(count, 4)
    judged = F.adaptive_avg_pool2d(clean if thumbnail is None else thumbnail, (32, 32))
    stops = exposure_stops(judged, settings.target_mean)
    light = srgb_to_linear(expose(judged, stops))
    shot = draw_shot(light.mean((1, 2, 3)), generator, settings)
    kept = (shot.normal > 0) & (judged.mean((1, 2, 3), keepdim=True) >= settings.normal_mean)
    stops = torch.where(kept, torch.zeros(()), stops)
    # A picture exposed as it should be shows the photo as it is, also where that is to be brighter.
    before = torch.where(shot.normal > 0, torch.zeros(()), stops)

    def dark_light(photo: Tensor, part: Tensor) -> Tensor:
        flat = torch.where(shot.inverse_tone > 0, camera.inverse_smoothstep(photo), photo)
        return _sensor_light(_darken(srgb_to_linear(flat), shot, part), shot)

    target = torch.where(kept, clean, expose(clean, stops))
    scene = torch.where(shot.normal > 0, clean, target)
    raw = dark_light(scene, whole if box is None else box)
    dark = _develop(_record(raw, shot, generator, settings.bits), shot)
    dark = compress_jpeg(_process(dark, shot), shot.quality, shot.subsample)
    seen = _develop(dark_light(expose(judged, before), whole), shot)
    gained = true_stops(srgb_to_linear(_tone(seen, shot)), srgb_to_linear(expose(judged, stops)))
    bright = None
    if thumbnail is not None:
        bright = torch.where(kept, thumbnail, expose(thumbnail, stops))
        share = whole if box is None else box
        averaged = clean[0, 0].numel() / (share[:, 2] * share[:, 3] * thumbnail[0, 0].numel())
        raw = dark_light(expose(thumbnail, before), whole)
        raw = camera.sensor_noise(
            raw,
            shot.shot / averaged.reshape(-1, 1, 1, 1),
            shot.read / averaged.reshape(-1, 1, 1, 1),
            generator,
        )
        # The mean of many pixels lies between 8-bit levels: it is not rounded.
        thumbnail = _tone(_develop(raw, shot), shot)
    return Pair(dark, target, gained, thumbnail, bright)


def darken(clean: Tensor, scale: int, generator: torch.Generator) -> Example:
    """Examples from clean photos that are whole pictures; the scale is 1."""
    return Example(*make_pair(clean, generator))


def darken_views(
    patches: Tensor, thumbnails: Tensor, boxes: Tensor, generator: torch.Generator
) -> Example:
    """Examples from parts of photos, with what the whole pictures look like."""
    pair = simulate(patches, generator, thumbnail=thumbnails, box=boxes)
    whole = patches.shape[-1] / CELL / boxes[:, 2:]
    place = torch.cat((boxes[:, :2] * whole, whole), 1)
    return Example(*pair[:4], bright=pair.bright, place=place)


def _darken(linear: Tensor, shot: Shot, box: Tensor) -> Tensor:
    """The scene's light in the dark, from the well exposed linear picture."""
    field = camera.illumination_field(shot.field, box, (linear.shape[2], linear.shape[3]))
    above = linear.amax(1, keepdim=True) - shot.lights_from
    source = (above / (1.0 - shot.lights_from)).clamp(0.0, 1.0) ** 2
    # Whole regions besides: what is bright, as a sky, is lit by more than the ground before it.
    spared = shot.contrast * camera.regions(linear, box) ** shot.contrast_power
    share = (1.0 - shot.lights * source) * (1.0 - spared)
    return linear * field * torch.exp2(-shot.stops * share)


def _sensor_light(light: Tensor, shot: Shot) -> Tensor:
    """Linear sRGB to what the sensor's three colours receive."""
    return camera.colour(light, torch.linalg.inv(shot.matrix)) / shot.gains


def _record(raw: Tensor, shot: Shot, generator: torch.Generator, bits: int) -> Tensor:
    """What the sensor records: mosaic, noise, converter; interpolated to three colours again."""
    row = shot.row * (shot.read + shot.shot * raw.mean((1, 2, 3), keepdim=True)).sqrt()
    recorded = torch.empty_like(raw)
    for kind in (0, 1, 2):
        items = torch.nonzero(shot.demosaic == kind).flatten()
        if items.numel() == 0:
            continue
        sites = raw[items]
        masks = camera.bayer_masks(shot.phase[items], (raw.shape[2], raw.shape[3]))
        if kind > 0:
            sites = (sites * masks).sum(1, keepdim=True)
        sites = camera.sensor_noise(sites, shot.shot[items], shot.read[items], generator)
        sites = camera.row_noise(sites, row[items], generator)
        sites = camera.quantise(sites, bits, shot.clipped[items])
        if kind == 1:
            sites = camera.demosaic_bilinear(sites, masks)
        elif kind == 2:
            sites = camera.demosaic_malvar(sites, masks)
        recorded[items] = sites
    return recorded


def _develop(raw: Tensor, shot: Shot) -> Tensor:
    """The sensor's colours to linear sRGB, by the camera's own slightly wrong balance."""
    # White is cut where the sensor's strongest channel is full, so that it stays neutral.
    balanced = (raw * (shot.gains * shot.balance)).clamp(max=1.0)
    return camera.colour(balanced, torch.bmm(shot.matrix_error, shot.matrix))


def _process(linear: Tensor, shot: Shot) -> Tensor:
    """Noise reduction, gamma, tone and sharpening."""
    noise = (shot.read + shot.shot * linear.mean((1, 2, 3), keepdim=True).clamp(min=0.0)).sqrt()
    smooth = linear.clone()
    for kind in (1, 2):
        items = torch.nonzero(shot.denoise == kind).flatten()
        if items.numel() == 0:
            continue
        blurs = shot.luma_blur[items], shot.chroma_blur[items]
        if kind == 1:
            smooth[items] = camera.reduce_noise(linear[items], *blurs)
        else:
            threshold = 4.0 * noise[items] * blurs[0].reshape(-1, 1, 1, 1)
            smooth[items] = camera.edge_preserving(linear[items], threshold)
    shown = _tone(smooth, shot)
    return camera.sharpen(shown, shot.sharpen, torch.ones(len(shown)))


def _tone(linear: Tensor, shot: Shot) -> Tensor:
    return camera.smoothstep(linear_to_srgb(linear.clamp(0.0, 1.0)), shot.tone)

"""What happens to photographs before somebody wants them enlarged: blur, resizing, noise, JPEG.

Twice, the second time weaker, in the order of BSRGAN (Zhang et al., ICCV 2021) and Real-ESRGAN
(Wang et al., ICCVW 2021); milder for half of the pictures, so that a clean one stays sharp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from restoreflow.training.degradations import blur, compress_jpeg, downscale

__all__ = ["PhotoSettings", "Wear", "blur_kernel", "degrade_photo", "sinc_kernel"]

Range = tuple[float, float]
KERNEL = 21


@dataclass(frozen=True)
class Wear:
    """The ranges of one round; noise in levels of 255, blur in pixels."""

    blur_share: float = 1.0
    blur: Range = (0.2, 3.0)
    resize: Range = (0.3, 1.5)
    noise_share: float = 0.8
    noise: Range = (1.0, 25.0)
    photons: Range = (60.0, 3000.0)  # of Poisson noise, at white
    jpeg: Range = (40.0, 95.0)


@dataclass(frozen=True)
class PhotoSettings:
    """How often and how much.

    Attributes:
        clean_share: pictures that are reduced and nothing else.
        mild_share: pictures, of the others, that go through ``mild`` once.
        first, second: the two rounds of the remaining ones.
        anisotropic_share, generalised_share, sinc_share: kinds of blur, a Gaussian otherwise.
        poisson_share, gray_share: kinds of noise, coloured Gaussian otherwise.
    """

    clean_share: float = 0.1
    mild_share: float = 0.5
    first: Wear = field(default_factory=Wear)
    second: Wear = field(
        default_factory=lambda: Wear(
            blur_share=0.8,
            blur=(0.2, 1.5),
            resize=(0.5, 1.2),
            noise=(1.0, 12.0),
            photons=(200.0, 5000.0),
            jpeg=(55.0, 95.0),
        )
    )
    mild: Wear = field(
        default_factory=lambda: Wear(
            blur_share=0.5,
            blur=(0.2, 1.0),
            resize=(0.6, 1.2),
            noise_share=0.5,
            noise=(1.0, 6.0),
            photons=(800.0, 8000.0),
            jpeg=(75.0, 97.0),
        )
    )
    anisotropic_share: float = 0.4
    generalised_share: float = 0.15
    sinc_share: float = 0.1
    poisson_share: float = 0.4
    gray_share: float = 0.4


DEFAULT = PhotoSettings()


def blur_kernel(along: float, across: float, angle: float, shape: float = 1.0) -> Tensor:
    """A generalised Gaussian exp(-(r^2 / 2)^shape), r in deviations; 1 is the Gaussian.

    Args:
        along, across: deviations in pixels on its two axes.
        angle: of the first axis, radians from the rows.
        shape: below 1 pointed with long tails, above 1 a plateau.

    Returns:
        (21, 21), summing to 1.
    """
    y, x = _places()
    u = (math.cos(angle) * x + math.sin(angle) * y) / along
    v = (-math.sin(angle) * x + math.cos(angle) * y) / across
    kernel = torch.exp(-((0.5 * (u * u + v * v)) ** shape))
    return kernel / kernel.sum()


def sinc_kernel(cutoff: float) -> Tensor:
    """The circular low-pass J1(c r) c / (2 pi r), c in radians a pixel: it rings at edges.

    Returns:
        (21, 21), summing to 1.
    """
    y, x = _places()
    radius = (x * x + y * y).sqrt()
    ring = torch.special.bessel_j1(cutoff * radius) * cutoff / (2 * math.pi * radius)
    kernel = torch.where(radius > 0, ring, torch.tensor(cutoff**2 / (4 * math.pi)))
    return kernel / kernel.sum()


def degrade_photo(
    x: Tensor, scale: int, generator: torch.Generator, settings: PhotoSettings = DEFAULT
) -> Tensor:
    """Small, worn pictures from clean ones.

    Args:
        x: (N, 3, H, W), sRGB in [0, 1], float32 on the CPU; sides multiples of the scale and
            at least 11 times it, for the widest blur to fit the result.
        scale: by how much the result is smaller.
        generator: a CPU generator, the only source of chance.

    Returns:
        (N, 3, H / scale, W / scale), 8-bit levels in [0, 1].

    Raises:
        ValueError: when a side is not a multiple of the scale, or is too short to blur.
    """
    height, width = x.shape[-2:]
    if height % scale or width % scale or min(height, width) // scale <= KERNEL // 2:
        raise ValueError(f"cannot degrade {width} x {height} by {scale}")
    return torch.cat([_degrade(item[None], scale, generator, settings) for item in x])


def _degrade(x: Tensor, scale: int, generator: torch.Generator, settings: PhotoSettings) -> Tensor:
    size = (x.shape[2] // scale, x.shape[3] // scale)
    if _uniform(generator) < settings.clean_share:
        return compress_jpeg(downscale(x, scale), [0], [False])
    if _uniform(generator) < settings.mild_share:
        rounds = [(settings.mild, size)]
    else:
        shrink = _uniform(generator, *settings.first.resize)
        half = [max(size[i], round(x.shape[2 + i] * shrink)) for i in (0, 1)]
        rounds = [(settings.first, (half[0], half[1])), (settings.second, size)]
    for wear, goal in rounds:
        x = _wear(x, goal, wear, generator, settings)
    return x


def _wear(
    x: Tensor, goal: tuple[int, int], wear: Wear, generator: torch.Generator, kinds: PhotoSettings
) -> Tensor:
    """One round: blur, resize by way of another size, noise, JPEG."""
    if _uniform(generator) < wear.blur_share:
        x = blur(x, _draw_kernel(wear, generator, kinds)[None])
    detour = _uniform(generator, *wear.resize)
    if _uniform(generator) < 0.5:
        x = _resize(x, (round(goal[0] * detour), round(goal[1] * detour)), generator)
    x = _resize(x, goal, generator)
    if _uniform(generator) < wear.noise_share:
        x = _add_noise(x, wear, generator, kinds)
    quality = round(_uniform(generator, *wear.jpeg))
    return compress_jpeg(x, [quality], [_uniform(generator) < 0.5])


def _draw_kernel(wear: Wear, generator: torch.Generator, kinds: PhotoSettings) -> Tensor:
    if _uniform(generator) < kinds.sinc_share:
        return sinc_kernel(_uniform(generator, math.pi / 3, math.pi))
    along = across = _uniform(generator, *wear.blur)
    if _uniform(generator) < kinds.anisotropic_share:
        across = _uniform(generator, *wear.blur)
    shape = 1.0
    if _uniform(generator) < kinds.generalised_share:
        shape = _uniform(generator, 0.5, 4.0)
    return blur_kernel(along, across, _uniform(generator, 0.0, math.pi), shape)


def _resize(x: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    mode = ("area", "bilinear", "bicubic")[int(torch.randint(0, 3, (), generator=generator))]
    if mode == "area":
        return F.interpolate(x, size, mode="area")
    resized = F.interpolate(x, size, mode=mode, antialias=True, align_corners=False)
    return resized.clamp(0.0, 1.0)


def _add_noise(x: Tensor, wear: Wear, generator: torch.Generator, kinds: PhotoSettings) -> Tensor:
    channels = 1 if _uniform(generator) < kinds.gray_share else 3
    if _uniform(generator) < kinds.poisson_share:
        low, high = wear.photons
        photons = low * (high / low) ** _uniform(generator)
        light = x.clamp(0.0, 1.0).mean(1, keepdim=True) if channels == 1 else x.clamp(0.0, 1.0)
        return x + torch.poisson(light * photons, generator=generator) / photons - light
    deviation = _uniform(generator, *wear.noise) / 255.0
    shape = (x.shape[0], channels, x.shape[2], x.shape[3])
    return x + deviation * torch.randn(shape, generator=generator)


def _places() -> tuple[Tensor, Tensor]:
    place = torch.arange(KERNEL, dtype=torch.float32) - KERNEL // 2
    return place[:, None].expand(KERNEL, KERNEL), place[None, :].expand(KERNEL, KERNEL)


def _uniform(generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))

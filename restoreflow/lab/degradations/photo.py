"""What happens to photographs before somebody wants them enlarged, and how much of it there is.

Softness, noise, sharpening and compression, once at the picture's own size for most, twice for the
badly worn, in the order of BSRGAN (Zhang et al., ICCV 2021) and Real-ESRGAN (Wang et al., ICCVW
2021) but gentler: what teaches a network to remove strong noise teaches it to paint.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from restoreflow.lab.degradations.operations import blur, downscale, gaussian_blur, round_8bit
from restoreflow.networks.wear import MOST_BLUR, MOST_NOISE

__all__ = ["PhotoSettings", "Round", "Worn", "blur_kernel", "degrade_photo", "sinc_kernel"]

Range = tuple[float, float]
KERNEL = 21
BLOCK = 8
BLURS = torch.linspace(0.0, 2.4, 13)


class Worn(NamedTuple):
    """Pictures after wear.

    Attributes:
        picture: (N, 3, h, w), 8-bit levels in [0, 1].
        wear: (N, 3), what they suffer from, see `restoreflow.networks.wear`.
    """

    picture: Tensor
    wear: Tensor


@dataclass(frozen=True)
class Round:
    """The ranges of one round: noise in levels of 255, blur in pixels of the round's own size.

    Attributes:
        blur_share, noise_share, compressed_share: of the pictures, and how much.
        resize: a detour on the way to the round's size, as a factor of it, for half of them.
        photons: of Poisson noise, at white.
        quality: JPEG's and WebP's.
    """

    blur_share: float = 0.7
    blur: Range = (0.2, 2.0)
    resize: Range = (0.4, 1.5)
    noise_share: float = 0.4
    noise: Range = (1.0, 12.0)
    photons: Range = (200.0, 5000.0)
    compressed_share: float = 0.9
    quality: Range = (40.0, 95.0)


@dataclass(frozen=True)
class PhotoSettings:
    """How often and how much.

    Attributes:
        clean_share: pictures that are reduced and nothing else.
        mild_share: pictures, of the others, that go through ``mild`` once.
        first, second: the two rounds of the remaining ones.
        anisotropic_share, generalised_share, sinc_share: kinds of blur, a Gaussian otherwise.
        poisson_share, gray_share, smooth_share: kinds of noise, coloured Gaussian otherwise;
            smooth noise is of neighbouring pixels together, as a camera leaves it.
        sharpened_share: pictures sharpened after the noise, as telephones do.
        webp_share: of the compressed ones, WebP instead of JPEG.
    """

    clean_share: float = 0.4
    mild_share: float = 0.85
    first: Round = field(default_factory=Round)
    second: Round = field(
        default_factory=lambda: Round(
            blur=(0.2, 1.2),
            resize=(0.6, 1.2),
            noise=(0.5, 5.0),
            photons=(1000.0, 10000.0),
            quality=(50.0, 95.0),
        )
    )
    mild: Round = field(
        default_factory=lambda: Round(
            blur_share=0.5,
            blur=(0.2, 0.9),
            resize=(0.7, 1.3),
            noise_share=0.5,
            noise=(0.5, 4.0),
            photons=(1500.0, 15000.0),
            compressed_share=0.85,
            quality=(60.0, 97.0),
        )
    )
    anisotropic_share: float = 0.3
    generalised_share: float = 0.15
    sinc_share: float = 0.05
    poisson_share: float = 0.4
    gray_share: float = 0.4
    smooth_share: float = 0.25
    sharpened_share: float = 0.1
    webp_share: float = 0.1


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
) -> Worn:
    """Small, worn pictures from clean ones.

    Args:
        x: (N, 3, H, W), sRGB in [0, 1], float32 on the CPU; sides multiples of the scale and
            at least 11 times it, for the widest blur to fit the result.
        scale: by how much the result is smaller.
        generator: a CPU generator, the only source of chance.

    Returns:
        The pictures, (N, 3, H / scale, W / scale), and what they suffer from.

    Raises:
        ValueError: when a side is not a multiple of the scale, or is too short to blur.
    """
    height, width = x.shape[-2:]
    if height % scale or width % scale or min(height, width) // scale <= KERNEL // 2:
        raise ValueError(f"cannot degrade {width} x {height} by {scale}")
    worn = [_degrade(item[None], scale, generator, settings) for item in x]
    return Worn(*(torch.cat(parts) for parts in zip(*worn, strict=True)))


def _degrade(x: Tensor, scale: int, generator: torch.Generator, settings: PhotoSettings) -> Worn:
    size = (x.shape[2] // scale, x.shape[3] // scale)
    plain = downscale(x, scale)
    if _uniform(generator) < settings.clean_share:
        return Worn(round_8bit(plain), x.new_zeros(1, 3))
    if _uniform(generator) < settings.mild_share:
        rounds = [(settings.mild, size)]
    else:
        shrink = _uniform(generator, 1.0, 2.0)
        half = [max(size[i], round(size[i] * min(shrink, scale))) for i in (0, 1)]
        rounds = [(settings.first, (half[0], half[1])), (settings.second, size)]
    # Beside the picture goes one that is spared noise and compression, to measure them by.
    pair, noise, quality = torch.cat((x, x)), 0.0, 100
    for round_, goal in rounds:
        pair = _soften(pair, goal, round_, generator, settings)
        noisy = _roughen(pair[:1], round_, generator, settings)
        noise = 255.0 * float((noisy.clamp(0.0, 1.0) - pair[1:].clamp(0.0, 1.0)).std())
        noisy, quality = _compress(noisy, round_, generator, settings)
        pair = torch.cat((noisy, pair[1:]))
    soft = find_blur(pair[1:], plain)
    told = [noise / MOST_NOISE, (100 - quality) / 100.0, soft / MOST_BLUR]
    return Worn(pair[:1], x.new_tensor([told]).clamp(0.0, 1.0))


def find_blur(soft: Tensor, sharp: Tensor) -> float:
    """Deviation in pixels, 0 to 2.4, of the Gaussian that takes (1, 3, h, w) nearest to another."""
    tried = gaussian_blur(sharp.expand(len(BLURS), -1, -1, -1), BLURS)
    error = (tried - soft).square().mean((1, 2, 3))
    best = int(error.argmin())
    if best in (0, len(BLURS) - 1):
        return float(BLURS[best])
    left, middle, right = error[best - 1 : best + 2].tolist()
    bend = left - 2.0 * middle + right
    step = float(BLURS[1])
    return float(BLURS[best]) + (0.5 * step * (left - right) / bend if bend > 0 else 0.0)


def _soften(
    pair: Tensor, goal: tuple[int, int], round_: Round, generator, kinds: PhotoSettings
) -> Tensor:
    """Resize, by way of another size, and blur."""
    if _uniform(generator) < 0.5:
        detour = _uniform(generator, *round_.resize)
        pair = _resize(pair, (round(goal[0] * detour), round(goal[1] * detour)), generator)
    pair = _resize(pair, goal, generator)
    if _uniform(generator) < round_.blur_share:
        kernel = _draw_kernel(round_, generator, kinds)
        pair = blur(pair, kernel.expand(2, -1, -1))
    return pair


def _roughen(x: Tensor, round_: Round, generator, kinds: PhotoSettings) -> Tensor:
    """Add noise, and sharpen some."""
    if _uniform(generator) < round_.noise_share:
        x = _add_noise(x, round_, generator, kinds)
    if _uniform(generator) < kinds.sharpened_share:
        amount = _uniform(generator, 0.3, 1.0)
        soft = gaussian_blur(x, torch.tensor([_uniform(generator, 0.6, 1.5)]))
        x = (x + amount * (x - soft)).clamp(0.0, 1.0)
    return x


def _compress(x: Tensor, round_: Round, generator, kinds: PhotoSettings) -> tuple[Tensor, int]:
    """(1, 3, h, w) through a file, and the quality it was written with, 100 where it was not.

    Blocks begin at a random place: people cut pictures.
    """
    if _uniform(generator) >= round_.compressed_share:
        return round_8bit(x), 100
    quality = round(_uniform(generator, *round_.quality))
    webp = _uniform(generator) < kinds.webp_share
    halved = _uniform(generator) < 0.5
    top, left = torch.randint(0, BLOCK, (2,), generator=generator).tolist()
    padded = F.pad(x, (left, 0, top, 0), mode="reflect")
    pixels = padded[0].clamp(0.0, 1.0).mul(255.0).round().to(torch.uint8)
    stream = io.BytesIO()
    image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    if webp:
        image.save(stream, "WEBP", quality=quality, method=0)
    else:
        image.save(stream, "JPEG", quality=quality, subsampling=2 if halved else 0)
    decoded = torch.from_numpy(np.asarray(Image.open(stream).convert("RGB")).copy())
    return decoded.permute(2, 0, 1)[None, :, top:, left:].float().div(255.0), quality


def _draw_kernel(round_: Round, generator: torch.Generator, kinds: PhotoSettings) -> Tensor:
    if _uniform(generator) < kinds.sinc_share:
        return sinc_kernel(_uniform(generator, math.pi / 2, math.pi))
    along = across = _uniform(generator, *round_.blur)
    if _uniform(generator) < kinds.anisotropic_share:
        across = _uniform(generator, *round_.blur)
    shape = 1.0
    if _uniform(generator) < kinds.generalised_share:
        shape = _uniform(generator, 0.5, 4.0)
    return blur_kernel(along, across, _uniform(generator, 0.0, math.pi), shape)


RESIZERS = ("area", "bilinear", "bicubic", "bicubic", "lanczos", "nearest")


def _resize(x: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    mode = RESIZERS[int(torch.randint(0, len(RESIZERS), (), generator=generator))]
    if mode == "nearest" and size[0] < x.shape[-2]:
        mode = "bicubic"  # decimated pictures are rare, and what they lack cannot be learnt
    if mode in ("area", "nearest"):
        return F.interpolate(x, size, mode=mode)
    if mode == "lanczos":
        return _lanczos(x, size)
    resized = F.interpolate(x, size, mode=mode, antialias=True, align_corners=False)
    return resized.clamp(0.0, 1.0)


def _lanczos(x: Tensor, size: tuple[int, int]) -> Tensor:
    """By Pillow, channel by channel in floating point."""
    height, width = size
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.LANCZOS))
        for plane in x.flatten(0, 1).numpy()
    ]
    return torch.from_numpy(np.stack(planes)).view(*x.shape[:2], height, width).clamp(0.0, 1.0)


def _add_noise(x: Tensor, round_: Round, generator, kinds: PhotoSettings) -> Tensor:
    channels = 1 if _uniform(generator) < kinds.gray_share else 3
    if _uniform(generator) < kinds.poisson_share:
        low, high = round_.photons
        photons = low * (high / low) ** _uniform(generator)
        light = x.clamp(0.0, 1.0).mean(1, keepdim=True) if channels == 1 else x.clamp(0.0, 1.0)
        return x + torch.poisson(light * photons, generator=generator) / photons - light
    deviation = _uniform(generator, *round_.noise) / 255.0
    shape = (x.shape[0], channels, x.shape[2], x.shape[3])
    noise = torch.randn(shape, generator=generator)
    if _uniform(generator) < kinds.smooth_share:
        noise = gaussian_blur(noise, torch.tensor([_uniform(generator, 0.4, 0.9)]))
        noise = noise / noise.std().clamp(min=1e-3)
    return x + deviation * noise


def _places() -> tuple[Tensor, Tensor]:
    place = torch.arange(KERNEL, dtype=torch.float32) - KERNEL // 2
    return place[:, None].expand(KERNEL, KERNEL), place[None, :].expand(KERNEL, KERNEL)


def _uniform(generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))

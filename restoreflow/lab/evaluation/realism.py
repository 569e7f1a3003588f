"""How natural results look: the kernel distance of patches' features, and what it is measured on.

LPIPS compares a result with the one truth that it has; a flow's samples are other pictures that
might have been. Here the *distribution* of patches is compared: the kernel inception distance
(Binkowski et al., "Demystifying MMD GANs", ICLR 2018) with features that no training here sees, of
SqueezeNet as LPIPS uses it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from restoreflow.errors import InputError
from restoreflow.lab.evaluation.methods import Method
from restoreflow.lab.photographs import as_levels, as_tensor, read_rgb
from restoreflow.measures.lpips import LPIPS
from restoreflow.measures.metrics import psnr

__all__ = [
    "CONDITIONS",
    "RealismRow",
    "Scene",
    "evaluate_realism",
    "kernel_distance",
    "patch_features",
    "read_scenes",
]

SIDE, PATCH, LAYERS = 256, 64, 5
CONDITIONS: dict[str, tuple[float, float, int] | None] = {
    "clean": None,
    "worn": (0.4, 1.5, 85),
    "phone": (0.8, 4.0, 60),
}
"""Of inputs: as reduced, or with blur (pixels), noise (levels) and JPEG (quality) besides."""


class Scene(NamedTuple):
    """The middle of a picture, and its small forms by condition."""

    truth: Image.Image
    inputs: dict[str, Image.Image]


@dataclass(frozen=True)
class RealismRow:
    """A method's figures under one condition.

    Attributes:
        data, condition, method, temperature: what was measured.
        pictures: how many.
        kid: 1000 times the kernel distance of patches to the truths'; 0 for the truths themselves.
        lpips_squeeze, psnr: means over the pictures; PSNR in dB, of RGB.
    """

    data: str
    condition: str
    method: str
    temperature: float | None
    pictures: int
    kid: float
    lpips_squeeze: float
    psnr: float

    def record(self) -> dict[str, Any]:
        """The figures for a program."""
        return asdict(self)


def read_scenes(files: Sequence[Path], scale: int) -> list[Scene]:
    """The middle 256 x 256 of every picture that has them, and its small forms.

    Raises:
        InputError: none is large enough, or one cannot be read.
    """
    rng = np.random.default_rng(0)
    scenes: list[Scene] = []
    for file in files:
        picture = read_rgb(file)
        if min(picture.size) < SIDE:
            continue
        left, top = (picture.width - SIDE) // 2, (picture.height - SIDE) // 2
        truth = picture.crop((left, top, left + SIDE, top + SIDE))
        low = truth.resize((SIDE // scale, SIDE // scale), Image.Resampling.BICUBIC)
        inputs = {
            name: low if wear is None else _worn(low, *wear, rng)
            for name, wear in CONDITIONS.items()
        }
        scenes.append(Scene(truth, inputs))
    if not scenes:
        raise InputError(
            f"no picture has {SIDE} pixels both ways", "give a folder with larger pictures"
        )
    return scenes


def _worn(
    picture: Image.Image, blur: float, noise: float, quality: int, rng: np.random.Generator
) -> Image.Image:
    levels = np.asarray(picture.filter(ImageFilter.GaussianBlur(blur))).astype(np.float64)
    levels += rng.normal(0.0, noise, levels.shape)
    stream = io.BytesIO()
    noisy = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


@torch.no_grad()
def patch_features(network: LPIPS, picture: Image.Image) -> Tensor:
    """Features of a picture's 64 x 64 patches, (n, d).

    Of SqueezeNet's first five layers, each location of length 1, the mean and the deviation.
    """
    x = as_tensor(picture).unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH)
    patches = x.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, PATCH, PATCH)
    layers = network.features(patches)[:LAYERS]
    return torch.cat([part for f in layers for part in (f.mean((2, 3)), f.std((2, 3)))], 1)


def kernel_distance(found: Tensor, truth: Tensor) -> float:
    """1000 times the unbiased squared maximum mean discrepancy of (n, d) and (m, d).

    With the kernel (x.y / d + 1)^3 after both were standardised by the truth's; it may be a little
    below 0 for samples of one distribution.

    Raises:
        ValueError: fewer than two samples on either side.
    """
    if min(len(found), len(truth)) < 2:
        raise ValueError("a distance of distributions needs two samples of each")
    middle, spread = truth.mean(0), truth.std(0) + 1e-4
    a, b = (found - middle) / spread, (truth - middle) / spread
    width, n, m = a.shape[1], len(a), len(b)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / width + 1.0) ** 3

    def within(values: Tensor, count: int) -> Tensor:
        return (values.sum() - values.diag().sum()) / (count * (count - 1))

    distance = within(kernel(a, a), n) + within(kernel(b, b), m) - 2.0 * kernel(a, b).mean()
    return 1e3 * float(distance)


def evaluate_realism(
    methods: Sequence[Method],
    data: str,
    scenes: Sequence[Scene],
    network: LPIPS,
    advance: Callable[[str], None] = lambda name: None,
) -> Iterator[RealismRow]:
    """Measure methods, the first sample of each picture, condition by condition.

    Args:
        methods: what restores.
        data: a name for the table.
        scenes: of `read_scenes`.
        network: LPIPS with SqueezeNet.
        advance: called after each row.
    """
    truths = [as_tensor(scene.truth) for scene in scenes]
    real = torch.cat([patch_features(network, scene.truth) for scene in scenes])
    for condition in CONDITIONS:
        for method in methods:
            found = [method.restore(s.inputs[condition], 1).images[0] for s in scenes]
            seen = torch.cat([patch_features(network, image) for image in found])
            with torch.no_grad():
                apart = [
                    float(network(as_tensor(image), truth))
                    for image, truth in zip(found, truths, strict=True)
                ]
            fidelity = [
                psnr(as_levels(image), as_levels(scene.truth))
                for image, scene in zip(found, scenes, strict=True)
            ]
            yield RealismRow(
                data,
                condition,
                method.name,
                method.temperature,
                len(scenes),
                kernel_distance(seen, real),
                float(np.mean(apart)),
                float(np.mean(fidelity)),
            )
            advance(method.name)

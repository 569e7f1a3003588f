"""Distances of classifier features, location by location, for scoring samples in training.

Each is a distance, not a squared one, so that it can stand in an energy score: with a squared
distance the spread of the samples would cancel out. Pictures are cropped at a random place first,
since a feature extractor with a stride is blind to patterns of its own period.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from restoreflow.errors import ModelError
from restoreflow.measures.lpips import LPIPS

__all__ = ["Distances", "FeatureDistance", "load_feature_distance"]

VGG_CROP = 64
OFFSETS = 8
EPSILON = 1e-6


class Distances(NamedTuple):
    """How far two batches of pictures are from each other, means over their items.

    Attributes:
        root: the distance for an energy score: of each layer, AlexNet's and VGG-16's, the mean of
            the square root of LPIPS' weighted difference, place by place.
        lpips: LPIPS (AlexNet) itself, a squared distance.
    """

    root: Tensor
    lpips: Tensor


class FeatureDistance(nn.Module):
    """Features of AlexNet (LPIPS' layers and weights) and of VGG-16's first four convolutions.

    VGG-16's have no stride before the pooling, so they see what AlexNet's stride of 4 hides; they
    are taken on a smaller crop, since they cost more.

    Args:
        lpips: the metric, on AlexNet.
        vgg: `conv1_1.w`, `conv1_1.b`, ... `conv2_2.b`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, lpips: LPIPS, vgg: dict[str, Tensor]) -> None:
        super().__init__()
        self.lpips = lpips
        for name, value in vgg.items():
            self.register_buffer("vgg_" + name.replace(".", "_"), value.float())
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def features(self, x: Tensor, place: tuple[int, int, int, int]) -> list[Tensor]:
        """Features of pictures (N, 3, H, W) in [0, 1], cropped at a `draw_place`."""
        top, left, vgg_top, vgg_left = place
        size_h, size_w = x.shape[-2] - OFFSETS, x.shape[-1] - OFFSETS
        crop = x[..., top : top + size_h, left : left + size_w]
        small = x[..., vgg_top : vgg_top + VGG_CROP, vgg_left : vgg_left + VGG_CROP]
        return [f.float() for f in (*self.lpips.features(crop), *self._vgg(small))]

    def compare(
        self, a: list[Tensor], b: list[Tensor], vgg: float = 0.5, share: Tensor | None = None
    ) -> Distances:
        """Distances between two lists of features of pictures of one size, at one place.

        Args:
            a: of `features`.
            b: likewise.
            vgg: weight of VGG-16's layers beside AlexNet's.
            share: (N,), how much each item counts; None: all wholly.
        """
        layers = len(a) - 2
        maps = self.lpips.distance_maps(a[:layers], b[:layers])
        nothing = a[0].new_zeros(())
        root = sum((mean_of((m + EPSILON).sqrt(), share) for m in maps), nothing)
        for f, g in zip(a[layers:], b[layers:], strict=True):
            difference = (f - g).square().mean(1)
            root = root + vgg * mean_of((difference + EPSILON).sqrt(), share)
        return Distances(root, sum((mean_of(m, share) for m in maps), nothing))

    def _vgg(self, x: Tensor) -> list[Tensor]:
        x = ((x - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        first = F.relu(self._convolve(F.relu(self._convolve(x, "conv1_1")), "conv1_2"))
        second = F.relu(self._convolve(F.max_pool2d(first, 2), "conv2_1"))
        return [_scaled(first), _scaled(F.relu(self._convolve(second, "conv2_2")))]

    def _convolve(self, x: Tensor, name: str) -> Tensor:
        weight, bias = getattr(self, f"vgg_{name}_w"), getattr(self, f"vgg_{name}_b")
        return F.conv2d(x, weight, bias, padding=1)


def mean_of(values: Tensor, share: Tensor | None = None) -> Tensor:
    """Mean of (N, ...), each item's times its share, (N,)."""
    return values.mean() if share is None else (values.flatten(1).mean(1) * share).mean()


def _scaled(x: Tensor) -> Tensor:
    """Features over their root mean square in the batch: layers weigh alike."""
    return x / (x.detach().square().mean().sqrt() + EPSILON)


def draw_place(height: int, width: int, generator: torch.Generator) -> tuple[int, int, int, int]:
    """Top and left of the large crop, then of the small one, for `FeatureDistance.features`."""
    highs = (OFFSETS, OFFSETS, height - VGG_CROP + 1, width - VGG_CROP + 1)
    top, left, vgg_top, vgg_left = (
        int(torch.randint(0, high, (), generator=generator)) for high in highs
    )
    return top, left, vgg_top, vgg_left


def load_feature_distance(folder: Path) -> FeatureDistance:
    """From a folder with alex_lpips.safetensors and vgg16_relu2_2_f16.safetensors.

    Raises:
        ModelError: a file is missing.
    """
    files = [folder / "alex_lpips.safetensors", folder / "vgg16_relu2_2_f16.safetensors"]
    for file in files:
        if not file.is_file():
            raise ModelError(
                f"The texture stage needs {file}, which is missing",
                f"restoreflow evaluate fetch {folder} makes it there",
            )
    distance = FeatureDistance(LPIPS(load_file(files[0])), load_file(files[1]))
    return distance.requires_grad_(False)

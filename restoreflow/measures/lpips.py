"""LPIPS v0.1: the distance of two pictures in a classifier's features.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (CVPR
2018): features of an ImageNet classifier, scaled to unit length at each location, subtracted,
squared, weighted by a learned weight per channel, averaged over locations, summed over layers.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from restoreflow.errors import ModelError
from restoreflow.local_files import open_regular

__all__ = [
    "LPIPS",
    "MIN_SIDE",
    "OffsetDistance",
    "Trunk",
    "has_weights",
    "load_lpips",
    "lpips_worst_offset",
]

Trunk = Literal["alex", "squeeze"]
FOLDER_VARIABLE = "RESTOREFLOW_LPIPS"
MAKE_THEM = "restoreflow evaluate fetch FOLDER makes it there"
MIN_SIDE = 31
"""The smallest side of a picture from which AlexNet's last layer has a location left."""

# The published constants, for pictures in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_FIRES = 8


class LPIPS(nn.Module):
    """The distance, its map, and its parts, for pictures (N, 3, H, W) of RGB in [0, 1].

    Frozen and differentiable in both pictures, so that it serves as a training loss.

    Args:
        weights: the trunk's kernels `NAME.w` and biases `NAME.b` and the layers' channel weights
            `lin0`, `lin1`, ...: conv1..conv5 for AlexNet; conv1s and fire1..fire8, each with
            squeeze, e1 and e3, for SqueezeNet 1.1. The names tell which of the two it is.

    Raises:
        ModelError: a tensor is missing.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.trunk: Trunk = "alex" if "conv1.w" in weights else "squeeze"
        self._layers = 5 if self.trunk == "alex" else 7
        expected = [f"lin{i}" for i in range(self._layers)]
        expected += [f"{name}.{part}" for name in _convolutions(self.trunk) for part in "wb"]
        missing = [name for name in expected if name not in weights]
        if missing:
            raise ModelError(
                f"The LPIPS weights lack {len(missing)} tensors, the first is {missing[0]!r}",
                "the file is of another network or damaged: fetch it again",
            )
        # A module's state has dots for submodules, hence the underscores.
        for name in expected:
            self.register_buffer(name.replace(".", "_"), weights[name].detach().float().clone())
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1))

    def features(self, pictures: Tensor) -> list[Tensor]:
        """The layers' features (N, C, h, w), of unit length at each location where not all zero.

        Raises:
            ValueError: a side is shorter than MIN_SIDE.
        """
        if min(pictures.shape[-2:]) < MIN_SIDE:
            height, width = pictures.shape[-2:]
            raise ValueError(f"LPIPS needs sides of {MIN_SIDE} or more, got {width} x {height}")
        x = (2.0 * pictures - 1.0 - self._weight("shift")) / self._weight("scale")
        layers = self._alexnet(x) if self.trunk == "alex" else self._squeezenet(x)
        return [_unit_length(layer) for layer in layers]

    def distance_maps(self, features: Sequence[Tensor], others: Sequence[Tensor]) -> list[Tensor]:
        """The layers' weighted squared differences (N, 1, h, w), never negative."""
        return [
            F.conv2d((feature - other) ** 2, self._weight(f"lin{i}"))
            for i, (feature, other) in enumerate(zip(features, others, strict=True))
        ]

    def forward(self, pictures: Tensor, others: Tensor) -> Tensor:
        """The distances (N,), 0 for equal pictures."""
        maps = self.distance_maps(self.features(pictures), self.features(others))
        return torch.stack([layer.mean(dim=(1, 2, 3)) for layer in maps]).sum(0)

    def map(self, pictures: Tensor, others: Tensor) -> Tensor:
        """The distance at each pixel (N, 1, H, W): layers' maps, bilinearly upsampled, summed."""
        maps = self.distance_maps(self.features(pictures), self.features(others))
        size = tuple(pictures.shape[-2:])
        upsampled = [
            F.interpolate(layer, size=size, mode="bilinear", align_corners=False) for layer in maps
        ]
        return torch.stack(upsampled).sum(0)

    def _alexnet(self, x: Tensor) -> list[Tensor]:
        first = F.relu(self._convolve("conv1", x, stride=4, padding=2))
        second = F.relu(self._convolve("conv2", F.max_pool2d(first, 3, 2), padding=2))
        third = F.relu(self._convolve("conv3", F.max_pool2d(second, 3, 2), padding=1))
        fourth = F.relu(self._convolve("conv4", third, padding=1))
        fifth = F.relu(self._convolve("conv5", fourth, padding=1))
        return [first, second, third, fourth, fifth]

    def _squeezenet(self, x: Tensor) -> list[Tensor]:
        x = F.relu(self._convolve("conv1s", x, stride=2))
        layers = [x]
        for index in range(1, _FIRES + 1):
            if index in (1, 3, 5):
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            x = self._fire(f"fire{index}", x)
            if index not in (1, 3):
                layers.append(x)
        return layers

    def _fire(self, name: str, x: Tensor) -> Tensor:
        squeezed = F.relu(self._convolve(f"{name}.squeeze", x))
        pointwise = self._convolve(f"{name}.e1", squeezed)
        wide = self._convolve(f"{name}.e3", squeezed, padding=1)
        return F.relu(torch.cat([pointwise, wide], dim=1))

    def _convolve(self, name: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        kernel, bias = self._weight(f"{name}.w"), self._weight(f"{name}.b")
        return F.conv2d(x, kernel, bias, stride=stride, padding=padding)

    def _weight(self, name: str) -> Tensor:
        return self.get_buffer(name.replace(".", "_"))


class OffsetDistance(NamedTuple):
    """LPIPS after cropping both pictures by each of several offsets, averaged over the batch."""

    worst: float
    gap: float
    """largest - smallest; a picture without a pattern of the trunk's stride keeps it small"""
    distances: tuple[float, ...]
    """one an offset, in the order asked for"""


@torch.no_grad()
def lpips_worst_offset(
    metric: LPIPS, pictures: Tensor, others: Tensor, offsets: Sequence[int] = (0, 1, 2, 3)
) -> OffsetDistance:
    """LPIPS with both pictures cropped at the top and left by `offsets` pixels.

    AlexNet's first convolution looks at every fourth pixel, so a pattern of period 4 can hide
    from it at one offset; not at all four.
    """
    distances = tuple(
        float(metric(pictures[..., o:, o:], others[..., o:, o:]).mean()) for o in offsets
    )
    return OffsetDistance(max(distances), max(distances) - min(distances), distances)


def has_weights(folder: Path | None = None) -> bool:
    """Whether there is a place that `load_lpips` would look in."""
    named = folder or os.environ.get(FOLDER_VARIABLE)
    return bool(named) or importlib.util.find_spec("lpips") is not None


def load_lpips(trunk: Trunk = "alex", folder: Path | None = None) -> LPIPS:
    """LPIPS with published weights.

    They come from `alex_lpips.safetensors` or `squeeze_lpips.safetensors` in `folder`, or in the
    folder that the environment's RESTOREFLOW_LPIPS names, or else from the package `lpips`.

    Raises:
        ModelError: there are no weights, or the file cannot be read.
    """
    if folder is None and os.environ.get(FOLDER_VARIABLE):
        folder = Path(os.environ[FOLDER_VARIABLE])
    weights = _from_package(trunk) if folder is None else _from_folder(trunk, folder)
    return LPIPS(weights).eval()


def _from_folder(trunk: Trunk, folder: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / f"{trunk}_lpips.safetensors"
    try:
        open_regular(path).close()  # the library would wait for a pipe
        weights = load_file(path)
    except FileNotFoundError as error:
        raise ModelError(
            f"There are no LPIPS weights at {path}",
            f"{MAKE_THEM}; then give the folder by --lpips or {FOLDER_VARIABLE}",
        ) from error
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"The LPIPS weights at {path} cannot be read: {error}", "fetch the file again"
        ) from error
    if ("conv1.w" in weights) != (trunk == "alex"):
        raise ModelError(
            f"The LPIPS weights at {path} are of another network", "fetch the file again"
        )
    return weights


def _from_package(trunk: Trunk) -> dict[str, Tensor]:
    """The weights in the published package, under this module's names."""
    try:
        package = importlib.import_module("lpips")
    except ImportError as error:
        raise ModelError(
            "LPIPS needs its published weights, and none are here",
            f"give a folder with {trunk}_lpips.safetensors by --lpips or {FOLDER_VARIABLE}: "
            f"{MAKE_THEM}",
        ) from error
    try:
        published: Any = package.LPIPS(net=trunk, version="0.1", verbose=False)
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"The lpips package could not load its {trunk} weights: {error}",
            "it downloads them on first use: try again with a network connection",
        ) from error
    return _renamed(trunk, published)


def _renamed(trunk: Trunk, published: nn.Module) -> dict[str, Tensor]:
    # Both networks register their convolutions in the order of _convolutions.
    convolutions = [m for m in published.get_submodule("net").modules() if _is_convolution(m)]
    weights: dict[str, Tensor] = {}
    for name, module in zip(_convolutions(trunk), convolutions, strict=True):
        weights[f"{name}.w"] = module.get_parameter("weight")
        weights[f"{name}.b"] = module.get_parameter("bias")
    for index in range(5 if trunk == "alex" else 7):
        head = published.get_submodule(f"lin{index}")
        (weights[f"lin{index}"],) = head.parameters()
    return weights


def _is_convolution(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d)


def _convolutions(trunk: Trunk) -> list[str]:
    if trunk == "alex":
        return [f"conv{i}" for i in range(1, 6)]
    parts = ("squeeze", "e1", "e3")
    return ["conv1s"] + [f"fire{i}.{part}" for i in range(1, _FIRES + 1) for part in parts]


def _unit_length(features: Tensor) -> Tensor:
    # The floor under the root keeps the gradient finite where every channel is zero; the eps
    # beside it is the published one.
    square = (features**2).sum(1, keepdim=True)
    return features / (square.clamp_min(1e-20).sqrt() + 1e-10)

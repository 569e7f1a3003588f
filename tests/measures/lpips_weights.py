"""LPIPS weights of the published layout, tiny and random."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

ALEX = {"conv1": (3, 6, 11), "conv2": (6, 8, 5), "conv3": (8, 8, 3), "conv4": (8, 8, 3)}


def _convolution(name: str, inputs: int, outputs: int, side: int) -> dict[str, torch.Tensor]:
    scale = (2.0 / (inputs * side * side)) ** 0.5
    kernel = torch.randn(outputs, inputs, side, side) * scale
    return {f"{name}.w": kernel, f"{name}.b": torch.randn(outputs) * 0.1}


def _head(index: int, channels: int) -> dict[str, torch.Tensor]:
    return {f"lin{index}": torch.rand(1, channels, 1, 1)}


def alex_weights() -> dict[str, torch.Tensor]:
    """AlexNet with 6 to 8 channels."""
    torch.manual_seed(1)
    weights: dict[str, torch.Tensor] = {}
    for index, (name, shape) in enumerate((ALEX | {"conv5": (8, 8, 3)}).items()):
        weights |= _convolution(name, *shape) | _head(index, shape[1])
    return weights


def squeeze_weights() -> dict[str, torch.Tensor]:
    """SqueezeNet with 4 channels in the first layer and 3 + 3 from each fire."""
    torch.manual_seed(2)
    weights = _convolution("conv1s", 3, 4, 3) | _head(0, 4)
    inputs = 4
    for index in range(1, 9):
        weights |= _convolution(f"fire{index}.squeeze", inputs, 2, 1)
        weights |= _convolution(f"fire{index}.e1", 2, 3, 1)
        weights |= _convolution(f"fire{index}.e3", 2, 3, 3)
        inputs = 6
    for index in range(1, 7):
        weights |= _head(index, 6)
    return weights


def write_weights(folder: Path) -> Path:
    """Both files, in half precision as the published ones are kept; returns the folder."""
    folder.mkdir(exist_ok=True)
    for trunk, weights in (("alex", alex_weights()), ("squeeze", squeeze_weights())):
        halves = {name: tensor.half() for name, tensor in weights.items()}
        save_file(halves, folder / f"{trunk}_lpips.safetensors")
    return folder

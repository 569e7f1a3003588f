"""Tiny recipes and photographs that the training tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from restoreflow.flows.config import FlowConfig
from restoreflow.lab.training.config import StageConfig, TrainConfig
from restoreflow.networks.config import NetworkConfig

ALEX = {"conv1": (64, 3, 11), "conv2": (192, 64, 5), "conv3": (384, 192, 3)}
ALEX |= {"conv4": (256, 384, 3), "conv5": (256, 256, 3)}
VGG = {"conv1_1": (64, 3), "conv1_2": (64, 64), "conv2_1": (128, 64), "conv2_2": (128, 128)}


Loss = Literal["exposure", "mean", "likelihood", "texture"]
Task = Literal["sr", "lowlight"]
Coupling = Literal["spline", "affine", "clamped_affine"]


def recipe(
    *losses: Loss,
    steps: int = 4,
    coupling: Coupling = "spline",
    seed: int = 0,
    task: Task = "sr",
) -> TrainConfig:
    stages = tuple(
        StageConfig(loss=loss, steps=steps, learning_rate=1e-3, batch=2, patch=96, warmup=2)
        for loss in losses
    )
    return TrainConfig(
        name="tiny",
        task=task,
        scale=4 if task == "sr" else 1,
        degradation="bicubic" if task == "sr" else "low_light",
        network=NetworkConfig(
            kind="residual" if task == "sr" else "low_light",
            width=8 if task == "sr" else 9,
            depth=1,
        ),
        flow=FlowConfig(coupling=coupling, steps=2, hidden=8),
        stages=stages,
        precision="float32",
        seed=seed,
    )


def write_photos(folder: Path, count: int = 3, size: int = 112) -> Path:
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        coarse = generator.integers(0, 255, (size // 8, size // 8, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((size, size + 8 * index), Image.Resampling.BICUBIC)
        image.save(folder / f"photo{index}.png")
    return folder


def write_extractors(folder: Path) -> Path:
    """Random weights in the layout of the published feature extractors."""
    generator = torch.Generator().manual_seed(0)

    def tensor(*shape: int) -> torch.Tensor:
        fan = int(np.prod(shape[1:]))
        return torch.randn(*shape, generator=generator) * (2.0 / max(fan, 1)) ** 0.5

    alex = {}
    for index, (name, (out, inner, size)) in enumerate(ALEX.items()):
        alex[f"{name}.w"], alex[f"{name}.b"] = tensor(out, inner, size, size), torch.zeros(out)
        alex[f"lin{index}"] = torch.rand(1, out, 1, 1, generator=generator)
    vgg = {}
    for name, (out, inner) in VGG.items():
        vgg[f"{name}.w"], vgg[f"{name}.b"] = tensor(out, inner, 3, 3), torch.zeros(out)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(alex, folder / "alex_lpips.safetensors")
    save_file(vgg, folder / "vgg16_relu2_2_f16.safetensors")
    return folder

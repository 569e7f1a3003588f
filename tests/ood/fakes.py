"""A small network, photographs for it, and what was fitted to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from restoreflow.flows.config import FlowConfig
from restoreflow.lab.fitting.fit import fit_reference
from restoreflow.lab.training.data import step_generator
from restoreflow.models.config import ModelConfig
from restoreflow.models.folder import ModelFolder, save_folder
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import RestorationNetwork, build_network
from restoreflow.ood.reference import write_reference

CARD = "---\nlicense: apache-2.0\n---\nFor tests.\n"


def config(coupling: str = "spline", scale: int = 4) -> ModelConfig:
    return ModelConfig(
        name="tiny",
        task="sr",
        scale=scale,
        network=NetworkConfig(width=8, depth=2, context=2),
        flow=FlowConfig(coupling=coupling, steps=2, hidden=8),  # pyright: ignore[reportArgumentType]
    )


def network(coupling: str = "spline", scale: int = 4) -> RestorationNetwork:
    torch.manual_seed(3)
    return build_network(config(coupling, scale)).eval()


def model_folder(path: Path, coupling: str = "spline") -> ModelFolder:
    return save_folder(path, config(coupling), network(coupling), CARD)


def photo(index: int, height: int = 60, width: int = 72) -> Tensor:
    """(3, h, w) in [0, 1]: 1 / f noise, as photographs are on average, in 8-bit levels."""
    generator = step_generator(7, index)
    rows = torch.fft.fftfreq(height)[:, None]
    columns = torch.fft.rfftfreq(width)[None]
    radius = (rows**2 + columns**2).sqrt().clamp(min=1 / max(height, width))
    spectrum = torch.fft.rfft2(torch.randn(3, height, width, generator=generator)) / radius
    texture = torch.fft.irfft2(spectrum, s=(height, width))
    picture = 0.5 + 0.15 * texture / texture.std()
    return (picture.clamp(0, 1) * 255).round() / 255


def photos(count: int = 8) -> Iterator[Tensor]:
    return (photo(index) for index in range(count))


def write_photos(folder: Path, count: int, side: int = 192) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        levels = (photo(index, side, side) * 255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(np.ascontiguousarray(levels)).save(folder / f"photo{index}.png")
    return folder


def write(path: Path, picture: Tensor) -> Path:
    """Save (3, h, w) in [0, 1] as a picture of 8 bits."""
    levels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(np.ascontiguousarray(levels)).save(path)
    return path


def bundle(place: Path, layer: str) -> Path:
    """Bundled models: a "sr-x4" that knows its training set, and a "plain" that does not."""
    folder = model_folder(place / "sr-x4")
    model_folder(place / "plain")
    write_reference(folder.path, fit_reference(network(), photos, (layer,), "mean"))
    return place

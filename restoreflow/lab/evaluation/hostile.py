"""Inputs that make restorers explode, and how far a model goes on them.

The figure is the largest absolute detail before the limiter: after it every value is bounded by
construction, whatever the flow does.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from restoreflow.lab.evaluation import patterns
from restoreflow.lab.evaluation.attack import FlowNetwork, adversarial, standard_latent
from restoreflow.measures.metrics import count_errors

__all__ = [
    "PHOTO_RADIUS",
    "HostileResult",
    "hostile_inputs",
    "invalid_inputs",
    "largest_detail",
    "photograph",
    "probe",
]

Picture = NDArray[np.float32]
PHOTO_RADIUS = 8.0 / 255.0
"""How far an attack beside a photograph may move a value."""


def hostile_inputs(
    size: int = 96, seed: int = 0, photo: Picture | None = None
) -> dict[str, Picture]:
    """Finite pictures in [0, 1] that no training set of photographs holds, by name.

    Args:
        size: side of each, in pixels, 32 or more.
        seed: of the noise, the code's modules and the stand-in photograph.
        photo: (H, W, 3) in [0, 1], RGB, sides of `size` or more, for those made from a
            photograph; its middle is taken. Without one, a synthetic stand-in.

    Returns:
        name to (size, size, 3) float32.

    Raises:
        ValueError: the size is below 32, or the photo below the size.
    """
    if size < 32:
        raise ValueError(f"hostile inputs need 32 pixels a side or more, not {size}")
    rng = np.random.default_rng(seed)
    shape = (size, size, 3)
    inputs: dict[str, Picture] = {
        "noise_uniform": rng.random(shape, np.float32),
        "noise_binary": (rng.random(shape) < 0.5).astype(np.float32),
        "noise_gauss": np.clip(rng.normal(0.5, 0.25, shape), 0.0, 1.0).astype(np.float32),
    }
    regular = {"checker": patterns.checker, "stripes": patterns.stripes}
    for name, draw in regular.items():
        inputs |= _both_colours(name, draw, size, (1, 2, 4, 8))
    # Diagonals one pixel wide are the checkerboard.
    inputs |= _both_colours("diagonal", patterns.diagonals, size, (2, 3, 4))
    inputs |= {
        "grating": patterns.grating(size),
        "text": patterns.text(size),
        "lines": patterns.lines(size),
        "qr": patterns.qr(size, rng),
        "black": patterns.uniform(size, 0.0),
        "white": patterns.uniform(size, 1.0),
        "primaries": patterns.primaries(size),
        "gradient": patterns.ramp(size),
    }
    return inputs | _from_photo(_photo(size, seed, photo), size, rng)


def photograph(size: int = 96, seed: int = 0, photo: Picture | None = None) -> Picture:
    """The photograph that hostile inputs of these arguments are made from, (size, size, 3)."""
    return _centre(_photo(size, seed, photo), size)


def invalid_inputs(
    size: int = 96, seed: int = 0, photo: Picture | None = None
) -> dict[str, Picture]:
    """Pictures as a floating-point file can hold them: NaN, infinities, below 0, far above 1.

    A tenth of a photograph's values are replaced (arguments as `hostile_inputs`). They must be
    refused or cleaned before any network sees them.
    """
    middle = photograph(size, seed, photo)
    struck = np.random.default_rng(seed).random(middle.shape) < 0.1
    values = {
        "nan": math.nan,
        "inf": math.inf,
        "minus_inf": -math.inf,
        "negative": -1.0,
        "ten": 10.0,
    }
    return {name: np.where(struck, np.float32(value), middle) for name, value in values.items()}


class HostileResult(NamedTuple):
    """A model's first sample for one input at one temperature, before the limiter."""

    input: str
    temperature: float
    largest_detail: float | None
    """largest finite absolute detail; image range is 1; None where no value is finite"""
    largest_mean: float | None
    """largest finite absolute value of the mean image"""
    error_pixels: int
    """pixels with a value of mean + detail that is not finite or outside [-0.5, 1.5]"""
    nonfinite: int
    """values of mean and detail that are not finite"""


def largest_detail(
    network: FlowNetwork,
    inputs: Mapping[str, Picture],
    temperatures: Sequence[float] = (0.0, 0.5, 0.8, 1.0),
    seed: int = 0,
    photo: Picture | None = None,
    attack_steps: int = 0,
) -> list[HostileResult]:
    """How far a model's detail goes on each input at each temperature.

    Args:
        network: spline, affine or any other flow; on the CPU.
        inputs: name to picture (H, W, 3), as `hostile_inputs` gives them; not empty.
        seed: of the latents, which are those a Restorer draws for its first sample.
        photo: where the attack within 8/255 starts; without one it is left out.
        attack_steps: of gradient ascent for the rows adversarial_free, which starts from the
            worst input at that temperature, and adversarial_photo; 0 leaves both out.
    """
    pictures = {name: _tensor(picture) for name, picture in inputs.items()}
    results: list[HostileResult] = []
    for temperature in temperatures:
        found = {name: probe(network, p, name, temperature, seed) for name, p in pictures.items()}
        if attack_steps > 0:
            worst = max(found.values(), key=_severity).input
            starts: dict[str, tuple[torch.Tensor, float | None]] = {
                "adversarial_free": (pictures[worst], None)
            }
            if photo is not None:
                starts["adversarial_photo"] = (_tensor(photo), PHOTO_RADIUS)
            for name, (start, radius) in starts.items():
                attacked = adversarial(network, start, temperature, radius, attack_steps, seed)
                found[name] = probe(network, attacked, name, temperature, seed)
        results.extend(found.values())
    return results


@torch.no_grad()
def probe(
    network: FlowNetwork, degraded: torch.Tensor, name: str, temperature: float, seed: int = 0
) -> HostileResult:
    """The result for one input (1, 3, h, w) in [0, 1]."""
    encoding = network.encode(degraded)
    latent = standard_latent(network, encoding.features, seed)
    mean = encoding.mean.numpy()
    detail = network.sample(encoding, latent, temperature).detail.numpy()
    # A sum of finite values may overflow, hence the errors of the sum and the counts of its parts.
    with np.errstate(over="ignore", invalid="ignore"):
        errors = count_errors(mean + detail)
    nonfinite = int((~np.isfinite(mean)).sum() + (~np.isfinite(detail)).sum())
    return HostileResult(
        name, temperature, _largest(detail), _largest(mean), errors.pixels, nonfinite
    )


def _both_colours(
    name: str, draw: patterns.Drawing, size: int, cells: Sequence[int]
) -> dict[str, Picture]:
    plain = {f"{name}_{cell}": draw(size, cell, patterns.BLACK_WHITE) for cell in cells}
    return plain | {f"{name}_{c}_red_blue": draw(size, c, patterns.RED_BLUE) for c in cells}


def _from_photo(photo: Picture, size: int, rng: np.random.Generator) -> dict[str, Picture]:
    middle = _centre(photo, size)
    struck = rng.random(middle.shape[:2]) < 0.01
    impulses = np.where(rng.random((size, size, 1)) < 0.5, np.float32(0), np.float32(1))
    rows, columns = np.indices((size, size))
    blocks = _centre(photo, size)[rows // 8 * 8, columns // 8 * 8]
    factor = max(min(4, min(photo.shape[:2]) // size), 1)
    return {
        "impulse": np.where(struck[..., None], impulses, middle),
        "jpeg_10": _jpeg(middle, quality=10),
        "blocks_8": blocks,
        "upscaled": middle[rows // 4, columns // 4],
        "downscaled": _centre(photo, size * factor)[::factor, ::factor],
    }


def _photo(size: int, seed: int, photo: Picture | None) -> Picture:
    if photo is None:
        # Four times the side, so that decimation leaves a picture of the side asked for.
        return patterns.stand_in_photo(4 * size, np.random.default_rng([seed, 1]))
    if min(photo.shape[:2]) < size:
        height, width = photo.shape[:2]
        raise ValueError(f"the photo must have sides of {size} or more, got {width} x {height}")
    return photo


def _centre(photo: Picture, side: int) -> Picture:
    top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
    return photo[top : top + side, left : left + side]


def _jpeg(picture: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as decoded:
        return (np.asarray(decoded.convert("RGB")) / 255.0).astype(np.float32)


def _tensor(picture: Picture) -> torch.Tensor:
    channels_first = np.ascontiguousarray(np.moveaxis(picture, -1, 0), dtype=np.float32)
    return torch.from_numpy(channels_first)[None]


def _largest(values: NDArray[np.float32]) -> float | None:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else None


def _severity(result: HostileResult) -> tuple[int, float]:
    return result.nonfinite, result.largest_detail or 0.0

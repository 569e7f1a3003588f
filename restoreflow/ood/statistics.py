"""Low-level statistics of a picture, and in words what sets it apart from the training set's.

They name a reason; the decision is the score's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LEVELS",
    "STATISTICS",
    "TINY",
    "Statistic",
    "measure",
    "outside",
    "quantiles",
    "reasons",
]

Array = NDArray[np.float32]

LEVELS = (0.0, 0.005, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.995, 1.0)
"""At which quantiles of the training set a reference keeps values."""

TINY = 32
"""Sides in pixels below which there is little to judge."""

_PART = 512
_PARTS = 4  # a side: larger pictures are judged by 4 x 4 parts, evenly spread
_NOTABLE = 1.1  # how far beyond the percentile a value has to lie to be told


class Statistic(NamedTuple):
    """One number of a picture, and what unusual values of it mean.

    Attributes:
        high: what a value above the training set's says of the picture; empty for nothing.
        low: likewise below.
        floor: differences below this mean nothing; also keeps ratios finite.
    """

    high: str
    low: str
    floor: float


STATISTICS: dict[str, Statistic] = {
    "noise": Statistic("noise", "", 0.25),
    "blocks": Statistic("compression blocks", "", 0.02),
    "sharpness": Statistic("harsh detail", "blur", 0.01),
    "clipped": Statistic("clipped tones", "", 0.01),
    "dominance": Statistic("few tones, as text and line art have", "", 0.02),
    "tones": Statistic("", "banding", 0.02),
    "contrast": Statistic("", "low contrast", 1.0),
    "colour": Statistic("strong colours", "", 2.0),
}
"""Names in the order of `measure`.

noise: deviation in levels of 255, from the diagonal differences of the calmer quarter of 16 x 16
blocks. blocks: differences across the strongest of 8 phases over those across the others, 1 for
none. sharpness: mean detail within 3 pixels over that within 9. clipped: share of pixels with a
channel at 0 or 1. dominance: share of pixels in the 2 commonest of 32 tones. tones: levels in use
of those between darkest and brightest. contrast: deviation of luma in levels. colour: mean
difference of strongest and weakest channel in levels.
"""


def measure(pixels: Array) -> dict[str, float]:
    """The statistics of a picture (H, W, 3), RGB in [0, 1], by name.

    Pictures above 2048 pixels a side are judged by 16 evenly spread parts of 512 x 512, so that
    time and memory stay bounded.
    """
    parts = [_measure(part) for part in _parts(pixels)]
    return {name: float(np.median([part[name] for part in parts])) for name in STATISTICS}


def quantiles(values: Sequence[float]) -> tuple[float, ...]:
    """Values at `LEVELS`."""
    return tuple(float(q) for q in np.quantile(np.asarray(values, float), LEVELS))


def outside(measured: Mapping[str, float], reference: Mapping[str, Sequence[float]]) -> bool:
    """Whether a statistic is clearly beyond all of the training set's, on a side that matters."""
    for name, (above, below, floor) in STATISTICS.items():
        if name in reference and name in measured:
            value, (low, *_, high) = measured[name] + floor, reference[name]
            over, under = value / (high + floor), value / (low + floor)
            if (above and over > _NOTABLE) or (below and under < 1 / _NOTABLE):
                return True
    return False


def reasons(
    measured: Mapping[str, float],
    reference: Mapping[str, Sequence[float]],
    size: tuple[int, int],
) -> list[str]:
    """What is unusual about a picture, in words, the most unusual first.

    Args:
        measured: of `measure`.
        reference: statistic to the training set's values at `LEVELS`; others are left out.
        size: width and height in pixels.
    """
    low, high = LEVELS.index(0.01), LEVELS.index(0.99)
    found: list[tuple[float, str]] = []
    for name, (above, below, floor) in STATISTICS.items():
        if name not in reference or name not in measured:
            continue
        value = measured[name] + floor
        over = value / (reference[name][high] + floor)
        under = value / (reference[name][low] + floor)
        if above and over > _NOTABLE:
            found.append((over, f"{above}: {over:.2g}x the training set's 99th percentile"))
        elif below and under < 1 / _NOTABLE:
            text = f"{below}: {name} {under:.2g}x the training set's 1st percentile"
            found.append((1 / under, text))
    words = [text for _, text in sorted(found, reverse=True)]
    if min(size) < TINY:
        words.insert(0, f"tiny: {size[0]} x {size[1]} pixels")
    return words


def _parts(pixels: Array) -> Iterator[Array]:
    height, width = pixels.shape[:2]
    for top in _starts(height):
        for left in _starts(width):
            rows = slice(top, top + _PART) if height > _PART * _PARTS else slice(None)
            columns = slice(left, left + _PART) if width > _PART * _PARTS else slice(None)
            yield pixels[rows, columns]


def _starts(side: int) -> list[int]:
    """Multiples of 8, so that compression blocks have one phase in all parts."""
    if side <= _PART * _PARTS:
        return [0]
    return [(side - _PART) * index // (_PARTS - 1) // 8 * 8 for index in range(_PARTS)]


def _measure(pixels: Array) -> dict[str, float]:
    luma = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    # Planes of their own: numpy is slow over three values at a time.
    red, green, blue = (np.ascontiguousarray(pixels[..., channel]) for channel in range(3))
    dark = np.minimum(np.minimum(red, green), blue)
    bright = np.maximum(np.maximum(red, green), blue)
    return {
        "noise": _noise(luma),
        "blocks": (_phases(luma) + _phases(luma.T)) / 2,
        "sharpness": _sharpness(luma),
        "clipped": float(((dark < 0.5 / 255) | (bright > 254.5 / 255)).mean()),
        "dominance": _dominance(luma),
        "tones": _tones(green),
        "contrast": float(luma.std() * 255),
        "colour": float((bright - dark).mean() * 255),
    }


def _noise(luma: Array) -> float:
    height, width = (side // 2 * 2 for side in luma.shape)
    if not height or not width:
        return 0.0
    x = luma[:height, :width]
    diagonal = np.abs(x[::2, ::2] - x[1::2, ::2] - x[::2, 1::2] + x[1::2, 1::2]) / 2
    block = min(8, *diagonal.shape)
    rows, columns = (side // block for side in diagonal.shape)
    cut = diagonal[: rows * block, : columns * block]
    blocks = cut.reshape(rows, block, columns, block).swapaxes(1, 2).reshape(-1, block * block)
    calm = np.quantile(np.median(blocks, axis=1), 0.25)
    return float(calm / 0.6745 * 255)


def _phases(luma: Array) -> float:
    """Differences across columns 8 apart, of the strongest phase over the median phase."""
    steps = np.abs(np.diff(luma, axis=1)).mean(0)
    if len(steps) < 24:
        return 1.0
    means = [float(steps[phase::8].mean()) for phase in range(8)]
    return (max(means) + 1e-4) / (float(np.median(means)) + 1e-4)


def _sharpness(luma: Array) -> float:
    if min(luma.shape) < 9:
        return 0.5
    inner = luma[4:-4, 4:-4]
    threes = _of_three(luma, 1)
    fine = np.abs(inner - threes[3:-3, 3:-3]).mean(dtype=np.float64)
    coarse = np.abs(inner - _of_three(threes, 3)).mean(dtype=np.float64)
    return float((fine + 1e-5) / (coarse + 2e-5))


def _of_three(luma: Array, step: int) -> Array:
    """Means of three by three values so many apart, where all lie within.

    Means over nine by nine are those of three by three means, three apart.
    """
    rows = luma[: -2 * step] + luma[step:-step] + luma[2 * step :]
    total = rows[:, : -2 * step] + rows[:, step:-step] + rows[:, 2 * step :]
    return (total / np.float32(9)).astype(np.float32, copy=False)


def _dominance(luma: Array) -> float:
    counts = np.bincount(np.minimum((luma * 32).astype(np.intp), 31).ravel(), minlength=32)
    return float(np.sort(counts)[-2:].sum() / luma.size)


def _tones(channel: Array) -> float:
    levels = np.rint(channel * 255).astype(np.uint8)
    used = np.flatnonzero(np.bincount(levels.ravel(), minlength=256))
    return len(used) / float(used[-1] - used[0] + 1)

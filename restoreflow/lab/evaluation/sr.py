"""The protocol for super-resolution: truths reduced by bicubic, perhaps worn, and restored.

Truths are cropped to a multiple of the scale and reduced by Pillow's antialiased bicubic to 8
bits; results are 8 bit. Quality is that of the first sample; spread is between the first two;
diversity and errors are over all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image

from restoreflow.errors import InputError
from restoreflow.lab.degradations.wear import Wear
from restoreflow.lab.evaluation.methods import Method, Outcome, timed, warm_up
from restoreflow.lab.evaluation.scores import PictureScore, offset_scores
from restoreflow.lab.photographs import as_levels, as_tensor, read_rgb
from restoreflow.measures.lpips import LPIPS, has_weights, load_lpips, lpips_worst_offset
from restoreflow.measures.metrics import diversity_s10, psnr_y, spread, ssim_y
from restoreflow.restoration.consistency import lr_psnr

__all__ = [
    "MIN_TRUTH_SIDE",
    "PerceptualMetrics",
    "degrade",
    "evaluate_sr",
    "find_metrics",
    "load_metrics",
]

MIN_TRUTH_SIDE = 40
"""Both trunks have locations left after the largest offset from this side on."""


class PerceptualMetrics(NamedTuple):
    """LPIPS with two trunks: one that a model may be trained with, one to judge it by."""

    alex: LPIPS
    squeeze: LPIPS


def load_metrics(folder: Path | None = None) -> PerceptualMetrics:
    """Both metrics; sources and errors as `load_lpips`."""
    return PerceptualMetrics(load_lpips("alex", folder), load_lpips("squeeze", folder))


def find_metrics(folder: Path | None = None) -> PerceptualMetrics | None:
    """Both metrics, or None where no folder is named and the package `lpips` is not installed.

    Raises:
        ModelError: a folder is named and lacks a file, or holds a broken one.
    """
    return load_metrics(folder) if has_weights(folder) else None


def degrade(truth: Image.Image, scale: int) -> tuple[Image.Image, Image.Image]:
    """The truth cropped to a multiple of `scale`, and its antialiased bicubic reduction.

    Raises:
        InputError: a side is too short for the perceptual metrics.
    """
    width, height = (side // scale * scale for side in truth.size)
    if min(width, height) < MIN_TRUTH_SIDE:
        raise InputError(
            f"A truth of {truth.width} x {truth.height} pixels is too small to compare",
            f"use pictures with sides of {MIN_TRUTH_SIDE} or more",
        )
    cropped = truth.convert("RGB").crop((0, 0, width, height))
    reduced = cropped.resize((width // scale, height // scale), Image.Resampling.BICUBIC)
    return cropped, reduced


def evaluate_sr(
    method: Method,
    truths: Sequence[Path],
    scale: int,
    metrics: PerceptualMetrics | None,
    samples: int = 10,
    progress: Callable[[str], None] | None = None,
    wear: Wear | None = None,
) -> list[PictureScore]:
    """Scores of a method on each truth.

    Args:
        method: restores an input to `scale` times its size.
        truths: picture files.
        metrics: None: scores are without LPIPS, and without the diversity that it measures.
        samples: drawn of each picture for spread, diversity and errors.
        progress: called with each picture's name when it is done.
        wear: what happens to the inputs besides; each has noise of its own, alike for all methods.

    Raises:
        InputError: a truth cannot be read or is too small.
    """
    scores: list[PictureScore] = []
    for index, path in enumerate(truths):
        truth, reduced = degrade(read_rgb(path), scale)
        reduced = (wear or Wear()).apply(reduced, index)
        if not scores:
            warm_up(method, reduced)
        try:
            one, seconds = timed(method, reduced)
            wanted = samples if method.draws_samples else 1
            several = method.restore(reduced, wanted) if wanted > 1 else one
        except InputError as error:
            scores.append(PictureScore(path.name, {}, failure=error.message))
        else:
            quality = _quality(one.images[0], truth, reduced, scale, metrics)
            quality |= _variety(several, truth, metrics)
            scores.append(PictureScore.of(path.name, quality, one, several, seconds))
        if progress:
            progress(path.name)
    return scores


def _quality(
    result: Image.Image,
    truth: Image.Image,
    reduced: Image.Image,
    scale: int,
    metrics: PerceptualMetrics | None,
) -> dict[str, float]:
    levels, true_levels = as_levels(result), as_levels(truth)
    return {
        "psnr_y": psnr_y(levels, true_levels, border=scale),
        "ssim_y": ssim_y(levels, true_levels, border=scale),
        **(_perceptual(result, truth, metrics) if metrics else {}),
        "lr_psnr": lr_psnr(result.convert("RGB"), as_tensor(reduced)[0]),
    }


@torch.no_grad()
def _perceptual(
    result: Image.Image, truth: Image.Image, metrics: PerceptualMetrics
) -> dict[str, float]:
    pictures, truths = as_tensor(result), as_tensor(truth)
    alex = lpips_worst_offset(metrics.alex, pictures, truths)
    squeeze = float(metrics.squeeze(pictures, truths))
    return {**offset_scores(alex.distances), "lpips_squeeze": squeeze}


@torch.no_grad()
def _variety(
    several: Outcome, truth: Image.Image, metrics: PerceptualMetrics | None
) -> dict[str, float]:
    found = {"spread": 0.0, "spread_std": 0.0}
    if len(several.images) >= 2:
        first, second = (as_levels(image) for image in several.images[:2])
        between = spread(first, second)
        found = {"spread": between.mean_absolute, "spread_std": between.standard_deviation}
    if metrics is None:
        return found
    target = as_tensor(truth)
    maps = [metrics.alex.map(as_tensor(image), target).numpy() for image in several.images]
    return found | {"diversity_s10": diversity_s10(maps) if len(maps) > 1 else 0.0}

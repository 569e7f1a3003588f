"""The protocol for low light: dark pictures restored and compared with their bright partners.

Every result is compared twice: as it is, and after one factor gave it the truth's gray mean.
The first mostly measures exposure, the second needs the truth; papers differ in which they
print, so both stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from PIL import Image

from restoreflow.errors import InputError
from restoreflow.lab.evaluation.methods import Method, timed, warm_up
from restoreflow.lab.evaluation.scores import PictureScore, Row, average, offset_scores
from restoreflow.lab.evaluation.sets import Pair
from restoreflow.lab.evaluation.sr import PerceptualMetrics
from restoreflow.lab.photographs import as_levels, as_tensor, read_rgb
from restoreflow.measures.lpips import MIN_SIDE, lpips_worst_offset
from restoreflow.measures.metrics import match_mean, psnr, spread, ssim_gray, ssim_rgb

__all__ = ["average_groups", "evaluate_low_light"]


def evaluate_low_light(
    method: Method,
    pairs: Sequence[Pair],
    metrics: PerceptualMetrics | None,
    samples: int = 2,
    progress: Callable[[str], None] | None = None,
) -> list[PictureScore]:
    """Scores of a method on each pair.

    Args:
        method: restores an input to a picture of its size.
        metrics: None: scores are without LPIPS.
        samples: drawn of each picture for spread and errors.
        progress: called with each picture's name when it is done.

    Raises:
        InputError: a picture cannot be read, or a pair differs in size.
    """
    scores: list[PictureScore] = []
    for pair in pairs:
        dark, truth = _read_pair(pair)
        if not scores:
            warm_up(method, dark)
        try:
            one, seconds = timed(method, dark)
            wanted = samples if method.draws_samples else 1
            several = method.restore(dark, wanted) if wanted > 1 else one
        except InputError as error:
            scores.append(PictureScore(pair.truth.name, {}, failure=error.message))
        else:
            quality = _quality(one.images[0], truth, metrics)
            if len(several.images) > 1:
                first, second = (as_levels(image) for image in several.images[:2])
                quality["spread"] = spread(first, second).mean_absolute
            scores.append(PictureScore.of(pair.truth.name, quality, one, several, seconds))
        if progress:
            progress(pair.truth.name)
    return scores


def average_groups(
    method: Method,
    scores: Sequence[PictureScore],
    samples: int,
    prefixes: Sequence[str] = (),
) -> list[Row]:
    """A row for all pictures, then one for each group of them.

    Args:
        prefixes: a group is the pictures whose names begin with one of these; without any, with
            the same letters before the first underscore. Groups of everything or nothing are
            left out.
    """
    rows = [average(method, "all", scores, samples)]
    if not prefixes:
        found = dict.fromkeys(s.picture.split("_")[0] for s in scores if "_" in s.picture)
        prefixes = [f"{prefix}_" for prefix in found]
    for prefix in prefixes:
        group = [score for score in scores if score.picture.startswith(prefix)]
        if 0 < len(group) < len(scores):
            rows.append(average(method, prefix.rstrip("_"), group, samples))
    return rows


def _read_pair(pair: Pair) -> tuple[Image.Image, Image.Image]:
    dark, truth = read_rgb(pair.degraded), read_rgb(pair.truth)
    if dark.size != truth.size:
        raise InputError(
            f"{pair.degraded} is {dark.width} x {dark.height}, its truth "
            f"{truth.width} x {truth.height} pixels",
            "a pair shows the same scene at the same size",
        )
    if min(dark.size) < MIN_SIDE + 3:
        raise InputError(
            f"{pair.degraded} is {dark.width} x {dark.height} pixels, too small to compare",
            f"use pictures with sides of {MIN_SIDE + 3} or more",
        )
    return dark, truth


def _quality(
    result: Image.Image, truth: Image.Image, metrics: PerceptualMetrics | None
) -> dict[str, float]:
    levels, true_levels = as_levels(result), as_levels(truth)
    matched = match_mean(levels, true_levels)
    measured = {
        "psnr": psnr(levels, true_levels),
        "ssim_gray": ssim_gray(levels, true_levels),
        "ssim_rgb": ssim_rgb(levels, true_levels),
        "psnr_matched": psnr(matched, true_levels),
        "ssim_gray_matched": ssim_gray(matched, true_levels),
        "ssim_rgb_matched": ssim_rgb(matched, true_levels),
    }
    if metrics is None:
        return measured
    return measured | _perceptual(result, Image.fromarray(matched), truth, metrics)


@torch.no_grad()
def _perceptual(
    result: Image.Image, matched: Image.Image, truth: Image.Image, metrics: PerceptualMetrics
) -> dict[str, float]:
    pictures, truths = as_tensor(result), as_tensor(truth)
    alex = lpips_worst_offset(metrics.alex, pictures, truths)
    return {
        **offset_scores(alex.distances),
        "lpips_squeeze": float(metrics.squeeze(pictures, truths)),
        "lpips_alex_matched": float(metrics.alex(as_tensor(matched), truths)),
    }

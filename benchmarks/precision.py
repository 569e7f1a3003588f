"""What bfloat16 costs and gains: decibels, scores of inputs, processor seconds.

    python benchmarks/precision.py --data Set14 [--data FOLDER ...] [--model sr-x4] [--limit N]

Every picture is reduced and restored in float32 and in bfloat16, at T = 0 and at the model's
temperature, one after the other, so that what else runs slows both. Prints, for each temperature,
mean PSNR (dB, of luma) of both, the largest difference of a picture's, the share of bytes that
differ, and the median ratio of processor seconds; then by how much a score of the input moves where
the features come from the bfloat16 pass, which is why inputs are judged in float32.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from restoreflow.batch.judging import Judge
from restoreflow.lab.evaluation.sets import list_pictures
from restoreflow.lab.evaluation.sr import degrade
from restoreflow.lab.photographs import as_levels, read_rgb
from restoreflow.measures.metrics import psnr_y
from restoreflow.models.resolve import resolve_model
from restoreflow.ood.reference import read_reference
from restoreflow.restoration.restorer import Restorer, load_model


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--model", default="sr-x4")
    parser.add_argument("--limit", type=int, help="so many pictures of each folder")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    restorers = [load_model(asked.model, "cpu", kind) for kind in ("float32", "bfloat16")]
    scale = restorers[0].network.scale
    files = [file for folder in asked.data for file in list_pictures(folder)[: asked.limit]]
    pairs = [degrade(read_rgb(file), scale) for file in files]
    for restorer in restorers:
        restorer.restore(pixels_of(pairs[0][1]))  # the first one of a process is slower
    for heat in (0.0, restorers[0].config.defaults.temperature):
        print(f"T = {heat:g}: {compared(restorers, pairs, heat)}")
    print(f"scores: {judged(asked.model, restorers, [low for _, low in pairs])}")


def pixels_of(picture: Image.Image) -> np.ndarray:
    """(h, w, 3) float32 in [0, 1]."""
    return as_levels(picture).astype(np.float32) / 255


def compared(
    restorers: list[Restorer], pairs: list[tuple[Image.Image, Image.Image]], heat: float
) -> str:
    """What both precisions give at a temperature, in words."""
    found: list[list[float]] = []
    differing, ratios = [], []
    for truth, low in pairs:
        images, seconds = [], []
        for restorer in restorers:
            started = time.process_time()
            images.append(restorer.restore(pixels_of(low), temperature=heat).images[0])
            seconds.append(time.process_time() - started)
        levels = [as_levels(image) for image in images]
        found.append(
            [psnr_y(each, as_levels(truth), restorers[0].network.scale) for each in levels]
        )
        differing.append(float((levels[0] != levels[1]).mean()))
        ratios.append(seconds[1] / seconds[0])
    exact, reduced = np.transpose(found)
    return (
        f"{exact.mean():.4f} dB in float32, {reduced.mean():.4f} in bfloat16, "
        f"a picture's differs by {np.abs(reduced - exact).max():.4f} at most; "
        f"{100 * statistics.mean(differing):.1f} % of bytes differ; "
        f"{statistics.median(ratios):.2f} of the time ({min(ratios):.2f} to {max(ratios):.2f})"
    )


def judged(model: str, restorers: list[Restorer], inputs: list[Image.Image]) -> str:
    """How scores and verdicts move with the precision of the features, in words."""
    judge = Judge(read_reference(resolve_model(model)))
    moved, turned = [], 0
    for pixels in map(pixels_of, inputs):
        checks = []
        for restorer in restorers:
            watch = judge.watch(restorer, pixels)
            assert watch is not None
            restorer.restore(pixels, temperature=0.0, watch=watch)
            checks.append(judge.watched(restorer, pixels, watch))
        exact, reduced = checks
        moved.append(abs(reduced.score.energy / exact.score.energy - 1))
        turned += exact.verdict != reduced.verdict
    return (
        f"{100 * statistics.median(moved):.2f} % of the score in the median, "
        f"{100 * max(moved):.2f} % at most; {turned} of {len(inputs)} verdicts turn"
    )


if __name__ == "__main__":
    main()

"""What becomes of one input in one arm, at every temperature, and what its score was before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from restoreflow.defects.find import measure_defects
from restoreflow.lab.evaluation.attack import adversarial
from restoreflow.lab.evaluation.hostile import PHOTO_RADIUS
from restoreflow.lab.evaluation.scores import DECIBEL_CAP
from restoreflow.lab.fitting.calibrate import as_large
from restoreflow.lab.fitting.outcomes import Drawn, draw_each, error_places
from restoreflow.measures.metrics import count_errors, psnr, psnr_y
from restoreflow.ood.check import probability, score_of_maps
from restoreflow.ood.features import FEATURES
from restoreflow.ood.mahalanobis import summarise
from restoreflow.ood.maps import energy_maps
from restoreflow.ood.statistics import measure as statistics
from restoreflow.restoration.consistency import lr_psnr
from restoreflow.restoration.pixels import eight_bit
from restoreflow.tasks.table import TASKS
from studies.robustness.arms import Arm
from studies.robustness.suite import Item

__all__ = ["BIN_WIDTH", "FIRST_EDGE", "attack", "measure"]

FIRST_EDGE, BIN_WIDTH, BINS = -2.0, 0.1, 80
"""Cells are counted by their energy's common logarithm: from 0.01, ten bins a decade."""


def measure(
    arm: Arm, item: Item, temperatures: Sequence[float], samples: int, seed: int
) -> dict[str, Any]:
    """Scores of an input and, for each temperature, what its samples came to.

    Errors and sizes are of the values before the limiter; PSNR and LR-PSNR are of the first
    sample after it, without projection onto the input.

    Returns:
        the item's name, group, kind and severity; `scores` by name; `levels`, a dict a
        temperature. JSON without NaN or infinity: what is not finite is counted, and None.
    """
    energies = _energies(arm, item.degraded)
    levels = []
    for temperature, drawn in zip(
        temperatures,
        draw_each(arm.network, item.degraded, temperatures, samples, seed),
        strict=True,
    ):
        kept = Drawn(drawn.image[:1], drawn.unlimited[:1], drawn.largest_detail)
        levels.append(
            {"temperature": temperature}
            | _errors(drawn if temperature > 0 else kept)
            | _fidelity(arm, item, drawn)
            | {"cells": _cells(energies, error_places(drawn))}
        )
    return {
        "name": item.name,
        "group": item.group,
        "kind": item.kind,
        "severity": item.severity,
        "scores": _scores(arm, item.degraded, energies),
        "levels": levels,
    }


def attack(
    arm: Arm, start: Item, temperature: float, near: bool, steps: int, seed: int
) -> dict[str, Any]:
    """The measurement of the input that gradient ascent on the detail ends with.

    Args:
        arm: whose detail grows.
        start: where the ascent starts; its truth is forgotten.
        temperature: of the samples.
        near: stay within 8/255 of the start, else anywhere in [0, 1].
        steps: of the ascent.
        seed: of the latent, that of the measurement's only sample.
    """
    radius = PHOTO_RADIUS if near else None
    found = adversarial(arm.network, start.degraded[None], temperature, radius, steps, seed)
    kind = "within 8/255" if near else "free"
    item = Item(f"{kind}: {start.name}", "adversarial", kind, 0, found[0])
    return measure(arm, item, [temperature], 1, seed)


def _energies(arm: Arm, degraded: Tensor) -> dict[str, NDArray[np.float32]]:
    """Maps of the score's layers and, under "embedding", of the flow's features."""
    maps = energy_maps(arm.network, degraded, arm.reference.gaussians)
    if arm.embedding is not None:
        found = energy_maps(arm.network, degraded, {FEATURES: arm.embedding})
        maps["embedding"] = found[FEATURES]
    return maps


def _scores(
    arm: Arm, degraded: Tensor, energies: dict[str, NDArray[np.float32]]
) -> dict[str, float]:
    """Image scores by name, each finite."""
    found = score_of_maps(arm.reference, energies)
    summary = found.summary._asdict()
    summary.pop(arm.reference.summary)  # which the energy is
    scores = {"energy": found.energy, **summary, "unusual": found.unusual}
    pixels = np.ascontiguousarray(degraded.permute(1, 2, 0).numpy())
    measures = measure_defects(pixels)
    chance = probability(arm.reference, found, statistics(pixels), pixels, measures)
    if chance is not None:
        scores["probability"] = chance
    if "embedding" in energies:
        inner = summarise(torch.from_numpy(energies["embedding"]), math.inf)
        scores |= {"embedding_mean": inner.mean, "embedding_p99": inner.p99}
    return {name: min(float(value), 1e300) for name, value in scores.items()}


def _errors(drawn: Drawn) -> dict[str, Any]:
    values = drawn.unlimited.numpy()
    each = [count_errors(value) for value in values]
    finite = np.abs(values[np.isfinite(values)])
    return {
        "samples": len(values),
        "pixels": int(values[:, 0].size),
        "error_pixels": sum(count.pixels for count in each),
        "error_samples": sum(count.pixels > 0 for count in each),
        "nonfinite": sum(count.nonfinite for count in each),
        "largest": float(finite.max()) if finite.size else None,
        "largest_detail": drawn.largest_detail,
    }


def _fidelity(arm: Arm, item: Item, drawn: Drawn) -> dict[str, float | None]:
    image = drawn.image[0]
    if not bool(image.isfinite().all()):
        return {"psnr": None, "lr_psnr": None}
    levels = _levels(image)
    figures: dict[str, float | None] = {"psnr": None, "lr_psnr": None}
    if item.clean is not None:
        truth = _levels(item.clean)
        scale = arm.config.scale
        figures["psnr"] = psnr_y(levels, truth, scale) if scale > 1 else psnr(levels, truth)
    if TASKS[arm.config.task].operator is not None:
        seen = eight_bit(item.degraded).float() / 255
        figures["lr_psnr"] = lr_psnr(Image.fromarray(levels), seen)
    return {n: None if v is None else min(v, DECIBEL_CAP) for n, v in figures.items()}


def _levels(picture: Tensor) -> NDArray[np.uint8]:
    """(3, H, W) in [0, 1] as 8-bit (H, W, 3)."""
    return eight_bit(picture).permute(1, 2, 0).contiguous().numpy()


def _cells(
    energies: dict[str, NDArray[np.float32]], wrong: NDArray[np.bool_]
) -> dict[str, list[list[int]]]:
    """For each map, rows of bin, cells and cells with an error; empty bins are left out."""
    tables: dict[str, list[list[int]]] = {}
    for name, energy in energies.items():
        logs = np.log10(np.maximum(as_large(energy, wrong.shape), 1e-30))
        bins = np.clip(np.floor((logs - FIRST_EDGE) / BIN_WIDTH), 0, BINS - 1).astype(int)
        cells = np.bincount(bins.ravel(), minlength=BINS)
        bad = np.bincount(bins[wrong], minlength=BINS)
        filled = np.flatnonzero(cells)
        tables[name] = np.stack((filled, cells[filled], bad[filled]), 1).tolist()
    return tables

"""From measurements to the paper's claims: tables, and what holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restoreflow.lab.fitting.comparison import rank_correlation
from restoreflow.lab.fitting.probabilities import area_under_roc
from studies.robustness.measure import BIN_WIDTH, FIRST_EDGE
from studies.robustness.suite import GROUPS

__all__ = [
    "Explosions",
    "ScoreBin",
    "certificates",
    "explosions",
    "images",
    "onset",
    "place_bins",
    "places",
    "rates",
    "score_bins",
    "scores",
]

Measured = Mapping[str, Any]


class Explosions(NamedTuple):
    """An arm on a group of inputs at one temperature.

    Attributes:
        images: samples that were judged.
        error_images: share of them with an error pixel.
        error_pixels: share of all pixels.
        nonfinite: values that are not finite.
        largest: largest finite |x| before the limiter, image range 1; None without any.
        largest_detail: likewise of the detail.
        lr_psnr: median over inputs, dB, after the limiter and without projection.
    """

    arm: str
    group: str
    temperature: float
    images: int
    error_images: float
    error_pixels: float
    nonfinite: int
    largest: float | None
    largest_detail: float
    lr_psnr: float | None


def explosions(study: Measured) -> list[Explosions]:
    """Claim 1: a row for every arm, group and temperature."""
    rows = []
    for name, found in study["measurements"].items():
        for group in GROUPS:
            inputs = [each for each in found["inputs"] if each["group"] == group]
            for temperature in _temperatures(inputs):
                rows.append(_explosions(name, group, temperature, _at(inputs, temperature)))
    return rows


def rates(study: Measured, arm: str, temperature: float) -> dict[str, dict[int, float]]:
    """Share of error images for each corruption and severity."""
    found: dict[str, dict[int, list[float]]] = {}
    for each in study["measurements"][arm]["inputs"]:
        if each["group"] == "corruption":
            for level in _at([each], temperature):
                share = level["error_samples"] / level["samples"]
                found.setdefault(each["kind"], {}).setdefault(each["severity"], []).append(share)
    return {kind: {s: float(np.mean(v)) for s, v in row.items()} for kind, row in found.items()}


def onset(study: Measured, arm: str, group: str) -> dict[str, Any]:
    """From which temperature on an arm has error images, and how many inputs have one anywhere."""
    inputs = [e for e in study["measurements"][arm]["inputs"] if e["group"] == group]
    bad = [
        level["temperature"]
        for each in inputs
        for level in each["levels"]
        if level["error_samples"]
    ]
    hit = [e for e in inputs if any(level["error_samples"] for level in e["levels"])]
    return {
        "arm": arm,
        "group": group,
        "inputs": len(inputs),
        "lowest_temperature": min(bad, default=None),
        "inputs_with_errors": len(hit),
        "kinds": sorted({each["kind"] for each in hit}),
    }


def images(study: Measured, arm: str, temperature: float) -> tuple[dict[str, Any], Any, Any]:
    """What claim 2 is judged on, of every input that was not made to break the arm.

    Returns:
        scores by name, the share of samples that are error images, the share of error pixels.
    """
    names: dict[str, list[float]] = {}
    hits, shares = [], []
    for each in study["measurements"][arm]["inputs"]:
        if each["group"] == "adversarial":
            continue
        for level in _at([each], temperature):
            for name, value in each["scores"].items():
                names.setdefault(name, []).append(value)
            hits.append(level["error_samples"] / level["samples"])
            shares.append(level["error_pixels"] / (level["samples"] * level["pixels"]))
    return {n: np.array(v) for n, v in names.items()}, np.array(hits), np.array(shares)


def scores(study: Measured, arm: str, temperature: float) -> list[dict[str, Any]]:
    """Claim 2, a row a score: how well it foretells error images and their error pixels.

    `auroc` is of error images; `rho` is Spearman's, of the score and the share of error pixels over
    inputs; `within` is the mean of the AUROCs within photographs, corrupted ones and hostile
    inputs, where telling these apart counts for nothing; None where there are no errors, or
    nothing else.
    """
    found, hits, shares = images(study, arm, temperature)
    groups = _groups(study, arm, temperature)
    rows = []
    for name, values in found.items():
        rows.append(
            {
                "arm": arm,
                "temperature": temperature,
                "score": name,
                "inputs": len(values),
                "error_images": float((hits > 0).mean()) if len(hits) else None,
                "auroc": _finite(area_under_roc(values, hits > 0)),
                "rho": _finite(rank_correlation(values, shares)),
                "within": _finite(_within(values, hits > 0, groups)),
            }
        )
    return rows


def _groups(study: Measured, arm: str, temperature: float) -> NDArray[Any]:
    """The group of every input of `images`."""
    return np.array(
        [
            each["group"]
            for each in study["measurements"][arm]["inputs"]
            if each["group"] != "adversarial"
            for _ in _at([each], temperature)
        ]
    )


def _within(values: NDArray[Any], hits: NDArray[Any], groups: NDArray[Any]) -> float:
    """Mean over groups of the AUROC within each; NaN where none has both outcomes."""
    found = [area_under_roc(values[groups == g], hits[groups == g]) for g in np.unique(groups)]
    known = [value for value in found if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


class ScoreBin(NamedTuple):
    """Inputs or places of similar score: their median score, number, and share of errors."""

    score: float
    size: int
    probability: float


def score_bins(
    values: NDArray[np.float64], hits: NDArray[np.float64], bins: int = 10
) -> list[ScoreBin]:
    """Bins of (nearly) equally many inputs, lowest scores first."""
    order = np.argsort(values, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [ScoreBin(float(np.median(values[p])), len(p), float(np.mean(hits[p]))) for p in parts]


def places(study: Measured, arm: str, temperature: float) -> list[dict[str, Any]]:
    """Claim 2 place by place, a row a map: AUROC of cells of 4 x 4 pixels."""
    rows = []
    for name, table in _tables(study, arm, temperature).items():
        cells, bad = table[:, 0], table[:, 1]
        rows.append(
            {
                "arm": arm,
                "temperature": temperature,
                "map": name,
                "cells": int(cells.sum()),
                "error_cells": int(bad.sum()),
                "auroc": _finite(_binned_auroc(bad, cells - bad)),
            }
        )
    return rows


def place_bins(study: Measured, arm: str, temperature: float, name: str) -> list[ScoreBin]:
    """Share of error cells by their energy, in bins a tenth of a decade wide."""
    table = _tables(study, arm, temperature).get(name)
    if table is None:
        return []
    return [
        ScoreBin(10 ** (FIRST_EDGE + BIN_WIDTH * (i + 0.5)), int(cells), bad / cells)
        for i, (cells, bad) in enumerate(table.tolist())
        if cells >= 100
    ]


def certificates(study: Measured) -> list[dict[str, Any]]:
    """Claim 6: bound, what attacks and ascents found, and the largest of these over the bound."""
    rows = []
    for name, measured in study["measurements"].items():
        for each in measured["bounds"]:
            levels = _at(
                [i for i in measured["inputs"] if i["group"] != "photo"], each["temperature"]
            )
            suite = max((level["largest_detail"] for level in levels), default=0.0)
            nonfinite = sum(level["nonfinite"] for level in levels)
            found = [suite, each["found_features"], each["found_input"]]
            finite = [value for value in found if value is not None]
            bound = each["bound"]
            ratio = max(finite) / bound if bound else None
            rows.append(
                {"arm": name, **each, "suite": suite, "ratio": ratio} | {"nonfinite": nonfinite}
            )
    return rows


def _explosions(arm: str, group: str, temperature: float, levels: Sequence[Measured]) -> Explosions:
    samples = sum(level["samples"] for level in levels)
    pixels = sum(level["samples"] * level["pixels"] for level in levels)
    sizes = [level["largest"] for level in levels if level["largest"] is not None]
    decibels = [level["lr_psnr"] for level in levels if level["lr_psnr"] is not None]
    return Explosions(
        arm,
        group,
        temperature,
        samples,
        sum(level["error_samples"] for level in levels) / samples,
        sum(level["error_pixels"] for level in levels) / pixels,
        sum(level["nonfinite"] for level in levels),
        max(sizes, default=None),
        max(level["largest_detail"] for level in levels),
        float(np.median(decibels)) if decibels else None,
    )


def _temperatures(inputs: Iterable[Measured]) -> list[float]:
    return sorted({level["temperature"] for each in inputs for level in each["levels"]})


def _at(inputs: Iterable[Measured], temperature: float) -> list[Measured]:
    return [
        level for each in inputs for level in each["levels"] if level["temperature"] == temperature
    ]


def _tables(study: Measured, arm: str, temperature: float) -> dict[str, NDArray[np.int64]]:
    """For each map, cells and error cells by bin of energy."""
    totals: dict[str, NDArray[np.int64]] = {}
    for each in study["measurements"][arm]["inputs"]:
        if each["group"] == "adversarial":
            continue
        for level in _at([each], temperature):
            for name, rows in level["cells"].items():
                table = totals.setdefault(name, np.zeros((128, 2), np.int64))
                for place, cells, bad in rows:
                    table[place] += (cells, bad)
    return totals


def _binned_auroc(hits: NDArray[np.int64], misses: NDArray[np.int64]) -> float:
    """The chance that a hit lies in a higher bin than a miss, one bin counting half."""
    if not hits.sum() or not misses.sum():
        return math.nan
    below = np.cumsum(misses) - misses
    return float((hits * (below + 0.5 * misses)).sum() / (hits.sum() * misses.sum()))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""Judge an input before it is restored: three answers, and what to do.

Is it unlike what the model has learnt from (rank, reasons)? Will the result show artifacts
(probability)? What does it suffer from (defects)? None is mixed with another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restoreflow.defects.defect import Defect
from restoreflow.defects.find import Measures, defects_of, measure_defects
from restoreflow.errors import ModelError
from restoreflow.free_memory import check_free
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.advice import Advice, advise, served_by
from restoreflow.ood.features import extract, layer_names
from restoreflow.ood.indicators import indicators
from restoreflow.ood.mahalanobis import Summary, summarise, unusual
from restoreflow.ood.maps import energy_maps
from restoreflow.ood.reference import Reference
from restoreflow.ood.statistics import LEVELS, measure, outside, reasons
from restoreflow.restoration.tiles import MIN_SIDE, Geometry

__all__ = [
    "Check",
    "Checker",
    "Score",
    "judging_bytes",
    "probability",
    "rank",
    "score",
    "score_of_maps",
]

_BYTES_A_PIXEL, _BYTES_AT_ONCE = 56, 100
_WINDOW_BYTES = 160 * 2**20  # of the largest part that is looked at at once
_NEGLIGIBLE = 2**24
_LEAST_AUROC = 0.85


class Score(NamedTuple):
    """How an input compares with the training set.

    Attributes:
        energy: one-sided; of all places' energies, 1 on average in the training set, the summary
            that the reference names. More is what explodes.
        unusual: two-sided, in deviations of log energy; blur and compression raise it too.
        summary: of the energies.
        energies: (rows, columns) float32, place by place, of the first layer.
    """

    energy: float
    unusual: float
    summary: Summary
    energies: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Check:
    """What is known of an input before it is restored.

    Attributes:
        width, height: in pixels.
        score: see `Score`.
        rank: of 100 training photographs, how many are less unlike the others, to either side.
        flagged: whether the picture is unlike what the model has learnt from: a score is beyond its
            threshold, or a low-level statistic lies beyond all of the training set's.
        reasons: in words, what is unlike, the most unusual first; others may have some, too.
        probability: that a result shows artifacts, 0 .. 1, as the model's calibration defines them;
            None where the model's statistics hold none.
        defects: what the picture suffers from by itself, whatever the model.
        advice: what to do.
        statistics: of `statistics.measure`.
    """

    width: int
    height: int
    score: Score
    rank: float
    flagged: bool
    reasons: tuple[str, ...]
    probability: float | None
    defects: tuple[Defect, ...]
    advice: Advice
    statistics: dict[str, float]

    @property
    def verdict(self) -> str:
        """What to do, in two or three words."""
        return self.advice.verdict


def score(
    network: RestorationNetwork, reference: Reference, degraded: Tensor, tile: int | None = None
) -> Score:
    """Scores of a picture (3, h, w), RGB in [0, 1]; only the encoder runs."""
    return score_of_maps(reference, energy_maps(network, degraded, reference.gaussians, tile))


def score_of_maps(reference: Reference, maps: Mapping[str, NDArray[np.float32]]) -> Score:
    """Scores from maps of energies, for who has a picture's features already.

    Args:
        reference: the model's.
        maps: each of its layers to energies (rows, columns) of `mahalanobis.energy_map`.
    """
    found = [
        summarise(torch.from_numpy(maps[layer.facts.name]), layer.facts.threshold)
        for layer in reference.layers
    ]
    energies = [getattr(each, reference.summary) for each in found]
    scales = [layer.scale for layer in reference.layers]
    first = maps[reference.layers[0].facts.name]
    return Score(energies[0], unusual(energies, scales), found[0], first)


def probability(
    reference: Reference,
    found: Score,
    statistics: Mapping[str, float],
    pixels: NDArray[np.float32],
    measures: Measures,
) -> float | None:
    """Probability that a result shows artifacts, 0 .. 1; None where it was not learnt well.

    On photographs that it was not learnt from it has to tell results with artifacts from others
    with an AUROC of .85 or more: a probability that is nearly the same for all says nothing.

    Args:
        reference: the model's.
        found: the picture's scores.
        statistics: of `statistics.measure`.
        pixels: the picture (H, W, 3).
        measures: of `defects.find.measure_defects`.
    """
    calibration = reference.calibration()
    if calibration is None or (calibration.facts.auroc or 1.0) < _LEAST_AUROC:
        return None
    of, names = calibration.facts.score, calibration.facts.indicators
    if of == "combined":
        return float(calibration(indicators(names, found.energies, statistics, pixels, measures)))
    return float(calibration(found.energy if of == "energy" else found.unusual))


def rank(reference: Reference, found: Score) -> float:
    """Of 100 training photographs and their quarters, how many either score puts before this one.

    The larger of the ranks by energy and by the two-sided score, from 0 to 100.
    """
    shares = [
        float(np.interp(value, reference.scores[name], LEVELS))
        for name, value in (("energy", found.energy), ("unusual", found.unusual))
    ]
    return 100 * max(shares)


def judging_bytes(height: int, width: int) -> int:
    """Bytes that judging a picture takes at most, beside those of the picture."""
    pixels = height * width
    return pixels * _BYTES_A_PIXEL + min(pixels * _BYTES_AT_ONCE, _WINDOW_BYTES)


class Checker:
    """Judges pictures for one model.

    Args:
        network: in evaluation mode, on any device.
        reference: of the same network.
        threshold: energy beyond which a picture is flagged; None for the reference's.
        model: its name, by which advice is given.

    Attributes:
        coarseness: layer to the grid cells of a feature's side.

    Raises:
        ModelError: the reference is not of this network.
    """

    def __init__(
        self,
        network: RestorationNetwork,
        reference: Reference,
        threshold: float | None = None,
        model: str = "",
    ) -> None:
        self.coarseness = _coarseness(network, reference)
        self.network, self.reference = network, reference
        self.threshold = reference.energy_threshold if threshold is None else threshold
        told = getattr(network.encoder, "judgement", None) is not None
        self.served = served_by(model, network.task, told)

    def check(
        self, pixels: NDArray[np.float32], tile: int | None = None, quality: int | None = None
    ) -> Check:
        """Judge a picture (H, W, 3), RGB in [0, 1], finite, of any size.

        Args:
            pixels: sRGB.
            quality: what a JPEG file's tables say, see `Picture.jpeg_quality`.
            tile: side of a part in pixels; None goes by the memory. Nothing depends on it.

        Raises:
            LimitError: it needs more memory than is available.
        """
        needed = judging_bytes(*pixels.shape[:2])
        if needed > _NEGLIGIBLE:
            check_free(needed, "judging a picture of this size", "judge a part of it")
        degraded = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32))
        return self.judge(pixels, score(self.network, self.reference, degraded, tile), quality)

    def judge(self, pixels: NDArray[np.float32], found: Score, quality: int | None = None) -> Check:
        """What a picture's scores come to; `check` in one, where they are known already."""
        statistics = measure(pixels)
        height, width = pixels.shape[:2]
        beyond = outside(statistics, self.reference.statistics)
        far = found.energy > self.threshold or found.unusual > self.reference.unusual_threshold
        why = reasons(statistics, self.reference.statistics, (width, height))
        if far and not why:
            why = [self._bare_reason(found)]
        measures = measure_defects(pixels, quality)
        defects = defects_of(measures)
        likely = probability(self.reference, found, statistics, pixels, measures)
        return Check(
            width=width,
            height=height,
            score=found,
            rank=100.0 if beyond else rank(self.reference, found),
            flagged=far or beyond,
            reasons=tuple(why),
            probability=likely,
            defects=defects,
            advice=advise(defects, far or beyond, likely, self.served),
            statistics=statistics,
        )

    def place_probabilities(self, energies: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """Probability of an artifact, place by place; None where it was not learnt."""
        calibration = self.reference.calibration(of_places=True)
        return None if calibration is None else np.asarray(calibration(energies))

    def _bare_reason(self, found: Score) -> str:
        middle = self.reference.scores["energy"][len(self.reference.scores["energy"]) // 2]
        return f"features: {found.energy / middle:.2g}x the training set's median energy"


def _coarseness(network: RestorationNetwork, reference: Reference) -> dict[str, int]:
    """Grid cells a feature's side of each layer; ModelError where they are not of the network."""
    known = layer_names(network)
    names: Sequence[str] = [layer.facts.name for layer in reference.layers]
    hint = "fit it again: restoreflow fit-ood MODEL --data PHOTOS"
    if unknown := [name for name in names if name not in known]:
        raise ModelError(f'ood.safetensors is of a layer "{unknown[0]}" the model lacks', hint)
    side = MIN_SIDE * Geometry.of(network).pixels
    device = next(network.parameters()).device
    with torch.inference_mode():
        found = extract(network, torch.zeros(1, 3, side, side, device=device), names)
    for layer in reference.layers:
        channels = found[layer.facts.name].shape[1]
        if layer.mean.numel() != channels:
            raise ModelError(
                f'ood.safetensors: layer "{layer.facts.name}" has {layer.mean.numel()} channels, '
                f"the model's has {channels}",
                hint,
            )
    cells = MIN_SIDE * Geometry.of(network).cells
    return {name: max(round(cells / values.shape[-1]), 1) for name, values in found.items()}

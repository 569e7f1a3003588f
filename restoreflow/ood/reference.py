"""ood.safetensors: what a model's training set looks like to it, beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from restoreflow.config_reader import from_dict, parse_json, to_dict
from restoreflow.errors import ModelError
from restoreflow.models.folder import OOD, ModelFolder, add_files, read_verified
from restoreflow.models.weights import parse
from restoreflow.ood.calibration import Curve, Logit
from restoreflow.ood.indicators import FIRST_INDICATORS, INDICATORS
from restoreflow.ood.mahalanobis import Scale, log_energy
from restoreflow.ood.statistics import LEVELS

__all__ = [
    "MOST",
    "SCHEMA",
    "Calibration",
    "CalibrationFacts",
    "Layer",
    "LayerFacts",
    "Reference",
    "has_reference",
    "read_reference",
    "reference_bytes",
    "write_reference",
]

SCHEMA = 2
"""1 had no names of indicators, and no reliability."""

MOST = 1e12
"""Of scores and thresholds: no training set's is anywhere near, and axes can still be drawn."""

_FACTS = "ood"


@dataclass(frozen=True, kw_only=True)
class LayerFacts:
    """A layer's figures beside its tensors.

    Attributes:
        name: of the layer, see `features.layer_names`.
        shrinkage: of the covariance, 0 .. 1.
        threshold: the energy that 1 in 1000 places of the training set exceeds.
        centre, spread: of log energy over the training set's pictures.
    """

    name: str
    shrinkage: float
    threshold: float
    centre: float
    spread: float

    def __post_init__(self) -> None:
        inside = abs(self.centre) <= MOST and max(self.threshold, self.spread) <= MOST
        least = min(self.threshold, self.spread) >= 1 / MOST
        if not 0 <= self.shrinkage <= 1 or not inside or not least:
            raise ValueError(f'layer "{self.name}": a shrinkage, threshold or spread out of range')


@dataclass(frozen=True, kw_only=True)
class CalibrationFacts:
    """How a probability was learnt, and how good it is on pictures it was not learnt from.

    Attributes:
        outcome: "error": a sample has an error pixel; "surprise": samples are further from the
            truth than their spread predicts.
        score: what the probability is a function of; "combined" is a logit of `indicators`, "place"
            the energy of one place.
        inputs, hits: how many were learnt from, and how many of them showed the outcome.
        auroc: area under the ROC curve, held out; None where one outcome never occurred.
        ece: expected calibration error, held out.
        limit: from which surprise on a cell counts, for a "surprise".
        energy_auroc: that of the plain score, to compare with.
        laplacian_auroc: that of the input's Laplacian, its 99th percentile, which needs no model.
        auroc_low, auroc_high: 95 % of bootstrap samples of the photographs lie between.
        indicators: what a "combined" one is of, in order.
        predicted, observed, counts: held out, by fifths of the predictions: their mean, the share
            of inputs that showed the outcome, and how many there were.
    """

    outcome: Literal["error", "surprise"]
    score: Literal["energy", "unusual", "combined", "place"]
    inputs: int
    hits: int
    auroc: float | None = None
    ece: float | None = None
    limit: float | None = None
    energy_auroc: float | None = None
    laplacian_auroc: float | None = None
    auroc_low: float | None = None
    auroc_high: float | None = None
    indicators: tuple[str, ...] = FIRST_INDICATORS
    predicted: tuple[float, ...] = ()
    observed: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if unknown := [name for name in self.indicators if name not in INDICATORS]:
            raise ValueError(f'its probability is of "{unknown[0]}", which is not known here')


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """The JSON in the file's header."""

    schema: int
    summary: Literal["mean", "p99"]
    pictures: int
    places: int
    energy_threshold: float
    unusual_threshold: float
    layers: tuple[LayerFacts, ...]
    calibrations: tuple[CalibrationFacts, ...] = ()

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("no layers")
        if len({layer.name for layer in self.layers}) < len(self.layers):
            raise ValueError("a layer stands twice")
        thresholds = (self.energy_threshold, self.unusual_threshold)
        if not all(1 / MOST <= threshold <= MOST for threshold in thresholds):
            raise ValueError(f"a threshold is not within {1 / MOST:g} to {MOST:g}")


class Layer(NamedTuple):
    """The Gaussian of a layer's features: mean (C,), whitening (R, C), float64; and figures."""

    facts: LayerFacts
    mean: Tensor
    whitening: Tensor

    @property
    def scale(self) -> Scale:
        """What `mahalanobis.unusual` measures with."""
        return Scale(self.facts.centre, self.facts.spread)


class Calibration(NamedTuple):
    """Probability of an outcome as a function of a score; `logit` where that is "combined"."""

    facts: CalibrationFacts
    curve: Curve
    logit: Logit | None = None

    def __call__(self, score: Any) -> Any:
        """Probabilities of scores as they are shown, or of `indicators` (..., D)."""
        if self.logit is not None:
            return self.curve(self.logit(score))
        if self.facts.score == "unusual":
            return self.curve(score)
        return self.curve(np.vectorize(log_energy, otypes=[float])(score))


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """All of ood.safetensors.

    Attributes:
        layers: energy is the first one's; the two-sided score is over all.
        summary: which summary of a picture's energies is its score.
        pictures: whole and quarter pictures that the quantiles are of.
        places: vectors that the Gaussians are of.
        energy_threshold, unusual_threshold: beyond which a picture is flagged.
        scores: "energy", "unusual", "mean", "p99", "share" to quantiles at `LEVELS`.
        statistics: low-level statistic to quantiles at `LEVELS`.
        calibrations: at most one for pictures, and one for places.
    """

    layers: tuple[Layer, ...]
    summary: Literal["mean", "p99"]
    pictures: int
    places: int
    energy_threshold: float
    unusual_threshold: float
    scores: Mapping[str, tuple[float, ...]]
    statistics: Mapping[str, tuple[float, ...]]
    calibrations: tuple[Calibration, ...] = field(default=())

    @property
    def gaussians(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Layer to mean and whitening, as `maps.energy_maps` takes them."""
        return {layer.facts.name: (layer.mean, layer.whitening) for layer in self.layers}

    @property
    def map_end(self) -> float:
        """The end of heat maps' scale: the energy that 1 in 1000 places exceed."""
        return self.layers[0].facts.threshold

    def calibration(self, of_places: bool = False) -> Calibration | None:
        """The probability for pictures, or for places; None where it was not learnt."""
        found = [c for c in self.calibrations if (c.facts.score == "place") == of_places]
        return found[0] if found else None


def has_reference(folder: ModelFolder) -> bool:
    """Whether a model comes with statistics of its training set."""
    return (folder.path / OOD).is_file()


def read_reference(folder: ModelFolder) -> Reference:
    """Read a model's ood.safetensors, strictly, after comparing it with its checksum.

    Raises:
        ModelError: missing, damaged, of a newer schema, or its parts do not fit each other.
    """
    where = str(folder.path / OOD)
    if not has_reference(folder):
        raise ModelError(
            f"{folder.identity or folder.path} holds no {OOD}: it cannot judge inputs",
            "fit it: restoreflow fit-ood MODEL --data PHOTOS",
        )
    data = read_verified(folder, OOD)
    tensors = parse(data, where, folder.repair)
    facts = _facts(data, where)
    try:
        return _reference(facts, tensors)
    except ValueError as reason:
        raise ModelError(f"{where}: {reason}", folder.repair) from reason


def write_reference(folder: Path, reference: Reference) -> None:
    """Put ood.safetensors into a model's folder, and its checksum into config.json.

    Raises:
        ModelError: the folder is no valid model.
        OutputError: it cannot be written.
    """
    add_files(folder, {OOD: reference_bytes(reference)})


def reference_bytes(reference: Reference) -> bytes:
    """The file's contents."""
    tensors = {"levels": torch.tensor(LEVELS, dtype=torch.float64)}
    for index, layer in enumerate(reference.layers):
        tensors[f"layer{index}.mean"] = layer.mean.double().contiguous()
        tensors[f"layer{index}.whitening"] = layer.whitening.double().contiguous()
    for group in ("scores", "statistics"):
        for name, values in getattr(reference, group).items():
            tensors[f"{group}.{name}"] = torch.tensor(values, dtype=torch.float64)
    for index, (_, curve, logit) in enumerate(reference.calibrations):
        for name in ("scores", "probabilities"):
            values = torch.tensor(getattr(curve, name), dtype=torch.float64)
            tensors[f"calibration{index}.{name}"] = values
        if logit is not None:
            rows = [[*logit.weights, logit.offset], [*logit.low, 0.0], [*logit.high, 0.0]]
            tensors[f"calibration{index}.logit"] = torch.tensor(rows, dtype=torch.float64)
    facts = _Facts(
        schema=SCHEMA,
        summary=reference.summary,
        pictures=reference.pictures,
        places=reference.places,
        energy_threshold=reference.energy_threshold,
        unusual_threshold=reference.unusual_threshold,
        layers=tuple(layer.facts for layer in reference.layers),
        calibrations=tuple(each.facts for each in reference.calibrations),
    )
    return save(tensors, metadata={_FACTS: json.dumps(to_dict(facts))})


def _facts(data: bytes, where: str) -> _Facts:
    # The library reads tensors from bytes, but not the header's metadata; `parse` has checked it.
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    text = (header.get("__metadata__") or {}).get(_FACTS)
    if text is None:
        raise ModelError(f"{where}: holds no facts", "fit it again: restoreflow fit-ood")
    found = parse_json(text, where)
    schema = found.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise ModelError(
            f"{where}: schema {schema} is newer than this version reads ({SCHEMA})",
            "upgrade restoreflow: pip install -U restoreflow",
        )
    return from_dict(_Facts, found, where)


def _reference(facts: _Facts, tensors: dict[str, Tensor]) -> Reference:
    """The parts put together; ValueError where they do not fit."""
    if any(not bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise ValueError("holds values that are not finite")
    left = dict(tensors)

    def take(name: str, dimensions: int) -> Tensor:
        if name not in left:
            raise ValueError(f"tensor {name} is missing")
        tensor = left.pop(name)
        if tensor.ndim != dimensions or not tensor.numel() or not tensor.is_floating_point():
            raise ValueError(f"tensor {name} is {tuple(tensor.shape)}, {tensor.dtype}")
        return tensor.double()

    if tuple(take("levels", 1).tolist()) != LEVELS:
        raise ValueError("its quantiles are at other levels than this version's")
    layers = []
    for index, layer in enumerate(facts.layers):
        mean, whitening = take(f"layer{index}.mean", 1), take(f"layer{index}.whitening", 2)
        if whitening.shape[1] != mean.numel() or whitening.shape[0] > mean.numel():
            raise ValueError(f'layer "{layer.name}": mean and whitening do not fit')
        layers.append(Layer(layer, mean, whitening))
    calibrations = []
    for index, calibration in enumerate(facts.calibrations):
        scores, shares = (
            tuple(take(f"calibration{index}.{n}", 1).tolist()) for n in ("scores", "probabilities")
        )
        logit = None
        if calibration.score == "combined":
            logit = _logit(take(f"calibration{index}.logit", 2), len(calibration.indicators))
        calibrations.append(Calibration(calibration, Curve(scores, shares), logit))
    groups = {group: _quantiles(left, group, take) for group in ("scores", "statistics")}
    if left:
        raise ValueError(f"tensor {min(left)} is unknown")
    if not groups["scores"].keys() >= {"energy", "unusual"}:
        raise ValueError("the quantiles of the scores are missing")
    return Reference(
        layers=tuple(layers),
        summary=facts.summary,
        pictures=facts.pictures,
        places=facts.places,
        energy_threshold=facts.energy_threshold,
        unusual_threshold=facts.unusual_threshold,
        scores=groups["scores"],
        statistics=groups["statistics"],
        calibrations=tuple(calibrations),
    )


def _logit(rows: Tensor, indicators: int) -> Logit:
    """From weights, lowest and highest numbers, the offset behind the weights."""
    if tuple(rows.shape) != (3, indicators + 1):
        raise ValueError("its probability is not of as many indicators as it names")
    weights, low, high = (tuple(row.tolist()) for row in rows[:, :-1])
    return Logit(weights, low, high, float(rows[0, -1]))


def _quantiles(left: dict[str, Tensor], group: str, take: Any) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for name in [name for name in left if name.startswith(f"{group}.")]:
        values = tuple(take(name, 1).tolist())
        if max(map(abs, values)) > MOST:
            raise ValueError(f"tensor {name} holds values beyond {MOST:g}")
        if len(values) != len(LEVELS) or any(np.diff(values) < 0):
            raise ValueError(f"tensor {name} holds no quantiles at {len(LEVELS)} levels")
        found[name.removeprefix(f"{group}.")] = values
    return found

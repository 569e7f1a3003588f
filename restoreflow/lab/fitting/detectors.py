"""Ways to tell that an input is unlike the training set, behind one interface, to be compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from restoreflow.lab.fitting.gaussian import Gaussian, Moments, fit_gaussian
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.features import extract, pooled
from restoreflow.ood.indicators import laplacian
from restoreflow.ood.mahalanobis import energy_map, log_energy, summarise
from restoreflow.ood.statistics import STATISTICS, measure
from restoreflow.restoration.tiles import Geometry

__all__ = [
    "Detector",
    "InputAlone",
    "Likelihood",
    "Nearest",
    "Observation",
    "Places",
    "Pooled",
    "Statistics",
    "detectors",
    "input_figures",
    "observe",
]

NEIGHBOURS = 5


class Observation(NamedTuple):
    """All that any detector looks at in an input.

    Attributes:
        features: layer to (C, rows, columns).
        statistics: of `statistics.measure`.
        log_density: of the mean image given the input, in nats a value: what the flow says of an
            input to which no truth is known.
        input: by name, what the input alone tells, see `input_figures`.
    """

    features: dict[str, Tensor]
    statistics: dict[str, float]
    log_density: float
    input: dict[str, float]


@torch.inference_mode()
def observe(network: RestorationNetwork, degraded: Tensor, layers: Sequence[str]) -> Observation:
    """Observe a picture (3, h, w) in [0, 1], small enough to go in one piece."""
    device = next(network.parameters()).device
    padded = Geometry.of(network).padded(degraded)[None].to(device)
    features = extract(network, padded, layers)
    encoding = network.encode(padded)
    condition = network.prepare(encoding.features)
    density = network.detail_log_prob(encoding, encoding.mean, condition)
    pixels = degraded.permute(1, 2, 0).numpy()
    return Observation(
        {name: values[0].float().cpu() for name, values in features.items()},
        measure(pixels),
        float(density[0]) / encoding.mean[0].numel(),
        input_figures(pixels),
    )


def input_figures(pixels: NDArray[np.float32]) -> dict[str, float]:
    """The rivals that need no model: of a picture (H, W, 3), how rough it is.

    The 3 x 3 Laplacian's size, the largest over colours, in three summaries; total variation, the
    mean difference of neighbours; and the energy beyond half of the highest frequency.
    """
    rough = laplacian(pixels)
    across, down = (np.abs(np.diff(pixels, axis=axis)).mean() for axis in (1, 0))
    spectrum = np.abs(np.fft.rfft2(pixels.mean(2))) ** 2
    rows = np.abs(np.fft.fftfreq(pixels.shape[0]))[:, None]
    columns = np.fft.rfftfreq(pixels.shape[1])[None]
    fine = spectrum[np.maximum(rows, columns) > 0.25].mean() / rough.size
    return {
        "input: Laplacian, mean": float(rough.mean()),
        "input: Laplacian, p99": float(np.quantile(rough, 0.99)),
        "input: Laplacian, largest": float(rough.max()),
        "input: total variation": float(across + down),
        "input: high frequencies": float(fine),
    }


class Detector:
    """Learns from the training set in two passes; then gives scores, higher for stranger inputs."""

    def first(self, seen: Observation) -> None:
        """Learn from a training picture, in the first pass."""

    def settle(self) -> None:
        """Called between the passes."""

    def second(self, seen: Observation) -> None:
        """Learn from a training picture, in the second pass."""

    def finish(self) -> None:
        """Called after the second pass."""

    def scores(self, seen: Observation) -> dict[str, float]:
        """Scores of an input by name."""
        raise NotImplementedError


class Places(Detector):
    """Mahalanobis distance place by place, in several summaries, one-sided and two-sided."""

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.gaussian: Gaussian | None = None
        self._moments: Moments | None = None
        self._logs: list[float] = []
        self._largest: list[float] = []
        self.threshold, self.centre, self.spread = math.inf, 0.0, 1.0

    def first(self, seen: Observation) -> None:
        features = seen.features[self.layer]
        self._moments = self._moments or Moments(features.shape[0])
        self._moments.add(features)

    def settle(self) -> None:
        if self._moments is None:
            raise ValueError("a detector has seen no picture")
        self.gaussian = fit_gaussian(self._moments)

    def second(self, seen: Observation) -> None:
        energies = self._energies(seen)
        self._logs.append(log_energy(float(energies.double().mean())))
        self._largest.append(float(torch.quantile(energies.flatten()[: 2**22], 0.999)))

    def finish(self) -> None:
        self.threshold = float(np.median(self._largest))
        self.centre, self.spread = float(np.mean(self._logs)), max(float(np.std(self._logs)), 1e-3)

    def deviation(self, seen: Observation) -> float:
        """How many deviations the log of the mean energy lies from the training set's."""
        return (log_energy(float(self._energies(seen).double().mean())) - self.centre) / self.spread

    def scores(self, seen: Observation) -> dict[str, float]:
        summary = summarise(self._energies(seen), self.threshold)
        named = {f"Mahalanobis, {k}, {self.layer}": v for k, v in summary._asdict().items()}
        return {**named, f"Mahalanobis, two-sided, {self.layer}": abs(self.deviation(seen))}

    def _energies(self, seen: Observation) -> Tensor:
        if self.gaussian is None:
            raise ValueError("a detector gives scores after its first pass")
        mean, whitening, _ = self.gaussian
        return energy_map(seen.features[self.layer][None], mean, whitening)[0]


class AllLayers(Detector):
    """The two-sided scores of several layers in one: their root mean square, and the largest."""

    def __init__(self, places: Sequence[Places]) -> None:
        self.places = places

    def scores(self, seen: Observation) -> dict[str, float]:
        z = np.array([each.deviation(seen) for each in self.places])
        return {
            "Mahalanobis, two-sided, rms of layers": float(np.sqrt((z**2).mean())),
            "Mahalanobis, two-sided, largest of layers": float(np.abs(z).max()),
        }


class _OfVectors(Detector):
    """Remembers a vector of every training picture."""

    def __init__(self) -> None:
        self._vectors: list[NDArray[np.float64]] = []
        self.known = np.zeros((0, 0))
        self.centre, self.spread = np.zeros(0), np.ones(0)
        self.gaussian: Gaussian | None = None

    def vector(self, seen: Observation) -> NDArray[np.float64]:
        """What is remembered of a picture."""
        raise NotImplementedError

    def first(self, seen: Observation) -> None:
        self._vectors.append(self.vector(seen))

    def settle(self) -> None:
        vectors = np.stack(self._vectors)
        self.centre, self.spread = vectors.mean(0), np.maximum(vectors.std(0), 1e-9)
        self.known = (vectors - self.centre) / self.spread
        if self.known.shape[1] > 1:  # one number has a deviation, and that may be 0
            moments = Moments(self.known.shape[1])
            moments.add(torch.from_numpy(self.known.T))
            self.gaussian = fit_gaussian(moments)

    def standard(self, seen: Observation) -> NDArray[np.float64]:
        """The vector, each component in deviations of the training set."""
        return (self.vector(seen) - self.centre) / self.spread

    def gaussian_distance(self, seen: Observation) -> float:
        """Mahalanobis distance squared over dimensions, with shrinkage."""
        if self.gaussian is None:
            raise ValueError("a detector gives scores after its first pass")
        mean, whitening, _ = self.gaussian
        white = whitening @ (torch.from_numpy(self.standard(seen)) - mean)
        return float(white.square().mean())


class Pooled(_OfVectors):
    """Mahalanobis distance of a layer's means and deviations over a picture."""

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layer = layer

    def vector(self, seen: Observation) -> NDArray[np.float64]:
        return pooled(seen.features[self.layer].double()).numpy()

    def scores(self, seen: Observation) -> dict[str, float]:
        return {f"Mahalanobis, pooled, {self.layer}": self.gaussian_distance(seen)}


class Nearest(Pooled):
    """Mean distance of a layer's means and deviations to the nearest training pictures'."""

    def scores(self, seen: Observation) -> dict[str, float]:
        distances = np.sort(np.linalg.norm(self.known - self.standard(seen), axis=1))
        return {f"{NEIGHBOURS} nearest, {self.layer}": float(distances[:NEIGHBOURS].mean())}


class Statistics(_OfVectors):
    """Mahalanobis distance of the logarithms of low-level statistics."""

    def vector(self, seen: Observation) -> NDArray[np.float64]:
        floors = {name: each.floor for name, each in STATISTICS.items()}
        return np.array([math.log(seen.statistics[name] + floors[name]) for name in STATISTICS])

    def scores(self, seen: Observation) -> dict[str, float]:
        return {"low-level statistics": self.gaussian_distance(seen)}


class Likelihood(_OfVectors):
    """The flow's own density of its mean image: low, and untypical to either side."""

    def vector(self, seen: Observation) -> NDArray[np.float64]:
        # An unbounded flow's density can be infinite; the largest float is as strange.
        return np.array([np.nan_to_num(-seen.log_density, nan=1e300, posinf=1e300, neginf=-1e300)])

    def scores(self, seen: Observation) -> dict[str, float]:
        standard = float(self.standard(seen)[0])
        return {"flow likelihood": standard, "flow typicality": abs(standard)}


class InputAlone(Detector):
    """What the input tells without any model; nothing is learnt."""

    def scores(self, seen: Observation) -> dict[str, float]:
        return seen.input


def detectors(layers: Sequence[str]) -> list[Detector]:
    """All of them, for each of the layers where they look at one."""
    places = [Places(layer) for layer in layers]
    vectors = [kind(layer) for layer in layers for kind in (Pooled, Nearest)]
    return [*places, AllLayers(places), *vectors, Statistics(), Likelihood(), InputAlone()]

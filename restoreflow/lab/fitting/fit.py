"""Fit what `reference` keeps: two passes over photographs, memory independent of their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from restoreflow.errors import InputError
from restoreflow.lab.fitting.gaussian import Gaussian, Moments, fit_gaussian
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.features import layer_names
from restoreflow.ood.mahalanobis import Summary, log_energy, unusual
from restoreflow.ood.maps import energy_maps, feature_tiles
from restoreflow.ood.reference import Layer, LayerFacts, Reference
from restoreflow.ood.statistics import STATISTICS, measure, quantiles

__all__ = ["EnergyHistogram", "default_layers", "fit_gaussians", "fit_reference"]

PLACE_SHARE = 0.001
"""Of the training set's places, beyond a layer's threshold."""

LEAST_QUARTER = 24
_EDGES = np.logspace(-4, 8, 1201)  # of a place's energy: 2.3 % apart


class EnergyHistogram:
    """Counts of energies in logarithmic bins; a share beyond a bin's edge is exact."""

    def __init__(self) -> None:
        self.counts = np.zeros(len(_EDGES) + 1, np.int64)

    def add(self, energies: NDArray[np.float32]) -> None:
        """Count energies of any shape."""
        bins = np.searchsorted(_EDGES, energies.ravel(), side="left")
        self.counts += np.bincount(bins, minlength=len(self.counts))

    def threshold(self, share: float) -> float:
        """The lowest edge that no more than this share of the energies exceeds."""
        beyond = 1 - np.cumsum(self.counts) / max(self.counts.sum(), 1)
        return float(_EDGES[min(int(np.argmax(beyond <= share)), len(_EDGES) - 1)])

    def share_beyond(self, edge: float) -> float:
        """The share of energies above a value of `threshold`."""
        place = int(np.searchsorted(_EDGES, edge, side="left"))
        return float(self.counts[place + 1 :].sum() / max(self.counts.sum(), 1))


def default_layers(network: RestorationNetwork) -> tuple[str, ...]:
    """The first residual block, or the first layer where there is none.

    It foretells explosions nearly as well as what the flow is told in the end (docs/ood.md), at a
    tenth of the encoder's time; the convolution before it does not.
    """
    names = layer_names(network)
    return (next((name for name in names if name.startswith("block")), names[0]),)


class _Seen(NamedTuple):
    """A picture or a quarter of one: each layer's mean and p99, the first's counts, statistics."""

    energies: list[tuple[float, float]]
    counts: EnergyHistogram
    statistics: dict[str, float]


def fit_gaussians(
    network: RestorationNetwork,
    pictures: Iterable[Tensor],
    layers: Sequence[str],
    rank: int | None = None,
) -> tuple[dict[str, Gaussian], int]:
    """Each layer's Gaussian, and the number of places of the first.

    Args:
        network: on any device.
        pictures: degraded (3, h, w) as in the model's training, on the CPU.
        layers: of `features.layer_names`.
        rank: see `gaussian.fit_gaussian`.

    Raises:
        InputError: the pictures hold too little to fit anything.
    """
    moments: dict[str, Moments] = {}
    for picture in pictures:
        for tile in feature_tiles(network, picture, layers):
            for name, features in tile.layers.items():
                moments.setdefault(name, Moments(features.shape[0])).add(features)
    try:
        fitted = {name: fit_gaussian(moments[name], rank) for name in layers}
    except (ValueError, KeyError) as reason:
        raise InputError(f"no statistics of these pictures: {reason}", "use more of them") from None
    return fitted, moments[layers[0]].count


def fit_reference(
    network: RestorationNetwork,
    pictures: Callable[[], Iterable[Tensor]],
    layers: Sequence[str],
    summary: Literal["mean", "p99"] = "p99",
    rank: int | None = None,
    flag_share: float = 0.005,
    advance: Callable[[], None] = lambda: None,
) -> Reference:
    """Gaussians, thresholds and quantiles of a training set; no calibrations yet.

    The quantiles are of whole pictures and of their quarters, so that they hold for cut-outs too.

    Args:
        network: on any device.
        pictures: gives degraded (3, h, w) as in the model's training, the same at every call.
        layers: the energy is the first one's.
        summary: which summary of a picture's energies is its score.
        rank: see `gaussian.fit_gaussian`.
        flag_share: of the training set, beyond the threshold of each of the two scores.
        advance: called after every picture, twice each.

    Raises:
        InputError: the pictures hold too little to fit anything.
    """

    def counted() -> Iterator[Tensor]:
        for picture in pictures():
            yield picture
            advance()

    gaussians, places = fit_gaussians(network, counted(), layers, rank)
    fitted = {name: (g.mean, g.whitening) for name, g in gaussians.items()}
    totals = {name: EnergyHistogram() for name in layers}
    seen: list[_Seen] = []
    for picture in counted():
        maps = energy_maps(network, picture, fitted)
        for name, energies in maps.items():
            totals[name].add(energies)
        seen.extend(_looks(picture, maps, layers, network.cell / network.scale))
    if len(seen) < 2:
        raise InputError("one picture is too few for thresholds", "use more photographs")
    thresholds = {name: total.threshold(PLACE_SHARE) for name, total in totals.items()}
    return _reference(gaussians, thresholds, seen, places, summary, flag_share)


def _looks(
    picture: Tensor, maps: dict[str, NDArray[np.float32]], layers: Sequence[str], cell: float
) -> Iterator[_Seen]:
    """The whole and, where they are not too small, its quarters."""
    pixels = picture.permute(1, 2, 0).numpy()
    height, width = pixels.shape[:2]
    parts = [(0.0, 1.0, 0.0, 1.0)]
    if min(height, width) / 2 >= LEAST_QUARTER * cell:
        halves = ((0.0, 0.5), (0.5, 1.0))
        parts += [(*rows, *columns) for rows in halves for columns in halves]
    for part in parts:
        inside = [_part(maps[name], part) for name in layers]
        counts = EnergyHistogram()
        counts.add(inside[0])
        energies = [(float(x.mean(dtype=np.float64)), float(np.quantile(x, 0.99))) for x in inside]
        yield _Seen(energies, counts, measure(_part(pixels, part)))


def _part(values: NDArray[np.float32], part: tuple[float, ...]) -> NDArray[np.float32]:
    """A part given by its top, bottom, left and right as shares."""
    rows, columns = values.shape[:2]
    top, bottom = (round(share * rows) for share in part[:2])
    left, right = (round(share * columns) for share in part[2:])
    return values[top:bottom, left:right]


def _reference(
    gaussians: dict[str, Gaussian],
    thresholds: dict[str, float],
    seen: list[_Seen],
    places: int,
    summary: Literal["mean", "p99"],
    flag_share: float,
) -> Reference:
    which = 0 if summary == "mean" else 1
    layers: list[Layer] = []
    for index, (name, gaussian) in enumerate(gaussians.items()):
        logs = np.array([log_energy(each.energies[index][which]) for each in seen])
        facts = LayerFacts(
            name=name,
            shrinkage=gaussian.shrinkage,
            threshold=thresholds[name],
            centre=float(logs.mean()),
            spread=max(float(logs.std()), 1e-3),
        )
        layers.append(Layer(facts, gaussian.mean, gaussian.whitening))
    scales = [layer.scale for layer in layers]
    threshold = layers[0].facts.threshold
    summaries = [Summary(*e.energies[0], e.counts.share_beyond(threshold)) for e in seen]
    scores = {
        "energy": [getattr(each, summary) for each in summaries],
        "unusual": [unusual([e[which] for e in each.energies], scales) for each in seen],
        **{name: [getattr(each, name) for each in summaries] for name in Summary._fields},
    }
    statistics = {name: [each.statistics[name] for each in seen] for name in STATISTICS}
    limits = {n: float(np.quantile(scores[n], 1 - flag_share)) for n in ("energy", "unusual")}
    return Reference(
        layers=tuple(layers),
        summary=summary,
        pictures=len(seen),
        places=places,
        energy_threshold=limits["energy"],
        unusual_threshold=limits["unusual"],
        scores={name: quantiles(values) for name, values in scores.items()},
        statistics={name: quantiles(values) for name, values in statistics.items()},
    )

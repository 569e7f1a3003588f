"""Learn from inputs of known outcome how probable an artifact is, given a score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restoreflow.defects.find import measure_defects
from restoreflow.errors import InputError
from restoreflow.lab.degradations.corruptions import CORRUPTIONS, corrupt
from restoreflow.lab.fitting.intervals import bootstrapped_auroc, reliability
from restoreflow.lab.fitting.outcomes import draw, error_places, surprise
from restoreflow.lab.fitting.pictures import Pair
from restoreflow.lab.fitting.probabilities import (
    area_under_roc,
    expected_calibration_error,
    fit_logit,
    isotonic,
    logit_curve,
)
from restoreflow.lab.training.data import step_generator
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.calibration import Curve, Logit
from restoreflow.ood.check import score
from restoreflow.ood.indicators import FIRST_INDICATORS, INDICATORS, indicators
from restoreflow.ood.mahalanobis import log_energy
from restoreflow.ood.reference import Calibration, CalibrationFacts, Reference
from restoreflow.ood.statistics import measure

__all__ = [
    "Outcome",
    "Spoilt",
    "as_large",
    "bad_places",
    "calibrate",
    "is_bad",
    "spoilt",
    "spoilt_once",
    "usual_surprise",
]

Outcome = Literal["error", "surprise"]

SURPRISE_SHARE = 0.05
"""Of a picture's cells, worse than 99 in 100 of undamaged inputs' cells: five times the usual."""

_COMBINED = (FIRST_INDICATORS, INDICATORS)
"""Sets of indicators that are tried: features and statistics; these and the input's own."""

PLACES = 64
"""Cells of each input that the probability for places is learnt from."""


class Spoilt(NamedTuple):
    """An input of known truth.

    Attributes:
        corruption: its name; "none" for the picture as it was.
        severity: 0 for none.
        pair: what the model sees and what it should give.
    """

    corruption: str
    severity: int
    pair: Pair


class _Observed(NamedTuple):
    """Scores as the curves take them, and outcomes, of one input and some of its places."""

    group: int
    energy: float
    unusual: float
    indicators: NDArray[np.float64]
    laplacian: float
    bad: bool
    place_energies: NDArray[np.float64]
    place_bad: NDArray[np.bool_]


def spoilt(
    pair: Pair, severities: Sequence[int], seed: int, names: Sequence[str] = tuple(CORRUPTIONS)
) -> Iterator[Spoilt]:
    """A pair as it is and with every corruption; those of the scene change the truth as well."""
    yield Spoilt("none", 0, pair)
    for place, name in enumerate(names):
        for severity in severities:
            both = [pair.degraded, pair.clean]
            for index in (0, 1) if CORRUPTIONS[name].of_scene else (0,):
                generator = step_generator(seed, place, severity)
                both[index] = corrupt(both[index][None], name, severity, generator)[0]
            yield Spoilt(name, severity, Pair(pair.name, *both))


def spoilt_once(pair: Pair, group: int, severities: Sequence[int], seed: int) -> Iterator[Spoilt]:
    """A pair as it is, and with every corruption at one severity, another from pair to pair.

    Args:
        group: the pair's number; with as many pairs as severities, each corruption has had all.
        severities: of 1 .. 5.
        seed: of all pairs.
    """
    yield Spoilt("none", 0, pair)
    for place, name in enumerate(CORRUPTIONS):
        severity = severities[(group + place) % len(severities)]
        yield from list(spoilt(pair, [severity], seed + group, [name]))[1:]


def usual_surprise(
    network: RestorationNetwork, pairs: Iterable[Pair], temperature: float, samples: int, seed: int
) -> float:
    """The surprise that 99 % of the cells of undamaged inputs stay below."""
    values = [
        surprise(draw(network, pair.degraded, temperature, samples, seed), pair.clean).ravel()
        for pair in pairs
    ]
    return float(np.quantile(np.concatenate(values), 0.99))


def bad_places(
    network: RestorationNetwork,
    pair: Pair,
    outcome: Outcome,
    temperature: float,
    samples: int,
    seed: int = 0,
    limit: float = math.inf,
) -> NDArray[np.bool_]:
    """Cells (rows, columns) whose samples went wrong; `limit` is of `usual_surprise`."""
    drawn = draw(network, pair.degraded, temperature, samples, seed)
    return error_places(drawn) if outcome == "error" else surprise(drawn, pair.clean) > limit


def is_bad(places: NDArray[np.bool_], outcome: Outcome) -> bool:
    """Whether a picture counts as gone wrong: any error pixel, or 5 % of surprising cells."""
    return bool(places.any()) if outcome == "error" else bool(places.mean() > SURPRISE_SHARE)


def calibrate(
    network: RestorationNetwork,
    reference: Reference,
    pairs: Callable[[], Iterable[Pair]],
    outcome: Outcome,
    temperature: float,
    severities: Sequence[int] = (1, 3, 5),
    samples: int = 2,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Calibration, ...]:
    """Probabilities for pictures and for places, learnt from corrupted photographs.

    The picture's is a function of whatever tells outcomes best apart: its energy, its two-sided
    score, or its `indicators` combined in a logistic regression, with those of the input itself or
    without. Which of them, is decided on every second photograph, with all its corruptions, each
    half of these tried on what was learnt from the other. AUROC and calibration error are of the
    other photographs, which had no part in that, by what is learnt from the deciding ones. What is
    kept is learnt from all. The probabilities hold for a mixture like this one: each photograph
    once as it is and once with every corruption, at severities that change from photograph to
    photograph.

    Args:
        network: whose samples are judged, and whose features are scored.
        reference: of the same network.
        pairs: gives four photographs or more, the same at every call.
        outcome: "error": any error pixel. "surprise": more than 5 % of the cells are further from
            the truth, in units of the samples' spread, than 99 % of undamaged inputs' cells.
        temperature: of the samples.
        severities: of 1 .. 5.
        samples: an input; two or more for "surprise".
        seed: of latents and corruptions.
        advance: called after every photograph.

    Raises:
        InputError: there are fewer than four photographs.
    """
    limit = math.inf
    if outcome == "surprise":
        limit = usual_surprise(network, pairs(), temperature, samples, seed)
    observed: list[_Observed] = []
    count = 0
    for group, pair in enumerate(pairs()):
        rng = np.random.default_rng([seed, group])
        for each in spoilt_once(pair, group, severities, seed):
            bad = bad_places(network, each.pair, outcome, temperature, samples, seed, limit)
            observed.append(_observed(network, reference, each.pair, bad, outcome, rng, group))
        count += 1
        advance()
    if count < 4:
        raise InputError(f"{count} photographs are too few to calibrate with", "give four or more")
    hits = np.array([each.bad for each in observed])
    groups = np.array([each.group for each in observed])
    ways = _ways(observed)
    way = max(ways, key=lambda each: _deciding_auroc(each, hits, groups))
    best = _learnt(way, hits, groups, outcome)
    others = groups % 2 == 1
    rivals = (ways[0].numbers, np.array([each.laplacian for each in observed]))
    energy, rough = (_known(area_under_roc(each[others], hits[others])) for each in rivals)
    facts = replace(best.facts, energy_auroc=energy, laplacian_auroc=rough)
    found = best._replace(facts=facts), _of_places(observed, outcome)
    if outcome == "error":
        return found
    return tuple(each._replace(facts=replace(each.facts, limit=limit)) for each in found)


def _observed(
    network: RestorationNetwork,
    reference: Reference,
    pair: Pair,
    bad: NDArray[np.bool_],
    outcome: Outcome,
    rng: np.random.Generator,
    group: int,
) -> _Observed:
    found = score(network, reference, pair.degraded)
    chosen = rng.permutation(bad.size)[:PLACES]
    energies = as_large(found.energies, bad.shape).ravel()[chosen]
    logs = np.array([log_energy(energy) for energy in energies.tolist()])
    pixels = np.ascontiguousarray(pair.degraded.permute(1, 2, 0).numpy())
    known = (found.energies, measure(pixels), pixels, measure_defects(pixels))
    numbers = indicators(INDICATORS, *known)
    return _Observed(
        group,
        energy=log_energy(found.energy),
        unusual=found.unusual,
        indicators=numbers,
        laplacian=float(numbers[INDICATORS.index("laplacian 0.99")]),
        bad=is_bad(bad, outcome),
        place_energies=logs,
        place_bad=bad.ravel()[chosen],
    )


def as_large(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A coarser layer's map with every value repeated over the cells it stands for."""
    rows = np.arange(shape[0]) * values.shape[0] // shape[0]
    columns = np.arange(shape[1]) * values.shape[1] // shape[1]
    return values[np.ix_(rows, columns)]


class _Way(NamedTuple):
    """A way to a probability: what it is of, for each input.

    Attributes:
        score: as `CalibrationFacts.score`.
        numbers: (N,), or (N, D) of a "combined" one.
        names: the indicators of a "combined" one.
    """

    score: Literal["energy", "unusual", "combined", "place"]
    numbers: NDArray[np.float64]
    names: tuple[str, ...] = FIRST_INDICATORS

    def fitted(
        self, hits: NDArray[np.bool_], chosen: NDArray[np.bool_]
    ) -> tuple[Curve, Logit | None]:
        """Learnt from the inputs chosen."""
        numbers = self.numbers[chosen]
        if self.score == "combined":  # a curve of its own, from so few inputs, was worse calibrated
            return logit_curve(), fit_logit(numbers, hits[chosen])
        return isotonic(numbers, hits[chosen]), None

    def scores(self, logit: Logit | None, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the curve is of, of the inputs chosen."""
        numbers = self.numbers[chosen]
        return numbers if logit is None else logit(numbers)


def _ways(observed: Sequence[_Observed]) -> list[_Way]:
    """All that are tried, the plain score first."""
    everything = np.stack([each.indicators for each in observed])
    return [
        _Way("energy", np.array([each.energy for each in observed])),
        _Way("unusual", np.array([each.unusual for each in observed])),
        *(
            _Way("combined", everything[:, [INDICATORS.index(name) for name in names]], names)
            for names in _COMBINED
        ),
    ]


def _deciding_auroc(way: _Way, hits: NDArray[np.bool_], groups: NDArray[np.intp]) -> float:
    """On the deciding photographs alone, each half by what the other has taught; 0 if unknown."""
    scores, halves = np.zeros(len(hits)), (groups % 4 == 0, groups % 4 == 2)
    for half, other in (halves, halves[::-1]):
        scores[half] = way.scores(way.fitted(hits, other)[1], half)
    deciding = groups % 2 == 0
    return _known(area_under_roc(scores[deciding], hits[deciding])) or 0.0


def _learnt(
    way: _Way, hits: NDArray[np.bool_], groups: NDArray[np.intp], outcome: Outcome
) -> Calibration:
    """What is kept, learnt from all; how good it is, by the deciding photographs on the others."""
    others = groups % 2 == 1
    curve, logit = way.fitted(hits, ~others)
    scores = way.scores(logit, others)
    facts = _facts(scores, curve(scores), hits[others], groups[others], way.score, outcome)
    facts = replace(facts, inputs=len(hits), hits=int(hits.sum()), indicators=way.names)
    return Calibration(facts, *way.fitted(hits, np.ones(len(hits), bool)))


def _of_places(observed: Sequence[_Observed], outcome: Outcome) -> Calibration:
    energies = np.concatenate([each.place_energies for each in observed])
    hits = np.concatenate([each.place_bad for each in observed])
    groups = np.concatenate([np.full(len(each.place_bad), each.group) for each in observed])
    return _learnt(_Way("place", energies), hits, groups, outcome)


def _facts(
    scores: NDArray[np.float64],
    held_out: NDArray[np.float64],
    hits: NDArray[np.bool_],
    groups: NDArray[np.intp],
    name: Literal["energy", "unusual", "combined", "place"],
    outcome: Outcome,
) -> CalibrationFacts:
    """How good probabilities are that were learnt from other photographs."""
    predicted, observed, counts = reliability(held_out, hits)
    # Of places there are thousands, of no more photographs; the picture's interval says it all.
    low, high = (
        (math.nan, math.nan) if name == "place" else bootstrapped_auroc(scores, hits, groups)
    )
    return CalibrationFacts(
        outcome=outcome,
        score=name,
        inputs=len(hits),
        hits=int(hits.sum()),
        auroc=_known(area_under_roc(scores, hits)),
        auroc_low=_known(low),
        auroc_high=_known(high),
        ece=expected_calibration_error(held_out, hits),
        predicted=predicted,
        observed=observed,
        counts=counts,
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value

"""Rates, differences and foresight, each with where 95 % of bootstrap samples have it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restoreflow.lab.fitting.probabilities import fit_logit

__all__ = [
    "ERRORS",
    "THRESHOLDS",
    "Estimate",
    "Foresight",
    "Table",
    "auroc",
    "auroc_difference",
    "difference",
    "foresight",
    "frozen",
    "logistic_slope",
    "rate",
    "table",
]

THRESHOLDS = (0.5, 2.0, 10.0, 1e3)
"""Of |detail| before the limiter, in units of the image range."""
ERRORS = "error pixels"
"""The paper's outcome: a pixel that is not finite or outside [-0.5, 1.5]."""
REPEATS = 400
"""Bootstrap samples; a quarter of it where each is a regression."""
LEVEL = 0.05

Results = Mapping[str, Any]
Outcome = float | str


class Estimate(NamedTuple):
    """A figure, its 95 % interval, and on how much it rests.

    Attributes:
        value: NaN where there is nothing to tell it by.
        low, high: ends of the interval.
        hits: how many of `size` samples have the outcome; of a difference, of the first arm.
        size: samples: inputs times seeds.
    """

    value: float
    low: float
    high: float
    hits: int
    size: int

    @property
    def decided(self) -> bool:
        """Whether a difference's interval excludes 0."""
        return self.low > 0 or self.high < 0


class Table(NamedTuple):
    """Outcomes of an arm on some inputs.

    Attributes:
        hits: (sources, seeds), inputs of a source with the outcome.
        sizes: (sources, seeds), inputs of a source.
    """

    hits: NDArray[np.float64]
    sizes: NDArray[np.float64]


def table(
    results: Results,
    arm: str,
    group: str,
    outcome: Outcome,
    warm: bool,
    seeds: Sequence[int] | None = None,
) -> Table | None:
    """Outcomes by photograph and seed; None where the arm was not asked.

    Args:
        outcome: a threshold on |detail|, or `ERRORS`.
        warm: at any temperature above 0, else at 0.
        seeds: which; None for all the arm has.
    """
    runs = [r for r in results["runs"] if r["arm"] == arm]
    runs = [r for r in runs if seeds is None or r["seed"] in seeds]
    inputs = [x for x in results["inputs"] if x["group"] == group]
    sources = list(dict.fromkeys(x["source"] for x in inputs))
    place = {source: index for index, source in enumerate(sources)}
    part = "others" if group == "other" else "end"
    runs = [r for r in runs if r.get(part)]
    if not runs or not inputs:
        return None
    hits, sizes = np.zeros((2, len(sources), len(runs)))
    for column, run in enumerate(runs):
        for each in inputs:
            row = place[each["source"]]
            sizes[row, column] += 1
            hits[row, column] += _hit(results, run[part]["outcomes"][each["name"]], outcome, warm)
    return Table(hits, sizes)


def rate(found: Table) -> Estimate:
    """The share of inputs with the outcome, over photographs and seeds."""
    n = int(found.sizes.sum())
    hits = int(found.hits.sum())
    low, high = _interval(lambda a, b: _share(found, a, b), found.hits.shape)
    # A bootstrap of no hits, or of hits alone, is sure of itself: the exact bound of as many
    # independent sources.
    bound = 1.0 - (LEVEL / 2) ** (1.0 / len(found.hits))
    if hits == 0:
        high = bound
    if hits == n:
        low = 1.0 - bound
    return Estimate(hits / n, low, high, hits, n)


def difference(one: Table, other: Table) -> Estimate:
    """One arm's share less another's, on the same photographs and seeds."""
    if one.hits.shape != other.hits.shape:
        raise ValueError(f"tables of {one.hits.shape} and {other.hits.shape} are not of a pair")

    def found(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        return _share(one, a, b) - _share(other, a, b)

    whole = np.ones(len(one.hits)), np.ones(one.hits.shape[1])
    low, high = _interval(found, one.hits.shape)
    return Estimate(found(*whole), low, high, int(one.hits.sum()), int(one.sizes.sum()))


class Foresight(NamedTuple):
    """A score's values, outcomes, groups and sources, an input and seed each."""

    scores: NDArray[np.float64]
    outcomes: NDArray[np.bool_]
    groups: NDArray[Any]
    sources: NDArray[Any]
    seeds: NDArray[Any]
    halves: NDArray[Any]

    def at(self, chosen: NDArray[Any]) -> Foresight:
        """Some of them."""
        parts: tuple[NDArray[Any], ...] = tuple(part[chosen] for part in self)
        return Foresight(*parts)


def foresight(results: Results, arm: str, score: str, outcome: Outcome) -> Foresight | None:
    """What a score said of every input, and whether the outcome came at any temperature.

    Scores are logarithms. None where the arm was not asked.
    """
    rows: list[tuple[float, bool, str, str, int, int]] = []
    for run in results["runs"]:
        if run["arm"] != arm or "scores" not in run:
            continue
        outcomes = run["end"]["outcomes"] | run.get("others", {}).get("outcomes", {})
        for each in results["inputs"]:
            if each["name"] not in outcomes:
                continue
            known = each["scores"] | run["scores"].get(each["name"], {})
            if score not in known:
                continue
            found = outcomes[each["name"]]
            hit = any(_hit(results, found, outcome, warm) for warm in (False, True))
            value = math.log(max(known[score], 1e-9))
            rows.append((value, hit, each["group"], each["source"], run["seed"], each["half"]))
    if not rows:
        return None
    columns = list(zip(*rows, strict=True))
    return Foresight(
        np.array(columns[0], float),
        np.array(columns[1], bool),
        np.array(columns[2]),
        np.array(columns[3]),
        np.array(columns[4]),
        np.array(columns[5]),
    )


def auroc(found: Foresight) -> Estimate:
    """The chance that an input with the outcome scores higher than one without, mean over seeds."""
    means = _aurocs(found)
    return Estimate(
        float(means[0]), *_ends(means[1:]), int(found.outcomes.sum()), len(found.outcomes)
    )


def auroc_difference(one: Foresight, other: Foresight) -> Estimate:
    """One score's AUROC less another's, of the same inputs, both drawn again together."""
    means = _aurocs(one) - _aurocs(other)
    return Estimate(float(means[0]), *_ends(means[1:]), int(one.outcomes.sum()), len(one.outcomes))


def _aurocs(found: Foresight) -> NDArray[np.float64]:
    """The AUROC, mean over seeds, and after it those of bootstrap samples."""
    names, rows = np.unique(found.sources, return_inverse=True)
    seeds = np.unique(found.seeds)
    rng = np.random.default_rng(0)
    drawn = [rng.multinomial(n, np.full(n, 1.0 / n), REPEATS) for n in (len(names), len(seeds))]
    # The first row counts each once: the figure itself.
    by_source, by_seed = (np.vstack((np.ones(x.shape[1]), x)).astype(float) for x in drawn)
    each = [found.seeds == seed for seed in seeds]
    areas = np.stack(
        [_areas(found.scores[own], found.outcomes[own], by_source[:, rows[own]]) for own in each], 1
    )
    counts = by_seed * np.isfinite(areas)
    total = counts.sum(1)
    return np.where(
        total > 0, (counts * np.nan_to_num(areas)).sum(1) / np.maximum(total, 1), math.nan
    )


def logistic_slope(found: Foresight, within: bool) -> Estimate:
    """The log-odds that a deviation of the score adds; `within`: each group with its own offset.

    A ridge of 1 keeps it finite where a score tells all.
    """
    deviation = max(float(found.scores.std()), 1e-9)

    def slope(part: Foresight) -> float:
        if part.outcomes.all() or not part.outcomes.any():
            return math.nan
        columns = [part.scores / deviation]
        names = np.unique(part.groups) if within else []
        columns += [(part.groups == name).astype(float) for name in names[1:]]
        return fit_logit(np.stack(columns, 1), part.outcomes, penalty=1.0).weights[0]

    return _resampled(found, slope, REPEATS // 4)


class Frozen(NamedTuple):
    """A threshold chosen on one half and judged on the other: caught, and spared."""

    threshold: float
    caught: Estimate
    spared: Estimate


def frozen(found: Foresight) -> Frozen | None:
    """The threshold that tells outcomes best on half 0, judged on half 1; None without outcomes."""
    first, second = found.at(found.halves == 0), found.at(found.halves == 1)
    if first.outcomes.all() or not first.outcomes.any():
        return None
    values = np.unique(first.scores)
    middles = (values[1:] + values[:-1]) / 2 if len(values) > 1 else values
    gains = [_youden(first, value) for value in middles]
    threshold = float(middles[int(np.argmax(gains))])

    def share(part: Foresight, above: bool) -> Estimate:
        hits = (part.scores > threshold) == above
        return rate(_tabled(part, hits)) if len(hits) else _nothing()

    return Frozen(
        math.exp(threshold),
        share(second.at(second.outcomes), True),
        share(second.at(~second.outcomes), False),
    )


def _hit(results: Results, rows: Sequence[Any], outcome: Outcome, warm: bool) -> bool:
    levels = zip(results["settings"]["temperatures"], rows, strict=True)
    chosen = [row for temperature, row in levels if (temperature > 0) == warm]
    if outcome == ERRORS:
        return any(wrong > 0 for _, _, wrong in chosen)
    return any(size > float(outcome) or lost > 0 for size, lost, _ in chosen)


def _share(found: Table, a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of inputs, with sources and seeds counted so many times."""
    size = float(a @ found.sizes @ b)
    return float(a @ found.hits @ b) / size if size else math.nan


def _interval(
    figure: Callable[[NDArray[np.float64], NDArray[np.float64]], float], shape: tuple[int, ...]
) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    found = [
        figure(*(rng.multinomial(n, np.full(n, 1.0 / n)).astype(float) for n in shape))
        for _ in range(REPEATS)
    ]
    return _ends(found)


def _resampled(found: Foresight, figure: Callable[[Foresight], float], repeats: int) -> Estimate:
    """A figure over everything, and over sources and seeds drawn again."""
    rng = np.random.default_rng(0)
    names, seeds = np.unique(found.sources), np.unique(found.seeds)
    places = {
        (name, seed): np.flatnonzero((found.sources == name) & (found.seeds == seed))
        for name in names
        for seed in seeds
    }
    values: list[float] = []
    for _ in range(repeats):
        again = rng.choice(names, len(names))
        drawn = [places[name, seed] for seed in rng.choice(seeds, len(seeds)) for name in again]
        parts = [part for part in drawn if len(part)]
        values.append(figure(found.at(np.concatenate(parts))) if parts else math.nan)
    hits = int(found.outcomes.sum())
    return Estimate(figure(found), *_ends(values), hits, len(found.outcomes))


def _areas(
    scores: NDArray[np.float64], outcomes: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Areas under ROC curves, one a row of weights of inputs; NaN where an outcome has none."""
    values, places = np.unique(scores, return_inverse=True)
    at = np.zeros((len(scores), len(values)))
    at[np.arange(len(scores)), places] = 1.0
    hits, misses = (weights * chosen @ at for chosen in (outcomes, ~outcomes))
    below = np.cumsum(misses, 1) - misses
    pairs = hits.sum(1) * misses.sum(1)
    won = (hits * (below + 0.5 * misses)).sum(1)
    return np.where(pairs > 0, won / np.maximum(pairs, 1e-300), math.nan)


def _ends(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """Where 95 % of the values that are numbers lie; NaN without any."""
    known = np.asarray(values)[np.isfinite(values)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, (LEVEL / 2, 1 - LEVEL / 2))
    return float(low), float(high)


def _youden(found: Foresight, threshold: float) -> float:
    above = found.scores > threshold
    return float(above[found.outcomes].mean() - above[~found.outcomes].mean())


def _tabled(found: Foresight, hits: NDArray[np.bool_]) -> Table:
    names, rows = np.unique(found.sources, return_inverse=True)
    seeds, columns = np.unique(found.seeds, return_inverse=True)
    table = Table(*np.zeros((2, len(names), len(seeds))))
    np.add.at(table.hits, (rows, columns), hits.astype(float))
    np.add.at(table.sizes, (rows, columns), 1.0)
    return table


def _nothing() -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, 0, 0)

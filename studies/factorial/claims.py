"""The paper's claims and this project's, each with the difference that decides it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from studies.factorial.forms import Arm
from studies.factorial.inputs import GROUPS
from studies.factorial.statistics import (
    ERRORS,
    Estimate,
    Outcome,
    auroc,
    auroc_difference,
    difference,
    foresight,
    table,
)

__all__ = [
    "AFFINE",
    "OURS",
    "OUTCOMES",
    "PAPER",
    "SHIPPED",
    "Contrast",
    "Verdict",
    "contrasts",
    "likelihood",
    "verdicts",
]

Results = Mapping[str, Any]

AFFINE = Arm("affine", "affine", False)
PAPER = Arm("paper_spline", "paper_spline", False)
OURS = Arm("spline", "spline", True)
SHIPPED = Arm("spline", "scale_shift", True)
_GROUPS = {
    "photographs": "photographs",
    "corrupted": "corrupted photographs",
    "patterns": "patterns",
    "other": "real pictures of other kinds",
}
FEATURES, INPUT_ALONE = "features_mean", "laplacian_p99"


class Verdict(NamedTuple):
    """A statement, the figure that decides it, and what it decides.

    Attributes:
        verdict: "yes", "no"; "undecided", where the interval has both signs; "no difference",
            where every input came out alike.
    """

    statement: str
    figure: str
    verdict: str


class Contrast(NamedTuple):
    """Two flows on a group of inputs: by how much more the first fails, by each outcome."""

    statement: str
    group: str
    verdicts: tuple[Verdict, ...]


OUTCOMES: tuple[tuple[Outcome, str], ...] = ((ERRORS, "error images"), (10.0, "|detail| > 10"))
_PAIRS = (
    (AFFINE, PAPER, "affine fails more often than the paper's spline"),
    (AFFINE, OURS, "affine fails more often than our spline"),
    (PAPER, OURS, "the paper's spline fails more often than ours"),
    (SHIPPED, OURS, "our spline fails more often with the clamped injector"),
    (
        AFFINE,
        AFFINE._replace(injector="paper_spline"),
        "affine couplings fail more often with an affine injector than with the paper's",
    ),
    (
        PAPER._replace(injector="affine"),
        PAPER,
        "the paper's couplings fail more often with an affine injector than with the paper's",
    ),
    (AFFINE, AFFINE._replace(clamped=True), "affine fails less with slopes clamped at test time"),
    (
        AFFINE._replace(clamped=True),
        PAPER,
        "affine with clamped slopes fails more often than the paper's spline",
    ),
)


def contrasts(results: Results) -> list[Contrast]:
    """Every difference between flows that the arms at hand can tell, at T > 0."""
    found = []
    for one, other, statement in _PAIRS:
        for group in GROUPS:
            estimates = [
                (name, _compared(results, one, other, group, outcome)) for outcome, name in OUTCOMES
            ]
            told = tuple(
                Verdict(name, f"{_percent(each)} of {each.size}", _decided(each))
                for name, each in estimates
                if each is not None
            )
            if told:
                found.append(Contrast(statement, _GROUPS[group], told))
    return found


def verdicts(results: Results) -> list[Verdict]:
    """What likelihood and the paper's score have to say."""
    return [*_likelihoods(results), *_foresight(results)]


def _compared(
    results: Results, one: Arm, other: Arm, group: str, outcome: Outcome
) -> Estimate | None:
    seeds = [{r["seed"] for r in results["runs"] if r["arm"] == arm.name} for arm in (one, other)]
    common = sorted(seeds[0] & seeds[1])
    pair = [table(results, arm.name, group, outcome, True, common) for arm in (one, other)]
    if not common or pair[0] is None or pair[1] is None:
        return None
    return difference(pair[0], pair[1])


def likelihood(results: Results, arm: str) -> dict[tuple[str, int], float]:
    """Negative log-likelihoods, nats a value, by photograph and seed, at the end of training."""
    return {
        (name, run["seed"]): value
        for run in results["runs"]
        if run["arm"] == arm
        for name, value in run["end"]["nll"].items()
        if value is not None
    }


def _likelihoods(results: Results) -> Iterator[Verdict]:
    base = likelihood(results, AFFINE.name)
    for arm, what in ((PAPER, "the paper's spline"), (OURS, "our spline"), (SHIPPED, SHIPPED.name)):
        own = likelihood(results, arm.name)
        both = sorted(base.keys() & own.keys())
        if not both:
            continue
        found = _paired([own[key] - base[key] for key in both], both)
        figure = f"{found.value:+.3f} nats a value ({found.low:+.3f} .. {found.high:+.3f})"
        statement = f"{what} costs no likelihood on photographs against affine"
        verdict = "yes" if found.high <= 0 else "no" if found.low > 0 else "undecided"
        yield Verdict(statement, figure, verdict)


def _paired(values: Sequence[float], keys: Sequence[tuple[str, int]]) -> Estimate:
    """A mean with its interval over photographs and seeds."""
    names, seeds = sorted({name for name, _ in keys}), sorted({seed for _, seed in keys})
    grid = np.full((len(names), len(seeds)), math.nan)
    for value, (name, seed) in zip(values, keys, strict=True):
        grid[names.index(name), seeds.index(seed)] = value
    rng = np.random.default_rng(0)
    found = []
    for _ in range(1000):
        rows, columns = (rng.integers(0, n, n) for n in grid.shape)
        found.append(float(np.nanmean(grid[np.ix_(rows, columns)])))
    low, high = np.nanquantile(found, (0.025, 0.975))
    return Estimate(float(np.nanmean(grid)), float(low), float(high), len(values), len(values))


def _foresight(results: Results) -> Iterator[Verdict]:
    whole = foresight(results, AFFINE.name, FEATURES, ERRORS)
    alone = foresight(results, AFFINE.name, INPUT_ALONE, ERRORS)
    if whole is None:
        return
    for group in (None, *GROUPS):
        found = whole if group is None else whole.at(whole.groups == group)
        if not len(found.outcomes) or found.outcomes.all() or not found.outcomes.any():
            continue
        told = auroc(found)
        where = "over all groups" if group is None else f"within {_GROUPS[group]}"
        figure = f"AUROC {told.value:.2f} ({told.low:.2f} .. {told.high:.2f}), {told.hits} of "
        verdict = "yes" if told.low > 0.5 else "no" if told.high < 0.5 else "undecided"
        yield Verdict(
            f"the paper's score foretells error images of the affine flow, {where}",
            f"{figure}{told.size} fail",
            verdict,
        )
        if alone is None:
            continue
        rival = alone if group is None else alone.at(alone.groups == group)
        more = auroc_difference(found, rival)
        yield Verdict(
            f"and foretells more than the input's Laplacian alone, {where}",
            f"AUROC {more.value:+.3f} ({more.low:+.3f} .. {more.high:+.3f})",
            _decided(more),
        )


def _decided(found: Estimate) -> str:
    if found.value == found.low == found.high == 0:
        return "no difference"
    return "yes" if found.low > 0 else "no" if found.high < 0 else "undecided"


def _percent(found: Estimate) -> str:
    return f"{100 * found.value:+.0f} % ({100 * found.low:+.0f} .. {100 * found.high:+.0f})"

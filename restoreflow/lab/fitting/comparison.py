"""Which layer, summary and detector tells best what will go wrong: one table for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from torch import Tensor

from restoreflow.lab.fitting.detectors import Detector, detectors, observe
from restoreflow.lab.fitting.intervals import bootstrapped_auroc
from restoreflow.lab.fitting.probabilities import area_under_roc
from restoreflow.networks.restoration_network import RestorationNetwork

__all__ = ["CASES", "Case", "Row", "compare", "markdown", "rank_correlation"]

CASES = ("none", "hostile")
"""Names of cases that are no corruption: photographs as they are, and what no photograph is."""


class Case(NamedTuple):
    """An input, and what became of it where that is known.

    Attributes:
        name: the corruption's, or of `CASES`.
        severity: 0 for "none".
        degraded: (3, h, w) in [0, 1].
        error_share: of the cells with an error pixel, of the network judged by; None: unknown.
        surprising: whether the samples surprise; None: unknown.
        group: the photograph's number: what bootstrap draws whole.
    """

    name: str
    severity: int
    degraded: Tensor
    error_share: float | None = None
    surprising: bool | None = None
    group: int = 0


class Row(NamedTuple):
    """A score's figures.

    Attributes:
        score: its name.
        corruptions: AUROC of each corruption against photographs as they are, over severities.
        all: mean of these.
        errors: AUROC for error images, over all cases.
        errors_interval: where 95 % of bootstrap samples of the photographs have it.
        errors_within: mean of AUROCs for error images within each kind of case that has both.
        correlation: Spearman's, with the share of error cells.
        surprises: AUROC for surprising results.
        surprises_interval: likewise.
        flagged: share of photographs as they are, beyond what 99.5 % of the training set stay
            below.
    """

    score: str
    corruptions: Mapping[str, float]
    all: float
    errors: float
    errors_interval: tuple[float, float]
    errors_within: float
    correlation: float
    surprises: float
    surprises_interval: tuple[float, float]
    flagged: float

    def record(self) -> dict[str, Any]:
        """The row as JSON has it; NaN as None."""
        values = {**self._asdict(), "corruptions": dict(self.corruptions)}
        flat = {k: _finite(v) if isinstance(v, float) else v for k, v in values.items()}
        for name in ("errors_interval", "surprises_interval"):
            flat[name] = [_finite(end) for end in getattr(self, name)]
        return {**flat, "corruptions": {k: _finite(v) for k, v in self.corruptions.items()}}


def compare(
    network: RestorationNetwork,
    training: Callable[[], Iterable[Tensor]],
    cases: Iterable[Case],
    layers: Sequence[str],
    advance: Callable[[str], None] = lambda what: None,
) -> list[Row]:
    """Fit every detector to the training set and score every case by each.

    Args:
        network: whose features and density are looked at.
        training: degraded pictures (3, h, w), the same at every call.
        cases: photographs as they are ("none") among them.
        layers: of `features.layer_names`.
        advance: called after every picture.

    Returns:
        a row a score, the best at telling corruptions first.
    """
    methods = detectors(layers)
    _fit(methods, network, training, layers, advance)
    trained: dict[str, list[float]] = {}
    for picture in training():
        _collect(trained, methods, network, picture, layers)
        advance("training scores")
    scores: dict[str, list[float]] = {}
    facts: list[Case] = []
    for case in cases:
        _collect(scores, methods, network, case.degraded, layers)
        facts.append(case._replace(degraded=case.degraded[:, :0]))
        advance(case.name)
    rows = [_row(name, scores[name], trained[name], facts) for name in scores]
    return sorted(rows, key=lambda row: -row.all)


def _fit(
    methods: Sequence[Detector],
    network: RestorationNetwork,
    training: Callable[[], Iterable[Tensor]],
    layers: Sequence[str],
    advance: Callable[[str], None],
) -> None:
    for see, end in (("first", "settle"), ("second", "finish")):
        for picture in training():
            seen = observe(network, picture, layers)
            for method in methods:
                getattr(method, see)(seen)
            advance("training set")
        for method in methods:
            getattr(method, end)()


def _collect(
    into: dict[str, list[float]],
    methods: Sequence[Detector],
    network: RestorationNetwork,
    degraded: Tensor,
    layers: Sequence[str],
) -> None:
    seen = observe(network, degraded, layers)
    for method in methods:
        for name, value in method.scores(seen).items():
            into.setdefault(name, []).append(value)


def _row(name: str, values: list[float], trained: list[float], cases: list[Case]) -> Row:
    scores = np.array(values)
    usual = np.array([case.name == "none" for case in cases])
    kinds = [kind for kind in dict.fromkeys(case.name for case in cases) if kind != "none"]
    aurocs: dict[str, float] = {}
    for kind in kinds:
        chosen = usual | np.array([case.name == kind for case in cases])
        aurocs[kind] = area_under_roc(scores[chosen], ~usual[chosen])
    known = np.array([case.error_share is not None for case in cases])
    shares = np.array([case.error_share or 0.0 for case in cases])[known]
    judged = np.array([case.surprising is not None for case in cases])
    surprising = np.array([bool(case.surprising) for case in cases])[judged]
    limit = float(np.quantile(trained, 0.995))
    groups, names = (
        np.array([case.group for case in cases]),
        np.array([case.name for case in cases]),
    )
    return Row(
        name,
        aurocs,
        all=float(np.mean(list(aurocs.values()))) if aurocs else math.nan,
        errors=area_under_roc(scores[known], shares > 0),
        errors_interval=bootstrapped_auroc(scores[known], shares > 0, groups[known]),
        errors_within=_within(scores[known], shares > 0, names[known]),
        correlation=rank_correlation(scores[known], shares),
        surprises=area_under_roc(scores[judged], surprising),
        surprises_interval=bootstrapped_auroc(scores[judged], surprising, groups[judged]),
        flagged=float((scores[usual] > limit).mean()) if usual.any() else math.nan,
    )


def _within(scores: np.ndarray, outcomes: np.ndarray, names: np.ndarray) -> float:
    """Mean over kinds of the AUROC within each; NaN where none has both outcomes."""
    found = [area_under_roc(scores[names == n], outcomes[names == n]) for n in np.unique(names)]
    known = [auroc for auroc in found if not math.isnan(auroc)]
    return float(np.mean(known)) if known else math.nan


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; NaN without variance."""
    one, other = rankdata(first), rankdata(second)
    if len(one) < 2 or one.std() == 0 or other.std() == 0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])


def markdown(rows: Sequence[Row]) -> str:
    """The table, Markdown; a figure that is not known is a dash."""
    kinds = list(rows[0].corruptions) if rows else []
    heads = ["score", "all", *kinds, "errors", "within kinds", "rho", "surprises", "flagged"]
    lines = [" | ".join(heads), " | ".join(["---", *["--:"] * (len(heads) - 1)])]
    for row in rows:
        figures = [row.all, *(row.corruptions[kind] for kind in kinds)]
        cells = [_two_digits(figure) for figure in figures]
        cells.append(_with_interval(row.errors, row.errors_interval))
        cells += [_two_digits(row.errors_within), _two_digits(row.correlation)]
        cells.append(_with_interval(row.surprises, row.surprises_interval))
        flagged = "-" if math.isnan(row.flagged) else f"{row.flagged:.1%}"
        lines.append(" | ".join([row.score, *cells, flagged]))
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _two_digits(figure: float) -> str:
    return "-" if math.isnan(figure) else f"{figure:.2f}"


def _with_interval(figure: float, interval: tuple[float, float]) -> str:
    if math.isnan(figure):
        return "-"
    low, high = interval
    return f"{figure:.2f} ({low:.2f}-{high:.2f})"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

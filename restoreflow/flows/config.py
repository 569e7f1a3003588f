"""What a flow is made of, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from restoreflow.config_reader import check_around_zero, check_count, check_range

__all__ = ["FlowConfig", "MapName", "Rotations"]

MapName = Literal["spline", "affine", "clamped_affine", "scale_shift", "paper_spline"]
Rotations = Literal["random", "cosine", "learnt"]


@dataclass(frozen=True)
class FlowConfig:
    """The invertible part of a model.

    Attributes:
        coupling: the couplings' element-wise map. "spline": bounded rational-quadratic spline;
            "affine": the usual sigmoid(h + 2) + 1e-4, whose inverse can explode; "clamped_affine":
            log-scale bounded as HCFlow's; "scale_shift": bounded as the injector's settings say;
            "paper_spline": the spline of Hong, Park and Chun, its shift unbounded.
        injector: the injector's, by the same names. "auto": "affine" beside affine couplings,
            otherwise "scale_shift".
        rotations: between what moves and what stays in a coupling step. "random": fixed; "cosine":
            fixed, cosines in order of frequency; "learnt": that order where training begins.
        steps: number of coupling steps.
        coarse: number of coupling steps on the low bands of merged 2 x 2 cells, nearest the latent.
        hidden: channels inside each coupling's network.
        bins: bins of the spline (2 uses the closed form without search).
        box: half-width of the spline's box, in units of the normalised detail.
        shift: bound on the coupling's additive shift, same units.
        shifted: whether every other step works on cells shifted by half a cell.
        detail_range: the limiter's R: every sample's detail lies within [-R, R], in units of the
            image range.
        injector_log_scale: lower and upper bound of the data-side injector's log-scale.
        injector_shift: bound on the data-side injector's shift, normalised units.
        base_mean: bound on the base distribution's mean.
        base_log_scale: lower and upper bound of the base distribution's log-scale.
        base_hidden: channels inside the base's network; 0: as many as the couplings'.
        seed: seed of the fixed random rotations.

    Raises:
        ValueError: a value out of its range: see `COUNTS` and `BOUNDS`; log-scales must enclose 0.
    """

    coupling: MapName = "spline"
    injector: Literal[MapName, "auto"] = "auto"
    rotations: Rotations = "random"
    steps: int = 8
    coarse: int = 0
    hidden: int = 48
    bins: int = 2
    box: float = 2.0
    shift: float = 1.0
    shifted: bool = True
    detail_range: float = 0.5
    injector_log_scale: tuple[float, float] = (-3.0, 1.2)
    injector_shift: float = 1.0
    base_mean: float = 1.0
    base_log_scale: tuple[float, float] = (-1.5, 0.4)
    base_hidden: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("coupling", MapName), ("rotations", Rotations)):
            _check_name(name, getattr(self, name), get_args(known))
        _check_name("injector", self.injector, (*get_args(MapName), "auto"))
        for name, (low, high) in COUNTS.items():
            check_count(name, getattr(self, name), low, high)
        for name, (low, high) in BOUNDS.items():
            check_range(name, getattr(self, name), low, high)
        for name in ("injector_log_scale", "base_log_scale"):
            check_around_zero(name, getattr(self, name), *LOG_SCALES)


COUNTS = {
    "steps": (0, 64),
    "coarse": (0, 64),
    "hidden": (1, 1024),
    "base_hidden": (0, 1024),
    "bins": (2, 32),
    "seed": (0, 2**31 - 1),
}
"""Smallest and largest value of each whole number; what is larger is no model but a mistake."""

BOUNDS = {
    "box": (0.1, 100.0),
    "shift": (1e-3, 100.0),
    "detail_range": (1e-3, 1.0),
    "injector_shift": (1e-3, 100.0),
    "base_mean": (1e-3, 100.0),
}
"""The same of each bound; detail beyond 1, the whole range of an image, there is none."""

LOG_SCALES = (1e-3, 10.0)
"""Smallest and largest distance of a log-scale's bounds from 0."""


def _check_name(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")

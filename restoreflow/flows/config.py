"""What a flow is made of, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FlowConfig", "MapName"]

MapName = Literal["spline", "affine", "clamped_affine", "scale_shift", "paper_spline"]


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
        detail_range: the limiter's R: every sample's detail lies within (-R, R), in units of the
            image range.
        injector_log_scale: lower and upper bound of the data-side injector's log-scale.
        injector_shift: bound on the data-side injector's shift, normalised units.
        base_mean: bound on the base distribution's mean.
        base_log_scale: lower and upper bound of the base distribution's log-scale.
        base_hidden: channels inside the base's network; 0: as many as the couplings'.
        seed: seed of the fixed random rotations.
    """

    coupling: MapName = "spline"
    injector: Literal[MapName, "auto"] = "auto"
    rotations: Literal["random", "cosine", "learnt"] = "random"
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

"""The arms: which map is in the couplings, which in the injector, and are shifts bounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor

from restoreflow.flows.config import MapName
from restoreflow.flows.coupling import Coupling, Injector
from restoreflow.flows.elementwise import (
    AffineMap,
    ClampedAffineMap,
    ElementwiseMap,
    PaperSplineMap,
    ScaleShiftMap,
    TwoBinSplineMap,
    softly_bounded,
)
from restoreflow.flows.spline import TwoBinParameters, two_bin_forward, two_bin_inverse
from restoreflow.networks.restoration_network import RestorationNetwork
from studies.factorial.settings import FLOW

__all__ = ["FLOOR", "TIERS", "Arm", "SlopeClamped", "clamped_too", "put", "shifting"]

FLOOR = 1.0 / math.e
"""Least slope of an affine map whose slopes are clamped at test time: a gain of e a layer."""


class BoundedShiftAffine(AffineMap):
    """The affine map with its shift within +-`shift`; its slope is as free as before."""

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def settled(self, raw: Tensor) -> tuple[Tensor, ...]:
        scale, shift = super().settled(raw)
        return scale, softly_bounded(shift, self.shift)


class SlopeClamped(AffineMap):
    """An affine map as it was trained, none of its slopes below `FLOOR`: no training is needed."""

    def __init__(self, map: AffineMap) -> None:
        self.map = map

    def settled(self, raw: Tensor) -> tuple[Tensor, ...]:
        scale, shift = self.map.settled(raw)
        return scale.clamp_min(FLOOR), shift


class FreeClampedAffine(ClampedAffineMap):
    """HCFlow's clamped slope with a shift that nothing bounds."""

    def _split(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        h, shift = raw.chunk(2, 1)
        return self.clamp * (2.0 * h).atan(), shift

    def inverse_peak(self, peak: float) -> float:
        del peak
        return math.inf

    def inverse_norm(self, norm: float, channels: int) -> float:
        del norm, channels
        return math.inf


class _Spline(TwoBinSplineMap):
    """A two-bin spline written out, for shifts other than this package's."""

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        knot, shift = self._bounded(*raw.to(x.dtype).chunk(self.parameters, 1))
        y, log_slope = two_bin_forward(x, knot, self.box)
        return y + shift, log_slope

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        knot, shift = self._bounded(*raw.to(y.dtype).chunk(self.parameters, 1))
        return two_bin_inverse(y - shift, knot, self.box)


class FreeSpline(_Spline):
    """This package's spline with a shift that nothing bounds."""

    def _bounded(self, *raw: Tensor) -> tuple[TwoBinParameters, Tensor]:
        knot, _ = super()._bounded(*raw)
        return knot, raw[-1]

    def inverse_peak(self, peak: float) -> float:
        del peak
        return math.inf

    def inverse_norm(self, norm: float, channels: int) -> float:
        del norm, channels
        return math.inf


class BoundedShiftPaperSpline(PaperSplineMap):
    """The paper's spline with its shift within +-`shift`."""

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def _bounded(self, raw: Tensor, like: Tensor) -> tuple[TwoBinParameters, Tensor]:
        knot, shift = super()._bounded(raw, like)
        return knot, softly_bounded(shift, self.shift)


_FREE: Mapping[MapName, Callable[[], ElementwiseMap]] = {
    "affine": AffineMap,
    "clamped_affine": lambda: FreeClampedAffine(FLOW.shift),
    "paper_spline": PaperSplineMap,
    "spline": lambda: FreeSpline(FLOW.box, FLOW.shift),
}
_BOUNDED: Mapping[MapName, Callable[[], ElementwiseMap]] = {
    "affine": lambda: BoundedShiftAffine(FLOW.shift),
    "clamped_affine": lambda: ClampedAffineMap(FLOW.shift),
    "paper_spline": lambda: BoundedShiftPaperSpline(FLOW.shift),
    "spline": lambda: TwoBinSplineMap(FLOW.box, FLOW.shift),
    "scale_shift": lambda: ScaleShiftMap(*FLOW.injector_log_scale, FLOW.injector_shift),
}


def shifting(form: MapName, bounded: bool) -> ElementwiseMap:
    """A form's map, its shift bounded or not; "scale_shift" is bounded alone."""
    return (_BOUNDED if bounded else _FREE)[form]()


class Arm(NamedTuple):
    """One flow of the factorial.

    Attributes:
        coupling, injector: forms of `shifting`.
        bounded: whether the shifts of both are.
        clamped: of affine maps that were trained as they are, the slopes are clamped afterwards.
    """

    coupling: MapName
    injector: MapName
    bounded: bool
    clamped: bool = False

    @property
    def name(self) -> str:
        """In tables and keys: coupling / injector, then what else differs."""
        words = f"{_WORDS[self.coupling]} / {_WORDS[self.injector]}"
        words += ", shift bounded" if self.bounded else ""
        return words + (", slopes clamped at test time" if self.clamped else "")

    @property
    def trained(self) -> Arm:
        """The arm whose weights this one has."""
        return self._replace(clamped=False)


_WORDS: Mapping[str, str] = {
    "affine": "affine",
    "clamped_affine": "clamped",
    "paper_spline": "paper's spline",
    "spline": "our spline",
    "scale_shift": "our clamped injector",
}

_CORE = (
    Arm("affine", "affine", False),
    Arm("paper_spline", "paper_spline", False),
    Arm("spline", "spline", True),
)
"""What the claims rest on: the published flows, and this package's."""
_CROSSED = (
    Arm("spline", "scale_shift", True),
    Arm("affine", "paper_spline", False),
    Arm("paper_spline", "affine", False),
    Arm("clamped_affine", "clamped_affine", True),
    Arm("paper_spline", "scale_shift", True),
)
"""What tells coupling from injector, the shipped form first."""
_FORMS: tuple[MapName, ...] = ("affine", "clamped_affine", "paper_spline", "spline")
TIERS: tuple[tuple[Arm, ...], ...] = (
    _CORE,
    _CROSSED,
    tuple(
        arm
        for bounded in (False, True)
        for coupling in _FORMS
        for injector in _FORMS
        if (arm := Arm(coupling, injector, bounded)) not in (*_CORE, *_CROSSED)
    ),
)
"""Every arm that is trained, all pairs of forms with shifts bounded and not, by how soon it is
wanted: a tier is trained with all its seeds before the next."""


def clamped_too(arm: Arm) -> tuple[Arm, ...]:
    """An arm and, where it has affine maps, the same weights with their slopes clamped."""
    affine = "affine" in (arm.coupling, arm.injector)
    return (arm, arm._replace(clamped=True)) if affine else (arm,)


def put(network: RestorationNetwork, arm: Arm) -> None:
    """Give a network's couplings and injector the arm's maps; it has as many parameters."""
    for module in network.flow.modules():
        if isinstance(module, Coupling):
            module.map = _clamp(shifting(arm.coupling, arm.bounded), arm.clamped)
        elif isinstance(module, Injector):
            module.map = _clamp(shifting(arm.injector, arm.bounded), arm.clamped)


def _clamp(map: ElementwiseMap, clamped: bool) -> ElementwiseMap:
    """The map, or an affine one with clamped slopes."""
    return SlopeClamped(map) if clamped and isinstance(map, AffineMap) else map

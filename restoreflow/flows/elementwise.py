"""Conditional element-wise maps: what a coupling or an injector does to each value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from restoreflow.flows.config import FlowConfig, MapName
from restoreflow.flows.float32 import at_least_float32
from restoreflow.flows.layout import by_locations, graph_recorded, is_channels_last
from restoreflow.flows.spline import (
    TWO_BIN_DISPLACEMENT,
    SplineParameters,
    TwoBinParameters,
    rationally_bounded,
    softly_bounded,
    spline_forward,
    spline_inverse,
    spline_parameters,
    two_bin_forward,
    two_bin_inverse,
    two_bin_parameters,
)
from restoreflow.flows.spline_kernels import (
    shifted_spline_forward,
    shifted_spline_inverse,
    unrecorded_blockwise,
)

__all__ = [
    "MAPS",
    "AffineMap",
    "ClampedAffineMap",
    "ElementwiseMap",
    "PaperSplineMap",
    "ScaleShiftMap",
    "SplineMap",
    "TwoBinSplineMap",
    "bounded_between",
    "coupling_map",
    "injector_map",
    "softly_bounded",
]

AFFINE_EPSILON = 1e-4


def bounded_between(raw: Tensor, low: float, high: float) -> Tensor:
    """Within low < 0 < high, 0 at 0 and slope 1 there, each side with its own tanh."""
    return softly_bounded(raw.clamp_min(0.0), high) - softly_bounded(-raw.clamp_max(0.0), -low)


class ElementwiseMap(Protocol):
    """An increasing map of single values, y = f(x; raw), under raw network outputs.

    ``raw`` is (N, parameters * C, H, W) for x (N, C, H, W), parameter by parameter. All zeros give
    a map near the identity. Implementations hold no state.

    Attributes:
        parameters: how many raw parameters a value has.
        largest_gain: of a map without bounds, the factor by which one inverse can multiply a
            value, the shift aside; 1 for the others.
    """

    parameters: int
    largest_gain: float

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """y and log(dy/dx), of x's shape."""
        ...

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        """x."""
        ...

    def settled(self, raw: Tensor) -> tuple[Tensor, ...]:
        """What of the map depends on ``raw`` alone, for many values under the same raw outputs."""
        ...

    def forward_settled(self, x: Tensor, *settled: Tensor) -> tuple[Tensor, Tensor]:
        """``forward`` under `settled` parameters."""
        ...

    def inverse_settled(self, y: Tensor, *settled: Tensor) -> Tensor:
        """``inverse`` under `settled` parameters."""
        ...

    def inverse_peak(self, peak: float) -> float:
        """Bound on |x| for any ``raw``, given |y| <= peak."""
        ...

    def inverse_norm(self, norm: float, channels: int) -> float:
        """Bound on the 2-norm of ``channels`` values x for any ``raw``, given that of the y."""
        ...

    def inverse_displacement(self) -> float:
        """Bound on |x - y| for any ``raw`` and y, infinite where there is none."""
        ...


def split_raw(raw: Tensor, parameters: int, like: Tensor) -> list[Tensor]:
    """The parameters one by one, each of the shape and type of ``like``."""
    if is_channels_last(raw) and not (graph_recorded() or torch.is_grad_enabled()):
        # One copy, so that a parameter's values lie side by side.
        places = by_locations(raw)
        each = places.view(*places.shape[:-1], parameters, raw.shape[1] // parameters)
        whole = each.permute(3, 0, 1, 2, 4).to(like.dtype).contiguous()
        return [part.permute(0, 3, 1, 2).expand_as(like) for part in whole.unbind()]
    raw = raw.to(like.dtype)
    return [part.expand_as(like) for part in raw.chunk(parameters, 1)]


def _halves(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Two parameters a value, in float32 at least."""
    first, second = raw.chunk(2, 1)
    return at_least_float32(first), at_least_float32(second)


class _RawMap:
    """Of a map that has nothing to settle: its kernels bound raw parameters on the way."""

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        raise NotImplementedError

    def settled(self, raw: Tensor) -> tuple[Tensor, ...]:
        return (raw,)

    def forward_settled(self, x: Tensor, *settled: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward(x, *settled)

    def inverse_settled(self, y: Tensor, *settled: Tensor) -> Tensor:
        return self.inverse(y, *settled)


class _SettledMap:
    """Of a map with two parameters a value, each bounded by itself."""

    parameters = 2

    def settled(self, raw: Tensor) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def forward_settled(self, x: Tensor, *settled: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def inverse_settled(self, y: Tensor, *settled: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_settled(x, *self.settled(raw.to(x.dtype)))

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        return self.inverse_settled(y, *self.settled(raw.to(y.dtype)))


class TwoBinSplineMap(_RawMap):
    """Bounded two-bin spline, then a bounded shift: y = spline(x) + t.

    The inverse leaves a value where it is but for the shift, or inside the box:
    |x| <= max(box, |y| + shift) for every raw output.
    """

    parameters = 4
    largest_gain = 1.0

    def __init__(self, box: float, shift: float) -> None:
        self.box = box
        self.shift = shift

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        parts = split_raw(raw, self.parameters, x)
        if not graph_recorded():
            return shifted_spline_forward(x, parts, self.box, self.shift)
        knot, shift = self._bounded(*parts)
        y, log_slope = two_bin_forward(x, knot, self.box)
        return y + shift, log_slope

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        parts = split_raw(raw, self.parameters, y)
        if not graph_recorded():
            return shifted_spline_inverse(y, parts, self.box, self.shift)
        knot, shift = self._bounded(*parts)
        return two_bin_inverse(y - shift, knot, self.box)

    def _bounded(self, *raw: Tensor) -> tuple[TwoBinParameters, Tensor]:
        raw_x, raw_y, raw_slope, raw_shift = raw
        return two_bin_parameters(raw_x, raw_y, raw_slope), rationally_bounded(
            raw_shift, self.shift
        )

    def inverse_peak(self, peak: float) -> float:
        return max(self.box, peak + self.shift)

    def inverse_norm(self, norm: float, channels: int) -> float:
        """Two bounds on the 2-norm, the smaller holds.

        Values that end inside the box have at most sqrt(channels) * box together, the others at
        most norm + sqrt(channels) * shift. Or: no value moves farther than `inverse_displacement`.
        """
        root = math.sqrt(channels)
        by_place = math.hypot(root * self.box, norm + root * self.shift)
        return min(by_place, norm + root * self.inverse_displacement())

    def inverse_displacement(self) -> float:
        return self.shift + TWO_BIN_DISPLACEMENT * self.box


class SplineMap(TwoBinSplineMap):
    """Like `TwoBinSplineMap`, with any number of bins."""

    def __init__(self, bins: int, box: float, shift: float) -> None:
        if bins < 2:
            raise ValueError(f"a spline needs 2 bins or more, not {bins}")
        super().__init__(box, shift)
        self.bins = bins
        self.parameters = 3 * bins

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        y, log_slope = unrecorded_blockwise(
            self._forward, 2, x, *split_raw(raw, self.parameters, x)
        )
        return y, log_slope

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        return unrecorded_blockwise(self._inverse, 1, y, *split_raw(raw, self.parameters, y))[0]

    def _forward(self, x: Tensor, *raw: Tensor) -> tuple[Tensor, Tensor]:
        knots, shift = self._knots(*raw)
        y, log_slope = spline_forward(x, knots, self.box)
        return y + shift, log_slope

    def _inverse(self, y: Tensor, *raw: Tensor) -> tuple[Tensor]:
        knots, shift = self._knots(*raw)
        return (spline_inverse(y - shift, knots, self.box),)

    def _knots(self, *raw: Tensor) -> tuple[SplineParameters, Tensor]:
        k = self.bins
        values = (raw[:k], raw[k : 2 * k], raw[2 * k : -1])
        widths, heights, slopes = (torch.stack(v).movedim(0, -1) for v in values)
        knots = spline_parameters(widths, heights, slopes, self.box)
        return knots, rationally_bounded(raw[-1], self.shift)

    def inverse_displacement(self) -> float:
        return self.shift + 2.0 * self.box


class AffineMap(_SettledMap):
    """The affine coupling of SRFlow, LLFlow and others: y = (x + t) (sigmoid(h + 2) + 1e-4).

    The shift is unbounded and the inverse divides by as little as 1e-4: no bound exists.
    """

    largest_gain = 1.0 / AFFINE_EPSILON

    def settled(self, raw: Tensor) -> tuple[Tensor, ...]:
        h, shift = _halves(raw)
        return torch.sigmoid(h + 2.0) + AFFINE_EPSILON, shift

    def forward_settled(self, x: Tensor, *settled: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = settled
        return (x + shift) * scale, torch.log(scale)

    def inverse_settled(self, y: Tensor, *settled: Tensor) -> Tensor:
        scale, shift = settled
        return y / scale - shift

    def inverse_peak(self, peak: float) -> float:
        del peak
        return math.inf

    def inverse_norm(self, norm: float, channels: int) -> float:
        del norm, channels
        return math.inf

    def inverse_displacement(self) -> float:
        return math.inf


class ScaleShiftMap(_SettledMap):
    """Bounded affine map, x = y exp(l) + t in the inverse, l within low .. high, |t| <= shift.

    Every condition gives |x| <= |y| exp(high) + shift.
    """

    largest_gain = 1.0

    def __init__(self, low: float, high: float, shift: float) -> None:
        if not low < 0.0 < high:
            raise ValueError(f"the log-scale's bounds {low}, {high} do not enclose 0")
        self.low = low
        self.high = high
        self.shift = shift

    def settled(self, raw: Tensor) -> tuple[Tensor, ...]:
        log_scale, shift = self._split(raw)
        return torch.exp(log_scale), shift

    def forward_settled(self, x: Tensor, *settled: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = settled
        return (x - shift) / scale, -torch.log(scale)

    def inverse_settled(self, y: Tensor, *settled: Tensor) -> Tensor:
        scale, shift = settled
        return torch.addcmul(shift, y, scale)

    def _split(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = _halves(raw)
        return bounded_between(log_scale, self.low, self.high), softly_bounded(shift, self.shift)

    def inverse_peak(self, peak: float) -> float:
        return peak * math.exp(self.high) + self.shift

    def inverse_norm(self, norm: float, channels: int) -> float:
        return norm * math.exp(self.high) + math.sqrt(channels) * self.shift

    def inverse_displacement(self) -> float:
        return math.inf


class ClampedAffineMap(ScaleShiftMap):
    """Affine coupling with HCFlow's clamp: log-scale 0.318 atan(2 h), within +-0.5."""

    clamp = 0.318

    def __init__(self, shift: float) -> None:
        limit = self.clamp * math.pi / 2.0
        super().__init__(-limit, limit, shift)

    def _split(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        h, shift = _halves(raw)
        return self.clamp * torch.atan(2.0 * h), softly_bounded(shift, self.shift)


class PaperSplineMap(_RawMap):
    """The spline of Hong, Park and Chun (ICCV 2023): a reference, without a certificate.

    Two bins in a box of half-width 0.5, its knot anywhere but for a margin of 1e-3, the slope there
    exp(h) and at least 1e-3, then a shift without a bound. Here with a root that is safe in
    float32, where the authors' may fail.
    """

    parameters = 4
    largest_gain = 1.0
    box = 0.5
    margin = 1e-3

    def forward(self, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        knot, shift = self._bounded(raw, x)
        y, log_slope = two_bin_forward(x, knot, self.box)
        return y + shift, log_slope

    def inverse(self, y: Tensor, raw: Tensor) -> Tensor:
        knot, shift = self._bounded(raw, y)
        return two_bin_inverse(y - shift, knot, self.box)

    def _bounded(self, raw: Tensor, like: Tensor) -> tuple[TwoBinParameters, Tensor]:
        raw_x, raw_y, raw_slope, shift = split_raw(raw, self.parameters, like)
        x, y = ((1.0 - 2.0 * self.margin) * (2.0 * torch.sigmoid(h) - 1.0) for h in (raw_x, raw_y))
        slope = torch.exp(raw_slope) * (1.0 - self.margin) + self.margin
        return TwoBinParameters(x, y, slope), shift

    def inverse_peak(self, peak: float) -> float:
        del peak
        return math.inf

    def inverse_norm(self, norm: float, channels: int) -> float:
        del norm, channels
        return math.inf

    def inverse_displacement(self) -> float:
        return math.inf


def _spline(config: FlowConfig, shift: float) -> ElementwiseMap:
    if config.bins == 2:
        return TwoBinSplineMap(config.box, shift)
    return SplineMap(config.bins, config.box, shift)


MAPS: dict[MapName, Callable[[FlowConfig, float], ElementwiseMap]] = {
    "spline": _spline,
    "affine": lambda config, shift: AffineMap(),
    "clamped_affine": lambda config, shift: ClampedAffineMap(shift),
    "scale_shift": lambda config, shift: ScaleShiftMap(*config.injector_log_scale, shift),
    "paper_spline": lambda config, shift: PaperSplineMap(),
}
"""Every element-wise map by its name, from a flow's configuration and the bound on its shift."""


def coupling_map(config: FlowConfig) -> ElementwiseMap:
    """The element-wise map of a flow's couplings."""
    return MAPS[config.coupling](config, config.shift)


def injector_map(config: FlowConfig) -> ElementwiseMap:
    """The element-wise map of a flow's injector: unbounded in the affine arm, as published."""
    name = config.injector
    if name == "auto":
        name = "affine" if config.coupling == "affine" else "scale_shift"
    return MAPS[name](config, config.injector_shift)

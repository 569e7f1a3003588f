"""The shifted two-bin spline for eager execution: in place, in cached blocks, own derivatives.

The formulas are those of `spline.py`, which ``torch.compile`` fuses by itself. Run eagerly on whole
tensors they pass through memory some forty times, and autograd keeps most of the results. Here each
block of values is finished while it is in the cache, and the backward pass needs the arguments
alone. Values agree within rounding; second derivatives raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from restoreflow.flows.layout import graph_recorded, in_memory_order, like_layout
from restoreflow.flows.spline import DISCRIMINANT_FLOOR, KNOT_LIMIT, SLOPE_REACH

__all__ = [
    "shifted_spline_forward",
    "shifted_spline_inverse",
    "unrecorded_blockwise",
]

BLOCK = 327680
"""Values a block and thread, all arguments together.

Few enough for the second-level cache, enough to hide the calls.
"""


def shifted_spline_forward(
    x: Tensor, raw: Sequence[Tensor], box: float, shift: float
) -> tuple[Tensor, Tensor]:
    """`two_bin_forward` under raw parameters, plus the bounded shift.

    Args:
        x: (N, ...).
        raw: knot position, knot height, knot slope and shift, each of x's shape.
        box: half-width of the box.
        shift: bound on the shift.

    Returns:
        y and log(dy/dx), both of x's shape.
    """
    return _Forward.apply(box, shift, x, *raw)  # pyright: ignore


def shifted_spline_inverse(y: Tensor, raw: Sequence[Tensor], box: float, shift: float) -> Tensor:
    """Inverse of `shifted_spline_forward`, without the log-slope."""
    return _Inverse.apply(box, shift, y, *raw)  # pyright: ignore


def blockwise(
    function: Callable[..., Sequence[Tensor]], results: int, *tensors: Tensor
) -> list[Tensor]:
    """Apply an element-wise function block by block, recording no gradient.

    Args:
        function: tensors of one shape to ``results`` tensors of that shape.
        results: how many.
        tensors: (N, ...), all of one shape; results lie in memory as the first does.
    """
    flat = [in_memory_order(t, tensors[0]) for t in tensors]
    blocks = list(_blocks(flat[0], BLOCK // len(flat)))
    if len(blocks) == 1:
        return [like_layout(part, tensors[0]) for part in function(*flat)]
    whole = [
        torch.empty_like(flat[0], memory_format=torch.contiguous_format) for _ in range(results)
    ]
    for block in blocks:
        for result, part in zip(whole, function(*(t[block] for t in flat)), strict=True):
            result[block] = part
    return [like_layout(w, tensors[0]) for w in whole]


def unrecorded_blockwise(
    function: Callable[..., Sequence[Tensor]], results: int, *tensors: Tensor
) -> Sequence[Tensor]:
    """`blockwise` where neither a gradient nor the graph is recorded, else a plain call."""
    recorded = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    if recorded or graph_recorded():
        return function(*tensors)
    return blockwise(function, results, *tensors)


def _blocks(tensor: Tensor, size: int) -> Iterator[tuple[slice, slice]]:
    """Slices of (rows, columns): parts of a row, or several rows where they are short."""
    rows, columns = tensor.shape
    size = max(1, size) * torch.get_num_threads()
    if tensor.device.type != "cpu" or tensor.numel() <= size:
        yield slice(None), slice(None)
        return
    step, width = max(1, size // columns), min(size, columns)
    for i in range(0, rows, step):
        for j in range(0, columns, width):
            yield slice(i, i + step), slice(j, j + width)


class _Forward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, box: float, shift: float, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(*tensors)
        ctx.limits = box, shift

        def block(x: Tensor, *raw: Tensor) -> tuple[Tensor, Tensor]:
            return _forward(x, raw, box, shift)

        y, log_slope = blockwise(block, 2, *tensors)
        return y, log_slope

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        def block(gy: Tensor, gl: Tensor, x: Tensor, *raw: Tensor) -> list[Tensor]:
            return _gradients(gy, gl, x, raw, *ctx.limits)

        return (None, None, *blockwise(block, 5, *grad_outputs, *ctx.saved_tensors))


class _Inverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, box: float, shift: float, *tensors: Tensor) -> Tensor:
        def block(y: Tensor, *raw: Tensor) -> tuple[Tensor]:
            return (_inverse(y, raw, box, shift),)

        (x,) = blockwise(block, 1, *tensors)
        ctx.save_for_backward(x, *tensors[1:])
        ctx.limits = box, shift
        return x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        def block(gx: Tensor, x: Tensor, *raw: Tensor) -> list[Tensor]:
            return _gradients(gx, None, x, raw, *ctx.limits)

        return (None, None, *blockwise(block, 5, *grad_outputs, *ctx.saved_tensors))


class _Knot(NamedTuple):
    """Bounded parameters."""

    x: Tensor
    y: Tensor
    slope: Tensor
    shift: Tensor


def _bounded(raw: Tensor, limit: float) -> Tensor:
    """`rationally_bounded`."""
    divisor = torch.abs(raw).mul_(1.0 / limit).add_(1.0)
    return torch.div(raw, divisor, out=divisor)


def _knot(raw: Sequence[Tensor], shift: float) -> _Knot:
    raw_x, raw_y, raw_slope, raw_shift = raw
    reach = torch.abs(raw_slope).add_(2.0 * SLOPE_REACH)
    slope = torch.add(reach, raw_slope, alpha=SLOPE_REACH)
    slope.div_(reach.sub_(raw_slope, alpha=SLOPE_REACH))
    return _Knot(
        _bounded(raw_x, KNOT_LIMIT),
        _bounded(raw_x + raw_y, KNOT_LIMIT),
        slope,
        _bounded(raw_shift, shift),
    )


class _Bin(NamedTuple):
    """The bin that holds a value, seen from the box's corner; see `spline.py`."""

    sign: Tensor
    width: Tensor
    height: Tensor
    from_corner: Tensor


def _bin(unit: Tensor, edge: Tensor, knot: _Knot) -> _Bin:
    one = unit.new_ones(())
    sign = unit - edge
    torch.copysign(one, sign, out=sign)
    width = torch.addcmul(one, sign, knot.x, value=-1.0)
    height = torch.addcmul(one, sign, knot.y, value=-1.0)
    return _Bin(sign, width, height, torch.addcmul(one, sign, unit, value=-1.0, out=unit))


def _forward(x: Tensor, raw: Sequence[Tensor], box: float, shift: float) -> tuple[Tensor, Tensor]:
    knot = _knot(raw, shift)
    clipped = x.clamp(-box, box)
    rest = (x - clipped).add_(knot.shift)
    sign, width, height, from_corner = _bin(clipped.div_(box), knot.x, knot)
    t = from_corner / width
    scaled_q = torch.addcmul(width, width, knot.slope).sub_(height, alpha=2.0)
    scaled_q.mul_(torch.addcmul(t, t, t, value=-1.0))
    ratio = height + scaled_q
    torch.div(height, ratio, out=ratio)
    rise = height.sub_(width).mul_(t).add_(width).mul_(t).mul_(ratio)
    y = rest.add_(torch.addcmul(sign, sign, rise, value=-1.0, out=rise), alpha=box)
    slope = knot.slope.sub_(1.0).mul_(from_corner).add_(width).sub_(scaled_q).div_(width)
    return y, slope.mul_(ratio).mul_(ratio).log_()


def _inverse(y: Tensor, raw: Sequence[Tensor], box: float, shift: float) -> Tensor:
    # As `_knot` and `_bin`, with bounds and factors of 2 left to the operations that follow.
    raw_x, raw_y, raw_slope, raw_shift = raw
    knot_x, knot_y = _within_one(raw_x, KNOT_LIMIT), _within_one(raw_x + raw_y, KNOT_LIMIT)
    moved = _within_one(raw_shift, shift)
    y = torch.sub(y, moved, alpha=shift, out=moved)
    clipped = y.clamp(-box, box)
    rest, unit = y.sub_(clipped), clipped.div_(box)
    one = unit.new_ones(())
    sign = torch.sub(unit, knot_y, alpha=KNOT_LIMIT)
    torch.copysign(one, sign, out=sign)
    width = torch.addcmul(one, sign, knot_x, value=-KNOT_LIMIT, out=knot_x)
    height = torch.addcmul(one, sign, knot_y, value=-KNOT_LIMIT, out=knot_y)
    e = torch.addcmul(one, sign, unit, value=-1.0, out=unit)
    half = _half_of_slopes(raw_slope).mul_(width).sub_(height)
    b = torch.sub(width, half.mul_(e).div_(height), alpha=2.0, out=half)
    root = torch.square(b).addcmul_(height.sub_(b), e, value=4.0)
    root.clamp_min_(DISCRIMINANT_FLOOR).sqrt_().add_(b)
    way = e.div_(root).mul_(width)
    return rest.add_(torch.addcmul(sign, sign, way, value=-2.0, out=way), alpha=box)


def _within_one(raw: Tensor, limit: float) -> Tensor:
    """`rationally_bounded` over its limit."""
    divisor = torch.abs(raw).add_(limit)
    return torch.div(raw, divisor, out=divisor)


def _half_of_slopes(raw_slope: Tensor) -> Tensor:
    """Half of the sum of a bin's end slopes, 1 and the knot's."""
    reach = torch.abs(raw_slope).add_(2.0 * SLOPE_REACH)
    return reach.div_(torch.sub(reach, raw_slope, alpha=SLOPE_REACH))


def _gradients(
    gradient: Tensor,
    gradient_log: Tensor | None,
    x: Tensor,
    raw: Sequence[Tensor],
    box: float,
    shift: float,
) -> list[Tensor]:
    """Gradients with respect to the argument and the four raw parameters.

    Of `_forward` at x, for the gradients of y and log(dy/dx). Or, where the latter is None, of
    `_inverse`, whose result is x and has the gradient given: by the implicit function theorem they
    are those of `_forward` for a gradient of -gradient / (dy/dx), the argument's with its sign
    changed.

    Reverse differentiation line by line; ``g_name`` is the gradient with respect to ``name``.
    """
    knot = _knot(raw, shift)
    sign, w, h, e = _bin(x.clamp(-box, box).div_(box), knot.x, knot)
    t = e / w
    q = torch.addcmul(t, t, t, value=-1.0)
    p = torch.addcmul(w, w, knot.slope).sub_(h, alpha=2.0)
    z = p * q
    end = h + z
    ratio = h / end
    n = (h - w).mul_(t).add_(w)  # the rise is ratio t n
    numerator = (knot.slope - 1.0).mul_(e).add_(w).sub_(z)  # dy/dx = ratio^2 numerator / w

    if gradient_log is None:
        g_y = (gradient * w).div_(numerator).div_(ratio).div_(ratio).neg_()
    else:
        g_y = gradient
    g_rise = (g_y * sign).mul_(-box)
    g_ratio = (g_rise * t).mul_(n)
    g_tn = g_rise.mul_(ratio)
    g_t = n.mul_(2.0).sub_(w).mul_(g_tn)
    g_w = g_tn * q
    g_h = g_tn.mul_(t - q)
    g_z = torch.zeros_like(z)
    g_slope = torch.zeros_like(z)
    g_e = torch.zeros_like(z)
    if gradient_log is not None:
        g_numerator = gradient_log / numerator
        g_ratio.addcdiv_(gradient_log, ratio, value=2.0)
        g_w.add_(g_numerator).addcdiv_(gradient_log, w, value=-1.0)
        g_z.sub_(g_numerator)
        g_slope.addcmul_(g_numerator, e)
        g_e.addcmul_(g_numerator, knot.slope - 1.0)
    g_ratio.div_(end)
    g_h.add_(g_ratio).addcmul_(g_ratio, ratio, value=-1.0)
    g_z.addcmul_(g_ratio, ratio, value=-1.0)
    g_p = q.mul_(g_z)
    g_w.add_(g_p).addcmul_(g_p, knot.slope)
    g_slope.addcmul_(g_p, w)
    g_h.sub_(g_p, alpha=2.0)
    g_t.add_(g_z.mul_(p).mul_(1.0 - 2.0 * t)).div_(w)
    g_e.add_(g_t)
    g_w.addcmul_(g_t, t, value=-1.0)

    if gradient_log is None:
        g_x = -g_y
    else:
        g_x = torch.where(x.abs() <= box, g_e.mul_(sign).mul_(-1.0 / box), g_y)
    return [g_x, *_raw_gradients(knot, g_w.mul_(sign), g_h.mul_(sign), g_slope, g_y, shift)]


def _raw_gradients(
    knot: _Knot, g_width: Tensor, g_height: Tensor, g_slope: Tensor, g_shift: Tensor, shift: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Through the bounds; with slope = (1 + u) / (1 - u), dslope/du = (1 + slope)^2 / 2."""
    g_y = _through_bound(g_height.neg_(), knot.y, KNOT_LIMIT)
    g_x = _through_bound(g_width.neg_(), knot.x, KNOT_LIMIT).add_(g_y)
    above = knot.slope + 1.0
    u = (knot.slope - 1.0).div_(above)
    g_u = g_slope.mul_(above.square_()).mul_(0.25)  # u bounds half of the raw slope
    return (
        g_x,
        g_y,
        _through_bound(g_u, u, SLOPE_REACH),
        _through_bound(g_shift, knot.shift, shift),
    )


def _through_bound(gradient: Tensor, value: Tensor, limit: float) -> Tensor:
    """Gradient with respect to raw, from that with respect to `rationally_bounded` raw."""
    return torch.abs(value).mul_(-1.0 / limit).add_(1.0).square_().mul_(gradient)

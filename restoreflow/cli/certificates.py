"""What `restoreflow models` says of certificates, as records and to people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from restoreflow.models.folder import ModelFolder

__all__ = ["certified", "in_short", "orthogonality", "shown"]

TEMPERATURE = 1.0
"""A certificate's bounds grow with the temperature; this is the highest anyone should use."""

SEARCH_STEPS = 100


def certified(folder: ModelFolder, search: bool = False) -> dict[str, Any]:
    """Bounds on |detail|, in units of the image range, that hold for every input; None: none.

    A layer whose map has no bound has a gain: the factor that its inverse can multiply a value by.
    `overflows`: no bound, since float32 could not carry the values from layer `lost` on.

    Args:
        folder: of the model.
        search: whether to add what was found in each layer, over features of any value.
    """
    from restoreflow.flows.certificate import certificate
    from restoreflow.flows.search import search as searched
    from restoreflow.models.folder import load_folder

    network = load_folder(folder).network
    made = certificate(network, TEMPERATURE)
    layers: list[dict[str, Any]] = [
        {"layer": line.layer, "norm": _finite(line.norm), "peak": _finite(line.peak)}
        for line in made.layers
    ]
    if search:
        found = searched(network, temperature=TEMPERATURE, steps=SEARCH_STEPS)
        for layer, line in zip(layers, found.layers, strict=True):
            bounded = math.isfinite(line.bound)
            layer |= {"found": _finite(line.found), "ratio": line.ratio if bounded else None}
    return {
        "temperature": made.temperature,
        "layers": layers,
        "before_limiter": _finite(made.before_limiter),
        "after_limiter": _finite(made.after_limiter),
        "result_range": [_finite(value) for value in made.image_range],
        "finite": made.finite,
        "overflows": made.overflows,
        "lost": made.lost or None,
        "gains": [gain._asdict() for gain in made.gains],
        "gain": made.gain,
    }


def orthogonality(folder: ModelFolder) -> dict[str, float]:
    """The largest |W W^T - 1| of the model's matrices, and what is allowed."""
    from restoreflow.flows.rotation import TOLERANCE, largest_departure
    from restoreflow.models.folder import load_folder

    return {
        "departure": largest_departure(load_folder(folder).network.flow).size,
        "allowed": TOLERANCE,
    }


def shown(certificate: Mapping[str, Any]) -> list[RenderableType]:
    """All of a certificate, layer by layer."""
    layers: Sequence[Mapping[str, Any]] = certificate["layers"]
    searched = "found" in layers[0]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer, from the latent to the image", no_wrap=True)
    for heading in ("2-norm at a location", "largest value", *("found", "ratio") * searched):
        table.add_column(heading, justify="right")
    for line in layers:
        found = (_found(line["found"]), _ratio(line["ratio"])) if searched else ()
        table.add_row(line["layer"], _bound(line["norm"]), _bound(line["peak"]), *found)
    before, after = (_at_most(certificate[key]) for key in ("before_limiter", "after_limiter"))
    low, high = (_bound(value) for value in certificate["result_range"])
    number = "" if certificate["finite"] else ", where it is a number"
    words = (
        "For every input and condition, at temperatures up to "
        f"{certificate['temperature']:g}, in units of the image's range:\n"
        f"detail before the limiter: {before}{_reason(certificate)}\n"
        f"detail after the limiter:  {after}{number}\n"
        f"result, before clamping:   from {low} to {high}, ends included{number}\n"
        f"{_scope(certificate)}"
    )
    return [table, Text(words)]


def in_short(orthogonality: Mapping[str, float], certificate: Mapping[str, Any]) -> str:
    """What a model's check says of its matrices and of what is promised."""
    before, after = (_at_most(certificate[key]) for key in ("before_limiter", "after_limiter"))
    if certificate["finite"]:
        promise = (
            f"certificate: for every input at temperatures up to {certificate['temperature']:g}, "
            f"detail {before} before the limiter, {after} after it"
        )
    else:
        promise = f"no certificate{_reason(certificate)}"
    return (
        f"rotations: orthogonal, |W W^T - 1| at most {orthogonality['departure']:.1e} "
        f"({orthogonality['allowed']:.0e} is allowed)\n{promise}"
    )


def _scope(certificate: Mapping[str, Any]) -> str:
    """What the bounds are about."""
    if certificate["finite"]:
        return (
            "Of what float32 and bfloat16 compute, rounding included, whatever the features are, "
            "infinite or NaN too."
        )
    return "Values that are no numbers can come out; restoring finds and refuses them."


def _reason(certificate: Mapping[str, Any]) -> str:
    """Why there is no bound: maps that have none, or values too large for float32."""
    if certificate["overflows"]:
        return f": after {certificate['lost']} values could exceed what float32 carries"
    gains: Sequence[Mapping[str, Any]] = certificate["gains"]
    if not gains:
        return ""
    factors = sorted({float(gain["gain"]) for gain in gains})
    if factors == [1.0]:
        return f": the inverse of {len(gains)} layers can shift a value without a limit"
    each = " or ".join(f"{factor:.3g}" for factor in factors)
    return (
        f": the inverse of {len(gains)} layers can multiply a value by {each} each, "
        f"by {certificate['gain']:.1e} together"
    )


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _bound(value: float | None) -> str:
    return "no bound" if value is None else f"{value:.4g}"


def _at_most(value: float | None) -> str:
    return "no bound" if value is None else f"at most {_bound(value)}"


def _found(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.4g}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"

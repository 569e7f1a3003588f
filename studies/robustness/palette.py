"""How an arm looks in every figure: Okabe and Ito's colours, and a marker and line of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Look", "look"]


class Look(NamedTuple):
    """Of an arm: matplotlib's colour, marker and line."""

    color: str
    marker: str
    line: str


_LOOKS = {
    "spline": Look("#0072B2", "o", "-"),
    "affine": Look("#D55E00", "^", "--"),
    "clamped_affine": Look("#009E73", "s", "-."),
}
_OTHERS = (Look("#CC79A7", "D", ":"), Look("#56B4E9", "v", ":"), Look("#000000", "x", ":"))


def look(study: Mapping[str, Any], arm: str) -> Look:
    """An arm's look: its coupling's, or another where an arm before it has that."""
    couplings = [each["coupling"] for each in study["arms"]]
    index = [each["name"] for each in study["arms"]].index(arm)
    if couplings[index] not in couplings[:index]:
        return _LOOKS[couplings[index]]
    return _OTHERS[index % len(_OTHERS)]

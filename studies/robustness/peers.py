"""Light feed-forward networks on hostile inputs, as they were measured beside this project.

x4 networks with their authors' released weights: the range of their raw outputs in float32, before
any clipping, over inputs of 96 x 96 pixels: checkerboard, uniform and binary noise, diagonals,
white, black text on white. In levels; pictures lie in 0 .. 255. float64 gives the same.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MEASURED", "PEERS", "Peer"]

MEASURED = "2026-11-22"


class Peer(NamedTuple):
    """A method: thousands of parameters, lowest and highest raw output; None: not finite."""

    name: str
    parameters: int
    low: float | None
    high: float | None


PEERS = (
    Peer("CARN-M", 415, -224, 489),
    Peer("IMDN", 715, -16677, 13743),
    Peer("RFDN", 433, -3730, 4028),
    Peer("RLFN", 317, -76028, 72599),
    Peer("PAN", 272, -1.1e24, 6.8e23),
    Peer("SAFMN", 237, -2.6e18, 2.5e18),
    Peer("SAFMN++", 212, None, None),
    Peer("SRMD-NF", 1554, -247, 517),
    Peer("Real-ESRGAN general", 1218, -122, 347),
    Peer("LSDIR-Compact-C3", 624, -422, 611),
)

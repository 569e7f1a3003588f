"""What a server takes in, and what it keeps, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from restoreflow.errors import UsageError

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what anybody can make a server do.

    Args:
        bytes: of a picture's file.
        pixels: of a picture, width times height.
        samples: of a picture.
        queue: pictures that wait while another is restored.
        kept_bytes: of all results that wait to be fetched; the oldest go first, the last stays.
        kept_seconds: how long a result waits.

    Raises:
        UsageError: one is below 1.
    """

    bytes: int = 64_000_000
    pixels: int = 24_000_000
    samples: int = 8
    queue: int = 16
    kept_bytes: int = 1_000_000_000
    kept_seconds: int = 1800

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise UsageError(
                    f"the limit of {name.replace('_', ' ')} is {value}", "give 1 or more"
                )

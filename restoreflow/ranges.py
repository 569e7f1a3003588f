"""Ranges of configured values, checked where a configuration is made."""

from __future__ import annotations

import reprlib
from typing import Any

__all__ = ["check_around_zero", "check_count", "check_range"]


def check_count(name: str, value: Any, low: int, high: int) -> None:
    """Raises ValueError for anything but an integer from ``low`` to ``high``."""
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be an integer from {low} to {high}, not {_shown(value)}")


def check_range(name: str, value: Any, low: float, high: float) -> None:
    """Raises ValueError for anything but a number from ``low`` to ``high``: for NaN too."""
    if type(value) not in (int, float) or not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}, not {_shown(value)}")


def check_around_zero(name: str, value: Any, least: float, most: float) -> None:
    """Raises ValueError for anything but a bound below 0 and one above.

    Args:
        name: of the value, for the message.
        value: the two bounds.
        least, most: of either bound's distance from 0.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError(f"{name} must be two numbers, not {_shown(value)}")
    check_range(f"{name}'s lower bound", value[0], -most, -least)
    check_range(f"{name}'s upper bound", value[1], least, most)


def _shown(value: Any) -> str:
    return reprlib.repr(value)

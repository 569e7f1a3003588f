"""Packages that some formats need, and that are not always installed."""

from __future__ import annotations

import importlib
from typing import Any

from restoreflow.errors import InputError

__all__ = ["require"]


def require(module: str, extra: str, what: str) -> Any:
    """Import a module of an extra of restoreflow's.

    Args:
        what: what needs it, as the beginning of a sentence.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{what}, and what reads such pictures is not installed",
            f'pip install "restoreflow[{extra}]", or convert it to PNG',
        ) from error

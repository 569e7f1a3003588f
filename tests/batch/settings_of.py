"""Settings from plain names, as a command line has them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from restoreflow.batch.settings import RestorationSettings
from restoreflow.restoration.options import Options

__all__ = ["settings_of"]

_OPTIONS = {field.name for field in fields(Options)}


def settings_of(model: str, **asked: Any) -> RestorationSettings:
    """Settings in which each value stands where it belongs."""
    options = Options(**{name: value for name, value in asked.items() if name in _OPTIONS})
    others = {name: value for name, value in asked.items() if name not in _OPTIONS}
    return RestorationSettings(model, options, **others)

"""The suite that any model can be asked: inputs by version, each held to its sum."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from restoreflow.errors import RestoreflowError
from restoreflow.lab.evaluation.hostile import hostile_inputs

__all__ = ["VERSION", "digest", "inputs", "sums"]

VERSION = 1
SIDE = 48
"""Of every input, in pixels."""
LEFT_OUT = ("jpeg_10", "text")
"""What depends on the versions of a codec and of a font."""


def inputs(version: int = VERSION) -> dict[str, Tensor]:
    """Every input by name: (3, SIDE, SIDE) in [0, 1], float32, on 8-bit levels.

    Made anew from formulas and seeds, without any file, and compared with the version's sums.

    Raises:
        RestoreflowError: an input is not that of the version.
    """
    made = {
        name: torch.from_numpy(np.rint(255 * values.transpose(2, 0, 1)).astype(np.uint8))
        for name, values in hostile_inputs(SIDE, 0).items()
        if name not in LEFT_OUT
    }
    expected = sums(version)
    wrong = [name for name in expected if name not in made or digest(made[name]) != expected[name]]
    if wrong or made.keys() != expected.keys():
        raise RestoreflowError(
            f"inputs made here are not those of suite {version}: {', '.join(wrong) or 'too many'}",
            "results would not compare with others'; a new suite needs a new version",
        )
    return {name: levels.float() / 255.0 for name, levels in made.items()}


def sums(version: int = VERSION) -> dict[str, str]:
    """The sha256 of every input's 8-bit levels, channels first."""
    found: dict[str, Any] = json.loads(_file(version).read_bytes())
    return found


def digest(levels: Tensor) -> str:
    """The sum of an input, or of anything in 8 bits."""
    return hashlib.sha256(levels.numpy().tobytes()).hexdigest()


def _file(version: int) -> Path:
    return Path(__file__).with_name(f"suite-{version}.json")

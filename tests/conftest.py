"""Settings every test shares: one thread a process, a fixed seed, and no terminal's wishes."""

from __future__ import annotations

import os

import pytest

for _wish in ("FORCE_COLOR", "NO_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "LINES"):
    os.environ.pop(_wish, None)
os.environ["COLUMNS"] = "80"  # as where there is no terminal


@pytest.fixture(autouse=True)
def _deterministic() -> None:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)

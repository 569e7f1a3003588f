"""Settings every test shares: one thread a process and a fixed seed."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _deterministic() -> None:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)

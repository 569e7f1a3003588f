"""Memory is looked at before it runs out, and recognised when it does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from restoreflow.errors import LimitError
from restoreflow.restoration import memory
from restoreflow.restoration.memory import (
    BYTES_A_CELL,
    WINDOW_CELLS,
    check_host,
    check_window,
)


def test_real_failures_are_recognised():
    failures: list[BaseException] = [torch.OutOfMemoryError("CUDA out of memory. Tried to ...")]
    for allocate in (lambda: torch.empty(2**60), lambda: np.empty(2**58)):
        with pytest.raises((RuntimeError, MemoryError)) as caught:
            allocate()
        failures.append(caught.value)
    assert all(memory.is_out_of_memory(failure) for failure in failures)


def test_other_errors_are_not_taken_for_it():
    with pytest.raises(RuntimeError) as caught:
        torch.mv(torch.zeros(2, 2), torch.zeros(3))
    assert not memory.is_out_of_memory(caught.value)
    assert not memory.is_out_of_memory(ValueError("out of memory"))


@pytest.mark.parametrize(
    ("device", "way_out"), [("cpu", "close other programs"), ("cuda:0", "--device cpu")]
)
def test_a_window_that_cannot_fit_is_refused_beforehand(monkeypatch, device, way_out):
    place = torch.device(device)
    needed = WINDOW_CELLS * BYTES_A_CELL
    assert needed < 1.3 * 2**30
    for free in (needed, needed - 1):
        monkeypatch.setattr(memory, "available_bytes", lambda free=free: free)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 2**37))
        if free == needed:
            check_window(WINDOW_CELLS, place)
            continue
        with pytest.raises(LimitError, match=r"1\.22 GiB of memory on .* are needed") as caught:
            check_window(WINDOW_CELLS, place)
        assert way_out in caught.value.hint
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    check_window(WINDOW_CELLS, torch.device("cpu"))


def test_a_result_that_cannot_fit_is_refused_beforehand(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**30)
    check_host(10**7, 1)
    with pytest.raises(LimitError, match=r"96 megapixels with 8 sample\(s\) needs 12.5 GiB"):
        check_host(96 * 10**6, 8)


def test_bands_of_24_megapixels_enlarged_stay_within_8_gib():
    windows = WINDOW_CELLS * BYTES_A_CELL
    assert memory.host_bytes(384 * 10**6, 1, whole=False) + windows + 2**31 < 8 * 2**30


def test_six_megapixels_enlarged_stay_within_12_gib():
    windows = WINDOW_CELLS * BYTES_A_CELL
    assert memory.host_bytes(96 * 10**6, 1) + windows + 2**30 < 12 * 2**30


def test_a_control_groups_limit_counts(tmp_path):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 200000\nslab 3\n")
    assert memory._group_available(tmp_path) == 500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._group_available(tmp_path) is None
    assert memory._group_available(tmp_path / "none") is None


def test_what_the_system_says_is_plausible():
    assert 2**24 < (memory.available_bytes() or 2**30) < 2**50

"""Memory is looked at before it runs out."""

from __future__ import annotations

import pytest
import torch

from restoreflow import free_memory
from restoreflow.errors import LimitError
from restoreflow.restoration import memory
from restoreflow.restoration.memory import (
    BYTES_A_CELL,
    WINDOW_CELLS,
    check_host,
    check_window,
)


@pytest.mark.parametrize(
    ("device", "way_out"), [("cpu", "close other programs"), ("cuda:0", "--device cpu")]
)
def test_a_window_that_cannot_fit_is_refused_beforehand(monkeypatch, device, way_out):
    place = torch.device(device)
    needed = WINDOW_CELLS * BYTES_A_CELL
    assert needed < 1.3 * 2**30
    for free in (needed, needed - 1):
        monkeypatch.setattr(free_memory, "available_bytes", lambda free=free: free)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 2**37))
        if free == needed:
            check_window(WINDOW_CELLS, place)
            continue
        with pytest.raises(LimitError, match=r"1\.22 GiB of memory on .* are needed") as caught:
            check_window(WINDOW_CELLS, place)
        assert way_out in caught.value.hint
    monkeypatch.setattr(free_memory, "available_bytes", lambda: None)
    check_window(WINDOW_CELLS, torch.device("cpu"))


def test_a_result_that_cannot_fit_is_refused_beforehand(monkeypatch):
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 2**30)
    check_host(10**7, 1)
    with pytest.raises(LimitError, match=r"96 megapixels with 8 sample\(s\) needs 12.52 GiB"):
        check_host(96 * 10**6, 8)


def test_bands_of_24_megapixels_enlarged_stay_within_8_gib():
    windows = WINDOW_CELLS * BYTES_A_CELL
    assert memory.host_bytes(384 * 10**6, 1, whole=False) + windows + 2**31 < 8 * 2**30


def test_six_megapixels_enlarged_stay_within_12_gib():
    windows = WINDOW_CELLS * BYTES_A_CELL
    assert memory.host_bytes(96 * 10**6, 1) + windows + 2**30 < 12 * 2**30

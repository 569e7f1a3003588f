"""Rows are there while they are needed, and hold what was put."""

from __future__ import annotations

import numpy as np

from restoreflow.restoration.tiles import Rows


def filled(rows: Rows, values: np.ndarray, let_go: bool) -> int:
    """Put the values in tiles of 10 x 6, reading 7 rows at a time; the most rows ever held."""
    read, held = 0, 0
    height, width = values.shape[-2:]
    for top in range(0, height, 10):
        for left in range(0, width, 6):
            rows.put(values[1, :, top : top + 10, left : left + 6], top, left, 1)
            rows.put(values[0, :, top : top + 10, left : left + 6], top, left, 0)
        held = max(held, rows.values.shape[-2])
        while read < min(top + 10, height):
            stop = min(read + 7, top + 10, height)
            assert np.array_equal(rows.between(read, stop), values[..., read:stop, :])
            if let_go:
                rows.let_go(stop)
            read = stop
    return held


def test_rows_are_what_was_put_and_few():
    values = np.random.default_rng(0).random((2, 3, 43, 20), dtype=np.float32)
    assert filled(Rows(values.shape, np.float32), values, let_go=True) == 10
    assert filled(Rows(values.shape, np.float32), values, let_go=False) == 43


def test_the_whole_is_kept_where_that_is_asked_for():
    values = np.random.default_rng(0).random((2, 3, 43, 20), dtype=np.float32)
    rows = Rows(values.shape, np.float32, whole=True)
    assert filled(rows, values, let_go=True) == 43
    assert np.array_equal(rows.between(0, 43), values)

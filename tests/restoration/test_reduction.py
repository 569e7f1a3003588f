"""Reducing rows as they come gives what reducing the whole picture gives."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from restoreflow.restoration.resizing import Reduction

BICUBIC, LANCZOS = Image.Resampling.BICUBIC, Image.Resampling.LANCZOS
SIZES = [((40, 76), (10, 19)), ((40, 76), (30, 57)), ((41, 77), (39, 74)), ((8, 60), (1, 3))]


def whole(values: np.ndarray, size: tuple[int, int], method: Image.Resampling) -> np.ndarray:
    planes = [Image.fromarray(np.ascontiguousarray(values[..., k])) for k in range(3)]
    across = [plane.resize((size[0], plane.height), method) for plane in planes]
    return np.stack([np.asarray(plane.resize(size, method)) for plane in across], -1)


@pytest.mark.parametrize("rows", [1, 7, 76])
@pytest.mark.parametrize(("before", "after"), SIZES, ids=str)
@pytest.mark.parametrize("method", [BICUBIC, LANCZOS])
def test_bands_give_what_the_whole_gives(
    rows: int, before: tuple[int, int], after: tuple[int, int], method: Image.Resampling
) -> None:
    values = np.random.default_rng(0).random((before[1], before[0], 3), dtype=np.float32)
    levels = np.rint(values * 255).astype(np.uint8)
    for source, tolerance in ((values, 2e-5), (levels, 1)):
        reduction, found = Reduction(before, after, method), list[np.ndarray]()
        for top in range(0, before[1], rows):
            done = reduction.done
            found.append(reduction.add(source[top : top + rows]))
            assert len(found[-1]) == reduction.done - done
        result, expected = np.concatenate(found), whole(source, after, method)
        assert result.shape == (after[1], after[0], 3)
        assert np.abs(result.astype(np.float64) - expected).max() <= tolerance


def test_no_more_rows_are_kept_than_the_filter_sees() -> None:
    reduction = Reduction((4, 4000), (3, 3000), LANCZOS)
    for _ in range(400):
        reduction.add(np.zeros((10, 4, 3), np.float32))
        held = sum(plane.shape[0] for plane in reduction._planes) / 3
        assert held <= 12
    assert reduction.done == 3000

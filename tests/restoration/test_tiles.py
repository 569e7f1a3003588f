"""Plans cover a picture once, with all the context a core needs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from restoreflow.restoration.tiles import (
    MIN_SIDE,
    MIN_WINDOW,
    Geometry,
    Reach,
    Tile,
    Window,
    plan,
    plan_within,
)
from tests.restoration.fakes import FakeNetwork

SIZES = st.tuples(st.integers(8, 150), st.integers(8, 150))


REACHES = st.builds(Reach, st.integers(0, 40), st.sampled_from([1, 4]))


def check(tiles: list[Tile], size: tuple[int, int], reach: Reach) -> None:
    halo, step = reach
    covered = np.zeros(size, dtype=int)
    for core, window in tiles:
        covered[core.slices(1)] += 1
        assert window.top <= max(core.top - halo, 0)
        assert window.left <= max(core.left - halo, 0)
        assert min(core.bottom + halo, size[0]) <= window.bottom <= size[0]
        assert min(core.right + halo, size[1]) <= window.right <= size[1]
        assert min(window.top, window.left) >= 0
        assert window.top % step == window.left % step == 0
        assert window.area >= min(MIN_WINDOW, size[0] * size[1])
    assert (covered == 1).all()


@settings(max_examples=80, deadline=None)
@given(SIZES, REACHES, st.tuples(st.integers(4, 120), st.integers(4, 120)))
def test_a_plan_covers_once_with_halo(size, reach, sides):
    tiles = plan(size, reach, sides)
    check(tiles, size, reach)
    assert max(core.rows for core, _ in tiles) <= sides[0]
    assert max(core.columns for core, _ in tiles) <= sides[1]


@settings(max_examples=100, deadline=None)
@given(SIZES, REACHES, st.integers(9000, 60000))
def test_a_plan_within_a_budget_keeps_it(size, reach, most):
    tiles = plan_within(size, reach, most)
    check(tiles, size, reach)
    assert max(window.area for _, window in tiles) <= most


def test_a_budget_prefers_whole_rows_to_squares():
    tiles = plan_within((2000, 300), Reach(34), 300 * 300)
    assert {(t.window.left, t.window.right) for t in tiles} == {(0, 300)}


def test_a_budget_below_the_halo_gives_the_smallest_cores():
    tiles = plan_within((64, 64), Reach(40), 100)
    assert max(core.rows for core, _ in tiles) == MIN_SIDE


def test_a_window_seen_from_another():
    outer, core = Window(10, 50, 20, 80), Window(14, 20, 20, 30)
    assert core.seen_from(outer) == (4, 10, 0, 10)
    assert core.slices(4) == (slice(56, 80), slice(80, 120))
    assert core.grown(5, outer) == (10, 25, 20, 35)
    assert outer.grown(3, outer) == outer


@pytest.mark.parametrize(
    ("scale", "pixels", "cells", "output"), [(4, 1, 1, 4), (2, 2, 1, 4), (8, 1, 2, 8), (1, 4, 1, 4)]
)
def test_geometry_of_every_scale(scale, pixels, cells, output):
    network = FakeNetwork("sr" if scale > 1 else "lowlight", scale)
    assert Geometry.of(network) == Geometry(pixels, cells, output)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 33), (31, 34), (32, 36)])
def test_padding_repeats_the_border_up_to_whole_units(height, width):
    y = torch.rand(3, height, width)
    padded = Geometry(4, 1, 4).padded(y)
    assert padded.shape[-2] % 4 == padded.shape[-1] % 4 == 0
    assert padded.shape[-2] == max(32, -(-height // 4) * 4)
    rows = torch.arange(padded.shape[-2]).clamp(max=height - 1)
    columns = torch.arange(padded.shape[-1]).clamp(max=width - 1)
    assert torch.equal(padded, y[:, rows][:, :, columns])

"""Resizing by matrices: what PyTorch's interpolation gives, at any size."""

from __future__ import annotations

import pytest
import torch

from restoreflow.restoration.resizing import enlarged, reduced_columns, reduced_rows
from restoreflow.tasks.task import BICUBIC, resize


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 31), (32, 33), (65, 40), (20, 130)])
def test_products_are_the_interpolation(scale: int, size: tuple[int, int]) -> None:
    height, width = size
    small, large = torch.rand(3, height, width), torch.rand(3, scale * height, scale * width)
    wanted = resize(small, scale * height, scale * width)
    assert (enlarged(small, scale, BICUBIC) - wanted).abs().max() < 2e-6
    wanted = resize(large, scale * height, width)
    found = reduced_columns(large, scale, BICUBIC)
    assert (found - wanted).abs().max() < 2e-6
    assert (reduced_rows(found, scale, BICUBIC) - resize(wanted, height, width)).abs().max() < 2e-6


def test_a_row_does_not_depend_on_those_far_away() -> None:
    x = torch.rand(3, 100, 40)
    assert torch.equal(enlarged(x, 4, BICUBIC)[:, :64], enlarged(x[:, :80], 4, BICUBIC)[:, :64])

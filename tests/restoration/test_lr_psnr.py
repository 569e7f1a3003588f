"""LR-PSNR is that of Pillow's reduction, whole or by bands."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow.restoration.consistency import (
    LR_PSNR_CAP,
    LrPsnr,
    lr_psnr,
)
from restoreflow.restoration.pixels import eight_bit
from restoreflow.restoration.resizing import Reduction
from tests.restoration.fakes import picture


def image_of(values: torch.Tensor) -> Image.Image:
    return Image.fromarray(eight_bit(values).permute(1, 2, 0).contiguous().numpy())


def low_of(image: Image.Image) -> np.ndarray:
    size = (image.width // 4, image.height // 4)
    low = np.asarray(image.resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
    return low.transpose(2, 0, 1) / 255


def test_it_is_pillows_in_8_bit():
    image = image_of(picture(64, 64))
    y = torch.from_numpy(low_of(image)).float()
    assert lr_psnr(image, y) == LR_PSNR_CAP
    shifted = (y + 2 / 255).clamp(0, 1)
    assert lr_psnr(image, shifted) == pytest.approx(20 * np.log10(255 / 2), abs=0.05)


@pytest.mark.parametrize("rows", [4, 8, 20, 76])
def test_bands_give_what_the_whole_gives(rows):
    image, y = image_of(torch.rand(3, 76, 40)), torch.rand(3, 19, 10)
    expected = -10 * np.log10(np.mean((low_of(image) - y.double().numpy()) ** 2))
    known = y.permute(1, 2, 0).numpy()
    measure = LrPsnr(image.size, (10, 19), known=known)
    for top in range(0, 76, rows):
        measure.add(np.asarray(image)[top : top + rows])
    assert measure.value == pytest.approx(expected, abs=1e-5)
    assert lr_psnr(image, y) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("rows", [4, 20, 76])
def test_two_results_are_compared_as_their_reductions(rows):
    first, second = (image_of(torch.rand(3, 76, 40)) for _ in range(2))
    measure, other = LrPsnr((40, 76), (10, 19)), Reduction((40, 76), (10, 19))
    for top in range(0, 76, rows):
        one, two = (np.asarray(image)[top : top + rows] for image in (first, second))
        measure.add(one, other.add(two))
    expected = -10 * np.log10(np.mean((low_of(first) - low_of(second)) ** 2))
    assert measure.value == pytest.approx(expected, abs=1e-5)
    assert measure.value == pytest.approx(
        lr_psnr(first, torch.from_numpy(low_of(second)).float()), abs=1e-3
    )

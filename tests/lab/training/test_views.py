"""A view says truly which part of which picture it shows, however it is turned."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from restoreflow.lab.training.data import Photos
from restoreflow.lab.training.views import draw_view, thumbnail_of, turn_view
from tests.lab.training.recipes import write_photos


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_view_reports_where_it_was_cut() -> None:
    ramp = torch.arange(256, dtype=torch.uint8).expand(3, 300, 256)
    small = thumbnail_of(ramp, 16)
    assert small.shape == (3, 16, 16)
    widths = set()
    for seed in range(12):
        patch, _, box = draw_view(ramp, small, 64, generator(seed))
        assert patch.shape == (3, 64, 64)
        left, width = float(box[1]) * 256, float(box[3]) * 256
        middle = left + width / 2 - 0.5
        assert abs(float(patch.mean()) * 255 - middle) < 0.6
        assert width >= 64 and box.min() >= 0 and float(box[0] + box[2]) <= 1 + 1e-6
        widths.add(round(width))
    assert 64 in widths and len(widths) > 3
    with pytest.raises(ValueError, match="20 x 64"):
        draw_view(torch.zeros(3, 64, 20, dtype=torch.uint8), small, 32, generator())


@pytest.mark.parametrize("symmetry", range(8))
def test_a_turned_view_is_where_its_box_says_in_the_turned_picture(symmetry: int) -> None:
    coarse = torch.rand(1, 3, 4, 5, generator=generator()) * 255
    image = F.interpolate(coarse, (256, 320), mode="bilinear")[0].to(torch.uint8)
    view = draw_view(image, thumbnail_of(image, 64), 128, generator(3), nearest=1.0)
    turned = turn_view(view, symmetry)
    top, left, height, width = (turned.box * 64).round().int().tolist()
    part = turned.thumbnail[:, top : top + height, left : left + width]
    seen = F.adaptive_avg_pool2d(turned.patch, (2, 2))
    torch.testing.assert_close(seen, F.adaptive_avg_pool2d(part, (2, 2)), atol=0.03, rtol=0)


def test_a_batch_of_views_is_a_function_of_its_generator(tmp_path) -> None:
    photos = Photos(write_photos(tmp_path), 96)
    first, again, other = (photos.views(4, 96, generator(seed)) for seed in (1, 1, 2))
    assert first.patch.shape == (4, 3, 96, 96) and first.box.shape == (4, 4)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.patch, other.patch)

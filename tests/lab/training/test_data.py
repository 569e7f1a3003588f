"""Batches depend on seed and step alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow.errors import InputError
from restoreflow.lab.training.data import Photos, prefetch, step_generator
from tests.lab.training.recipes import write_photos


def test_a_batch_is_a_function_of_seed_step_and_stream(tmp_path: Path) -> None:
    photos = Photos(write_photos(tmp_path), 96)
    first = photos.batch(3, 96, step_generator(0, 7))
    assert torch.equal(first, photos.batch(3, 96, step_generator(0, 7)))
    for other in ((1, 7, 0), (0, 8, 0), (0, 7, 1)):
        assert not torch.equal(first, photos.batch(3, 96, step_generator(*other)))
    assert first.shape == (3, 3, 96, 96)
    assert 0.0 <= float(first.min()) < float(first.max()) <= 1.0


def test_photographs_are_read_as_they_are_restored(tmp_path: Path) -> None:
    """Upright, and in sRGB whatever profile they have."""
    photos = write_photos(tmp_path / "plain", count=1)
    plain = Photos(photos, 64).images[0]
    turned = tmp_path / "turned"
    turned.mkdir()
    with Image.open(photos / "photo0.png") as image:
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera's bottom is to the right
        image.rotate(90, expand=True).save(turned / "photo0.png", exif=exif)
    assert torch.equal(Photos(turned, 64).images[0], plain)


def test_small_photographs_are_left_out_and_none_is_an_error(tmp_path: Path) -> None:
    write_photos(tmp_path, count=2, size=112)
    assert len(Photos(tmp_path, 112).images) == 2
    with pytest.raises(InputError, match="no photographs"):
        Photos(tmp_path, 512)


def test_prefetch_keeps_order_and_hands_errors_over() -> None:
    assert list(prefetch(lambda step: step * step, 2, 6)) == [4, 9, 16, 25]

    def broken(step: int) -> int:
        if step == 1:
            raise InputError("a photograph went away")
        return step

    steps = prefetch(broken, 0, 3)
    assert next(steps) == 0
    with pytest.raises(InputError, match="went away"):
        next(steps)


def test_a_share_of_the_patches_is_reduced_first(tmp_path: Path) -> None:
    """A picture of one-pixel stripes is flat where it was reduced by two, and softer in between."""
    column = np.arange(256) % 2 * 255
    stripes = np.broadcast_to(column[None, :, None], (256, 256, 3)).astype(np.uint8)
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    photos = Photos(tmp_path, 64)
    whole = photos.batch(32, 64, step_generator(0, 0))
    assert bool(((whole == 0) | (whole == 1)).all())
    assert torch.equal(whole, photos.batch(32, 64, step_generator(0, 0), reduced=0.0))
    some = photos.batch(64, 64, step_generator(0, 0), reduced=0.25)
    softened = ((some > 0.1) & (some < 0.9)).flatten(1).any(1)
    assert 6 < int(softened.sum()) < 28
    everything = photos.batch(32, 64, step_generator(0, 0), reduced=1.0)
    assert ((everything > 0.1) & (everything < 0.9)).flatten(1).any(1).float().mean() > 0.9

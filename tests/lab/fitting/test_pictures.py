"""Photographs degraded as in training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from restoreflow.errors import InputError, ModelError, UsageError
from restoreflow.lab.degradations.operations import downscale, round_8bit
from restoreflow.lab.fitting.pictures import degradation_of, pairs, remembered
from restoreflow.lab.photographs import list_photos
from restoreflow.models.folder import RECIPE, add_files
from tests.ood import fakes


def test_photographs_are_evenly_spread(tmp_path: Path) -> None:
    folder = fakes.write_photos(tmp_path / "photos", 6, 16)
    (folder / "notes.txt").write_text("no picture")
    assert [path.stem for path in list_photos(folder, 3)] == ["photo0", "photo2", "photo4"]
    assert len(list_photos(folder, 99)) == 6
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "gone", folder / "notes.txt"):
        with pytest.raises(UsageError, match="photographs"):
            list_photos(wrong)


@pytest.mark.parametrize("degradation", ["bicubic", "photo", "low_light"])
def test_pairs_fit_and_repeat(tmp_path: Path, degradation) -> None:
    scale = 1 if degradation == "low_light" else 4
    photos = list_photos(fakes.write_photos(tmp_path / "photos", 2, 131))
    first, again = (list(pairs(photos, degradation, scale, side=120)) for _ in range(2))
    for pair, same in zip(first, again, strict=True):
        assert pair.clean.shape == (3, 120, 120)
        assert pair.degraded.shape == (3, 120 // scale, 120 // scale)
        assert torch.equal(pair.degraded, same.degraded)
        levels = pair.degraded * 255
        torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)
    if degradation == "bicubic":
        expected = round_8bit(downscale(first[0].clean[None], 4))[0]
        assert torch.equal(first[0].degraded, expected)


def test_small_photographs_are_left_out(tmp_path: Path) -> None:
    photos = list_photos(fakes.write_photos(tmp_path / "photos", 2, 80))
    with pytest.raises(InputError, match="smaller than 96"):
        list(pairs(photos, "bicubic", 4))


def test_the_recipe_says_how_inputs_were_made(tmp_path: Path) -> None:
    folder = fakes.model_folder(tmp_path / "tiny")
    assert degradation_of(folder) == "bicubic"
    stage = '[[stages]]\nloss = "mean"\nsteps = 1\nlearning_rate = 1e-3\n'
    recipe = f'name = "tiny"\ndegradation = "photo"\n{stage}'
    add_files(folder.path, {RECIPE: recipe.encode()})
    assert degradation_of(folder) == "photo"
    add_files(folder.path, {RECIPE: b'nam = "tiny"\n'})
    with pytest.raises(ModelError, match="nam"):
        degradation_of(folder)


def test_remembered_pictures_are_made_once_if_they_fit() -> None:
    made = 0

    def pictures() -> Iterator[torch.Tensor]:
        nonlocal made
        made += 1
        yield from fakes.photos(3)

    size = sum(picture.numel() for picture in fakes.photos(3))
    for most, times in ((size, 1), (size - 1, 3)):
        made = 0
        again = remembered(pictures, most)
        for _ in range(3):
            for picture, expected in zip(again(), fakes.photos(3), strict=True):
                assert torch.equal(picture, expected)
        assert made == times


def test_what_is_remembered_is_whole() -> None:
    again = remembered(lambda: fakes.photos(3))
    next(iter(again()))  # left in the middle: nothing was remembered
    assert len(list(again())) == len(list(again())) == 3

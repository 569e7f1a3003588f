"""Examples are what the recipe says, bare frames among them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from restoreflow.lab.degradations.example import Example
from restoreflow.lab.training.data import Photos, step_generator
from restoreflow.lab.training.examples import draw_examples, with_bare_frames
from tests.lab.training.recipes import recipe, write_photos


def example(count: int = 400) -> Example:
    torch.manual_seed(0)
    return Example(
        0.1 + 0.1 * torch.rand(count, 3, 4, 4),
        0.4 + 0.1 * torch.rand(count, 3, 4, 4),
        torch.full((count, 3), 2.0),
        0.1 + 0.1 * torch.rand(count, 3, 2, 2),
    )


def test_a_share_of_the_items_become_black_or_white_frames_that_come_back_as_they_are() -> None:
    whole = example()
    found = with_bare_frames(whole, torch.Generator().manual_seed(1), share=0.2)
    bare = (found.degraded != whole.degraded).flatten(1).all(1)
    assert 0.1 < float(bare.float().mean()) < 0.3
    for before, after in zip(whole[:4], found[:4], strict=True):
        assert before is not None and after is not None
        assert torch.equal(before[~bare], after[~bare])
    levels = found.degraded[bare].flatten(1)
    assert torch.equal(levels, found.clean[bare].flatten(1))
    assert (levels == levels[:, :1]).all() and set(levels[:, 0].tolist()) == {0.0, 1.0}
    white = levels[:, 0] == 1
    assert found.stops is not None and found.thumbnail is not None
    assert (found.stops[bare][white] == 0).all() and (found.stops[bare][~white] == 8).all()
    assert torch.equal(found.thumbnail[bare][:, 0, 0, 0], levels[:, 0])


def test_frames_depend_on_the_generator_alone_and_need_no_thumbnails() -> None:
    whole = example()._replace(stops=None, thumbnail=None)
    first, second = (with_bare_frames(whole, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first.degraded, second.degraded)
    assert first.stops is None and first.thumbnail is None


@pytest.mark.parametrize("name", ["drawings", "reduced"])
def test_shares_of_other_examples_are_checked(name: str) -> None:
    for share in (-0.1, 1.1):
        with pytest.raises(ValueError, match=name):
            dataclasses.replace(recipe("mean"), **{name: share})
    with pytest.raises(ValueError, match="low_light"):
        dataclasses.replace(recipe("mean", task="lowlight"), **{name: 0.1})


def test_drawings_take_the_place_of_photographs(tmp_path: Path) -> None:
    photos = Photos(write_photos(tmp_path), 64)
    config = recipe("mean")
    plain = draw_examples(photos, 16, 64, config, step_generator(0, 0))
    drawn = dataclasses.replace(config, drawings=0.5)
    example = draw_examples(photos, 16, 64, drawn, step_generator(0, 0))
    same = (example.clean == plain.clean).flatten(1).all(1)
    assert 2 < int(same.sum()) < 14
    assert torch.equal(example.degraded[same], plain.degraded[same])

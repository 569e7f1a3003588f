"""What a whole picture suffers from: judged once, told everywhere."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

import pytest
import torch

from restoreflow.networks.residual import ResidualEncoder
from restoreflow.networks.wear import (
    CROP,
    CROPS,
    WearJudge,
    _crops,
    _shown,
    describe_wear,
    is_clean,
    overruled,
    tolerance,
)

M = TypeVar("M", bound=torch.nn.Module)


def shaken(module: M) -> M:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return module.eval()


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (8, 8), (65, 300)])
def test_pictures_of_any_size_are_judged_each_for_itself(size: tuple[int, int]) -> None:
    judge = shaken(WearJudge(8))
    pictures = torch.rand(3, 3, *size)
    whole = judge(pictures)
    assert whole.shape == (3, 3) and torch.isfinite(whole).all()
    each = torch.cat([judge(pictures[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(whole, each)


@pytest.mark.parametrize("size", [(600, 1000), (5000, 70), (64, 20000), (3, 200000)])
def test_a_large_picture_is_looked_at_in_crops_on_the_grid_of_blocks(size: tuple[int, int]) -> None:
    rows, columns = (torch.arange(side, dtype=torch.float32) for side in size)
    places = torch.stack((rows[:, None].expand(size), columns.expand(size), columns.expand(size)))
    crops = _crops(places[None])
    assert 1 <= len(crops) <= CROPS
    assert max(crops.shape[-2:]) <= CROP
    assert not (crops[:, :2, 0, 0] % 8).any()
    assert float(crops[:, 0].max()) - float(crops[:, 0].min()) > 0.6 * size[0]
    assert float(crops[:, 1].max()) - float(crops[:, 1].min()) > 0.6 * size[1]
    corners = {tuple(c) for c in crops[:, :2, 0, 0].tolist()}
    assert len(corners) == len(crops)


def test_noise_of_a_level_or_two_is_plain_in_what_the_judge_sees() -> None:
    torch.manual_seed(0)
    smooth = torch.linspace(0.2, 0.8, 48).expand(1, 3, 48, 48)
    seen = [
        _shown(smooth + level / 255 * torch.randn(smooth.shape)) for level in (0.0, 1.0, 2.0, 4.0)
    ]
    assert all(x.shape == (1, 10, 48, 48) for x in seen)
    strength = [float(x[:, 6:].mean()) for x in seen]
    assert all(b - a > 0.08 for a, b in pairwise(strength))
    wild = _shown(torch.randint(0, 2, (1, 3, 48, 48)).float())
    assert wild.abs().max() <= 2.0


def test_what_is_told_moves_the_result_and_no_value_leaves_the_bounds() -> None:
    encoder = shaken(ResidualEncoder(8, 1, 1, 4, 0.5, told=True))
    y = torch.rand(1, 3, 16, 16)
    none, much = (encoder(y, torch.full((1, 3), level)) for level in (0.0, 1.0))
    assert not torch.equal(none.mean, much.mean)
    assert not torch.equal(none.features, much.features)
    for level in (-1e9, 1e9):
        found = encoder(y, torch.full((1, 3), level))
        edge = none if level < 0 else much
        assert torch.equal(found.mean, edge.mean) and torch.equal(found.features, edge.features)


def test_told_nothing_it_judges_what_it_sees() -> None:
    encoder = shaken(ResidualEncoder(8, 1, 1, 4, 0.5, told=True))
    y = torch.rand(1, 3, 16, 16)
    assert torch.equal(encoder(y).mean, encoder(y, encoder.global_context(y)).mean)
    assert torch.equal(encoder.estimate(y), encoder(y).mean)
    assert ResidualEncoder(8, 1, 1, 4, 0.5).global_context(y) is None


def test_a_person_overrules_what_was_judged() -> None:
    judged = torch.tensor([[0.3, 0.2, 0.4]])
    assert overruled(judged, "auto") is judged
    assert overruled(judged, "none")[0].tolist() == [0.0, 0.0, 0.0]
    assert overruled(judged, 0.0)[0].tolist() == pytest.approx([0.0, 0.0, 0.4])
    assert overruled(judged, 1.0)[0].tolist() == pytest.approx([1.0, 0.6, 0.4])
    assert describe_wear(judged[0]) == pytest.approx({"noise": 4.8, "quality": 80.0, "blur": 0.8})
    assert not is_clean(judged) and is_clean(overruled(judged, "none"))


def test_a_clean_picture_is_exact_and_wear_leaves_its_deviation_open():
    assert tolerance(torch.tensor([[0.05, 0.05, 1.0]])) == 0.0
    noisy, packed = torch.tensor([[0.5, 0.0, 0.0]]), torch.tensor([[0.0, 0.25, 0.0]])
    assert tolerance(noisy) == pytest.approx(8 / 255)
    assert tolerance(packed) == pytest.approx(6 / 255)
    assert tolerance(torch.tensor([[0.5, 0.25, 0.0]])) == pytest.approx(10 / 255)

"""Drawn examples."""

from __future__ import annotations

import torch

from restoreflow.lab.degradations.example import Example
from restoreflow.lab.training.drawings import draw_drawing, with_drawings, with_hard_edges


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_drawings_are_8_bit_pictures_with_edges_and_differ() -> None:
    drawn = torch.stack([draw_drawing(64, seeded(i)).picture for i in range(24)])
    assert drawn.shape == (24, 3, 64, 64)
    assert drawn.min() >= 0 and drawn.max() <= 1
    torch.testing.assert_close(drawn * 255, (drawn * 255).round(), atol=1e-4, rtol=0)
    steps = (drawn[..., 1:] - drawn[..., :-1]).abs().amax((1, 2, 3))
    assert (steps > 0.3).float().mean() > 0.8
    assert len(drawn.flatten(1).unique(dim=0)) == 24
    torch.testing.assert_close(draw_drawing(64, seeded(3)).picture, drawn[3])


def test_a_share_of_the_patches_is_drawn_and_the_rest_stay() -> None:
    clean = torch.full((64, 3, 32, 32), 2.0)
    drawn = with_drawings(clean, seeded(0), 0.25)
    replaced = (drawn != clean).flatten(1).any(1)
    assert 6 < replaced.sum() < 28
    assert torch.equal(drawn[~replaced], clean[~replaced])


def test_with_a_share_of_0_no_random_number_is_taken() -> None:
    clean, generator = torch.rand(2, 3, 32, 32), seeded(1)
    assert with_drawings(clean, generator, 0.0) is clean
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=seeded(1)))


def test_some_inputs_are_drawn_with_hard_edges_and_suffer_from_nothing() -> None:
    degraded, clean, wear = torch.full((32, 3, 16, 16), 2.0), torch.full((32, 3, 64, 64), 2.0), 1.0
    whole = Example(degraded, clean, wear=torch.full((32, 3), wear))
    found = with_hard_edges(whole, seeded(2), 0.4)
    assert found.wear is not None
    drawn = (found[0] != degraded).flatten(1).any(1)
    assert 4 < drawn.sum() < 24
    assert torch.equal(drawn, (found[1] != clean).flatten(1).any(1))
    assert torch.equal(drawn, (found.wear == 0).all(1))
    small, large = found[0][drawn], found[1][drawn]
    # Nothing between two colours is invented: the drawing has more of them than its small form.
    middle = large[..., 2::4, 2::4]
    assert (small - middle).abs().median() < 0.02
    colours = [len(s.flatten(1).T.unique(dim=0)) for s in small]
    smoothed = [len(s.flatten(1).T.unique(dim=0)) for s in torch.nn.functional.avg_pool2d(large, 4)]
    assert sum(colours) < sum(smoothed)

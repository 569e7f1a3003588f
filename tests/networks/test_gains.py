"""The map of gains: bounded, ordered, where it belongs, along the picture's edges."""

from __future__ import annotations

import pytest
import torch

from restoreflow.networks.exposure import exposure_curve
from restoreflow.networks.gains import (
    GAINS,
    LEVELS,
    SIDE,
    STEEPEST,
    STEP,
    GainJudge,
    along_edges,
    content_box,
    read_map,
)
from restoreflow.networks.low_light import LowLightEncoder, with_exposure, with_place


def encoder(spread: float = 1.0) -> LowLightEncoder:
    torch.manual_seed(0)
    network = LowLightEncoder(12, 1, 1, 0.5, shared=8, gains=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * spread * torch.randn_like(parameter))
    return network.eval()


@pytest.mark.parametrize("spread", [0.1, 1.0, 100.0])
@torch.no_grad()
def test_what_is_brighter_stays_brighter_for_any_weights(spread: float) -> None:
    torch.manual_seed(1)
    judge = GainJudge()
    for parameter in judge.parameters():
        parameter.add_(spread * torch.randn_like(parameter))
    found = judge(torch.rand(3, 6, 64, 64), 4 * torch.randn(3, 1, 64, 64))
    assert found.shape == (3, GAINS) and found.isfinite().all()
    levels = found.view(3, len(LEVELS), SIDE, SIDE)
    assert levels[:, 2].abs().max() <= 3
    steps = levels.diff(dim=1)
    assert steps.min() >= STEP * STEEPEST - 1e-5 and steps.max() <= 0.25 * STEP + 1e-5
    ladder = torch.linspace(-10.0, 6.0, 400).view(1, 1, 1, 400)
    here = torch.tensor([[0.0, 0.0, 1e6, 1e6]])  # one place, all levels
    for item in found:
        shown = ladder + read_map(item[None], ladder, here)
        assert shown.diff().min() > 0


@torch.no_grad()
def test_a_fresh_judge_changes_nothing() -> None:
    found = GainJudge()(torch.rand(2, 6, 64, 64), torch.randn(2, 1, 64, 64))
    assert torch.equal(found, torch.zeros_like(found))


@torch.no_grad()
def test_the_map_is_read_at_the_level_and_place_of_each_cell() -> None:
    grid = torch.zeros(1, len(LEVELS), SIDE, SIDE)
    grid[0, 3] = torch.arange(SIDE)[:, None] + 100.0 * torch.arange(SIDE)
    place = torch.tensor([[0.0, 0.0, SIDE, SIDE]])
    level = torch.full((1, 1, SIDE, SIDE), LEVELS[3])
    torch.testing.assert_close(read_map(grid.flatten(1), level, place), grid[:, 3:4])
    between = read_map(grid.flatten(1), level + STEP / 4, place)
    torch.testing.assert_close(between, 0.75 * grid[:, 3:4])
    part = torch.tensor([[4.0, 8.0, SIDE, SIDE]])
    window = read_map(grid.flatten(1), level[..., :3, :5], part)
    assert torch.equal(window, read_map(grid.flatten(1), level, place)[..., 4:7, 8:13])


@torch.no_grad()
def test_gains_follow_the_pictures_edge_not_the_cells() -> None:
    pixels = torch.full((1, 1, 64, 64), -6.0)
    pixels[..., 30:] = 0.0  # inside a cell
    cells = torch.nn.functional.avg_pool2d(pixels, 4)
    gains = -0.4 * cells
    found = along_edges(gains, cells, pixels)
    assert (found[..., :30] - 2.4).abs().max() < 0.25
    assert found[..., 30:].abs().max() < 0.25
    assert found.min() >= gains.min() and found.max() <= gains.max()


@torch.no_grad()
def test_stops_stay_within_range_for_any_weights_and_input() -> None:
    network = encoder(30.0)
    for picture in (
        torch.rand(1, 3, 80, 96),
        torch.zeros(1, 3, 80, 96),
        9 * torch.randn(1, 3, 80, 96),
    ):
        context = network.global_context(picture)
        light = picture.clamp(0.0, 1.0)
        for change in (-9.0, -1.0, 0.0, 9.0):
            moved = with_exposure(context, change)
            stops = network.stops_of(light, moved)
            low, high = moved[:, :3].amin().clamp(max=0.0), moved[:, :3].amax().clamp(min=8.0)
            assert stops.min() >= low and stops.max() <= high
            assert exposure_curve(light, stops).isfinite().all()


@torch.no_grad()
def test_more_exposure_moves_everything_alike() -> None:
    network = encoder()
    picture = 0.1 * torch.rand(1, 3, 80, 96)
    context = network.global_context(picture)
    context[:, :3] = 3.0
    context[:, 11 : 11 + GAINS] *= 0.2
    before, after = (
        network.stops_of(picture, with_exposure(context, change)) for change in (0.0, 1.0)
    )
    torch.testing.assert_close(after - before, torch.ones_like(before))


@torch.no_grad()
def test_windows_told_their_place_equal_the_whole() -> None:
    network = encoder()
    picture = 0.2 * torch.rand(1, 3, 640, 320)
    picture[:, :, 300:] *= 0.05
    context = network.global_context(picture)
    whole = network.stops_of(picture, context)
    assert whole.std() > 0.1  # it does differ by place
    top, left = 40, 12
    window = picture[..., 4 * top : 4 * (top + 60), 4 * left :]
    found = network.stops_of(window, network.placed(context, top, left))
    inner = slice(4 * 5, 4 * 55)
    torch.testing.assert_close(
        found[..., inner, 20:],
        whole[..., 4 * top :, 4 * left :][..., inner, 20:],
        atol=1e-5,
        rtol=0,
    )
    lost = network.stops_of(window, context)[..., inner, 20:]
    assert (lost - found[..., inner, 20:]).abs().max() > 1e-2


def test_bars_and_frames_are_found() -> None:
    torch.manual_seed(0)
    content = torch.rand(3, 200, 300)
    picture = torch.zeros(3, 260, 300)
    picture[:, 30:230] = content
    assert content_box(picture) == (30, 230, 0, 300)
    framed = torch.ones(3, 240, 360)
    framed[:, 20:220, 40:340] = content
    assert content_box(framed + 0.004 * torch.rand(3, 240, 360)) == (20, 220, 40, 340)
    assert content_box(content) == (0, 200, 0, 300)
    assert content_box(torch.zeros(3, 90, 80)) == (0, 90, 0, 80)
    tiny = torch.zeros(3, 400, 300)
    tiny[:, 200:210] = torch.rand(3, 10, 300)
    assert content_box(tiny) == (0, 400, 0, 300)


@torch.no_grad()
def test_bars_and_frames_do_not_move_the_exposure() -> None:
    network = encoder()
    content = 0.1 * torch.rand(1, 3, 200, 320)
    alone = network.global_context(content)
    for level in (0.0, 1.0):
        framed = torch.full((1, 3, 280, 400), level)
        framed[..., 40:240, 60:380] = content
        found = network.global_context(framed)
        assert torch.equal(found[:, :-4], alone[:, :-4])
        inside = framed[..., 40:240, 60:380]
        stops = network.stops_of(inside, network.placed(found, 10, 15))
        torch.testing.assert_close(stops, network.stops_of(content, alone), atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_place_can_be_told() -> None:
    network = encoder()
    context = network.global_context(torch.rand(2, 3, 64, 64))
    told = with_place(context, torch.tensor([[1.0, 2.0, 3.0, 4.0]]).expand(2, 4))
    assert told[:, -4:].tolist() == [[1.0, 2.0, 3.0, 4.0]] * 2

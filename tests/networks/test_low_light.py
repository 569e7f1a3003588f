from __future__ import annotations

import pytest
import torch

from restoreflow.networks.exposure import srgb_to_linear
from restoreflow.networks.low_light import (
    ExposureContext,
    LowLightEncoder,
    noise_facts,
    with_exposure,
    with_stops,
)


def encoder(spread: float = 1.0) -> LowLightEncoder:
    """A small encoder whose weights, the zero-initialised ones too, are all drawn."""
    torch.manual_seed(0)
    network = LowLightEncoder(width=12, depth=1, context=1, mean_range=0.5, shared=8)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * spread * torch.randn_like(parameter))
    return network.eval()


def hostile() -> dict[str, torch.Tensor]:
    checker = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).float().expand(1, 3, 64, 64)
    return {
        "noise": torch.rand(1, 3, 64, 64),
        "checker": checker,
        "dark checker": checker / 255,
        "black": torch.zeros(1, 3, 64, 64),
        "white": torch.ones(1, 3, 64, 64),
        "red": torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1).expand(1, 3, 64, 64),
        "beyond": 50 * torch.randn(1, 3, 64, 64),
    }


def test_shapes_at_every_multiple_of_4() -> None:
    network = encoder()
    for height, width in ((64, 96), (68, 44), (4, 4), (20, 4)):
        mean, features, _ = network(torch.rand(2, 3, height, width) * 0.1)
        assert mean.shape == (2, 3, height, width)
        assert features.shape == (2, 12, height // 4, width // 4)
    with pytest.raises(ValueError, match="62 x 64"):
        network(torch.rand(1, 3, 64, 62))


@torch.inference_mode()
def test_the_estimate_is_the_mean() -> None:
    network, picture = encoder(), torch.rand(1, 3, 68, 44) * 0.1
    context = with_exposure(network.global_context(picture), 1.0)
    assert torch.equal(network.estimate(picture), network(picture).mean)
    assert torch.equal(network.estimate(picture, context), network(picture, context).mean)


@pytest.mark.parametrize("name", list(hostile()))
@pytest.mark.parametrize("spread", [1.0, 30.0])
@torch.no_grad()
def test_mean_and_exposure_are_bounded_for_any_input_and_weights(name: str, spread: float) -> None:
    network = encoder(spread)
    picture = hostile()[name]
    context = network.global_context(picture)
    assert context[:, :3].min() >= 0 and context[:, :3].max() <= 8
    assert context[:, 3:].abs().max() <= 1
    for change in (-9.0, 0.0, 9.0):
        mean, features, _ = network(picture, with_exposure(context, change))
        assert torch.isfinite(features).all()
        assert mean.min() >= 0 and mean.max() <= 1


@torch.no_grad()
def test_black_stays_black_and_white_stays_white_for_any_weights() -> None:
    network = encoder(3.0)
    for level in (0.0, 1.0):
        mean = network(torch.full((1, 3, 48, 48), level)).mean
        torch.testing.assert_close(mean, torch.full_like(mean, level), atol=1e-6, rtol=0)


@torch.no_grad()
def test_a_plain_dark_picture_is_brightened_by_the_contexts_stops() -> None:
    torch.manual_seed(0)
    network = LowLightEncoder(width=12, depth=1, context=1, mean_range=0.5, shared=8)
    picture = torch.full((1, 3, 32, 32), 12.0 / 255)
    context = with_stops(network.global_context(picture), torch.tensor([[3.0, 4.0, 2.0]]))
    light = srgb_to_linear(network(picture, context).mean).mean((2, 3))
    expected = srgb_to_linear(torch.tensor(12.0 / 255)) * torch.tensor([[8.0, 16.0, 4.0]])
    torch.testing.assert_close(light, expected, rtol=1e-3, atol=0)
    for change in (-1.0, 0.5):
        moved = network(picture, with_exposure(context, change)).mean
        ratio = srgb_to_linear(moved).mean((2, 3)) / light
        torch.testing.assert_close(torch.log2(ratio), torch.full((1, 3), change), atol=1e-3, rtol=0)


@torch.no_grad()
def test_context_judges_dark_pictures_darker_and_shares_one_size() -> None:
    torch.manual_seed(0)
    judge = ExposureContext(4)
    scene = torch.rand(1, 3, 200, 120)
    stops = [float(judge(scene * s)[:, :3].mean()) for s in (0.05, 0.2, 1.0)]
    assert stops[0] > stops[1] + 1 > stops[2] + 1
    assert judge(scene).shape == (1, 7)


@torch.no_grad()
def test_tiles_with_the_pictures_context_and_a_halo_equal_the_whole() -> None:
    network = encoder()
    picture = torch.rand(1, 3, 592, 304) * 0.2
    picture[:, :, 300:] *= 0.05  # half of it darker: tiles on their own would disagree
    context = network.global_context(picture)
    whole = network(picture, context)
    align = network.alignment
    halo = -(-network.halo // align) * align
    low, high = 64, 96  # rows of cells that are wanted
    tile = network(picture[:, :, 4 * (low - halo) : 4 * (high + halo)], context)
    inner = slice(4 * halo, 4 * (halo + high - low))
    torch.testing.assert_close(
        tile.mean[:, :, inner], whole.mean[:, :, 4 * low : 4 * high], atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        tile.features[:, :, halo : halo + high - low],
        whole.features[:, :, low:high],
        atol=1e-5,
        rtol=1e-5,
    )
    alone = network(picture[:, :, 4 * (low - halo) : 4 * (high + halo)])
    assert (alone.mean[:, :, inner] - whole.mean[:, :, 4 * low : 4 * high]).abs().max() > 1e-2


def test_nothing_beyond_the_halo_reaches_a_cell() -> None:
    network = encoder()
    rows = 4 * (2 * network.halo + 24)
    picture = (0.1 + 0.1 * torch.rand(1, 3, rows, 16)).requires_grad_()
    context = network.global_context(picture.detach())
    for cell in range(network.halo + 8, network.halo + 12):  # all places within an aligned block
        mean, features, _ = network(picture, context)
        wanted = mean[:, :, 4 * cell : 4 * cell + 4].sum() + features[:, :, cell].sum()
        (gradient,) = torch.autograd.grad(wanted, picture)
        reached = torch.nonzero(gradient.abs().sum((0, 1, 3))).flatten()
        assert int(reached.min()) // 4 >= cell - network.halo
        assert int(reached.max()) // 4 <= cell + network.halo
        assert int(reached.max()) // 4 >= cell + network.halo - 8  # nor is it far too wide


def test_every_parameter_receives_a_gradient() -> None:
    network = encoder()
    mean, features, _ = network(torch.rand(2, 3, 64, 64) * 0.1)
    (mean.square().sum() + features.square().sum()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@torch.no_grad()
def test_picture_that_ends_within_a_block_is_continued_by_its_border(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def silent(bright: torch.Tensor, cell: int, group: int) -> torch.Tensor:
        sides = (-(-side // (cell * group)) * group for side in bright.shape[2:])
        return torch.zeros(len(bright), 4, *sides)

    # Noise is judged by the cells that are there, not by their continuation: see below.
    monkeypatch.setattr("restoreflow.networks.low_light.noise_facts", silent)
    network = encoder()
    picture = torch.rand(1, 3, 40, 52) * 0.1
    context = network.global_context(picture)
    continued = torch.nn.functional.pad(picture, (0, 12, 0, 8), mode="replicate")
    whole = network(continued, context)
    part = network(picture, context)
    torch.testing.assert_close(part.mean, whole.mean[:, :, :40, :52])
    inner = 10 - 2 * len(network.context)  # the features' own blocks see the border itself
    torch.testing.assert_close(
        part.features[:, :, :inner, :inner], whole.features[:, :, :inner, :inner]
    )


def test_noise_facts_tell_noise_from_texture_and_ignore_what_lies_beyond_the_border() -> None:
    torch.manual_seed(0)
    picture = torch.full((1, 3, 40, 52), 0.5)
    noisy = picture + 0.05 * torch.randn(1, 3, 40, 52)
    texture = picture.clone()
    texture[..., :2, :] += 0.05 * torch.randn(1, 1, 2, 52)  # gray, in the first row of cells alone
    quiet, loud, striped = (noise_facts(x, 4, 4) for x in (picture, noisy, texture))
    assert quiet.shape == (1, 4, 12, 16)
    for facts in (quiet, loud, striped):
        assert facts.min() >= -1 and facts.max() <= 1
    assert (quiet == -1).all()
    assert loud[:, 2:].min() > -0.5  # calmest cells included, those by the border too
    assert striped[:, 0, 0].min() > -0.5 and (striped[:, 1:] < -0.99).all()
    larger = noise_facts(torch.nn.functional.pad(noisy, (0, 12, 0, 8), mode="replicate"), 4, 4)
    torch.testing.assert_close(loud[:, :2, :9, :12], larger[:, :2, :9, :12])
    torch.testing.assert_close(loud[:, 2:, :8, :12], larger[:, 2:, :8, :12])


def test_the_features_send_no_gradient_to_the_mean_image() -> None:
    network = encoder()
    network.isolated = True
    network(torch.rand(1, 3, 32, 32) * 0.1).features.square().sum().backward()
    touched = {id(p) for p in network.parameters() if p.grad is not None}
    assert touched == {id(p) for p in network.context.parameters()}
    mean = {id(p) for p in network.mean_parameters()}
    assert mean | touched == {id(p) for p in network.parameters()}
    assert not mean & touched

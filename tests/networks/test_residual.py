"""The super-resolution encoder: shapes, receptive field, bounds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from restoreflow.networks.residual import ResidualEncoder

SCALES = pytest.mark.parametrize("scale", [1, 2, 4, 8])


def encoder(scale: int, spread: float = 0.1) -> ResidualEncoder:
    """A small encoder whose weights, the zero-initialised ones too, are all drawn."""
    network = ResidualEncoder(width=10, depth=1, context=1, scale=scale, mean_range=0.5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return network.eval()


@SCALES
def test_shapes_of_any_size(scale: int) -> None:
    network = encoder(scale)
    step = network.squeeze
    for height, width in ((7 * step, 5 * step), (step, step), (step, 9 * step), (11 * step, step)):
        mean, features, _ = network(torch.rand(2, 3, height, width))
        assert mean.shape == (2, 3, height * scale, width * scale)
        assert features.shape == (2, 10, height * scale // 4, width * scale // 4)


@SCALES
def test_a_new_encoder_enlarges_by_bicubic(scale: int) -> None:
    network = ResidualEncoder(width=10, depth=1, context=1, scale=scale, mean_range=0.5)
    picture = 0.3 + 0.4 * torch.rand(1, 3, 8, 12)
    expected = torch.nn.functional.interpolate(
        picture, scale_factor=scale, mode="bicubic", antialias=True
    )
    assert torch.allclose(network(picture).mean, expected, atol=1e-6)


@SCALES
@torch.no_grad()
def test_no_pixel_reaches_farther_than_the_halo(scale: int) -> None:
    network = encoder(scale).double()
    side = 4 * (2 * network.halo + 5) // scale // 4 * 4
    picture = 0.4 + 0.2 * torch.rand(1, 3, side, side, dtype=torch.float64)
    moved = picture.clone()
    at = side // 2 // 2 * 2
    moved[..., at, at] += 0.05
    first, last = at * scale // 4, (at * scale + scale - 1) // 4  # the cells of this pixel
    reaches: list[int] = []
    for before, after, cell in zip(network(picture)[:2], network(moved)[:2], (4, 1), strict=True):
        changed = (after - before).abs().amax((0, 1, 3)).nonzero().flatten() // cell
        reaches += [first - int(changed.min()), int(changed.max()) - last]
    assert max(reaches) <= network.halo
    assert max(reaches) >= network.halo - 2  # no larger than tiles need


@SCALES
@pytest.mark.parametrize("spread", [0.1, 3.0])
def test_no_input_takes_the_mean_image_out_of_its_range(scale: int, spread: float) -> None:
    """Gradient ascent, far beyond the range that pictures have."""
    network = encoder(scale, spread)
    picture = torch.randn(2, 3, 8, 8).requires_grad_()
    optimizer = torch.optim.Adam([picture], lr=0.5)
    for _ in range(12):
        mean = network(picture).mean
        assert mean.min() >= 0 and mean.max() <= 1
        (mean[:1].sum() - mean[1:].sum()).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert torch.isfinite(network(1e6 * picture).features).all()


@SCALES
def test_every_parameter_receives_a_gradient(scale: int) -> None:
    network = encoder(scale).train()
    mean, features, _ = network(0.3 + 0.4 * torch.rand(2, 3, 8, 8))
    (mean * torch.randn_like(mean)).sum().backward(retain_graph=True)
    of_mean = {name for name, p in network.named_parameters() if p.grad is not None}
    (features * torch.randn_like(features)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and (parameter.grad != 0).any(), name
    expected = {id(parameter) for parameter in network.mean_parameters()}
    assert {id(p) for name, p in network.named_parameters() if name in of_mean} == expected


def test_the_likelihood_does_not_pull_at_the_mean_image() -> None:
    """Isolated, as in training, the features pass no gradient to what makes the mean image."""
    network = encoder(4)
    network.isolated = True
    network(torch.rand(1, 3, 8, 8)).features.sum().backward()
    assert all(parameter.grad is None for parameter in network.mean_parameters())


@SCALES
def test_features_pass_gradients_to_the_input_outside_training(scale: int) -> None:
    network, picture = encoder(scale), torch.rand(1, 3, 8, 8).requires_grad_()
    (gradient,) = torch.autograd.grad(network(picture).features.square().sum(), picture)
    assert isinstance(gradient, Tensor) and (gradient != 0).all()


def test_other_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="scale is 3, not 1, 2, 4 or 8"):
        encoder(3)

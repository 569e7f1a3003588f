"""Adam and Muon: who changes what, and moments that come back."""

from __future__ import annotations

import pytest
import torch

from restoreflow.lab.training.optimiser import Optimiser
from restoreflow.networks.restoration_network import build_network
from tests.lab.training.recipes import recipe


def stepped(muon: float, rate: float = 1e-3, layout=torch.contiguous_format):
    """A network before and after a step whose gradients are all ones, but for one convolution's."""
    torch.manual_seed(0)
    network = build_network(recipe("mean").model())
    network.encoder.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = Optimiser(network)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimiser.step(rate, muon)
    return network, before, optimiser


def change(network, before, name: str) -> torch.Tensor:
    return network.state_dict()[name] - before[name]


def test_muon_orthogonalises_the_residual_blocks_change() -> None:
    network, before, _ = stepped(muon=1e-2)
    step = change(network, before, "encoder.blocks.0.conv1.weight").flatten(1)
    singular = torch.linalg.svdvals(step)
    assert singular.min() > 0.5 * singular.max() > 0
    # The root mean square of an Adam step at 0.2 of the rate, as `match_rms_adamw` promises.
    assert float(step.square().mean().sqrt()) == pytest.approx(2e-3, rel=0.3)
    others = change(network, before, "encoder.head.weight").abs()
    assert torch.allclose(others, torch.full_like(others, 1e-3), rtol=1e-2)


def test_without_muon_adam_changes_everything() -> None:
    network, before, _ = stepped(muon=0.0)
    for name, _ in network.named_parameters():
        found = change(network, before, name).abs()
        assert torch.allclose(found, torch.full_like(found, 1e-3), rtol=1e-2), name


def test_the_layout_in_memory_does_not_matter() -> None:
    plain, before, _ = stepped(muon=1e-2)
    wide, _, _ = stepped(muon=1e-2, layout=torch.channels_last)
    for name, _ in plain.named_parameters():
        a, b = (change(each, before, name).flatten() for each in (plain, wide))
        # The orthogonalisation is in bfloat16, and adds in another order.
        assert torch.cosine_similarity(a, b, dim=0) > 0.999, name


@pytest.mark.parametrize("muon", [0.0, 1e-2])
def test_moments_come_back(muon: float) -> None:
    network, _, optimiser = stepped(muon)
    state = optimiser.state()
    again = Optimiser(network)
    again.load_state(state)
    found = again.state()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)
    moved = any(name.startswith("muon.") for name in state)
    assert moved == (muon > 0)
    again.clear()
    assert not again.state()


def test_a_parameter_without_a_gradient_stays() -> None:
    network = build_network(recipe("mean").model())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    Optimiser(network).step(1e-3, 1e-2)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())

"""An adversary tells samples from photographs, and leaves what it judges to the sampler."""

from __future__ import annotations

import torch

from restoreflow.lab.training.adversary import Adversary

CPU = torch.device("cpu")


Pictures = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def pictures(seed: int = 0) -> Pictures:
    """Photographs with texture, samples without, and what is plain."""
    generator = torch.Generator().manual_seed(seed)
    plain = torch.rand(4, 3, 1, 1, generator=generator).expand(4, 3, 32, 32).contiguous()
    real = plain + 0.1 * torch.randn(4, 3, 32, 32, generator=generator)
    return real, plain + 0.02 * torch.randn(4, 3, 32, 32, generator=generator), plain


def adversary() -> Adversary:
    torch.manual_seed(0)
    return Adversary(CPU, None)


def learn(judge: Adversary, seed: int) -> dict[str, float]:
    return judge.learn(judge.challenge(*pictures(seed))[1])


def test_it_learns_to_tell_them_apart() -> None:
    judge = adversary()
    first, *_, last = [learn(judge, step) for step in range(30)]
    assert last["gap"] > first["gap"] + 0.5
    assert last["discriminator"] < first["discriminator"]


def test_the_samplers_loss_falls_towards_photographs_and_moves_the_sample_alone() -> None:
    judge = adversary()
    for step in range(30):
        learn(judge, step)
    real, sample, plain = pictures(99)
    sample.requires_grad_()
    loss, _ = judge.challenge(real, sample, plain)
    before = {
        k: None if p.grad is None else p.grad.clone() for k, p in judge.network.named_parameters()
    }
    loss.backward()
    assert sample.grad is not None and sample.grad.any()
    for name, parameter in judge.network.named_parameters():
        old = before[name]
        assert parameter.grad is None if old is None else torch.equal(parameter.grad, old)
    assert loss > judge.challenge(real, real, plain)[0]


def test_it_goes_on_from_its_state_as_if_unbroken() -> None:
    whole, broken = adversary(), adversary()
    for step in range(4):
        learn(whole, step)
    for step in range(2):
        learn(broken, step)
    torch.manual_seed(1)
    again = Adversary(CPU, None)
    again.load_state(broken.state())
    for step in range(2, 4):
        learn(again, step)
    expected, found = whole.state(), again.state()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)

"""An adversary tells samples from photographs, and leaves what it judges to the sampler."""

from __future__ import annotations

import torch

from restoreflow.training.adversary import Adversary, Contest

CPU = torch.device("cpu")


def contest(seed: int = 0) -> Contest:
    """Photographs with texture, samples without."""
    generator = torch.Generator().manual_seed(seed)
    plain = torch.rand(4, 3, 1, 1, generator=generator).expand(4, 3, 32, 32).contiguous()
    real = plain + 0.1 * torch.randn(4, 3, 32, 32, generator=generator)
    samples = [plain + 0.02 * torch.randn(4, 3, 32, 32, generator=generator) for _ in range(2)]
    return Contest(real, samples, plain)


def adversary() -> Adversary:
    torch.manual_seed(0)
    return Adversary(CPU, None)


def test_it_learns_to_tell_them_apart() -> None:
    judge = adversary()
    first, *_, last = [judge.learn(contest(step)) for step in range(30)]
    assert last["gap"] > first["gap"] + 0.5
    assert last["discriminator"] < first["discriminator"]


def test_the_samplers_loss_falls_towards_photographs_and_moves_the_samples_alone() -> None:
    judge = adversary()
    for step in range(30):
        judge.learn(contest(step))
    real, samples, plain = contest(99)
    for sample in samples:
        sample.requires_grad_()
    loss = judge.loss_of_sampler(real, samples, plain)
    loss.backward()
    assert all(s.grad is not None and s.grad.any() for s in samples)
    assert loss > judge.loss_of_sampler(real, [real, real], plain)
    state = judge.state()
    assert torch.equal(loss, loss) and all(torch.isfinite(v).all() for v in state.values())


def test_it_goes_on_from_its_state_as_if_unbroken() -> None:
    whole, broken = adversary(), adversary()
    for step in range(4):
        whole.learn(contest(step))
    for step in range(2):
        broken.learn(contest(step))
    torch.manual_seed(1)
    again = Adversary(CPU, None)
    again.load_state(broken.state())
    for step in range(2, 4):
        again.learn(contest(step))
    expected, found = whole.state(), again.state()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)

"""The conditional flow as a whole: a density, a start, a precision, and one graph."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from restoreflow.flows.base import LATENT_NORM_BOUND, ConditionalBase
from restoreflow.flows.bijection import Chain
from restoreflow.flows.flow import ConditionalFlow
from restoreflow.flows.layout import mix_channels
from restoreflow.flows.rotation import Rotation, cosine_basis, random_rotation
from restoreflow.flows.squeeze import HalfCellShift, Squeeze
from tests.flows.table import FEATURES, in_float64, of_natural_size, randomised, tiny_flow


def flow_of(kind: str = "spline", scale: float = 0.4) -> ConditionalFlow:
    return of_natural_size(tiny_flow(kind), scale)


def features(n: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(n, FEATURES, 3, 4, dtype=dtype)


def test_log_prob_is_the_density_of_samples() -> None:
    """By the change of variables at samples: log p(x) = log N(e) - log |dx/de|."""
    flow = in_float64(flow_of(scale=0.3))
    assert isinstance(flow, ConditionalFlow)
    condition = flow.prepare(features(1, torch.float64))
    e = 0.3 * torch.randn(1, 48, 3, 4, dtype=torch.float64)

    def sample(e: Tensor) -> Tensor:
        return flow.sample(condition, e, 1.0).limited

    jacobian = torch.autograd.functional.jacobian(sample, e)
    assert isinstance(jacobian, Tensor)
    _, log_volume = torch.linalg.slogdet(jacobian.reshape(e.numel(), e.numel()))
    normal = -0.5 * (e.square().sum() + e.numel() * math.log(2 * math.pi))
    x = sample(e)
    assert x.abs().max() < flow.limiter.share * flow.limiter.limit
    assert torch.allclose(flow.log_prob(x, condition), normal - log_volume, atol=1e-6)
    assert torch.allclose(flow.encode(x, condition), e, atol=1e-7)


def test_a_new_flow_is_standard_normal_detail_in_a_rotated_basis() -> None:
    flow = tiny_flow()
    condition = flow.prepare(features(2))
    e = torch.randn(2, 48, 3, 4)
    detail = flow.sample(condition, e, 0.1).unlimited.detach()
    assert detail.square().mean().sqrt() == pytest.approx(0.1, rel=0.1)


def test_temperature_zero_ignores_the_latent() -> None:
    flow = flow_of()
    condition = flow.prepare(features())
    a, b = (flow.sample(condition, torch.randn(1, 48, 3, 4), 0.0) for _ in range(2))
    assert torch.equal(a.limited, b.limited)


def test_the_start_gives_unit_variance() -> None:
    flow = tiny_flow()
    detail = 0.03 * torch.randn(20, 3, 32, 32) + 0.01
    flow.start(detail)
    whole = flow.encode(detail, flow.prepare(torch.zeros(20, FEATURES, 8, 8)))
    z = mix_channels(whole, cosine_basis()).transpose(0, 1).flatten(1)
    assert z.mean(1).abs().max() < 1e-3
    assert (z.std(1) - 1).abs().max() < 1e-3


@pytest.mark.parametrize("kind", ["spline", "affine", "clamped_affine"])
def test_every_parameter_receives_a_gradient_from_likelihood_and_from_samples(kind: str) -> None:
    for way in ("likelihood", "sample"):
        flow = flow_of(kind)
        condition = flow.prepare(features(2))
        if way == "likelihood":
            flow.log_prob(0.1 * torch.randn(2, 3, 12, 16), condition).sum().backward()
        else:
            sampled = flow.sample(condition, torch.randn(2, 48, 3, 4), 0.8).unlimited
            (sampled * torch.randn_like(sampled)).sum().backward()
        for name, parameter in flow.named_parameters():
            assert parameter.grad is not None and (parameter.grad != 0).any(), (way, name)


def test_reduced_precision_stays_inside_the_networks() -> None:
    """The maps and rotations run in float32, so that a round trip stays exact."""
    flow = flow_of()
    exact = flow.sample(flow.prepare(features()), torch.zeros(1, 48, 3, 4), 1.0).unlimited
    flow.set_precision(torch.bfloat16)
    seen: set[torch.dtype] = set()
    for module in flow.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda *hooked: seen.add(hooked[2].dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        condition = flow.prepare(features())
    e = torch.randn(1, 48, 3, 4)
    detail = flow.sample(condition, e, 0.2)
    assert seen == {torch.bfloat16}
    assert detail.unlimited.dtype == detail.limited.dtype == torch.float32
    z, ladj = flow.chain(detail.unlimited, condition[0])  # pyright: ignore
    again = flow.chain.inverse(z, condition[0])  # pyright: ignore
    assert z.dtype == ladj.dtype == torch.float32
    assert (again - detail.unlimited).abs().max() < 1e-4
    assert exact.dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert flow.sample(condition, e, 0.2).unlimited.dtype == torch.float32


def test_channels_are_never_mixed_in_low_precision() -> None:
    x, matrix = torch.randn(1, 48, 5, 6), random_rotation(48, 0)
    exact = mix_channels(x.double(), matrix)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = mix_channels(x, matrix)
    assert mixed.dtype == torch.float32
    assert (mixed - exact).abs().max() < 1e-5


def test_bases_are_orthonormal_and_fixed_by_their_seed() -> None:
    for matrix in (cosine_basis(), random_rotation(48, 1)):
        assert torch.allclose(matrix @ matrix.T, torch.eye(48, dtype=torch.float64), atol=1e-12)
    assert torch.equal(random_rotation(48, 1), random_rotation(48, 1))
    assert not torch.allclose(random_rotation(48, 1), random_rotation(48, 2))


def test_the_first_row_of_the_cosine_basis_is_the_mean_of_a_cell() -> None:
    flat = Squeeze()(torch.full((1, 3, 4, 4), 0.5), None)[0]
    in_basis = mix_channels(flat, cosine_basis().float())[0, :, 0, 0]
    assert in_basis[0] == pytest.approx(0.5 * math.sqrt(48), rel=1e-5)
    assert in_basis[1:].abs().max() < 1e-6


def test_a_half_cell_shift_regroups_neighbours_and_leaves_the_border() -> None:
    """Scaling every shifted cell touches every pixel but the outer two rows and columns."""
    image = torch.rand(1, 3, 16, 20) + 1.0
    chain = Chain([Squeeze(), HalfCellShift(Rotation(3.0 * torch.eye(48)))])
    z, _ = chain(image, (None, None))
    out = Squeeze().inverse(z, None)
    assert torch.allclose(out[:, :, 2:-2, 2:-2], 3.0 * image[:, :, 2:-2, 2:-2])
    out[:, :, 2:-2, 2:-2] = image[:, :, 2:-2, 2:-2]
    assert torch.equal(out, image)


@torch.no_grad()
def test_the_base_stays_within_its_bound() -> None:
    base = randomised(ConditionalBase(48, FEATURES, 7, 1.0, (-1.5, 0.4)), 5.0)
    assert isinstance(base, ConditionalBase)
    e = torch.randn(1, 48, 3, 4)
    e = e * LATENT_NORM_BOUND / e.square().sum(1, keepdim=True).sqrt()
    for temperature in (0.0, 0.8, 1.0):
        z = base.locate(e, base.prepare(10.0 * features(8)), temperature)
        bound = base.bound(temperature)
        assert z.square().sum(1).sqrt().max() <= bound.norm
        assert z.abs().max() <= bound.peak


def test_a_foreign_condition_is_refused() -> None:
    flow = tiny_flow()
    with pytest.raises(TypeError, match="its own prepare"):
        flow.sample(features(), torch.randn(1, 48, 3, 4), 1.0)
    with pytest.raises(TypeError, match="its own prepare"):
        flow.base.locate(torch.randn(1, 48, 3, 4), None, 1.0)


def test_sampling_is_one_graph_and_equals_eager() -> None:
    """Traced whole and lowered; what the compiler makes of it is tested with the spline."""
    flow = flow_of()

    def sample(features: Tensor, latent: Tensor) -> tuple[Tensor, Tensor]:
        return tuple(flow.sample(flow.prepare(features), latent, 0.8))  # pyright: ignore

    arguments = features(), torch.randn(1, 48, 3, 4)
    with torch.no_grad():
        compiled = torch.compile(sample, fullgraph=True, backend="aot_eager")(*arguments)
        for a, b in zip(compiled, sample(*arguments), strict=True):
            assert torch.allclose(a, b, atol=1e-4)

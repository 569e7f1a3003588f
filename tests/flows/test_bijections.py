"""One table of bijections, one set of demands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from restoreflow.flows.bijection import Bijection, Bound
from tests.flows.table import FEATURES, TABLE, Row, in_float64, randomised, scaled_outputs


def rows(demand: Callable[[Row], bool]) -> pytest.MarkDecorator:
    """The rows of the table that a test is for."""
    chosen = {name: row for name, row in TABLE.items() if demand(row)}
    return pytest.mark.parametrize("row", chosen.values(), ids=chosen)


every_bijection = rows(lambda row: True)


def learns(row: Row) -> bool:
    """Whether it has parameters and uses them: a single row of cells passes shifts unchanged."""
    return row.shape[1] > 1 and any(True for _ in row.make().parameters())


def bijection_of(row: Row, scale: float = 0.5, raw: float = 1.0) -> Bijection:
    module = in_float64(scaled_outputs(randomised(row.make(), scale), raw))
    assert isinstance(module, Bijection)
    return module


def features_for(row: Row, n: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, FEATURES, *(row.latent or row.shape)[1:], dtype=dtype)


def data_for(row: Row, n: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Values inside and outside the splines' box; details within the limiter's range."""
    if row.shape[0] == 3:
        return (torch.rand(n, *row.shape, dtype=dtype) - 0.5) * 0.9
    return 2.0 * torch.randn(n, *row.shape, dtype=dtype)


def latent_for(row: Row, n: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return 2.0 * torch.randn(n, *(row.latent or row.shape), dtype=dtype)


@every_bijection
def test_round_trip_in_float64(row: Row) -> None:
    bijection, x = bijection_of(row), data_for(row, 2)
    condition = bijection.prepare(features_for(row, 2))
    z, ladj = bijection(x, condition)
    assert ladj.shape == (2,)
    assert (bijection.inverse(z, condition) - x).abs().max() < row.tolerance
    if row.onto:
        z = latent_for(row, 2)
        again, _ = bijection(bijection.inverse(z, condition), condition)
        assert (again - z).abs().max() < row.tolerance


@every_bijection
def test_ladj_is_the_log_determinant_of_the_jacobian(row: Row) -> None:
    bijection, x = bijection_of(row), data_for(row, 1)
    condition = bijection.prepare(features_for(row, 1))
    jacobian = torch.autograd.functional.jacobian(lambda x: bijection(x, condition)[0], x)
    assert isinstance(jacobian, Tensor)
    _, expected = torch.linalg.slogdet(jacobian.reshape(x.numel(), x.numel()))
    assert torch.allclose(bijection(x, condition)[1], expected, atol=1e-8)


@every_bijection
def test_items_of_a_batch_do_not_meet(row: Row) -> None:
    bijection, x = bijection_of(row), data_for(row, 3)
    features = features_for(row, 3)
    whole_z, whole_ladj = bijection(x, bijection.prepare(features))
    for i in range(3):
        z, ladj = bijection(x[i : i + 1], bijection.prepare(features[i : i + 1]))
        assert torch.allclose(whole_z[i : i + 1], z, atol=1e-12)
        assert torch.allclose(whole_ladj[i : i + 1], ladj, atol=1e-10)


@rows(lambda row: row.identity)
def test_starts_at_the_identity(row: Row) -> None:
    bijection, x = row.make(), data_for(row, 2, torch.float32)
    condition = bijection.prepare(features_for(row, 2, torch.float32))
    z, ladj = bijection(x, condition)
    assert (z - x).abs().max() < 3e-6
    assert (bijection.inverse(x, condition) - x).abs().max() < 3e-6
    assert ladj.abs().max() < 1e-4


@every_bijection
def test_one_condition_serves_several_samples(row: Row) -> None:
    bijection, z = bijection_of(row), latent_for(row, 3)
    condition = bijection.prepare(features_for(row, 1))
    together = bijection.inverse(z, condition)
    each = torch.cat([bijection.inverse(z[i : i + 1], condition) for i in range(3)])
    assert torch.allclose(together, each, atol=1e-12)
    forth, ladj = bijection(data_for(row, 3), condition)
    assert forth.shape == z.shape
    assert ladj.shape == (3,)


@every_bijection
def test_empty_batch(row: Row) -> None:
    bijection, x = bijection_of(row), data_for(row, 0)
    condition = bijection.prepare(features_for(row, 0))
    z, ladj = bijection(x, condition)
    assert z.shape[0] == 0 and ladj.shape == (0,)
    assert bijection.inverse(z, condition).shape == x.shape


@rows(learns)
@pytest.mark.parametrize("way", ["forward", "inverse"])
def test_every_parameter_receives_a_gradient(row: Row, way: str) -> None:
    bijection, x = bijection_of(row), data_for(row, 2)
    condition = bijection.prepare(features_for(row, 2))
    z, ladj = bijection(x, condition)
    if way == "forward":
        ((z * torch.randn_like(z)).sum() + ladj.sum()).backward()
    else:
        back = bijection.inverse(z.detach(), condition)
        (back * torch.randn_like(back)).sum().backward()
    for name, parameter in bijection.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


@rows(lambda row: row.sturdy)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("raw", [1.0, 10.0, 100.0, 1e4])
def test_finite_for_raw_parameters_of_any_size(row: Row, dtype: torch.dtype, raw: float) -> None:
    bijection = bijection_of(row, raw=raw).to(dtype)
    x, features = data_for(row, 2, dtype), features_for(row, 2, dtype).requires_grad_()
    x.requires_grad_()
    condition = bijection.prepare(features)
    z, ladj = bijection(x, condition)
    back = bijection.inverse(z.detach(), condition)
    (z.sum() + ladj.sum() + back.sum()).backward()
    assert z.dtype == ladj.dtype == back.dtype == dtype
    tensors = [z, ladj, back, x.grad, *(p.grad for p in bijection.parameters())]
    assert all(torch.isfinite(t).all() for t in tensors if t is not None)


@rows(lambda row: row.sturdy)
@pytest.mark.parametrize("raw", [1.0, 100.0, 1e4])
def test_inverse_bound_holds(row: Row, raw: float) -> None:
    bijection = bijection_of(row, raw=raw)
    condition = bijection.prepare(features_for(row, 4))
    with torch.no_grad():
        z = latent_for(row, 4)
        z = z * (10.5 / z.square().sum(1, keepdim=True).sqrt()).clamp_max(1.0)
        x = bijection.inverse(z, condition)
        before = Bound(float(z.square().sum(1).sqrt().max()), float(z.abs().max()))
        bound = bijection.inverse_bound(before)
        assert float(x.square().sum(1).sqrt().max()) <= bound.norm * (1 + 1e-9)
        assert float(x.abs().max()) <= bound.peak * (1 + 1e-9)
        if x.shape == z.shape:
            way = (x - z).square().sum(1).sqrt().max()
            assert float(way) <= bijection.inverse_displacement(before) * (1 + 1e-9)


@rows(lambda row: row.latent is None)
def test_halo_is_the_reach_of_the_inverse(row: Row) -> None:
    bijection = bijection_of(row)
    size = 2 * bijection.halo + 6
    features = torch.randn(1, FEATURES, size, size, dtype=torch.float64)
    z = torch.randn(1, row.shape[0], size, size, dtype=torch.float64)
    condition, reached = bijection.prepare(features), []
    for middle in range(size // 2, size // 2 + bijection.alignment):
        moved = z.clone()
        moved[:, :, middle, middle] += 1.0
        with torch.no_grad():
            change = (bijection.inverse(moved, condition) - bijection.inverse(z, condition)).abs()
        rows = change.amax((0, 1, 3)).nonzero().flatten()
        reached += [middle - int(rows.min()), int(rows.max()) - middle]
    assert max(reached) == bijection.halo


@rows(lambda row: row.latent is None and row.shape[1] > 1)
def test_a_window_gives_what_the_whole_gives(row: Row) -> None:
    bijection = bijection_of(row)
    halo, step = bijection.halo, bijection.alignment
    size = 2 * halo + 9
    features = torch.randn(1, FEATURES, size, size, dtype=torch.float64)
    z = torch.randn(1, row.shape[0], size, size, dtype=torch.float64)
    top = 2 * step
    with torch.no_grad():
        whole = bijection.inverse(z, bijection.prepare(features))
        part = bijection.inverse(
            z[..., top:, top:-1], bijection.prepare(features[..., top:, top:-1])
        )
    inner = slice(halo, size - top - 1 - halo)
    error = part[..., halo:, inner] - whole[..., top:, top:-1][..., halo:, inner]
    assert error.abs().max() < 1e-9

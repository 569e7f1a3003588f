"""LPIPS on tiny random weights: invariants, layout, sources of weights, offsets, gradients."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
import torch
from torch import nn

from restoreflow.errors import ModelError
from restoreflow.measures.lpips import LPIPS, MIN_SIDE, load_lpips, lpips_worst_offset
from tests.measures.lpips_weights import alex_weights, squeeze_weights, write_weights

TRUNKS = {"alex": alex_weights, "squeeze": squeeze_weights}


@pytest.fixture(params=sorted(TRUNKS))
def metric(request: pytest.FixtureRequest) -> LPIPS:
    return LPIPS(TRUNKS[request.param]())


def pictures(seed: int = 0, side: int = 40) -> torch.Tensor:
    return torch.rand(2, 3, side, side + 6, generator=torch.Generator().manual_seed(seed))


def test_equal_pictures_have_distance_zero(metric: LPIPS):
    x = pictures()
    assert torch.equal(metric(x, x), torch.zeros(2))
    assert torch.equal(metric.map(x, x), torch.zeros(2, 1, 40, 46))


def test_distance_is_symmetric_positive_and_each_picture_s_own(metric: LPIPS):
    x, y = pictures(0), pictures(1)
    distance = metric(x, y)
    assert (distance > 0).all()
    torch.testing.assert_close(distance, metric(y, x))
    torch.testing.assert_close(distance[1:], metric(x[1:], y[1:]))


def test_distance_grows_with_the_difference(metric: LPIPS):
    x, y = pictures(0), pictures(1)
    near, far = metric(x, torch.lerp(x, y, 0.1)), metric(x, y)
    assert (near < far).all()


def test_layers_of_the_two_trunks():
    """The grids on which the published metric compares 64 x 64 pictures."""
    grids = {
        "alex": [15, 7, 3, 3, 3],
        "squeeze": [31, 15, 7, 3, 3, 3, 3],
    }
    for trunk, sides in grids.items():
        features = LPIPS(TRUNKS[trunk]()).features(torch.rand(1, 3, 64, 64))
        assert [feature.shape[-1] for feature in features] == sides


def test_features_have_unit_length_or_none(metric: LPIPS):
    for feature in metric.features(pictures()):
        length = feature.norm(dim=1)
        assert ((length - 1).abs() < 1e-4).logical_or(length == 0).all()


def test_first_layer_against_an_independent_computation():
    """Shift, scale, stride, padding, root and head of AlexNet's first layer, by torch.nn."""
    weights = alex_weights()
    metric = LPIPS(weights)
    convolution = nn.Conv2d(3, 6, 11, stride=4, padding=2)
    convolution.load_state_dict({"weight": weights["conv1.w"], "bias": weights["conv1.b"]})
    mean = (torch.tensor([-0.030, -0.088, -0.188]) + 1) / 2
    deviation = torch.tensor([0.458, 0.448, 0.450]) / 2

    def layer(x: torch.Tensor) -> torch.Tensor:
        standard = (x - mean[:, None, None]) / deviation[:, None, None]
        return nn.functional.normalize(convolution(standard).relu(), dim=1)

    x, y = pictures(0), pictures(1)
    expected = ((layer(x) - layer(y)) ** 2 * weights["lin0"]).sum(1, keepdim=True)
    found = metric.distance_maps(metric.features(x), metric.features(y))[0]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_map_has_the_picture_s_size_and_points_at_the_difference(metric: LPIPS):
    x = pictures(side=96)
    y = x.clone()
    y[:, :, :24, :24] = 1 - y[:, :, :24, :24]
    distances = metric.map(x, y)
    assert distances.shape == (2, 1, 96, 102)
    assert distances[..., :24, :24].mean() > 4 * distances[..., 72:, 72:].mean()


def test_map_s_mean_is_the_distance_of_a_difference_everywhere(metric: LPIPS):
    """Upsampling weighs the rim's cells a little differently, no more."""
    x, y = pictures(0, 96), pictures(1, 96)
    torch.testing.assert_close(
        metric.map(x, y).mean(dim=(1, 2, 3)), metric(x, y), rtol=0.05, atol=0
    )


def test_gradient_reaches_both_pictures_and_stays_finite_on_a_flat_one(metric: LPIPS):
    x = pictures(0).requires_grad_(True)
    flat = torch.zeros(2, 3, 40, 46, requires_grad=True)
    metric(x, flat).sum().backward()
    for picture in (x, flat):
        assert picture.grad is not None
        assert torch.isfinite(picture.grad).all()
        assert picture.grad.abs().max() > 0
    assert not list(metric.parameters())


def test_a_halftone_of_period_four_shows_in_the_gap_between_offsets():
    """A filter that looks at one pixel in 4 x 4: blind at one offset, not at the others."""
    weights = alex_weights()
    blind = torch.zeros(6, 3, 11, 11)
    blind[:3, :, 2, 2] = torch.eye(3) * 3
    weights["conv1.w"] = blind
    weights["conv1.b"] = torch.full((6,), 2.0)
    metric = LPIPS(weights)
    truth = torch.full((1, 3, 64, 64), 0.5)
    halftone = truth.clone()
    halftone[..., 2::4, 2::4] += 0.4
    found = lpips_worst_offset(metric, halftone, truth)
    assert found.distances[0] < 1e-9
    assert found.worst == max(found.distances) > 0.01
    assert found.gap == pytest.approx(found.worst - min(found.distances))
    assert lpips_worst_offset(metric, truth, truth).worst == 0


def test_too_small_a_picture_is_refused():
    metric = LPIPS(alex_weights())
    smallest = torch.rand(1, 3, MIN_SIDE, MIN_SIDE)
    assert torch.isfinite(metric(smallest, 1 - smallest)).all()
    with pytest.raises(ValueError, match="got 31 x 30"):
        metric(smallest[..., 1:, :], smallest[..., 1:, :])


def test_weights_come_from_the_folder_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = write_weights(tmp_path / "weights")
    x, y = pictures(0), pictures(1)
    given = load_lpips("alex", folder)
    monkeypatch.setenv("RESTOREFLOW_LPIPS", str(folder))
    for trunk in ("alex", "squeeze"):
        assert load_lpips(trunk).trunk == trunk
    torch.testing.assert_close(load_lpips("alex")(x, y), given(x, y))
    torch.testing.assert_close(given(x, y), LPIPS(alex_weights())(x, y), rtol=1e-2, atol=1e-3)


def test_missing_or_wrong_files_say_what_to_do(tmp_path: Path):
    with pytest.raises(ModelError, match="no LPIPS weights at"):
        load_lpips("alex", tmp_path)
    folder = write_weights(tmp_path / "weights")
    alex, squeeze = (folder / f"{name}_lpips.safetensors" for name in ("alex", "squeeze"))
    whole = alex.read_bytes()
    alex.write_bytes(whole[:100])
    with pytest.raises(ModelError, match="cannot be read"):
        load_lpips("alex", folder)
    squeeze.write_bytes(whole)
    with pytest.raises(ModelError, match="another network"):
        load_lpips("squeeze", folder)
    with pytest.raises(ModelError, match="lack 1 tensors, the first is 'lin2'"):
        LPIPS({name: t for name, t in alex_weights().items() if name != "lin2"})


def test_without_folder_or_package_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RESTOREFLOW_LPIPS", raising=False)
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(ModelError) as caught:
        load_lpips("squeeze")
    assert "restoreflow evaluate fetch" in caught.value.hint
    assert "squeeze_lpips.safetensors" in caught.value.hint


class Head(nn.Module):
    """A layer's weight as the published package keeps it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Dropout(), nn.Conv2d(channels, 1, 1, bias=False))


class Package(nn.Module):
    """The published package's AlexNet with our random weights, built as it builds its own."""

    def __init__(self, net: str, version: str, verbose: bool) -> None:
        assert (net, version, verbose) == ("alex", "0.1", False)
        super().__init__()
        weights = alex_weights()
        self.net = nn.Module()
        for index in range(5):
            kernel = weights[f"conv{index + 1}.w"]
            convolution = nn.Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[-1])
            state = {"weight": kernel, "bias": weights[f"conv{index + 1}.b"]}
            convolution.load_state_dict(state)
            self.net.add_module(f"slice{index + 1}", nn.Sequential(convolution, nn.ReLU()))
            head = Head(kernel.shape[0])
            head.model[1].load_state_dict({"weight": weights[f"lin{index}"]})
            self.add_module(f"lin{index}", head)


def test_weights_of_the_published_package_are_renamed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RESTOREFLOW_LPIPS", raising=False)
    package = types.ModuleType("lpips")
    package.LPIPS = Package  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "lpips", package)
    x, y = pictures(0), pictures(1)
    torch.testing.assert_close(load_lpips("alex")(x, y), LPIPS(alex_weights())(x, y))

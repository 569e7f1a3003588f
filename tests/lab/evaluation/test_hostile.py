"""Hostile inputs, and the search for the largest detail on networks whose detail is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from restoreflow.lab.evaluation.attack import adversarial
from restoreflow.lab.evaluation.hostile import (
    PHOTO_RADIUS,
    hostile_inputs,
    invalid_inputs,
    largest_detail,
    photograph,
)
from restoreflow.models.config import ModelConfig
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import Encoding, Sample, build_network


class Wave:
    """Detail = gain x difference between neighbours in a row + temperature x latent."""

    latent_channels = 3

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def encode(self, degraded: torch.Tensor) -> Encoding:
        return Encoding(degraded.clamp(0, 1), degraded)

    def sample(self, encoding: Encoding, latent: torch.Tensor, temperature: float) -> Sample:
        step = encoding.features - encoding.features.roll(1, dims=-1)
        detail = self.gain * step + temperature * latent
        return Sample(encoding.mean + detail, detail)


class Exploding(Wave):
    """NaN on every input with a value below a quarter."""

    def sample(self, encoding: Encoding, latent: torch.Tensor, temperature: float) -> Sample:
        detail = super().sample(encoding, latent, temperature).detail
        detail = torch.where(encoding.features < 0.25, math.nan, detail)
        return Sample(encoding.mean + detail, detail)


def test_inputs_are_pictures_reproducible_and_all_different():
    inputs = hostile_inputs(64, seed=3)
    for name, picture in inputs.items():
        assert picture.shape == (64, 64, 3), name
        assert picture.dtype == np.float32, name
        assert picture.min() >= 0, name
        assert picture.max() <= 1, name
    again = hostile_inputs(64, seed=3)
    assert all(np.array_equal(inputs[name], again[name]) for name in inputs)
    assert len({picture.tobytes() for picture in inputs.values()}) == len(inputs)
    assert not np.array_equal(hostile_inputs(64, seed=4)["noise_uniform"], inputs["noise_uniform"])


def test_patterns_are_what_their_names_say():
    inputs = hostile_inputs(96)
    checker = inputs["checker_1"][..., 0]
    np.testing.assert_array_equal(checker, np.indices((96, 96)).sum(0) % 2)
    assert (inputs["checker_8"][:8, :8] == 0).all()
    assert (inputs["checker_8"][:8, 8:16] == 1).all()
    stripes = inputs["stripes_2_red_blue"]
    np.testing.assert_array_equal(stripes[0, :4], [[1, 0, 0]] * 2 + [[0, 0, 1]] * 2)
    diagonal = inputs["diagonal_4"]
    np.testing.assert_array_equal(diagonal[1:, :-1], diagonal[:-1, 1:])
    assert not np.array_equal(diagonal[1:, 1:], diagonal[:-1, :-1])
    # The grating starts flat and ends with almost opposite neighbours.
    row = inputs["grating"][0, :, 0]
    assert abs(row[1] - row[0]) < 0.01
    assert np.abs(np.diff(row[-6:])).min() > 0.8
    assert set(np.unique(inputs["qr"])) == {0.0, 1.0}
    for drawn in ("text", "lines", "qr"):
        assert 0.05 < (inputs[drawn] < 0.5).mean() < 0.6
    assert len(np.unique(inputs["primaries"].reshape(-1, 3), axis=0)) == 8


def test_inputs_from_a_photo():
    photo = np.random.default_rng(0).random((256, 300, 3), np.float32)
    inputs = hostile_inputs(64, photo=photo)
    middle = photo[96:160, 118:182]
    np.testing.assert_array_equal(photograph(64, photo=photo), middle)
    changed = (inputs["impulse"] != middle).any(-1)
    assert 0.002 < changed.mean() < 0.03
    assert set(np.unique(inputs["impulse"][changed])) <= {0.0, 1.0}
    np.testing.assert_array_equal(
        inputs["upscaled"][:4, :4], np.broadcast_to(middle[0, 0], (4, 4, 3))
    )
    np.testing.assert_array_equal(inputs["downscaled"], photo[0:256:4, 22:278:4])
    assert (inputs["blocks_8"][:8, :8] == middle[0, 0]).all()
    assert 0.01 < np.abs(inputs["jpeg_10"] - middle).mean() < 0.4


def test_sizes_too_small_are_refused():
    with pytest.raises(ValueError, match="not 16"):
        hostile_inputs(16)
    with pytest.raises(ValueError, match="got 80 x 40"):
        hostile_inputs(64, photo=np.zeros((40, 80, 3), np.float32))


def test_invalid_inputs_hold_what_they_say():
    inputs = invalid_inputs(32)
    for name, test in {
        "nan": np.isnan,
        "inf": np.isposinf,
        "minus_inf": np.isneginf,
        "negative": lambda picture: picture < 0,
        "ten": lambda picture: picture == 10,
    }.items():
        assert 0.05 < test(inputs[name]).mean() < 0.15
    assert len(inputs) == 5


def test_largest_detail_of_a_known_network():
    inputs = {name: hostile_inputs(32)[name] for name in ("stripes_1", "white")}
    results = largest_detail(Wave(gain=5.0), inputs, temperatures=(0.0, 1.0))
    found = {(r.input, r.temperature): r for r in results}
    assert found["stripes_1", 0.0].largest_detail == 5.0
    assert found["white", 0.0].largest_detail == 0.0
    assert found["white", 0.0].largest_mean == 1.0
    # White stripes get 1 + 5, black ones 0 - 5: every pixel is an error pixel.
    assert found["stripes_1", 0.0].error_pixels == 32 * 32
    assert found["white", 0.0].error_pixels == 0
    hot = found["white", 1.0].largest_detail
    assert hot is not None
    assert 3.0 < hot < 6.0  # the largest of 3,072 normals
    assert found["stripes_1", 0.0].nonfinite == 0


def test_what_is_not_finite_is_counted_not_hidden():
    inputs = {"half": np.tile(np.array([[[0.0]], [[0.5]]], np.float32), (16, 32, 3))}
    (result,) = largest_detail(Exploding(gain=0.0), inputs, temperatures=(0.0,))
    assert result.nonfinite == 3 * 16 * 32
    assert result.error_pixels == 16 * 32
    assert result.largest_detail == 0.0
    black = {"black": np.zeros((32, 32, 3), np.float32)}
    (result,) = largest_detail(Exploding(), black, temperatures=(0.0,))
    assert result.largest_detail is None


def test_attack_finds_the_worst_and_stays_where_it_may():
    start = 0.5 + 0.01 * torch.randn(1, 3, 16, 16)
    free = adversarial(Wave(), start, temperature=0.0, steps=20)
    assert free.min() >= 0
    assert free.max() <= 1
    # No difference within [0, 1] is larger than 1.
    assert (free - free.roll(1, dims=-1)).abs().max() > 0.95
    near = adversarial(Wave(), start, temperature=0.0, radius=PHOTO_RADIUS, steps=20)
    assert (near - start).abs().max() <= PHOTO_RADIUS + 1e-6
    before = (start - start.roll(1, dims=-1)).abs().max()
    assert (near - near.roll(1, dims=-1)).abs().max() > before + 1.5 * PHOTO_RADIUS


def test_attack_without_steps_or_gradient_returns_its_start():
    start = torch.rand(1, 3, 16, 16)
    assert torch.equal(adversarial(Wave(), start, 0.0, steps=0), start)
    assert torch.equal(adversarial(Wave(gain=0.0), start, 0.0, steps=3), start)


def test_attack_stops_at_what_is_not_finite():
    start = torch.full((1, 3, 16, 16), 0.5) + 0.2 * torch.rand(1, 3, 16, 16)
    found = adversarial(Exploding(), start, temperature=0.0, steps=20)
    assert (found < 0.25).any()


def test_attacked_rows_stand_beside_the_others():
    inputs = {name: hostile_inputs(32)[name] for name in ("gradient", "white")}
    photo = photograph(32)
    results = largest_detail(Wave(), inputs, (0.0,), photo=photo, attack_steps=10)
    found = {r.input: r.largest_detail or 0.0 for r in results}
    assert list(found) == ["gradient", "white", "adversarial_free", "adversarial_photo"]
    assert found["adversarial_free"] > 0.95
    assert found["adversarial_free"] >= found["gradient"]
    unattacked = largest_detail(Wave(), {"photo": photo}, (0.0,))[0].largest_detail
    assert unattacked is not None
    assert found["adversarial_photo"] > unattacked


def test_a_real_network_is_probed_and_attacked():
    config = ModelConfig(name="tiny", task="sr", scale=4, network=NetworkConfig(width=8, depth=1))
    network = build_network(config).eval()
    inputs = {"noise": hostile_inputs(32)["noise_binary"]}
    results = largest_detail(network, inputs, (1.0,), photo=photograph(32), attack_steps=2)
    assert [r.input for r in results] == ["noise", "adversarial_free", "adversarial_photo"]
    for result in results:
        assert result.nonfinite == 0
        assert result.largest_detail is not None
        assert result.largest_detail > 0
    assert (results[1].largest_detail or 0) >= (results[0].largest_detail or 0)

"""Fitting agrees with all features in memory, and flags what it says it flags."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from restoreflow.errors import InputError
from restoreflow.lab.fitting.fit import EnergyHistogram, default_layers, fit_reference
from restoreflow.networks.low_light import LowLightEncoder
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.reference import Reference
from tests.ood import fakes


def test_the_gaussian_is_that_of_all_features(
    network: RestorationNetwork, reference: Reference
) -> None:
    with torch.no_grad():
        features = [network.encode(p[None]).features[0].flatten(1) for p in fakes.photos()]
    together = torch.cat(features, 1).double()
    layer = reference.layers[0]
    torch.testing.assert_close(layer.mean, together.mean(1), atol=1e-6, rtol=1e-5)
    covariance = torch.cov(together, correction=0)
    white = layer.whitening @ covariance @ layer.whitening.T
    torch.testing.assert_close(white, torch.eye(8, dtype=torch.float64), atol=0.02, rtol=0)
    assert reference.places == together.shape[1]


def test_thresholds_flag_the_share_asked_for(network: RestorationNetwork) -> None:
    found = fit_reference(network, fakes.photos, ("block1",), flag_share=0.25)
    assert found.pictures == 8 * 5  # whole and quarters
    for name, limit in (
        ("energy", found.energy_threshold),
        ("unusual", found.unusual_threshold),
    ):
        levels = found.scores[name]
        assert levels[6] == pytest.approx(limit)  # the 75th percentile
        assert levels[0] < limit < levels[-1]


def test_the_middle_of_the_training_set_is_not_unusual(reference: Reference) -> None:
    middle = reference.scores["energy"][5]
    assert 0.5 < middle < 1.5
    assert reference.scores["unusual"][5] < 1.5


def test_the_first_block_is_what_is_fitted_by_itself(network: RestorationNetwork) -> None:
    assert default_layers(network) == ("block1",)
    dark = LowLightEncoder(12, 1, 1, 0.5)
    assert default_layers(RestorationNetwork(dark, network.flow, "lowlight", 1)) == ("block4",)


def test_small_pictures_are_not_quartered(network: RestorationNetwork) -> None:
    few = [fakes.photo(index, 40, 60) for index in range(4)]
    assert fit_reference(network, lambda: few, ("head",)).pictures == 4


def test_p99_is_a_score_too(network: RestorationNetwork, reference: Reference) -> None:
    found = fit_reference(network, fakes.photos, ("features", "block1"), summary="p99", rank=4)
    assert found.layers[0].whitening.shape == (4, 8)
    assert found.scores["energy"] == found.scores["p99"]
    assert reference.scores["energy"] == reference.scores["mean"]


@pytest.mark.parametrize("pictures", [[], [torch.zeros(3, 1, 1)]], ids=["none", "a pixel"])
def test_nothing_to_fit_is_an_input_error(network: RestorationNetwork, pictures: list) -> None:
    with pytest.raises(InputError, match="no statistics"):
        fit_reference(network, lambda: pictures, ("head",))


def test_a_histogram_threshold_is_exceeded_by_its_share() -> None:
    energies = np.random.default_rng(0).lognormal(0, 1, (100, 100)).astype(np.float32)
    counts = EnergyHistogram()
    counts.add(energies[:40])
    counts.add(energies[40:])
    limit = counts.threshold(0.01)
    beyond = float((energies > limit).mean())
    assert 0.009 < beyond <= 0.01
    assert counts.share_beyond(limit) == pytest.approx(beyond)
    assert float((energies > limit / 1.03).mean()) > 0.01

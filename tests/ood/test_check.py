"""Verdicts on pictures."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from restoreflow.errors import ModelError
from restoreflow.lab.degradations.corruptions import corrupt
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.calibration import Curve, Logit
from restoreflow.ood.check import Checker, score_of_maps
from restoreflow.ood.features import extract
from restoreflow.ood.indicators import FIRST_INDICATORS, INDICATORS
from restoreflow.ood.mahalanobis import energy_map
from restoreflow.ood.reference import Calibration, CalibrationFacts, Reference
from restoreflow.ood.statistics import STATISTICS
from tests.ood import fakes


def pixels(name: str | None = None, severity: int = 5) -> np.ndarray:
    picture = fakes.photo(40)
    if name is not None:
        generator = torch.Generator().manual_seed(0)
        picture = corrupt(picture[None], name, severity, generator)[0]
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


@pytest.fixture
def checker(network: RestorationNetwork, reference: Reference) -> Checker:
    return Checker(network, reference)


def test_a_photograph_is_usual(checker: Checker) -> None:
    found = checker.check(pixels())
    assert (found.flagged, found.verdict) == (False, "nothing to do")
    assert 0 <= found.rank <= 99.5
    assert 0.5 < found.score.energy < 2
    assert found.score.energies.shape == (60, 72)
    assert found.score.energy == pytest.approx(found.score.energies.mean(), rel=1e-5)
    assert (found.width, found.height) == (72, 60)
    assert found.probability is None


def test_noise_has_too_much_energy_and_blur_too_little(checker: Checker) -> None:
    noise, blur, plain = (checker.check(pixels(name)) for name in ("gaussian_noise", "blur", None))
    assert noise.flagged and noise.rank == 100
    assert (noise.verdict, blur.verdict) == ("--temperature 0", "--model sr-x4")
    assert any(reason.startswith("noise") for reason in noise.reasons)
    assert blur.score.energy < plain.score.energy < noise.score.energy
    assert blur.score.unusual > plain.score.unusual
    assert blur.flagged and [each.kind for each in blur.defects] == ["blur"]
    assert any(reason.startswith("blur") for reason in blur.reasons)


def test_features_that_are_known_already_give_the_same(checker: Checker) -> None:
    expected = checker.check(pixels())
    degraded = torch.from_numpy(pixels()).permute(2, 0, 1)[None]
    with torch.no_grad():
        found = extract(checker.network, degraded, ("features", "block1"))
    gaussians = checker.reference.gaussians
    maps = {name: energy_map(found[name], *gaussians[name])[0].numpy() for name in found}
    again = checker.judge(pixels(), score_of_maps(checker.reference, maps))
    assert again.score.energy == pytest.approx(expected.score.energy, rel=1e-5)
    assert again.score.unusual == pytest.approx(expected.score.unusual, rel=1e-3)
    assert (again.rank, again.flagged) == pytest.approx((expected.rank, expected.flagged))
    assert (again.verdict, again.reasons) == (expected.verdict, expected.reasons)


def test_a_threshold_of_ones_own(network: RestorationNetwork, reference: Reference) -> None:
    strict = Checker(network, reference, threshold=0.0)
    assert strict.check(pixels()).flagged
    assert strict.check(pixels()).reasons  # never a flag without a reason
    loose = Checker(network, reference, threshold=1e9)
    assert loose.check(pixels("gaussian_noise")).flagged  # by its statistics


def test_probabilities_come_from_the_score_they_were_learnt_of(
    network: RestorationNetwork, reference: Reference
) -> None:
    facts = CalibrationFacts(outcome="error", score="unusual", inputs=2, hits=1)
    curve = Curve((0.0, 1e4), (0.0, 1.0))
    learnt = dataclasses.replace(reference, calibrations=(Calibration(facts, curve),))
    found = Checker(network, learnt).check(pixels("blur"))
    assert found.probability == pytest.approx(found.score.unusual / 1e4)
    assert Checker(network, learnt).place_probabilities(found.score.energies) is None
    place = Calibration(dataclasses.replace(facts, score="place"), Curve((0.0, 1.0), (0.2, 0.6)))
    learnt = dataclasses.replace(reference, calibrations=(place,))
    shares = Checker(network, learnt).place_probabilities(found.score.energies)
    assert shares is not None
    assert shares.shape == found.score.energies.shape
    assert shares.min() >= 0.2


def test_a_probability_that_tells_little_is_not_told(
    network: RestorationNetwork, reference: Reference
) -> None:
    for auroc, told in ((0.8, False), (0.9, True), (None, True)):
        facts = CalibrationFacts(outcome="error", score="energy", inputs=2, hits=1, auroc=auroc)
        learnt = Calibration(facts, Curve((0.0, 1.0), (0.2, 0.6)))
        known = dataclasses.replace(reference, calibrations=(learnt,))
        assert (Checker(network, known).check(pixels()).probability is not None) == told


def test_a_strange_picture_without_a_word_for_it_gets_a_reason(checker: Checker) -> None:
    mute = dataclasses.replace(checker.reference, statistics={})
    found = Checker(checker.network, mute).check(pixels("impulse_noise"))
    assert found.flagged
    assert found.reasons[0].startswith("features: ")


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (9, 8)])
def test_tiny_pictures_are_judged(checker: Checker, size: tuple[int, int]) -> None:
    found = checker.check(np.full((*size, 3), 0.5, np.float32))
    assert np.isfinite(found.score.unusual)
    assert found.score.energies.shape == size
    assert found.reasons[0] == f"tiny: {size[1]} x {size[0]} pixels"


def test_a_statistic_that_no_training_picture_has_flags_too(checker: Checker) -> None:
    scores = dataclasses.replace(checker.reference, energy_threshold=1e9, unusual_threshold=1e9)
    found = Checker(checker.network, scores).check(pixels("banding"))
    assert found.flagged and found.rank == 100
    assert found.reasons[0].startswith("banding")
    assert not Checker(checker.network, scores).check(pixels()).flagged


def test_statistics_of_another_network_are_refused(
    network: RestorationNetwork, reference: Reference
) -> None:
    layer = reference.layers[0]
    renamed = layer._replace(facts=dataclasses.replace(layer.facts, name="block9"))
    narrow = layer._replace(mean=torch.zeros(5), whitening=torch.eye(5))
    for other, message in ((renamed, "block9"), (narrow, "5 channels")):
        with pytest.raises(ModelError, match=message):
            Checker(network, dataclasses.replace(reference, layers=(other,)))


def test_a_combined_probability_sees_the_statistics_too(
    network: RestorationNetwork, reference: Reference
) -> None:
    facts = CalibrationFacts(outcome="error", score="combined", inputs=9, hits=3)
    count = len(FIRST_INDICATORS)
    weights = tuple(float(name == "noise") for name in FIRST_INDICATORS)
    logit = Logit(weights, (-9.0,) * count, (9.0,) * count, 0.0)
    curve = Curve((-9.0, 9.0), (0.0, 1.0))
    learnt = dataclasses.replace(reference, calibrations=(Calibration(facts, curve, logit),))
    check = Checker(network, learnt).check(pixels("gaussian_noise"))
    noise = math.log(check.statistics["noise"] + STATISTICS["noise"].floor)
    assert check.probability == pytest.approx((noise + 9) / 18)


def test_a_combined_probability_sees_the_input_itself(
    network: RestorationNetwork, reference: Reference
) -> None:
    facts = CalibrationFacts(
        outcome="surprise", score="combined", inputs=9, hits=3, indicators=INDICATORS
    )
    count = len(INDICATORS)
    weights = tuple(float(name == "laplacian 0.5") for name in INDICATORS)
    logit = Logit(weights, (-9.0,) * count, (9.0,) * count, 0.0)
    learnt = Calibration(facts, Curve((-9.0, 9.0), (0.0, 1.0)), logit)
    checker = Checker(network, dataclasses.replace(reference, calibrations=(learnt,)))
    names = ("blur", None, "gaussian_noise")
    found = [checker.check(pixels(name)).probability or 0.0 for name in names]
    assert 0 < found[0] < found[1] < found[2] < 1

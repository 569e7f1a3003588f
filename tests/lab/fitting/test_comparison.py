"""All detectors in one table, on a network whose failures are made up."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from restoreflow.lab.degradations.corruptions import corrupt
from restoreflow.lab.fitting.comparison import Case, Row, compare, markdown, rank_correlation
from restoreflow.lab.fitting.detectors import Nearest, observe
from restoreflow.lab.fitting.fit import fit_gaussians
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.mahalanobis import energy_map
from tests.ood import fakes

LAYERS = ("head", "features")


def training() -> Iterator[torch.Tensor]:
    return fakes.photos(8)


def cases() -> Iterator[Case]:
    for index in range(5):
        picture = fakes.photo(50 + index, 40, 44)
        yield Case("none", 0, picture, 0.0, False, index)
        for severity in (3, 5):
            generator = torch.Generator().manual_seed(index)
            noisy = corrupt(picture[None], "gaussian_noise", severity, generator)[0]
            soft = corrupt(picture[None], "blur", severity, generator)[0]
            yield Case("gaussian_noise", severity, noisy, severity / 10, True, index)
            yield Case("blur", severity, soft, 0.0, None, index)


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    found = compare(fakes.network(), training, cases(), LAYERS)
    assert [row.all for row in found] == sorted((row.all for row in found), reverse=True)
    return {row.score: row for row in found}


def test_every_detector_has_its_rows(rows: dict[str, Row]) -> None:
    for layer in LAYERS:
        for kind in ("mean", "p99", "share", "two-sided", "pooled"):
            assert f"Mahalanobis, {kind}, {layer}" in rows
        assert f"5 nearest, {layer}" in rows
    for name in ("low-level statistics", "flow likelihood", "flow typicality"):
        assert name in rows
    for name in ("Laplacian, p99", "total variation", "high frequencies"):
        rival = rows[f"input: {name}"]
        assert rival.errors == rival.corruptions["gaussian_noise"] == 1.0
        low, high = rival.errors_interval
        assert low == high == 1.0
    assert "Mahalanobis, two-sided, rms of layers" in rows


def test_one_sided_scores_see_noise_and_two_sided_ones_blur_too(rows: dict[str, Row]) -> None:
    one = rows["Mahalanobis, mean, features"]
    assert one.corruptions["gaussian_noise"] == 1.0
    assert one.corruptions["blur"] < 0.3
    assert one.errors == 1.0
    assert one.surprises == 1.0
    assert 0.7 < one.correlation <= 1
    two = rows["Mahalanobis, two-sided, features"]
    assert min(two.corruptions.values()) > 0.9
    assert rows["low-level statistics"].corruptions["blur"] == 1.0


def test_the_table_holds_what_the_records_do(rows: dict[str, Row]) -> None:
    lines = markdown(list(rows.values())).splitlines()
    assert len(lines) == len(rows) + 2
    assert lines[0].startswith("| score | all | gaussian_noise | blur | errors |")
    assert len({line.count("|") for line in lines}) == 1
    unknown = rows["flow likelihood"]._replace(errors=math.nan)
    assert unknown.record()["errors"] is None
    assert " - |" in markdown([unknown])


def test_an_observation_agrees_with_its_parts(network: RestorationNetwork) -> None:
    picture = fakes.photo(3, 24, 32)
    seen = observe(network, picture, LAYERS)
    with torch.no_grad():
        encoding = network.encode(picture[None])
        density = network.log_prob(picture[None], encoding.mean)
    torch.testing.assert_close(seen.features["features"], encoding.features[0])
    assert seen.log_density == pytest.approx(float(density) / encoding.mean.numel(), rel=1e-4)


def test_the_nearest_are_found(network: RestorationNetwork) -> None:
    method = Nearest("head")
    seen = [observe(network, picture, LAYERS) for picture in training()]
    for each in seen:
        method.first(each)
    method.settle()
    (near,) = method.scores(seen[0]).values()
    strange = observe(network, torch.rand(3, 32, 32), LAYERS)
    assert next(iter(method.scores(strange).values())) > 2 * near


def test_places_agree_with_the_fitted_reference(rows: dict[str, Row]) -> None:
    network = fakes.network()
    gaussians, _ = fit_gaussians(network, training(), ("features",))
    mean, whitening, _ = gaussians["features"]
    energies = []
    with torch.no_grad():
        for case in cases():
            features = network.encode(case.degraded[None]).features
            energies.append((case, float(energy_map(features, mean, whitening).mean())))
    usual = [e for case, e in energies if case.name == "none"]
    soft = [e for case, e in energies if case.name == "blur"]
    auroc = np.mean([[u < s for u in usual] for s in soft])
    assert rows["Mahalanobis, mean, features"].corruptions["blur"] == pytest.approx(auroc)


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3, 9], [1, 4, 9, 1e6]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert math.isnan(rank_correlation([1, 2, 3], [0, 0, 0]))
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    x, y = np.round(rng.normal(size=(2, 50)), 1)
    assert rank_correlation(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)

"""What is seen while a picture is restored is what is seen beforehand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from restoreflow.batch.judging import Judge
from restoreflow.batch.settings import RestorationSettings
from restoreflow.lab.fitting.fit import fit_reference
from restoreflow.networks.restoration_network import RestorationNetwork
from restoreflow.ood.maps import energy_maps
from restoreflow.ood.reference import Reference
from restoreflow.ood.watch import Watch
from restoreflow.restoration.restorer import Restorer
from tests.ood import fakes


@pytest.mark.parametrize(("scale", "window"), [(2, 30), (4, 44), (8, 60)])
def test_maps_are_those_of_the_picture_as_a_whole(
    scale: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restoreflow.restoration.restorer.WINDOW_CELLS", window**2)
    network = fakes.network(scale=scale)
    reference = fit_reference(network, lambda: fakes.photos(4), ("block1", "features"))
    picture = fakes.photo(20, 61, 71)  # no whole cells at scale 2
    restorer = Restorer(network, fakes.config(scale=scale))
    watch = Watch(network, reference.gaussians, (61, 71))
    tiles: list[int] = []
    restorer.restore(picture, watch=watch, progress=lambda done, total: tiles.append(done))
    assert len(tiles) > 1
    expected = energy_maps(network, picture, reference.gaussians)
    for name, energies in expected.items():
        np.testing.assert_allclose(watch.maps[name], energies, rtol=2e-4, atol=1e-6)


def test_watching_changes_nothing_and_leaves_no_hooks(
    network: RestorationNetwork, reference: Reference
) -> None:
    restorer = Restorer(network, fakes.config())
    picture = fakes.photo(20)
    watch = Watch(network, reference.gaussians, (60, 72))
    plain, watched = (restorer.restore(picture, seed=3, watch=w) for w in (None, watch))
    assert torch.equal(torch.as_tensor(plain.raw), torch.as_tensor(watched.raw))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_a_judge_says_the_same_before_and_while(
    network: RestorationNetwork, reference: Reference
) -> None:
    restorer, judge = Restorer(network, fakes.config()), Judge(reference)
    pixels = fakes.photo(20).permute(1, 2, 0).numpy()
    before, watch = judge(restorer, pixels), judge.watch(restorer, pixels)
    assert watch is not None
    restorer.restore(pixels, watch=watch)
    after = judge.watched(restorer, pixels, watch)
    assert after.score.energy == pytest.approx(before.score.energy, rel=0.01)
    assert (after.verdict, after.reasons) == (before.verdict, before.reasons)


def test_where_features_would_be_others_the_judge_comes_first(
    network: RestorationNetwork, reference: Reference
) -> None:
    pixels = fakes.photo(20).permute(1, 2, 0).numpy()
    judge = Judge(reference)
    restorer = Restorer(network, fakes.config())
    settings = RestorationSettings("m")
    check, watch = judge.begin(restorer, pixels, settings)
    assert check is None and watch is not None
    told = replace(settings, options=replace(settings.options, exposure=1.0))
    check, watch = judge.begin(restorer, pixels, told)
    assert check is not None and watch is None
    check, watch = judge.begin(restorer, pixels, replace(told, ood_temperature=True))
    assert check is not None and watch is not None
    restorer.compiled = True
    assert judge.watch(restorer, pixels) is None


def test_a_judge_says_nearly_the_same_in_reduced_precision(
    network: RestorationNetwork, reference: Reference
) -> None:
    pixels = fakes.photo(20).permute(1, 2, 0).numpy()
    judge = Judge(reference)
    exact = judge(Restorer(network, fakes.config()), pixels)
    restorer = Restorer(network, fakes.config(), precision="bfloat16")
    check, watch = judge.begin(restorer, pixels, RestorationSettings("m"))
    assert check is None and watch is not None
    restorer.restore(pixels, watch=watch)
    seen, before = judge.watched(restorer, pixels, watch), judge(restorer, pixels)
    network.set_precision(None)
    for found in (seen, before):
        assert found.score.energy == pytest.approx(exact.score.energy, rel=0.03)
    assert before.score.energy != exact.score.energy


def test_the_temperature_is_lower_where_energies_are_beyond_the_limit_and_nowhere_else(
    network: RestorationNetwork, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = fakes.photo(20)
    picture[:, :24, :24] = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(0))
    energies = energy_maps(network, picture, reference.gaussians)["features"]
    limit = float(np.quantile(energies[30:, 30:], 1.0))
    restorer = Restorer(network, fakes.config())

    def restored(limit: float | None) -> np.ndarray:
        watch = Watch(network, reference.gaussians, (60, 72), limit)
        return restorer.restore(picture, temperature=1.0, consistency=False, watch=watch).raw[0]

    usual, calm, everywhere = restored(None), restored(limit), restored(1e-9)
    zero = restorer.restore(picture, temperature=0.0, consistency=False).raw[0]
    changed = np.abs(calm - usual).max(0)
    assert changed[:80, :80].max() > 1e-3
    assert changed[160:, 160:].max() < 1e-6  # beyond the flow's reach from the noise
    np.testing.assert_allclose(everywhere, zero, atol=1e-4)
    monkeypatch.setattr("restoreflow.restoration.restorer.WINDOW_CELLS", 44 * 44)
    np.testing.assert_allclose(restored(limit), calm, atol=1e-4)

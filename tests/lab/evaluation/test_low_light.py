"""The low-light protocol on self-made pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restoreflow.errors import InputError, UsageError
from restoreflow.lab.evaluation.low_light import average_groups, evaluate_low_light
from restoreflow.lab.evaluation.methods import gamma, identity, model_method
from restoreflow.lab.evaluation.sets import Pair, list_pairs
from restoreflow.lab.evaluation.sr import PerceptualMetrics, load_metrics
from tests.lab.evaluation.fakes import FakeRestorer, scene
from tests.measures.lpips_weights import write_weights


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> PerceptualMetrics:
    return load_metrics(write_weights(tmp_path_factory.mktemp("lpips")))


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    for part in ("low", "high"):
        (tmp_path / part).mkdir()
    for index, name in enumerate(("lol_eval_1.png", "lol_train_2.png", "stack_cafe.png")):
        truth = np.asarray(scene(44, 40, index))
        Image.fromarray(truth).save(tmp_path / "high" / name)
        Image.fromarray(truth // 5).save(tmp_path / "low" / name)
    return list_pairs(tmp_path)


def test_a_darker_copy_is_poor_as_it_is_and_good_after_matching(
    pairs: list[Pair], metrics: PerceptualMetrics
):
    for score in evaluate_low_light(identity(), pairs, metrics):
        assert score.quality["psnr"] < 12
        assert score.quality["psnr_matched"] > 35
        assert score.quality["ssim_gray_matched"] > score.quality["ssim_gray"]
        assert score.quality["ssim_rgb_matched"] > score.quality["ssim_rgb"]
        assert score.quality["lpips_alex_matched"] < score.quality["lpips_alex_offset_0"]


def test_gamma_brightens_by_its_exponent():
    levels = np.array([[[0, 64, 255]]], np.uint8)
    (result,) = gamma(0.5).restore(Image.fromarray(levels), 1).images
    np.testing.assert_array_equal(np.asarray(result), [[[0, 128, 255]]])


def test_samples_spread_and_errors(pairs: list[Pair], metrics: PerceptualMetrics):
    method = model_method(FakeRestorer(scale=1), "fake", 1.0)
    scores = evaluate_low_light(method, pairs, metrics, samples=2)
    assert all(score.quality["spread"] > 3 for score in scores)
    rows = average_groups(method, scores, samples=2)
    assert rows[0].error_pixels == 2 * 7 * 3
    assert rows[0].error_images == 3


def test_groups_are_prefixes(pairs: list[Pair], metrics: PerceptualMetrics):
    scores = evaluate_low_light(identity(), pairs, metrics)
    rows = average_groups(identity(), scores, 1)
    assert [(row.data, row.pictures) for row in rows] == [("all", 3), ("lol", 2), ("stack", 1)]
    assert rows[2].quality["psnr"] == scores[2].quality["psnr"]
    named = average_groups(identity(), scores, 1, prefixes=("lol_eval", "none"))
    assert [(row.data, row.pictures) for row in named] == [("all", 3), ("lol_eval", 1)]


def test_a_failure_is_a_row_s_count(pairs: list[Pair], metrics: PerceptualMetrics):
    method = model_method(FakeRestorer(scale=1, fails_on=44), "fake", 0.5)
    (row,) = average_groups(method, evaluate_low_light(method, pairs[:1], metrics), 2)
    assert (row.pictures, row.failed, row.quality) == (0, 1, {})


def test_pairs_must_match(pairs: list[Pair], metrics: PerceptualMetrics):
    folder = pairs[0].truth.parent.parent
    scene(44, 48).save(pairs[0].truth)
    with pytest.raises(InputError, match="44 x 40, its truth 44 x 48"):
        evaluate_low_light(identity(), pairs, metrics)
    pairs[1].truth.unlink()
    with pytest.raises(UsageError, match=r"lol_train_2\.png"):
        list_pairs(folder)
    with pytest.raises(UsageError, match="no folder 'low'"):
        list_pairs(folder / "high")

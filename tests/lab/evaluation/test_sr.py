"""The super-resolution protocol, with a restorer whose samples are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restoreflow.errors import InputError, UsageError
from restoreflow.flows.config import FlowConfig
from restoreflow.lab.evaluation.methods import bicubic, model_method
from restoreflow.lab.evaluation.scores import PictureScore, average, offset_scores
from restoreflow.lab.evaluation.sets import list_pictures
from restoreflow.lab.evaluation.sr import PerceptualMetrics, degrade, evaluate_sr, load_metrics
from restoreflow.lab.photographs import read_rgb
from restoreflow.measures.metrics import psnr_y
from restoreflow.models.config import ModelConfig
from restoreflow.networks.config import NetworkConfig
from restoreflow.networks.restoration_network import build_network
from restoreflow.restoration.restorer import Restorer
from tests.lab.evaluation.fakes import FakeRestorer, scene
from tests.measures.lpips_weights import write_weights


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> PerceptualMetrics:
    return load_metrics(write_weights(tmp_path_factory.mktemp("lpips")))


@pytest.fixture
def truths(tmp_path: Path) -> list[Path]:
    scene(66, 51, 0).save(tmp_path / "b.png")
    scene(48, 64, 1).save(tmp_path / "a.webp", lossless=True)
    (tmp_path / "SOURCES.csv").write_text("not a picture")
    return list_pictures(tmp_path)


def test_degrade_crops_to_the_scale_and_reduces():
    truth, reduced = degrade(scene(66, 51), 4)
    assert (truth.size, reduced.size) == ((64, 48), (16, 12))
    np.testing.assert_array_equal(np.asarray(truth), np.asarray(scene(66, 51))[:48, :64])
    expected = truth.resize((16, 12), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(np.asarray(reduced), np.asarray(expected))


def test_a_truth_too_small_to_compare_is_refused():
    with pytest.raises(InputError, match="42 x 63"):
        degrade(scene(42, 63), 8 * 3)


def test_bicubic_row_is_the_metrics_own(truths: list[Path], metrics: PerceptualMetrics):
    seen: list[str] = []
    scores = evaluate_sr(bicubic(4), truths, 4, metrics, progress=seen.append)
    assert seen == ["a.webp", "b.png"] == [score.picture for score in scores]
    truth, reduced = degrade(read_rgb(truths[0]), 4)
    up = np.asarray(reduced.resize(truth.size, Image.Resampling.BICUBIC))
    assert scores[0].quality["psnr_y"] == psnr_y(up, np.asarray(truth), 4)
    row = average(bicubic(4), "scenes", scores, samples=10)
    assert row.samples == 1
    assert row.pictures == 2
    assert row.quality["psnr_y"] == pytest.approx(np.mean([s.quality["psnr_y"] for s in scores]))
    assert row.quality["spread"] == row.quality["diversity_s10"] == 0
    assert row.quality["lpips_alex_worst"] >= row.quality["lpips_alex"] > 0
    assert row.seconds_per_megapixel is not None
    assert row.seconds_per_megapixel > 0


def test_temperature_zero_draws_one_sample_and_higher_ones_all(
    truths: list[Path], metrics: PerceptualMetrics
):
    restorer = FakeRestorer(scale=4)
    cold = model_method(restorer, "fake", 0.0, consistency=True)
    scores = evaluate_sr(cold, truths, 4, metrics, samples=3)
    assert {call["samples"] for call in restorer.calls} == {1}
    assert {call["consistency"] for call in restorer.calls} == {True}
    plain = evaluate_sr(bicubic(4), truths, 4, metrics)
    assert [score.quality for score in scores] == [score.quality for score in plain]

    restorer.calls.clear()
    warm = evaluate_sr(model_method(restorer, "fake", 0.5), truths, 4, metrics, samples=3)
    # A corner to warm up, then each picture once for time and once for variety.
    assert [call["samples"] for call in restorer.calls] == [1, 1, 3, 1, 3]
    for score in warm:
        # Two normals of deviation 5 differ by 5 sqrt(2) sqrt(2 / pi) on average.
        assert score.quality["spread"] == pytest.approx(10 / math.sqrt(math.pi), rel=0.1)
        assert score.quality["spread_std"] == pytest.approx(5.0, rel=0.1)
        assert score.quality["diversity_s10"] > 0


def test_errors_are_counted_over_all_samples_and_failures_kept_apart(
    truths: list[Path], metrics: PerceptualMetrics
):
    restorer = FakeRestorer(scale=4, fails_on=12)
    hot = model_method(restorer, "fake", 1.0)
    scores = evaluate_sr(hot, truths, 4, metrics, samples=2)
    assert [score.failure for score in scores] == ["values that are not finite", ""]
    row = average(hot, "scenes", scores, samples=2)
    assert (row.pictures, row.failed, row.error_images) == (1, 1, 2)
    assert (row.error_pixels, row.nonfinite, row.largest_detail) == (14, 4, 40.0)
    record = row.record()
    assert record["psnr_y"] == scores[1].quality["psnr_y"]
    assert "quality" not in record


def test_an_average_counts_an_exact_match_as_100_decibels():
    scores = [PictureScore("a", {"lr_psnr": math.inf}), PictureScore("b", {"lr_psnr": 50.0})]
    row = average(bicubic(4), "two", scores, 1)
    assert row.quality["lr_psnr"] == 75.0
    assert row.seconds_per_megapixel is None


def test_worst_offset_is_that_of_the_averages():
    qualities = [offset_scores([0.1, 0.3, 0.2, 0.1]), offset_scores([0.1, 0.1, 0.4, 0.1])]
    scores = [PictureScore("a", quality | {"psnr_y": 1.0}) for quality in qualities]
    quality = average(bicubic(4), "two", scores, 1).quality
    assert quality == pytest.approx(
        {"lpips_alex": 0.1, "lpips_alex_worst": 0.3, "lpips_alex_gap": 0.2, "psnr_y": 1.0}
    )


def test_a_folder_without_pictures_names_its_folders(tmp_path: Path):
    (tmp_path / "Set5").mkdir()
    with pytest.raises(UsageError, match="Set5"):
        list_pictures(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        list_pictures(tmp_path / "Set6")


def test_a_damaged_truth_names_the_file(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png"):
        read_rgb(tmp_path / "a.png")


def test_a_real_restorer_fits(truths: list[Path], metrics: PerceptualMetrics):
    config = ModelConfig(
        name="tiny",
        task="sr",
        scale=4,
        network=NetworkConfig(width=8, depth=1),
        flow=FlowConfig(steps=2, hidden=8),
    )
    restorer = Restorer(build_network(config), config)
    scores = evaluate_sr(model_method(restorer, "tiny", 0.5), truths, 4, metrics, samples=2)
    for path, score in zip(truths, scores, strict=True):
        _, reduced = degrade(read_rgb(path), 4)
        report = restorer.restore(reduced, samples=2, temperature=0.5).report
        assert score.error_pixels == report["error_pixels"]
        assert score.largest_detail == report["largest_detail"] > 0
        assert score.nonfinite == 0
        assert score.quality["spread"] > 0
        assert score.quality["lr_psnr"] > 40  # projected, as the configuration's default says

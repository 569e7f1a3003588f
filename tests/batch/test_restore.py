"""A result's bands, taken as they come, are the files that the whole result would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from restoreflow.batch import restore
from restoreflow.batch.discover import find
from restoreflow.batch.job import Job
from restoreflow.batch.plan import plan
from restoreflow.batch.read import read_picture
from restoreflow.batch.restore import Pictures, Result, Sketch, restore_picture
from restoreflow.batch.results import encode_results
from restoreflow.batch.settings import RestorationSettings
from restoreflow.images.canvas import Canvas
from restoreflow.images.picture import fill_transparent
from restoreflow.restoration import consistency
from restoreflow.restoration.restorer import Restorer
from tests.batch.settings_of import settings_of
from tests.restoration.fakes import FakeNetwork, config


@pytest.fixture
def restorer(monkeypatch: pytest.MonkeyPatch) -> Restorer:
    """A model whose results come in several bands."""
    monkeypatch.setattr(consistency, "_BAND_PIXELS", 1 << 11)
    described = config()
    described.scale, described.task = 4, "sr"
    return Restorer(cast(Any, FakeNetwork()), described)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Wide-gamut colours and a shape cut out: what a canvas resizes along."""
    y, x = np.mgrid[0:40, 0:30]
    values = np.stack([x * 8, y * 6, x * y % 255, 255 - 4 * x - 3 * y], axis=-1)
    path = tmp_path / "photo.png"
    profile = imagecodecs.cms_profile("adobergb")
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(path, icc_profile=profile)
    return path


ASKED: list[dict[str, Any]] = [
    {"samples": 1},
    {"samples": 2, "bit_depth": 16, "uncertainty": True},
    {"samples": 1, "output_format": "jpeg", "consistency": False},
    {"samples": 3, "seed": 4, "temperature": 0.3, "grid": True, "arrays": "npz"},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_what_is_kept_is_the_whole_result(
    photo: Path, restorer: Restorer, asked: dict[str, Any]
) -> None:
    settings = settings_of("fake", **asked)
    job, picture, pixels = prepared(photo, settings)
    result = restore_picture(job, settings, picture, pixels, restorer, looks=True)
    whole = restorer.restore(pixels, settings.options)
    for index, canvas in enumerate(result.samples.canvases):
        finished = picture.with_pixels(whole.values(index))
        expected = Canvas.of(finished, job.format, settings.bit_depth)
        assert np.array_equal(canvas.samples, expected.samples)
    assert result.pictures is not None
    assert np.array_equal(result.pictures.uncertainty, whole.uncertainty)
    seen = [*result.pictures.images, result.pictures.mean]
    expected = [*whole.images, whole.mean]
    assert [each.tobytes() for each in seen] == [each.tobytes() for each in expected]
    if result.spread is not None:
        assert np.array_equal(result.spread.values, whole.uncertainty)
    if result.numbers is not None:
        assert np.array_equal(result.numbers.samples[2], whole.values(2))
        assert np.array_equal(result.numbers.mean, np.asarray(whole.mean))
        assert np.array_equal(result.numbers.uncertainty, whole.uncertainty)
    apart = ("seconds",)
    assert {k: v for k, v in result.report.items() if k not in apart} == {
        k: v for k, v in whole.report.items() if k not in apart
    }


def prepared(path: Path, settings: RestorationSettings) -> tuple[Job, Any, np.ndarray]:
    (job,) = plan(find([str(path)]), None, "sr4x", settings)
    picture = read_picture(job, settings, 4)
    assert picture.alpha is not None
    return job, picture, fill_transparent(picture.pixels, picture.alpha)


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_every_file_of_a_job_is_made_and_nothing_else_is_kept(
    photo: Path, restorer: Restorer, asked: dict[str, Any]
) -> None:
    settings = settings_of("fake", **asked)
    job, picture, pixels = prepared(photo, settings)
    result = restore_picture(job, settings, picture, pixels, restorer)
    files = encode_results(job, settings, picture, result, restorer.config)
    assert tuple(file.path for file in files) == job.files
    assert (result.spread is None) == (job.uncertainty is None)
    assert (result.pictures is None) == (job.grid is None)
    assert (result.numbers is None) == (job.arrays is None)
    assert result.sketch is None


SEEN: list[tuple[bool, bool, dict[str, Any], type[Pictures | Sketch] | None]] = [
    (False, False, {}, None),
    (False, True, {}, None),
    (True, False, {}, Pictures),
    (True, True, {}, Sketch),
    (True, True, {"grid": True}, Pictures),
]


@pytest.mark.parametrize(("looks", "large", "asked", "seen"), SEEN)
def test_who_looks_sees_all_of_a_small_result_and_a_sketch_of_a_large_one(
    photo: Path,
    restorer: Restorer,
    monkeypatch: pytest.MonkeyPatch,
    looks: bool,
    large: bool,
    asked: dict[str, Any],
    seen: type[Any] | None,
) -> None:
    if large:
        monkeypatch.setattr(restore, "WHOLE_PIXELS", 0)
    settings = settings_of("fake", **asked)
    job, picture, pixels = prepared(photo, settings)
    result: Result = restore_picture(job, settings, picture, pixels, restorer, looks=looks)
    assert type(result.shown) is (type(None) if seen is None else seen)

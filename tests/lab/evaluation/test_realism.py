"""Patches' distance, and the conditions it is measured under."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from restoreflow.errors import InputError
from restoreflow.lab.evaluation.methods import bicubic
from restoreflow.lab.evaluation.realism import (
    CONDITIONS,
    evaluate_realism,
    kernel_distance,
    patch_features,
    read_scenes,
)
from restoreflow.measures.lpips import LPIPS
from tests.measures.lpips_weights import squeeze_weights


@pytest.fixture(scope="module")
def squeeze() -> LPIPS:
    return LPIPS(squeeze_weights())


def write_pictures(folder: Path, count: int = 2, size: int = 260) -> list[Path]:
    generator = np.random.default_rng(0)
    files = []
    for index in range(count):
        coarse = generator.integers(0, 255, (size // 4, size // 4, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
        files.append(folder / f"{index}.png")
        picture.save(files[-1])
    return files


def test_the_distance_is_0_for_one_distribution_and_grows_with_the_difference() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(400, 8, generator=generator) for _ in range(2))
    same, near, far = kernel_distance(a, b), kernel_distance(a + 0.5, b), kernel_distance(a + 2, b)
    assert abs(same) < 0.2 * near < near < far
    with pytest.raises(ValueError, match="two samples"):
        kernel_distance(a[:1], b)


def test_it_is_the_published_estimator() -> None:
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(5, 3)), generator.normal(1.0, 2.0, size=(4, 3))
    u, v = ((z - y.mean(0)) / (y.std(0, ddof=1) + 1e-4) for z in (x, y))

    def k(p: np.ndarray, q: np.ndarray) -> float:
        return (float(p @ q) / 3 + 1) ** 3

    same = np.mean([k(u[i], u[j]) for i in range(5) for j in range(5) if i != j])
    true = np.mean([k(v[i], v[j]) for i in range(4) for j in range(4) if i != j])
    cross = np.mean([k(p, q) for p in u for q in v])
    expected = 1e3 * (same + true - 2 * cross)
    assert kernel_distance(torch.tensor(x), torch.tensor(y)) == pytest.approx(expected)


def test_scenes_are_the_middle_and_the_same_every_time(tmp_path: Path) -> None:
    files = write_pictures(tmp_path)
    scenes, again = read_scenes(files, 4), read_scenes(files, 4)
    assert [list(s.inputs) for s in scenes] == [list(CONDITIONS)] * 2
    for one, other in zip(scenes, again, strict=True):
        assert one.truth.size == (256, 256)
        assert {picture.size for picture in one.inputs.values()} == {(64, 64)}
        assert all(one.inputs[c].tobytes() == other.inputs[c].tobytes() for c in CONDITIONS)
    truth = np.asarray(Image.open(files[0]))[2:258, 2:258]
    assert np.array_equal(np.asarray(scenes[0].truth), truth)
    with pytest.raises(InputError, match="256"):
        read_scenes(write_pictures(tmp_path, 1, 100), 4)


def test_a_row_a_condition_and_method(tmp_path: Path, squeeze: LPIPS) -> None:
    scenes = read_scenes(write_pictures(tmp_path), 4)
    rows = list(evaluate_realism([bicubic(4)], "set", scenes, squeeze))
    assert [row.condition for row in rows] == list(CONDITIONS)
    assert rows[0].psnr > rows[1].psnr > rows[2].psnr
    assert all(row.pictures == 2 and row.kid > 0 for row in rows)
    assert patch_features(squeeze, scenes[0].truth).shape[0] == 16

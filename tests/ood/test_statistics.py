"""Each statistic moves with what it is for, and reasons name it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from restoreflow.lab.degradations.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from restoreflow.lab.evaluation.patterns import text
from restoreflow.ood.statistics import (
    LEVELS,
    STATISTICS,
    measure,
    outside,
    quantiles,
    reasons,
)
from tests.ood import fakes


def pixels(picture: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def spoilt(name: str, severity: int = 4) -> np.ndarray:
    generator = torch.Generator().manual_seed(0)
    return pixels(corrupt(fakes.photo(0, 96, 128)[None], name, severity, generator)[0])


PHOTO = pixels(fakes.photo(0, 96, 128))


@pytest.mark.parametrize(
    ("corruption", "statistic", "higher"),
    [
        ("gaussian_noise", "noise", True),
        ("shot_noise", "noise", True),
        ("impulse_noise", "clipped", True),
        ("jpeg", "blocks", True),
        ("blur", "sharpness", False),
        ("contrast", "contrast", False),
        ("saturation", "colour", True),
        ("pixelation", "blocks", True),
        ("banding", "tones", False),
    ],
)
def test_a_corruption_moves_its_statistic(corruption: str, statistic: str, higher: bool) -> None:
    before, after = measure(PHOTO)[statistic], measure(spoilt(corruption))[statistic]
    assert (after > 1.2 * before + 0.01) if higher else (after < 0.8 * before)


@pytest.mark.parametrize("deviation", [3.0, 10.0])
def test_noise_is_measured_in_levels(deviation: float) -> None:
    rng = np.random.default_rng(0)
    flat = 0.5 + rng.normal(0, deviation / 255, (256, 256, 1)).repeat(3, axis=2)
    assert measure(flat.astype(np.float32))["noise"] == pytest.approx(deviation, rel=0.15)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (8, 9), (2, 3), (30, 17)])
def test_every_size_is_measured(size: tuple[int, int]) -> None:
    found = measure(np.full((*size, 3), 0.5, np.float32))
    assert found.keys() == STATISTICS.keys()
    assert np.isfinite(list(found.values())).all()


def test_large_pictures_are_judged_by_parts() -> None:
    tiled = np.tile(PHOTO, (5, 17, 1))  # 480 x 2176
    found, small = measure(tiled), measure(np.tile(PHOTO, (5, 4, 1)))
    for name in ("noise", "sharpness", "colour", "contrast"):
        assert found[name] == pytest.approx(small[name], rel=0.1)


def reference() -> dict[str, tuple[float, ...]]:
    seen = [measure(pixels(picture)) for picture in fakes.photos(12)]
    return {name: quantiles([each[name] for each in seen]) for name in STATISTICS}


@pytest.mark.parametrize(
    ("corruption", "word"),
    [("gaussian_noise", "noise: "), ("jpeg", "compression"), ("blur", "blur: sharpness 0.")],
)
def test_reasons_name_what_is_wrong(corruption: str, word: str) -> None:
    found = reasons(measure(spoilt(corruption, 5)), reference(), (128, 96))
    assert any(text.startswith(word) for text in found), found


def test_reasons_say_how_far_and_the_furthest_first() -> None:
    limits = {name: (1.0,) * len(LEVELS) for name in ("noise", "sharpness")}
    measured = {"noise": 3.75, "sharpness": 0.1}
    found = reasons(measured, limits, (100, 100))
    assert found == [
        "blur: sharpness 0.11x the training set's 1st percentile",
        "noise: 3.2x the training set's 99th percentile",
    ]
    assert reasons({"noise": 1.0, "sharpness": 1.0}, limits, (16, 12)) == ["tiny: 16 x 12 pixels"]


def test_outside_is_beyond_all_of_the_training_set() -> None:
    limits = {"sharpness": tuple(float(k) for k in range(1, 12)), "clipped": (0.5,) * 11}
    assert not outside({"sharpness": 12.0, "clipped": 0.5}, limits)
    assert outside({"sharpness": 12.2}, limits)
    assert outside({"sharpness": 0.9}, limits)
    assert not outside({"sharpness": 0.95}, limits)
    assert not outside({"clipped": 0.0}, limits)  # few clipped tones are no fault
    assert not outside({}, limits)


def test_text_has_few_tones() -> None:
    found = reasons(measure(text(128)), reference(), (128, 128))
    assert any("line art" in each for each in found), found


def test_corruptions_grow_and_keep_the_range() -> None:
    clean = fakes.photo(1, 48, 48)[None]
    for name in CORRUPTIONS:
        distances = []
        for severity in SEVERITIES:
            bad = corrupt(clean, name, severity, torch.Generator().manual_seed(1))
            assert bad.shape == clean.shape
            assert float(bad.min()) >= 0
            assert float(bad.max()) <= 1
            distances.append(float((bad - clean).square().mean()))
        assert 0 < distances[0] < distances[-1], name
        if name != "resampling":  # whether a factor hits whole pixels matters more than its size
            assert distances == sorted(distances), name

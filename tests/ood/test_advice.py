"""What to do first with a picture."""

from __future__ import annotations

import pytest

from restoreflow.defects.defect import Defect
from restoreflow.ood.advice import NOTHING, advise, served_by

PLAIN = served_by("sr-x2", "sr", told=False)
TOLD = served_by("sr-x4", "sr", told=True)

NOISE, JPEG, BARS = Defect("noise", 8.0), Defect("jpeg", 30.0), Defect("bars", 40.0)
LARGE, DRAWN = Defect("enlarged", 2.0), Defect("drawing", 0.8)


@pytest.mark.parametrize(
    ("model", "task", "told", "worn", "other"),
    [
        ("sr-x8", "sr", False, False, "sr-x4"),
        ("sr-x2", "sr", False, False, "sr-x4"),
        ("sr-x4", "sr", True, True, None),
        ("sr-x4", "sr", False, True, None),
        ("sr-x4-photo", "sr", False, True, None),
        ("lowlight", "lowlight", False, True, None),
    ],
)
def test_who_serves_worn_pictures(
    model: str, task: str, told: bool, worn: bool, other: str | None
) -> None:
    assert served_by(model, task, told) == (told, worn, other)


@pytest.mark.parametrize(
    ("defects", "flagged", "probability", "served", "verdict"),
    [
        ((), False, None, PLAIN, NOTHING),
        ((), False, 0.4, PLAIN, NOTHING),
        ((), False, 0.6, PLAIN, "--temperature 0"),
        ((), True, 0.1, PLAIN, "--temperature 0"),
        ((NOISE,), False, None, PLAIN, "--model sr-x4"),
        ((JPEG, NOISE), True, 0.9, PLAIN, "--model sr-x4"),
        ((JPEG, NOISE), True, 0.9, TOLD, NOTHING),
        ((JPEG,), False, 0.1, served_by("lowlight", "lowlight", False), NOTHING),
        ((LARGE, JPEG), False, None, TOLD, "reduce first"),
        ((BARS, JPEG), False, None, TOLD, "crop first"),
        ((DRAWN, BARS, JPEG), True, 0.9, TOLD, "leave out"),
        ((Defect("small", 20.0),), False, None, PLAIN, "leave out"),
    ],
)
def test_one_thing_comes_first(defects, flagged, probability, served, verdict) -> None:
    found = advise(defects, flagged, probability, served)
    assert found.verdict == verdict
    if verdict != NOTHING:
        assert found.words


def test_the_words_say_what_it_is_for() -> None:
    assert advise((LARGE,), False, None, PLAIN).words.startswith("reduce it to 50%")
    assert advise((JPEG, NOISE), False, None, PLAIN).words == "it takes those away"
    assert "by itself" in advise((NOISE,), False, None, TOLD).words

"""The size of a result: what is asked for, what comes of it, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from restoreflow.errors import InputError, UsageError
from restoreflow.restoration.options import Options, Size

SIZES: list[tuple[dict[str, Any], tuple[int, int], str]] = [
    ({"scale": 3}, (900, 600), "3x"),
    ({"scale": 2.5}, (750, 500), "2.5x"),
    ({"scale": np.float32(1.5).item()}, (450, 300), "1.5x"),
    ({"width": 1000}, (1000, 667), "1000w"),
    ({"height": 1000}, (1500, 1000), "1000h"),
    ({"longest": 1200}, (1200, 800), "1200px"),
    ({"megapixels": 0.54}, (900, 600), "0.54mp"),
    ({"width": 900, "height": 5000}, (900, 600), "900x5000"),
    ({"width": 5000, "height": 600}, (900, 600), "5000x600"),
]


@pytest.mark.parametrize(("given", "size", "name"), SIZES, ids=str)
def test_sides_keep_their_ratio(given: dict[str, Any], size: tuple[int, int], name: str) -> None:
    asked = Size(**given)
    assert (asked.of(300, 200), asked.name) == (size, name)
    assert asked.of(200, 300)[0] <= asked.of(200, 300)[1]
    assert Size.read(asked.given) == asked


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "no size"),
    ({"scale": 0}, "scale is 0"),
    ({"scale": 1}, "scale is 1: pictures are enlarged"),
    ({"scale": 0.5}, "scale is 0.5: pictures are enlarged"),
    ({"scale": 8.01}, "scale is 8.01, and the most is 8"),
    ({"scale": float("nan")}, "scale is nan"),
    ({"scale": "large"}, "scale is large"),
    ({"width": 0}, "width is 0"),
    ({"width": -5}, "width is -5"),
    ({"height": 2.5}, "height is 2.5"),
    ({"longest": 2**31}, "longest is"),
    ({"megapixels": float("inf")}, "megapixels is inf"),
    ({"scale": 2, "longest": 50}, "scale and longest are two sizes"),
    ({"width": 2, "height": 3, "megapixels": 1}, "width and height and megapixels are"),
]


@pytest.mark.parametrize(("given", "told"), WRONG, ids=str)
def test_nonsense_is_refused_by_its_name(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=f"^{told}") as caught:
        Size(**given)
    assert caught.value.hint


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"width": 300}, 4, "it is 300 x 200, and width 300 would not enlarge it", "more"),
    ({"megapixels": 0.01}, 4, "would not enlarge it", "more"),
    ({"longest": 1201}, 4, "longest 1201 is 4 times as large as 300 x 200, and the", "sr-x8"),
    ({"longest": 3000}, 8, "and the model enlarges 8 times", "8 times at most"),
]


@pytest.mark.parametrize(("given", "model", "told", "hint"), REFUSED, ids=str)
def test_what_a_model_does_not_make_of_an_input_is_refused(
    given: dict[str, Any], model: int, told: str, hint: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        Size(**given).of(300, 200, model)
    assert hint in caught.value.hint
    assert Size(longest=300 * model).of(300, 200, model) == (300 * model, 200 * model)
    assert Size(megapixels=0.06 * model**2).of(300, 200, model) == (300 * model, 200 * model)


@pytest.mark.parametrize("given", [3, 3.0, np.float64(3), {"scale": 3}, Size(scale=3)], ids=str)
def test_a_number_is_a_scale_in_the_options(given: Any) -> None:
    assert Options(size=given).size == Size(scale=3)


def test_a_pair_is_what_a_result_fits_into() -> None:
    assert Options(size=(900, 5000)).result_size(300, 200, 4) == (900, 600)  # type: ignore[arg-type]
    assert Options().result_size(300, 200, 4) == (1200, 800)
    with pytest.raises(UsageError, match="size is"):
        Options(size=(1, 2, 3))  # type: ignore[arg-type]

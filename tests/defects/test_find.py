"""What pictures suffer from: made damage is named, in its unit, and nothing else is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from restoreflow.defects.bars import find_bars
from restoreflow.defects.defect import KINDS
from restoreflow.defects.find import defects_of, measure_defects
from restoreflow.images.decode import decode
from restoreflow.images.jpeg_quality import quality_of_file, quality_of_table, steps_at
from tests.defects.scenes import jpeg, noisy, opened, pixels, scene

SCENE = scene()


def named(image: Image.Image) -> dict[str, float]:
    return {each.kind: each.value for each in defects_of(measure_defects(pixels(image)))}


def enlarged(factor: float, method: Image.Resampling) -> Image.Image:
    side = int(384 / factor)
    size = (round(side * factor), round(side * factor))
    return SCENE.crop((0, 0, side, side)).resize(size, method)


# Edges of the scene are as soft as 0.9 pixels make them.
CASES = {
    "noise 5": (lambda: noisy(SCENE, 5), "noise", 5, 1.0),
    "noise 12": (lambda: noisy(SCENE, 12), "noise", 12, 1.5),
    "jpeg 75": (lambda: opened(jpeg(SCENE, 75)), "jpeg", 75, 3),
    "jpeg 30": (lambda: opened(jpeg(SCENE, 30)), "jpeg", 30, 2),
    "jpeg 30, cropped": (lambda: opened(jpeg(SCENE, 30)).crop((3, 5, 371, 380)), "jpeg", 30, 2),
    "jpeg 30, saved again": (
        lambda: opened(jpeg(opened(jpeg(SCENE, 30)), 92)),
        "jpeg",
        30,
        3,
    ),
    "blur 1": (lambda: SCENE.filter(ImageFilter.GaussianBlur(1)), "blur", 1.4, 0.3),
    "blur 2": (lambda: SCENE.filter(ImageFilter.GaussianBlur(2)), "blur", 2.4, 0.4),
    "enlarged 2x": (lambda: enlarged(2, Image.Resampling.BICUBIC), "enlarged", 2, 0.1),
    "nearest 2x": (lambda: enlarged(2, Image.Resampling.NEAREST), "enlarged", 2, 0.1),
}


@pytest.mark.parametrize("case", CASES)
def test_made_damage_is_named_in_its_unit(case: str) -> None:
    make, kind, truth, tolerance = CASES[case]
    found = named(make())
    assert list(found) == [kind]
    assert found[kind] == pytest.approx(truth, abs=tolerance)


def test_nothing_is_named_of_a_sharp_scene() -> None:
    assert named(SCENE) == {}
    assert named(opened(jpeg(SCENE, 93))) == {}


def test_several_things_are_named_at_once() -> None:
    soft = SCENE.filter(ImageFilter.GaussianBlur(1.5))
    found = named(opened(jpeg(soft, 40)))
    assert list(found) == ["jpeg", "blur"]
    assert found["jpeg"] == pytest.approx(40, abs=3)
    assert found["blur"] == pytest.approx(1.5, abs=0.5)


def test_bars_are_counted_and_what_lies_between_is_judged() -> None:
    image = Image.new("RGB", (384, 464), (4, 4, 4))
    image.paste(noisy(SCENE, 8), (0, 40))
    assert find_bars(pixels(image)) == (40, 40, 0, 0)
    found = named(image)
    assert list(found) == ["bars", "noise"]
    assert found["noise"] == pytest.approx(8, abs=1)


def test_a_plain_background_is_no_bar() -> None:
    image = Image.new("RGB", (200, 200), "white")
    image.paste(SCENE.resize((100, 100)), (50, 50))
    round_one = Image.new("L", (100, 100))
    ImageDraw.Draw(round_one).ellipse((0, 0, 99, 99), 255)
    plain = Image.new("RGB", (200, 200), "white")
    plain.paste(SCENE.resize((100, 100)), (50, 50), round_one)
    assert find_bars(pixels(plain)) == (0, 0, 0, 0)
    assert find_bars(pixels(Image.new("RGB", (80, 60), "navy"))) == (0, 0, 0, 0)


def test_gray_texture_is_no_noise_and_gray_noise_counts_beyond_it() -> None:
    rng = np.random.default_rng(3)

    def grainy(deviation: float) -> dict[str, float]:
        levels = np.asarray(SCENE, float) + rng.normal(0, deviation, (384, 384, 1))
        return named(Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8)))

    assert "noise" not in grainy(6)
    assert grainy(14)["noise"] == pytest.approx(12, abs=1.5)


def test_drawings_are_named_as_such_alone() -> None:
    image = Image.new("RGB", (600, 400), "white")
    draw = ImageDraw.Draw(image)
    for row in range(10, 390, 16):
        draw.text((10, row), "The quick brown fox jumps over the lazy dog. " * 2, fill="black")
    draw.ellipse((100, 50, 400, 350), outline="black", width=3)
    assert list(named(image)) == ["drawing"]


def test_of_a_file_its_tables_count_and_the_pixels_where_they_say_worse() -> None:
    saved = jpeg(SCENE, 60)
    assert quality_of_file(saved) == 60
    again = jpeg(opened(jpeg(SCENE, 20)), 95)
    picture = decode(again)
    assert picture.jpeg_quality == 95
    found = defects_of(measure_defects(picture.pixels, picture.jpeg_quality))
    assert (found[0].kind, found[0].value) == ("jpeg", pytest.approx(20, abs=2))
    buffer = io.BytesIO()
    SCENE.save(buffer, "PNG")
    assert quality_of_file(buffer.getvalue()) is None
    assert quality_of_file(b"\xff\xd8 no picture") is None


@pytest.mark.parametrize("quality", [1, 10, 50, 75, 95, 100])
def test_a_quality_is_found_by_its_steps(quality: int) -> None:
    found = quality_of_table([int(step) for step in steps_at(quality).ravel()])
    assert abs(found - quality) <= (1 if quality > 1 else 2)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (16, 16), (31, 40), (300, 3)])
@pytest.mark.parametrize("tone", [0.0, 0.5, 1.0])
def test_any_size_is_measured(size: tuple[int, int], tone: float) -> None:
    measures = measure_defects(np.full((*size, 3), tone, np.float32))
    assert [each.kind for each in defects_of(measures)] == (["small"] if min(size) <= 32 else [])
    assert measures.noise == 0.0
    assert measures.blur is None


def test_words_and_records_say_the_unit() -> None:
    (found,) = defects_of(measure_defects(pixels(noisy(SCENE, 6))))
    assert found.words.startswith("noise of ")
    assert found.words.endswith(" levels")
    assert found.as_dict()["unit"] == "levels of 255"
    for kind in KINDS.values():
        assert kind.unit
        assert kind.words(1.0)

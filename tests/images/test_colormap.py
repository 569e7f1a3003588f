"""Heat maps and contact sheets show what they should, where they should."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from restoreflow.images.colormap import cividis, contact_sheet, heat_map, heat_map_size


def test_cividis_is_the_published_map() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    ramp = np.linspace(0, 1, 256)[None]
    published = matplotlib.colormaps["cividis"](ramp[0])[:, :3] * 255
    assert np.abs(cividis(ramp, 1.0)[0].astype(float) - published).max() <= 2


def test_lightness_grows_with_the_value() -> None:
    lightness = rgb2lab(cividis(np.linspace(0, 7, 200)[None], 7.0))[0, :, 0]
    assert (np.diff(lightness) > -0.7).all()  # colours are whole levels
    assert lightness[-1] - lightness[0] > 75


def test_the_scale_is_fixed_and_its_ends_hold_all_beyond() -> None:
    values = np.array([[-5.0, 0.0, 8.0, 800.0]])
    colors = cividis(values, 8.0)
    np.testing.assert_array_equal(colors[0, 0], colors[0, 1])
    np.testing.assert_array_equal(colors[0, 2], colors[0, 3])
    np.testing.assert_array_equal(cividis(values[:, :2], 8.0), colors[:, :2])


def test_what_is_no_number_stands_out() -> None:
    colors = cividis(np.array([[np.nan, np.inf, 1.0]]), 2.0)
    assert (colors[0, :2] == (255, 0, 255)).all()
    assert (colors[0, 2] != (255, 0, 255)).any()


@pytest.mark.parametrize("maximum", [0, -1, float("nan")])
def test_a_scale_needs_an_end(maximum: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        cividis(np.zeros((1, 1)), maximum)


@pytest.mark.parametrize("shape", [(300, 400), (1, 1), (20, 3), (3, 2000)])
def test_heat_map_shows_array_above_legend(shape: tuple[int, int]) -> None:
    array = np.linspace(0, 12, shape[0] * shape[1]).reshape(shape)
    page = heat_map(array, 12.0, "grey levels of 255")
    factor = page.width // shape[1]
    assert page.mode == "RGB"
    assert page.width >= 280
    shown = np.asarray(page)[: shape[0] * factor]
    expected = cividis(array, 12.0).repeat(factor, axis=0).repeat(factor, axis=1)
    np.testing.assert_array_equal(shown, expected)
    legend = np.asarray(page)[shape[0] * factor :]
    assert (legend == 32).all(axis=2).any()  # ink: numbers and unit
    assert (legend == (0, 34, 78)).all(axis=2).any()  # the bar's two ends
    assert (legend == (254, 232, 56)).all(axis=2).any()


@pytest.mark.parametrize(
    ("shape", "factor"),
    [((4000, 1), 1), ((100_000, 4), 1), ((1, 4000), 1), ((1, 2), 140), ((600, 4), 3)],
)
def test_thin_pictures_give_no_large_maps(shape: tuple[int, int], factor: int) -> None:
    height, width = shape
    page = heat_map(np.full(shape, 12.0), 12.0, "levels")
    assert page.size == heat_map_size(width, height)
    assert page.width <= max(width, 2 * 280)
    assert height * factor < page.height <= max(height, 2048) + 6 * 100
    left = (page.width - width * factor) // 2
    shown = np.asarray(page)[: height * factor, left : left + width * factor]
    assert (shown == (254, 232, 56)).all()


def test_maps_are_coloured_in_bands() -> None:
    values = np.random.default_rng(0).random((2500, 1000), np.float32)
    bands = [cividis(values[top : top + 100], 1.0) for top in range(0, 2500, 100)]
    np.testing.assert_array_equal(cividis(values, 1.0), np.concatenate(bands))


def test_the_legend_says_when_values_lie_beyond() -> None:
    inside, beyond = np.full((9, 300), 8.0), np.full((9, 300), 9.0)
    first, second = (np.asarray(heat_map(each, 8.0, "levels")) for each in (inside, beyond))
    assert first.shape == second.shape
    assert (first != second).any()
    np.testing.assert_array_equal(first[:9], second[:9])


def test_contact_sheet_places_pictures_under_captions() -> None:
    colors = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    images = [Image.new("RGB", (64, 48), color) for color in colors]
    sheet = contact_sheet([*images, Image.new("L", (16, 12), 90)], ["a", "b", "c", "d"], columns=2)
    pixels = np.asarray(sheet)
    for color in [*colors, (90, 90, 90)]:
        assert (pixels == color).all(axis=2).sum() == 64 * 48  # the small one is enlarged whole
    places = [np.argwhere((pixels == color).all(axis=2)).min(axis=0) for color in colors]
    assert places[0][0] == places[1][0] < places[2][0]
    assert places[0][1] == places[2][1] < places[1][1]


def test_contact_sheet_limits_its_cells_and_keeps_proportions() -> None:
    sheet = contact_sheet([Image.new("RGB", (3000, 1000), (9, 9, 9))], ["wide"], largest=300)
    assert ((np.asarray(sheet) == 9).all(axis=2)).sum() == 300 * 100


@pytest.mark.parametrize(("count", "side"), [(300, 40), (40, 40), (2, 30)])
def test_sheets_of_many_pictures_are_not_large(
    monkeypatch: pytest.MonkeyPatch, count: int, side: int
) -> None:
    monkeypatch.setattr("restoreflow.images.colormap._SHEET_PIXELS", 20_000)
    sheet = contact_sheet([Image.new("L", (side, side), 9)] * count, [""] * count)
    inside = ((np.asarray(sheet) == 9).all(axis=2)).sum()
    assert inside <= 20_000
    assert (inside == count * side**2) == (count == 2)


def test_contact_sheet_takes_any_mode_and_long_captions() -> None:
    modes = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"]
    images = [Image.new("RGB", (40, 30)).convert(mode) for mode in modes]
    sheet = contact_sheet(images, ["a caption far too long for a picture this small"] * len(modes))
    assert sheet.mode == "RGB"


@pytest.mark.parametrize(("count", "captions"), [(0, []), (2, ["one"])])
def test_contact_sheet_needs_a_caption_a_picture(count: int, captions: list[str]) -> None:
    with pytest.raises(ValueError, match="captions"):
        contact_sheet([Image.new("RGB", (4, 4))] * count, captions)

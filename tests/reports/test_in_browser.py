"""Both pages driven in Chromium as a reader would: by keys, pointer and switches.

Skipped where playwright or Chromium is missing. RESTOREFLOW_CHROMIUM names another browser file,
RESTOREFLOW_SCREENSHOTS a folder that keeps the pictures taken.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from restoreflow.reports.entries import FailedEntry
from restoreflow.reports.ood_page import Scoring, ood_page
from restoreflow.reports.previews import Previews
from restoreflow.reports.restoration_page import restoration_page
from tests.reports.examples import HOSTILE, REFERENCE, checked, restored

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
_FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]

Opener = Callable[..., "Page"]


def _chromium() -> str | None:
    named = os.environ.get("RESTOREFLOW_CHROMIUM")
    return named or next((path for name in _NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = _chromium()
    if path is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens a page; afterwards nothing may have been fetched, logged or thrown."""
    troubles: list[str] = []
    contexts: list[Any] = []

    def fetched(url: str, address: str) -> None:
        if url != address and not url.startswith("data:"):
            troubles.append(f"request: {url}")

    def watch(page: Page, address: str) -> None:
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("request", lambda request: fetched(request.url, address))

    def open_(html: str, width: int = 1280, height: int = 900, **options: Any) -> Page:
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        watch(page, path.as_uri())
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert troubles == []


def _shot(page: Page, tmp_path: Path, name: str) -> Image.Image:
    folder = Path(os.environ.get("RESTOREFLOW_SCREENSHOTS", tmp_path))
    path = folder / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return Image.open(path).convert("RGB")


def _cut(page: Page) -> float:
    """Where, in per cent of the picture, the result begins to be seen."""
    clip = page.locator(".layer.after:visible").first.evaluate("e => getComputedStyle(e).clipPath")
    return float(clip.removeprefix("inset(").split()[-1].rstrip("%)px"))


def test_the_slider_moves_by_keys_and_pointer(opened: Opener) -> None:
    page = opened(restoration_page([restored()]))
    slider = page.get_by_role("slider", name="Divider between before and after, photo.jpg")
    slider.focus()
    seen = []
    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "Shift+ArrowRight", "PageUp", "PageDown"):
        page.keyboard.press(key)
        seen.append(slider.get_attribute("aria-valuenow"))
        assert _cut(page) == pytest.approx(float(seen[-1] or "nan"), abs=0.01)
    assert seen == ["52", "50", "48", "58", "68", "58"]
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuenow") == "100" and _cut(page) == 100
    page.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "0 % before" and _cut(page) == 0
    box = page.locator(".viewport").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40, steps=3)
    page.mouse.up()
    page.mouse.move(box["x"], box["y"])
    assert slider.get_attribute("aria-valuenow") == "25" and _cut(page) == pytest.approx(25, abs=1)


def test_the_picture_shows_what_the_slider_says(opened: Opener, tmp_path: Path) -> None:
    black, white = Image.new("RGB", (16, 12)), Image.new("RGB", (64, 48), "white")
    page = opened(restoration_page([restored(before=black, samples=[white])]))
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("PageUp")
    box = page.locator(".canvas:visible").bounding_box()
    assert box is not None
    shot = _shot(page, tmp_path, "slider")
    y = int(box["y"] + box["height"] / 4)
    row = [shot.getpixel((int(box["x"] + box["width"] * x), y)) for x in (0.1, 0.27, 0.33, 0.9)]
    assert row == [(0, 0, 0)] * 2 + [(255, 255, 255)] * 2


def test_samples_are_switched_by_arrow_keys(opened: Opener) -> None:
    page = opened(restoration_page([restored(samples=3), restored("other.png")]))
    page.get_by_role("group", name="Sample").first.get_by_role("radio", name="1").focus()
    seen = []
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        shown = page.locator(".entry").first.locator(".layer.after:visible")
        seen.append([e.get_attribute("data-sample") for e in shown.all()])
    assert seen == [["2"], ["3"], ["mean"], ["1"]]
    other = page.locator(".entry").nth(1).locator(".layer.after:visible")
    assert other.get_attribute("data-sample") == "1"


def test_heat_maps_are_laid_over_and_explained(opened: Opener, tmp_path: Path) -> None:
    ramp = np.linspace(0, 40, 16, dtype=np.float32)[None].repeat(12, 0)  # beyond the scale's end
    page = opened(restoration_page([restored(score_map=ramp)]), color_scheme="dark")
    maps, legends = page.locator(".layer.map:visible"), page.locator(".legend:visible")
    assert maps.count() == 0 and legends.count() == 0
    choice = page.get_by_role("group", name="Heat map")
    choice.get_by_role("radio", name="None").focus()
    for key in ("spread", "score"):
        page.keyboard.press("ArrowRight")
        assert maps.count() == 1 and maps.get_attribute("data-map") == key
        assert legends.count() == 1 and legends.get_attribute("data-legend") == key
    strength = page.get_by_role("slider", name="Strength")
    assert maps.evaluate("e => getComputedStyle(e).opacity") == "0.8"
    strength.focus()
    page.keyboard.press("End")
    assert maps.evaluate("e => getComputedStyle(e).opacity") == "1"
    page.get_by_role("slider", name="Divider").focus()
    page.keyboard.press("Home")
    box = page.locator(".canvas:visible").bounding_box()
    assert box is not None
    shot = _shot(page, tmp_path, "heat-map")
    place = (int(box["x"] + box["width"] - 4), int(box["y"] + box["height"] / 4))
    red, green, blue = shot.getpixel(place)  # type: ignore[misc]
    assert red > 240 and green > 210 and blue < 80  # the yellow end of cividis
    choice.get_by_role("radio", name="None").check(force=True)
    assert maps.count() == 0 and legends.count() == 0


def test_zoom_shows_one_pixel_as_one(opened: Opener, tmp_path: Path) -> None:
    page = opened(restoration_page([restored(side=200)]), device_scale_factor=2)
    page.get_by_role("radio", name="2:1").check(force=True)
    canvas = page.locator(".canvas:visible")
    box = canvas.bounding_box()
    assert box is not None and box["width"] == pytest.approx(800)  # 800 pixels, 2 each, 2 a CSS one
    page.get_by_role("radio", name="4:1").check(force=True)
    page.get_by_label("Hard pixels").check()
    rendering = page.locator(".layer.after:visible img")
    assert rendering.evaluate("e => getComputedStyle(e).imageRendering") == "pixelated"
    # It scrolls by keys, and the divider stays where it is seen.
    slider = page.get_by_role("slider", name="Divider")
    before, cut = slider.bounding_box(), _cut(page)
    page.locator(".viewport").focus()
    page.keyboard.press("ArrowRight")
    left = "document.querySelector('.stage').style.getPropertyValue('--cut')"
    page.wait_for_function(f"() => parseFloat({left}) > {cut + 0.1}")
    assert slider.bounding_box() == before and _cut(page) > cut
    _shot(page, tmp_path, "zoomed")


def test_a_reduced_picture_has_a_detail(opened: Opener) -> None:
    previews = Previews(max_side=200, detail_side=120)
    page = opened(restoration_page([restored(side=100)], previews=previews))
    page.get_by_role("radio", name="Detail").check(force=True)
    assert page.locator(".canvas:visible").get_attribute("data-view") == "detail"
    assert _cut(page) == pytest.approx(50, abs=1)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_fit_their_window(opened: Opener, tmp_path: Path, width: int, scheme: str) -> None:
    entries = [restored(name, side=side) for name, side in zip(HOSTILE, (8, 60, 300), strict=False)]
    pages = {
        "restoration": restoration_page([*entries, FailedEntry(*HOSTILE[:3])]),
        "ood": ood_page([checked(x, k, reasons=("noise",)) for k, x in enumerate(HOSTILE)],
                        Scoring("sr-x4", 2.0, REFERENCE)),
    }  # fmt: skip
    for name, html in pages.items():
        page = opened(html, width, 900, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot = _shot(page, tmp_path, f"{name}-{width}-{scheme}")
        corner = shot.getpixel((2, 2))
        assert (sum(corner) > 600) == (scheme == "light")  # type: ignore[arg-type]


def test_print_shows_before_and_after_beside_each_other(opened: Opener, tmp_path: Path) -> None:
    page = opened(restoration_page([restored(side=60)]), 800)
    page.emulate_media(media="print")
    before, after = page.locator(".layer.before img"), page.locator(".layer.after:visible img")
    left, right = before.bounding_box(), after.bounding_box()
    assert left is not None and right is not None
    assert left["x"] + left["width"] <= right["x"] and left["y"] == right["y"]
    assert page.locator(".layer.map:visible").count() == 2
    assert page.locator(".controls:visible, .divider:visible").count() == 0
    assert page.locator(".layer.after:visible").evaluate("e => getComputedStyle(e).clipPath") == (
        "none"
    )
    _shot(page, tmp_path, "print")


def test_the_table_sorts_by_click_and_key(opened: Opener) -> None:
    scores = {"b10.png": 3.0, "b9.png": 40.0, "a.png": 0.5}
    entries = [checked(name, score) for name, score in scores.items()]
    entries.append(checked("none.png", 1.0, probability=None))
    page = opened(ood_page(entries, Scoring("sr-x4", 2.0, REFERENCE)))

    def names() -> list[str]:
        return page.locator("tbody bdi").all_text_contents()

    def order(title: str) -> str | None:
        heading = page.locator("thead th", has=page.get_by_role("button", name=title))
        return heading.get_attribute("aria-sort")

    assert names() == ["b9.png", "b10.png", "none.png", "a.png"]
    page.get_by_role("button", name="File").click()
    assert names() == ["a.png", "b9.png", "b10.png", "none.png"]  # 9 before 10
    assert (order("File"), order("Score")) == ("ascending", "none")
    page.get_by_role("button", name="Score").focus()
    page.keyboard.press("Enter")
    assert names()[0] == "b9.png" and order("Score") == "descending"
    page.keyboard.press("Space")
    assert names() == ["a.png", "none.png", "b10.png", "b9.png"] and order("Score") == "ascending"
    assert page.get_by_role("status").text_content() == "Sorted by score, ascending"
    for _ in range(2):
        page.get_by_role("button", name="Artifacts").click()
        assert names()[-1] == "none.png"  # what is not known is last either way


def test_heat_maps_and_the_larger_picture(opened: Opener, tmp_path: Path) -> None:
    entries = [checked(f"{score}.png", score, reasons=("noise",)) for score in (1.0, 3.0, 2.5)]
    page = opened(ood_page(entries, Scoring("sr-x4", 2.0, REFERENCE)))
    heat = page.locator("tbody .heat:visible")
    assert heat.count() == 0
    switch = page.get_by_label("Heat maps over the pictures")
    switch.focus()
    page.keyboard.press("Space")
    assert heat.count() == 3 and page.locator("main > .controls .key").is_visible()
    page.locator(".open").first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="3.0.png")
    assert dialog.locator(".heat").is_visible()
    assert dialog.locator(".words").text_content() == "Score 3.00. flagged: noise."
    _shot(page, tmp_path, "larger")
    dialog.get_by_label("Heat map").uncheck()
    assert dialog.locator(".heat").count() == 1 and not dialog.locator(".heat").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("dialog", name="2.5.png").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0 and heat.count() == 0
    focused = page.evaluate("document.activeElement.closest('tr').querySelector('bdi').textContent")
    assert focused == "2.5.png" and not switch.is_checked()


def test_without_scripts_the_pages_still_show(opened: Opener) -> None:
    page = opened(restoration_page([restored()]), java_script_enabled=False)
    assert page.locator(".layer.after:visible").count() == 1
    assert page.locator(".controls:visible").count() == 0
    assert page.get_by_text("Comparing needs JavaScript").is_visible()


def test_a_sketch_of_a_large_result_says_so(opened: Opener, tmp_path: Path) -> None:
    page = opened(restoration_page([restored(side=100, size=(8000, 6000))]))
    note = page.get_by_text("preview at 5 % of full size; the result's own file holds all of it")
    assert note.is_visible()
    assert page.get_by_role("radio", name="Detail").count() == 0
    assert page.get_by_text("100 × 75 → 8000 × 6000").is_visible()
    page.get_by_role("group", name="Heat map").get_by_role("radio", name="Spread").check(force=True)
    box = page.locator(".layer.map:visible").bounding_box()
    canvas = page.locator(".canvas:visible").bounding_box()
    assert box is not None and canvas is not None
    assert box["width"] == pytest.approx(canvas["width"], abs=1)
    _shot(page, tmp_path, "sketch")

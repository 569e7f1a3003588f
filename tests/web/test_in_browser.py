"""The page driven in Chromium as somebody would who has a picture: by files, clicks and keys.

Skipped where playwright or Chromium is missing; variables as in tests/reports/test_in_browser.py.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from restoreflow.web.limits import Limits
from tests.reports.test_in_browser import (
    _shot,  # pyright: ignore[reportPrivateUsage]
    browser,  # noqa: F401
)
from tests.web.conftest import Client, Slow, photo, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Visit = Callable[..., "Page"]

_DROP = """(target, [name, data]) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  for (const kind of ["dragenter", "dragover", "drop"])
    target.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def visit(browser: Browser, client: Client) -> Iterator[Visit]:  # noqa: F811
    """Opens the server's page; afterwards nobody else may have been asked, and nothing thrown."""
    troubles: list[str] = []
    contexts: list[Any] = []

    def visit(
        server: Client = client, width: int = 1280, height: int = 900, **options: Any
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("request", lambda request: asked(request.url, server))
        page.goto(server.url)
        return page

    def asked(url: str, server: Client) -> None:
        if not url.startswith((server.url + "/", "data:", "blob:")):
            troubles.append(f"request: {url}")

    yield visit
    for context in contexts:
        context.close()
    assert troubles == []


def _choose(page: Page, *files: tuple[str, bytes]) -> None:
    given: Any = [{"name": name, "mimeType": "", "buffer": data} for name, data in files]
    page.get_by_label("Drop pictures here").set_input_files(given)


def test_a_picture_is_dropped_compared_picked_and_fetched(visit: Visit, tmp_path: Path) -> None:
    page = visit()
    data = base64.b64encode(photo(size=(40, 30))).decode()
    page.locator("body").evaluate(_DROP, ["holiday.jpg", data])
    result = page.locator(".result")
    result.wait_for()
    page.get_by_role("slider", name="Divider between before and after, holiday.jpg").press("End")
    assert page.get_by_role("slider").get_attribute("aria-valuenow") == "100"
    for name in ("Spread", "None"):
        page.get_by_role("group", name="Heat map").get_by_role("radio", name=name).check()
    pick = page.get_by_role("button", name="Sample 3 of 4")
    pick.click()
    assert pick.get_attribute("aria-pressed") == "true"
    assert page.get_by_role("group", name="Sample").last.get_by_label("3").is_checked()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download holiday_sr4x_3.jpg").click()
    image = Image.open(coming.value.path())
    assert image.size == (160, 120) and image.getexif()[0x0132] == "2021:05:06 07:08:09"
    page.get_by_role("group", name="Sample").last.get_by_label("1", exact=True).check()
    assert page.get_by_role("link", name="Download holiday_sr4x_1.jpg").is_visible()
    page.get_by_role("button", name="Remove").click()
    assert result.count() == 0


def test_options_are_sent_and_several_wait(visit: Visit) -> None:
    page = visit()
    page.get_by_role("group", name="Samples").get_by_label("1", exact=True).check()
    page.get_by_text("More options").click()
    page.get_by_label("Longer side").fill("30")
    page.get_by_label("Format").select_option("PNG")
    _choose(page, ("a.jpg", photo()), ("b.jpg", photo()))
    page.locator(".result").nth(1).wait_for()
    assert page.get_by_text("16 × 12 → 30 × 22").count() == 2
    assert page.get_by_role("link", name="Download a_sr30px.png").is_visible()
    assert page.locator(".strip").count() == 0  # one sample stands beside nothing
    page.get_by_label("Longer side").fill("")
    page.locator(".result").first.get_by_role("button", name="Again").click()
    page.get_by_text("16 × 12 → 64 × 48").wait_for()


def test_what_goes_wrong_is_told_on_the_page(visit: Visit) -> None:
    page = visit()
    _choose(page, ("notes.txt", b"no picture at all"))
    alert = page.get_by_role("alert").filter(has_text="notes.txt")
    alert.wait_for()
    assert "picture" in alert.inner_text()
    _choose(page, ("huge.jpg", b"x" * 300_000))
    page.get_by_text("The file has 0.3 MB.").wait_for()
    assert "At most 0.2 MB are taken here" in page.get_by_role("alert").first.inner_text()
    _choose(page, ("wide.png", photo("PNG", (80, 60))))
    page.get_by_text("wide.png has 80 x 60 pixels").wait_for()
    page.get_by_text("More options").click()
    page.get_by_label("Temperature").fill("-3")
    _choose(page, ("a.jpg", photo()))
    page.get_by_text("Temperature is -3").wait_for()
    page.get_by_label("Temperature").fill("")
    page.get_by_role("button", name="Try again").first.click()
    page.locator(".result").wait_for()
    assert page.get_by_role("alert").count() == 3


def test_a_full_queue_and_a_cancelled_picture(visit: Visit) -> None:
    maker = Slow()
    with running(Limits(queue=1), maker) as server:
        page = visit(server)
        _choose(page, ("1.jpg", b"1"))
        page.get_by_text("Restoring, ").wait_for()
        _choose(page, ("2.jpg", b"2"))
        page.get_by_text("Waiting for 1 before it").wait_for()
        _choose(page, ("3.jpg", b"3"))
        page.get_by_role("alert").wait_for()
        assert "1 pictures are waiting already" in page.get_by_role("alert").inner_text()
        for _ in range(2):
            page.get_by_role("button", name="Cancel").last.click()
        assert page.get_by_role("button", name="Cancel").count() == 0
        page.get_by_role("button", name="Try again").click()
        page.get_by_text("Restoring, ").wait_for()
        maker.go.set()
        page.get_by_text("This one never is done.").wait_for()
        page.close()


def test_a_server_that_is_gone_is_told(visit: Visit) -> None:
    with running(Limits(), Slow()) as server:
        page = visit(server)
    _choose(page, ("a.jpg", photo()))
    page.get_by_text("The server does not answer.").wait_for()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("app", {}),
        ("app-telephone", {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}),
        ("app-dark", {"color_scheme": "dark"}),
    ],
)
def test_it_fits(visit: Visit, tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    page = visit(**options)
    _choose(page, ("a.jpg", photo(size=(60, 45))), ("notes.txt", b"no picture"))
    page.locator(".result").wait_for()
    page.get_by_role("alert").wait_for()
    page.get_by_text("More options").click()
    shot = _shot(page, tmp_path, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= options.get("width", 1280)
    background = shot.getpixel((2, 2))
    assert isinstance(background, tuple)
    assert (sum(background) < 200) == (name == "app-dark")
    buffer = io.BytesIO()
    shot.save(buffer, "PNG")
    assert len(buffer.getvalue()) > 10_000

"""Nothing from outside becomes markup, and a page can fetch and run nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from restoreflow.reports.markup import Markup, document, join, tag, text
from tests.reports.examples import HOSTILE
from tests.reports.page_reader import read


@pytest.mark.parametrize("name", HOSTILE)
def test_any_text_stays_text(name: str) -> None:
    root = read(tag("p", {"title": name}, name, tag("b", None, name)))
    (paragraph,) = root.children
    assert not isinstance(paragraph, str) and paragraph.name == "p"
    assert list(paragraph.attributes) == ["title"]
    (bold,) = (child for child in paragraph.children if not isinstance(child, str))
    assert bold.name == "b" and not bold.all("script") and not bold.all("img")
    assert paragraph["title"] == bold.text


def test_ordinary_characters_come_through_as_they_are() -> None:
    name = "Ünï \"çødé\" 日本 <&> 'x'.png"
    assert read(text(name)).text == name


def test_what_utf8_or_html_cannot_hold_is_shown_as_an_escape() -> None:
    assert text("a\x00b\udc80c\x85d") == "a\\x00b\\udc80c\\x85d"
    text("\udfff").encode("utf-8")


def test_markup_survives_joining_but_not_concatenation() -> None:
    bold = tag("b", None, "x")
    assert join([bold, "<", None]) == "<b>x</b>&lt;"
    assert tag("p", None, bold + "<i>") == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;</p>"


def test_attributes_may_be_bare_or_left_out() -> None:
    made = tag("input", {"hidden": False, "id": None, "checked": True, "value": 3})
    assert made == '<input checked value="3">'


def test_a_page_lets_in_only_its_own_script() -> None:
    page = document("A & B", Markup("<p>x</p>"), ["page.css"], "ood.js")
    root = read(page)
    assert page.startswith("<!doctype html>\n")
    assert root.all("title")[0].text == "A & B"
    policy = root.all("meta", http_equiv="Content-Security-Policy")[0]["content"]
    (script,) = root.all("script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "img-src data:;" in policy
    assert "unsafe-eval" not in policy and not re.search(r"https?://", page)

"""What stands on the page about unusual inputs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from restoreflow.reports.entries import FailedEntry, OodEntry
from restoreflow.reports.ood_page import OodPage, Scoring, ood_page
from tests.reports.examples import HOSTILE, REFERENCE, checked
from tests.reports.page_reader import Element, read

_SCORING = Scoring("sr-x4", 2.0, REFERENCE)


def _rows(root: Element) -> list[Element]:
    return root.all("tbody")[0].all("tr")


def test_rows_are_sorted_by_score_and_tell_all() -> None:
    entries = [
        checked("photos/calm.jpg", 0.9),
        checked(
            "noise.png", 6.4, reasons=("noise", "saturation"), verdict="--wear", suffers=("bars",)
        ),
        checked("odd.png", math.nan, flagged=True, probability=None),
    ]
    root = read(ood_page(entries, _SCORING))
    cells = [[cell.text for cell in row.all("td")[1:]] for row in _rows(root)]
    assert cells == [
        ["not a number", "–", "flagged", "", ""],
        ["6.40", "80 %", "--wear", "bars", "noise, saturation"],
        ["0.900", "11 %", "nothing to do", "", ""],
    ]
    names = [row.all("th")[0] for row in _rows(root)]
    assert [name.all("bdi")[0].text for name in names] == ["odd.png", "noise.png", "calm.jpg"]
    assert names[2].all("span")[0].text == "photos"
    assert "flagged" in _rows(root)[1]["class"]


def test_headings_are_buttons_with_their_order() -> None:
    root = read(ood_page([checked("a.png", 1.0, rank=30)], _SCORING))
    headings = [h for h in root.all("th", scope="col") if "aria-sort" in h.attributes]
    assert [(h.all("button")[0].text, h["aria-sort"]) for h in headings] == [
        ("File", "none"),
        ("Score", "descending"),
        ("Unlike", "none"),
        ("Artifacts", "none"),
        ("Verdict", "none"),
    ]


def test_columns_without_values_are_left_out() -> None:
    root = read(ood_page([OodEntry("a.png", 1.0, False)], _SCORING))
    assert [h.text for h in root.all("th", scope="col")] == [
        "Picture", "File", "Score", "Verdict", "Suffers from", "Unlike because of",
    ]  # fmt: skip
    assert not root.all("tbody")[0].all("img") and not root.all("div", klass="controls")


def test_pictures_and_their_heat_maps_have_words() -> None:
    root = read(ood_page([checked("a.png", 3.0)], _SCORING))
    picture, heat = _rows(root)[0].all("img")
    assert picture["alt"] == "a.png, 24 × 18 pixels"
    assert heat["alt"] == "Heat map of the score over a.png; score 3.00"
    assert "hidden" in heat.attributes and heat["src"].startswith("data:image/png;base64,")
    assert root.all("div", klass="key")[0].all("i")[0]["title"] == "threshold 2.00"


def test_the_lead_says_what_was_found() -> None:
    entries = [checked("a.png", 1.0), checked("b.png", 3.0), FailedEntry("c.png", "ends early")]
    root = read(ood_page(entries, _SCORING))
    lead = root.all("p", klass="lead")[0].text
    assert lead.startswith("1 of 2 pictures flagged, 1 not read.")
    assert "sr-x4" in lead and "From 2.00 on a picture is flagged, as 2.5\xa0% of" in lead
    assert root.all("section", klass="failures")[0].all("li")[0].text == "c.pngends early"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup(name: str) -> None:
    def page(words: str) -> Element:
        entry = checked(words, 3.0, verdict=words, reasons=(words,))
        return read(ood_page([entry, FailedEntry(words, words)], Scoring(words, 2.0)))

    found, wanted = page(name), page("plain")
    for kind in ("script", "img", "style", "b", "td", "th", "li"):
        assert len(found.all(kind)) == len(wanted.all(kind))


def test_only_the_highest_scores_keep_their_pictures() -> None:
    page = OodPage(_SCORING, max_pictures=3)
    scores = [1.0, 5.0, 3.0, 0.5, 4.0, math.inf, 0.7]
    for score in scores:
        page.add(checked(f"{score}.png", score))
    root = read(page.html())
    pictured = [bool(row.all("img")) for row in _rows(root)]
    assert pictured == [True] * 3 + [False] * 4
    assert "Pictures are shown for the 3 highest scores" in root.text


def test_no_pixels_are_kept() -> None:
    page = OodPage(_SCORING)
    page.add(checked("a.png", 1.0))
    (row,) = page._rows
    assert row.entry.image is None and row.entry.score_map is None


def test_red_is_the_score_that_is_beyond_or_the_reason() -> None:
    entry = checked("a.png", 1.0, flagged=True, reasons=("few tones",), rank=100.0)
    (row,) = _rows(read(ood_page([entry], _SCORING)))
    assert not row.all("td", klass="beyond")
    assert row.all("td", klass="reasons")[0].text == "few tones"
    (row,) = _rows(read(ood_page([checked("b.png", 9.0)], _SCORING)))
    assert row.all("td", klass="beyond")[0].text == "9.00"


def test_no_entry_makes_an_honest_page() -> None:
    root = read(ood_page([], _SCORING))
    assert "0 of 0 pictures flagged" in root.text and not root.all("table")


def test_a_page_is_written(tmp_path: Path) -> None:
    page, path = OodPage(_SCORING), tmp_path / "page.html"
    page.add(checked("a.png", 1.0))
    page.write(path)
    assert path.read_text(encoding="utf-8") == page.html()


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ValueError, match="threshold"):
        Scoring("sr-x4", math.nan)
    with pytest.raises(ValueError, match=r"a\.png"):
        OodEntry("a.png", 1.0, False, score_map=np.zeros(4))

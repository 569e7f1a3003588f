"""What stands on the page of a restoration run."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restoreflow.errors import OutputError
from restoreflow.reports.entries import FailedEntry, RestorationEntry
from restoreflow.reports.previews import Previews
from restoreflow.reports.restoration_page import RestorationPage, restoration_page
from tests.reports.examples import HOSTILE, facts, picture, restored
from tests.reports.page_reader import Element, read


def _section(entry: RestorationEntry, previews: Previews | None = None) -> Element:
    (article,) = read(restoration_page([entry], previews=previews)).all("article")
    return article


def _figures(section: Element) -> dict[str, str]:
    (aside,) = section.all("aside")
    terms, values = aside.all("dt"), aside.all("dd")
    return dict(zip([t.text for t in terms], [v.text for v in values], strict=True))


def _image(element: Element) -> Image.Image:
    source = element.all("img")[0]["src"]
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))


def test_a_section_holds_input_samples_mean_and_maps() -> None:
    entry = restored(samples=3)
    section = _section(entry)
    after = section.all("div", klass="after")
    assert [layer["data-sample"] for layer in after] == ["1", "2", "3", "mean"]
    assert ["hidden" in layer.attributes for layer in after] == [False, True, True, True]
    assert [layer["data-map"] for layer in section.all("div", klass="map")] == ["spread", "score"]
    (before,) = section.all("div", klass="before")
    np.testing.assert_array_equal(_image(before).convert("RGB"), np.asarray(entry.before))
    np.testing.assert_array_equal(_image(after[1]).convert("RGB"), np.asarray(entry.samples[1]))


def test_every_picture_has_its_words() -> None:
    section = _section(restored("photo.jpg", samples=2))
    alts = [image["alt"] for image in section.all("img")]
    assert alts == [
        "sample 1 of 2 restored from photo.jpg, 64 × 48 pixels",
        "sample 2 of 2 restored from photo.jpg, 64 × 48 pixels",
        "mean estimate restored from photo.jpg, 64 × 48 pixels",
        "Heat map for photo.jpg: Spread of the samples; mean 16.0, largest 32.0 levels of 255",
        "Heat map for photo.jpg: Unlike the training photographs; mean 1.90, largest 3.81 "
        "times what is usual",
        "Input photo.jpg, 16 × 12 pixels",
    ]


def test_the_slider_tells_its_name_and_value() -> None:
    (slider,) = _section(restored()).all("div", role="slider")
    assert slider["tabindex"] == "0" and slider["aria-valuenow"] == "50"
    assert (slider["aria-valuemin"], slider["aria-valuemax"]) == ("0", "100")
    assert "photo.jpg" in slider["aria-label"] and slider["aria-valuetext"] == "50 % before"


def test_figures_stand_beside() -> None:
    known = facts(
        lr_psnr=58.63, consistency=True, largest_detail=0.314, rank=97.3, probability=0.425,
        device="cpu", nonfinite=3, error_pixels=1200,
    )  # fmt: skip
    assert _figures(_section(restored(samples=2, facts=known))) == {
        "Size": "16 × 12 → 64 × 48",
        "Model": "sr-x4",
        "Temperature": "0.8",
        "Seed": "7",
        "Projected": "onto the input",
        "LR-PSNR": "58.6 dB",
        "Error pixels": "1,200",
        "Not finite": "3",
        "Largest detail": "0.314",
        "Unlike": "97.3 of 100",
        "Artifacts": "42 %",
        "Time": "1.2 s for 2 samples, cpu",
    }


def test_what_is_not_known_is_left_out() -> None:
    entry = restored(samples=1, mean=None, uncertainty=None, score_map=None)
    section = _section(entry)
    names = set(_figures(section))
    assert names == {"Size", "Model", "Temperature", "Seed", "Error pixels", "Time"}
    assert [legend.text for legend in section.all("legend")] == ["Zoom"]
    assert not section.all("div", klass="legend")


def test_a_flagged_input_says_why() -> None:
    known = facts(rank=100.0, flagged=True, reasons=("noise", "<b>"), notes=("laid on white",))
    section = _section(restored(facts=known))
    notes = [item.text for item in section.all("ul", klass="notes")[0].all("li")]
    assert notes == ["Unlike the training photographs: noise, <b>.", "laid on white"]
    assert [row.all("dt")[0].text for row in section.all("div", klass="warn")] == ["Unlike"]


def test_legends_have_numbers_and_units() -> None:
    spread = _section(restored()).all("div", data_legend="spread")[0]
    assert "levels of 255" in spread.text and "≥ 16" in spread.text
    assert "Mean 16.0, 99 % below 32.0, largest 32.0." in spread.text
    broken = np.full((12, 16), np.nan, np.float32)
    score = _section(restored(score_map=broken)).all("div", data_legend="score")[0]
    assert "192 values are not numbers" in score.text and "Magenta" in score.text


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup(name: str) -> None:
    known = facts(model=name, reasons=(name,), notes=(name,), flagged=True, device=name)
    page = restoration_page(
        [restored(name, facts=known), FailedEntry(name, name, name)], title=name
    )
    plain = restoration_page(
        [restored(facts=facts(reasons=("r",), notes=("n",), flagged=True, device="d")),
         FailedEntry("f", "m", "h")]
    )  # fmt: skip
    kinds = ("script", "img", "style", "b", "title", "li", "input")
    found, wanted = read(page), read(plain)
    assert [len(found.all(kind)) for kind in kinds] == [len(wanted.all(kind)) for kind in kinds]
    assert not any(key.startswith("on") for e in found.all("img") for key in e.attributes)
    page.encode("utf-8")


def test_large_results_get_a_detail_at_full_size() -> None:
    entry = restored(side=100, samples=2)  # 400 x 300
    previews = Previews(max_side=200, detail_side=120, lossless_side=512)
    whole, detail = _section(entry, previews).all("div", klass="canvas")
    assert whole["data-view"] == "whole" and whole["data-width"] == "200"
    assert detail["data-view"] == "detail" and "hidden" in detail.attributes
    shown = _image(detail.all("div", klass="after")[0]).convert("RGB")
    # The spread grows to the right, so the detail lies at the right border.
    assert shown.size == (120, 88)
    full = np.asarray(entry.samples[0])[:, 280:]
    rows = [top for top in range(213) if np.array_equal(full[top : top + 88], np.asarray(shown))]
    assert len(rows) == 1
    before = _image(detail.all("div", klass="before")[0]).convert("RGB")
    top = rows[0] // 4
    expected = np.asarray(entry.before)[top : top + 22, 70:]
    np.testing.assert_array_equal(np.asarray(before), expected)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 700), (700, 1), (53, 37)])
def test_any_proportions_are_shown(width: int, height: int) -> None:
    entry = restored(
        before=picture(width, height),
        samples=[picture(width, height), picture(width, height, 9)],
        mean=None,
        uncertainty=np.ones((height, width), np.float32),
        score_map=np.ones((3, 2), np.float32),
    )
    for previews in (Previews(), Previews(max_side=30, detail_side=10)):
        for image in _section(entry, previews).all("img"):
            assert min(_image(Element("", {}, [image])).size) >= 1


def test_a_page_stays_reasonable() -> None:
    page = RestorationPage(max_bytes=40_000)
    for index in range(8):
        page.add(restored(f"{index}.png"))
    html = page.html()
    sections = read(html).all("article")
    pictured = [bool(section.all("img")) for section in sections]
    assert pictured[0] and not pictured[-1] and pictured == sorted(pictured, reverse=True)
    assert len(html) < 100_000 and "Without pictures" in sections[-1].text
    assert all(_figures(section)["Seed"] == "7" for section in sections)


def test_failures_stand_at_the_end() -> None:
    page = restoration_page([FailedEntry("a.jpg", "ends early", "copy it again"), restored()])
    root = read(page)
    assert root.all("section", klass="failures")[0].all("li")[0].text == (
        "a.jpgends early (copy it again)"
    )
    assert "1 picture, 1 not restored." in root.all("p", klass="lead")[0].text


def test_many_pictures_have_contents() -> None:
    root = read(restoration_page(restored(f"{k}.png", samples=1) for k in range(5)))
    links = [link["href"] for link in root.all("details", klass="contents")[0].all("a")]
    assert links == [f"#{article['id']}" for article in root.all("article")]
    names = [e["name"] for e in root.all("input", type="radio", data_control="zoom")]
    assert len(set(names)) == 5  # one group a picture


def test_no_entry_makes_an_honest_page() -> None:
    assert "0 pictures." in read(restoration_page([])).all("p", klass="lead")[0].text


def test_a_page_is_written_whole_and_never_over_another(tmp_path: Path) -> None:
    page, path = RestorationPage(), tmp_path / "page.html"
    page.add(restored())
    page.write(path)
    assert path.read_text(encoding="utf-8") == page.html()
    with pytest.raises(OutputError, match="exists"):
        page.write(path)
    page.write(path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": []},
        {"samples": [picture(64, 48), picture(64, 47)]},
        {"mean": picture(16, 12)},
        {"uncertainty": np.zeros((64, 48), np.float32)},
        {"score_map": np.zeros((3, 4, 5))},
        {"score_map": np.zeros((0, 4))},
    ],
)
def test_what_does_not_go_together_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"photo\.jpg"):
        restored(**wrong)  # type: ignore[arg-type]


def test_reports_need_neither_torch_nor_the_command_line() -> None:
    code = (
        "import sys, restoreflow.reports.restoration_page, restoreflow.reports.ood_page\n"
        "bad = [m for m in sys.modules if m in ('torch', 'typer') or m.startswith("
        "('restoreflow.cli', 'restoreflow.batch'))]\n"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

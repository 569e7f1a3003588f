"""`restoreflow sr --report`: one page for all results of a run."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restoreflow.batch import restore
from tests.cli.conftest import Run, picture
from tests.reports.page_reader import read

pytestmark = pytest.mark.usefixtures("bundled")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.html"


def test_one_page_for_all(run: Run, tmp_path: Path, page: Path) -> None:
    names = ["a.png", "b.webp", "<b>&.png"]
    inputs = [picture(tmp_path / name) for name in names]
    (tmp_path / "bad.png").write_bytes(b"no picture")
    result = run(
        "sr", *inputs, tmp_path / "bad.png", "-n", 2, "--report", page, "-o", tmp_path / "out"
    )
    assert result.code == 3
    html = page.read_text(encoding="utf-8")
    assert html.count('<article class="entry"') == 3
    assert "&lt;b&gt;&amp;.png" in html and "<b>&.png" not in html
    assert "16 × 12 → 64 × 48" in html
    assert html.count('data-map="spread"') == 3
    assert "bad.png" in html and "Not restored" in html
    assert "http://" not in html and "https://" not in html


def test_a_run_of_results_that_exist_says_so(run: Run, photo: Path, page: Path) -> None:
    assert run("sr", photo).code == 0
    assert run("sr", photo, "--report", page).code == 0
    tree = read(page.read_text(encoding="utf-8"))
    assert "--overwrite restores it again" in tree.text
    assert not tree.all("article")


def test_a_page_is_never_replaced_unasked(run: Run, photo: Path, page: Path) -> None:
    page.write_text("mine")
    refused = run("sr", photo, "--report", page)
    assert refused.code == 2 and "--overwrite" in refused.err
    assert page.read_text() == "mine"
    assert not photo.with_name("photo_sr4x.png").exists()
    assert run("sr", photo, "--report", page, "--overwrite").code == 0
    assert "photo.png" in page.read_text(encoding="utf-8")
    assert run("sr", photo, "--report", photo, "--overwrite").code == 2


def test_a_large_result_is_shown_reduced(
    run: Run, tmp_path: Path, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "WHOLE_PIXELS", 0)
    monkeypatch.setattr(restore, "_SIDE", 20)
    source = picture(tmp_path / "large.png", 24, 15)
    assert run("sr", source, "-n", 2, "--report", page).code == 0
    tree = read(page.read_text(encoding="utf-8"))
    text = tree.text
    assert "24 × 15 → 96 × 60" in text
    assert "preview at 21 % of full size" in text and "file holds all of it" in text
    result = Image.open(tmp_path / "large_sr4x_1.png")
    (image,) = tree.all("div", klass="after", data_sample="1")[0].all("img")
    shown = Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))).convert("RGB")
    assert shown.size == (20, 12)
    whole = np.asarray(result, float)[:60, :95].reshape(12, 5, 19, 5, 3).mean((1, 3))
    assert np.abs(np.asarray(shown, float)[:, :19] - whole).max() <= 1


def test_many_samples_are_not_all_shown(run: Run, photo: Path, page: Path) -> None:
    assert run("sr", photo, "-n", 10, "--report", page, "-o", photo.with_name("out")).code == 0
    tree = read(page.read_text(encoding="utf-8"))
    assert "The first 8 of 10 samples are shown." in tree.text
    assert len(tree.all("div", klass="after")) == 8 + 1

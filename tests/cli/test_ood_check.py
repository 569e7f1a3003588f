"""`restoreflow ood-check`: tables, records, maps, a page, and exit codes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from restoreflow.lab.degradations.corruptions import corrupt
from restoreflow.models import resolve
from tests.cli.conftest import Run
from tests.ood import fakes


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.bundle(tmp_path_factory.mktemp("weights"), "features")


@pytest.fixture(autouse=True)
def _bundled(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "_bundle", lambda: bundle)


def write(path: Path, corruption: str = "", seed: int = 30) -> Path:
    picture = fakes.photo(seed)
    if corruption:
        generator = torch.Generator().manual_seed(0)
        picture = corrupt(picture[None], corruption, 5, generator)[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    return fakes.write(path, picture)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    write(folder / "calm.png")
    write(folder / "noise.png", "gaussian_noise")
    write(folder / "deep" / "blur.png", "blur")
    return folder


def test_records_tell_what_is_unusual(run: Run, pictures: Path) -> None:
    result = run("ood-check", pictures, "--recursive", "--format", "json")
    assert result.code == 0, result.err
    found = {Path(record["input"]).stem: record for record in result.records}
    assert {name: record["flagged"] for name, record in found.items()} == {
        "calm": False,
        "noise": True,
        "blur": True,
    }
    assert found["blur"]["ood_score"] < found["calm"]["ood_score"] < found["noise"]["ood_score"]
    assert found["noise"]["ood_rank"] == 100 > found["calm"]["ood_rank"]
    assert [each["kind"] for each in found["blur"]["suffers"]] == ["blur"]
    assert found["blur"]["suffers"][0]["unit"] == "pixels"
    assert found["blur"]["verdict"] == "--model sr-x4"
    assert found["calm"]["suffers"] == [] and found["calm"]["verdict"] == "nothing to do"
    assert any(reason.startswith("noise: ") for reason in found["noise"]["reasons"])
    assert found["noise"]["artifact_probability"] is None
    assert found["calm"]["mean"] == found["calm"]["ood_score"]


def test_the_table_puts_the_strangest_first(run: Run, pictures: Path) -> None:
    result = run("ood-check", pictures / "calm.png", pictures / "noise.png", "--format", "human")
    assert result.code == 0
    assert result.out.index("noise.png") < result.out.index("calm.png")
    assert "--temperature 0" in result.out
    told = " ".join(result.out.split())
    assert "noise: " in told and "of 100 training photographs" in told


def test_csv_is_the_table_for_spreadsheets(run: Run, pictures: Path) -> None:
    bad = pictures / "bad.png"
    bad.write_bytes(b"no picture")
    result = run("ood-check", pictures, "-r", "--format", "csv")
    assert result.code == 3
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert [Path(row["input"]).stem for row in rows] == ["noise", "blur", "calm", "bad"]
    assert float(rows[0]["ood_score"]) > float(rows[2]["ood_score"])
    assert rows[0]["flagged"] == "True"
    assert rows[3]["ood_score"] == ""
    assert "bad.png" in rows[3]["error"]


def test_unreadable_files_are_listed_and_the_others_judged(run: Run, pictures: Path) -> None:
    (pictures / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    result = run("ood-check", pictures, pictures / "gone.png", "--format", "json")
    assert result.code == 3
    failed = [record for record in result.records if record["status"] == "failed"]
    assert [Path(record["input"]).name for record in failed] == ["bad.png", "gone.png"]
    assert all(record["error"] for record in failed)
    assert sum(record["status"] == "done" for record in result.records) == 2
    human = run("ood-check", pictures, "--format", "human")
    assert "bad.png" in human.err
    assert run("ood-check", pictures / "gone.png").code == 4


def test_fail_on_flag(run: Run, pictures: Path) -> None:
    calm, noise = pictures / "calm.png", pictures / "noise.png"
    assert run("ood-check", calm, "--fail-on-flag").code == 0
    result = run("ood-check", calm, noise, "--fail-on-flag", "--format", "json")
    assert result.code == 7
    assert len(result.records) == 2
    assert "1 of 2 pictures flagged" in result.err
    assert run("ood-check", calm, "--fail-on-flag", "--threshold", 0).code == 7
    loose = run("ood-check", noise, "--threshold", 1e9, "--format", "json")
    assert loose.records[0]["flagged"]


def test_heat_maps_mirror_the_folder(run: Run, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "maps"
    words = ("ood-check", pictures, "-r", "--heatmaps", out, "--format", "json")
    result = run(*words)
    assert result.code == 0, result.err
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert written == ["calm.png_ood.png", "deep/blur.png_ood.png", "noise.png_ood.png"]
    assert {Path(record["heatmap"]) for record in result.records} == set(out.rglob("*.png"))
    with Image.open(out / "calm.png_ood.png") as image:
        assert image.width >= 280
    again = run(*words)
    assert again.code == 2
    assert "--overwrite" in again.out + again.err
    assert run(*words, "--overwrite").code == 0


def test_maps_of_two_pictures_do_not_collide(run: Run, pictures: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other" / "calm.png")
    words = ("ood-check", pictures / "calm.png", other, "--heatmaps", tmp_path / "maps")
    result = run(*words, "--format", "json")
    assert result.code == 3
    assert [record["status"] for record in result.records] == ["done", "failed"]
    assert "would both be" in result.records[1]["error"]
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["calm.png_ood.png"]


def test_the_page_holds_all(run: Run, pictures: Path, tmp_path: Path) -> None:
    (pictures / "bad<b>.png").write_bytes(b"no picture")
    page = tmp_path / "page.html"
    result = run("ood-check", pictures, "--report", page, "--format", "json")
    assert result.code == 3
    text = page.read_text()
    assert "noise.png" in text
    assert "--temperature 0" in text and "noise: " in text
    assert "bad&lt;b&gt;.png" in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    again = run("ood-check", pictures, "--report", page)
    assert again.code == 2
    assert "--overwrite" in again.out + again.err


def test_patterns_are_expanded(run: Run, pictures: Path) -> None:
    result = run("ood-check", str(pictures / "c*.png"), "--format", "json")
    assert [Path(record["input"]).name for record in result.records] == ["calm.png"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--model", "plain"), 6, "cannot judge inputs"),
        (("--model", "sr-x5"), 6, "no bundled model"),
        (("--model", "sr-x4", "--task", "lowlight"), 2, "is a model for sr"),
        (("--task", "lowlight"), 6, "lowlight"),
        (("--threshold", "-1"), 2, "--threshold"),
    ],
)
def test_mistakes_end_before_work(
    run: Run, pictures: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    result = run("ood-check", pictures, *options)
    assert result.code == code
    assert message in result.err
    assert result.out == ""


def test_pages_are_checked_one_by_one(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "page.png")
    with Image.open(path) as image:
        image.save(tmp_path / "scan.tif", save_all=True, append_images=[image])
    maps = tmp_path / "maps"
    result = run("ood-check", tmp_path / "scan.tif", "--format", "json", "--heatmaps", maps)
    assert result.code == 0, result.out
    assert [record["status"] for record in result.records] == ["done", "done"]
    assert sorted(each.name for each in maps.iterdir()) == [
        "scan.tif_page1_ood.png",
        "scan.tif_page2_ood.png",
    ]


def test_the_limit_on_pixels_is_the_same_as_elsewhere(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "photo.png")
    refused = run("ood-check", path, "--format", "json", "--max-pixels", 100)
    assert refused.code == 5
    assert "--max-pixels" in refused.records[0]["hint"]
    assert run("ood-check", path, "--max-pixels", 0).code == 0

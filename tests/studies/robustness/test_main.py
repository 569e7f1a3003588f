"""`python -m studies.robustness`, on tiny twins."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from PIL import Image

from restoreflow.models.folder import save_folder
from studies.robustness import figures, settings
from studies.robustness import run as study_run
from tests.cli.conftest import Run
from tests.measures.lpips_weights import write_weights
from tests.ood import fakes
from tests.studies.robustness.conftest import named, wild

FIGURES = ("explosions", "onset", "corruptions", "prediction", "quality", "growth", "toy")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = dataclasses.replace(
        settings.QUICK,
        photos=1,
        photo_side=96,
        photo_temperatures=(0.0, 0.8),
        corrupted_side=96,
        severities=(5,),
        temperatures=(0.0, 0.8),
        hostile_side=32,
        attack_side=32,
        attack_steps=1,
        attack_temperatures=(0.8,),
        quality_photos=1,
        quality_side=96,
        quality_temperatures=(0.0, 0.8),
        quality_samples=2,
        search_steps=2,
        reference_photos=2,
        round_trips=1000,
        toy_steps=2,
    )
    monkeypatch.setattr(settings, "QUICK", quick)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    photos = fakes.write_photos(tmp_path / "photos", 2)
    names = []
    for name, coupling in (("calm", "spline"), ("wild", "affine")):
        save_folder(tmp_path / name, named(name, coupling), wild(coupling), fakes.CARD)
        names.append(str(tmp_path / name))
    write_weights(tmp_path / "lpips")
    options = {"--models": ",".join(names), "--photos": photos, "--train": photos}
    options |= {"--out": tmp_path / "out", "--cache": tmp_path / "cache"}
    options |= {"--lpips": tmp_path / "lpips"}
    return ["--quick", *(str(word) for pair in options.items() for word in pair)]


@pytest.mark.usefixtures("small")
def test_writes_a_page_and_resumes(
    run: Run, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(*words)
    assert first.code == 0, first.err
    found = {record["statement"]: record["holds"] for record in first.records}
    assert found["wild visibly fails"] is True
    assert found["calm: nothing is not finite, on any input"] is True
    out = tmp_path / "out"
    page, document = (out / "README.md").read_text(), (out / "results.json").read_text()
    for name in FIGURES:
        with Image.open(out / f"{name}.png") as figure:
            assert min(figure.size) > 200
        assert (out / f"{name}.svg").read_text().lstrip().startswith("<?xml")
        assert f"({name}.png)" in page
    assert str(tmp_path) not in page + document
    assert "`wild`" in page
    data = json.loads(document)
    assert len(data["inputs"][0]) == len(data["input_columns"])
    assert {row[0] for row in data["inputs"]} == {"calm", "wild"}

    # Again, with nothing that measures at hand: all of it is remembered.
    for name in ("measure", "attack", "bounds", "growth", "quality", "likelihood", "toy"):
        monkeypatch.delattr(study_run, name)
    monkeypatch.setattr(figures, "draw_figures", lambda study, folder: list(FIGURES))
    again = run(*words)
    assert again.out == first.out
    assert (out / "results.json").read_text() == document
    assert (out / "README.md").read_text() == page


def test_says_what_is_missing(run: Run, words: list[str]) -> None:
    assert run(*words, "--full").code == 2
    where = words.index("--train")
    bare = words[:where] + words[where + 2 :]
    outcome = run(*bare, "--ablations")
    assert outcome.code == 2
    assert "--train" in outcome.err
    outcome = run(*bare)
    assert outcome.code == 2
    assert "fit-ood" in outcome.err


@pytest.mark.usefixtures("small")
def test_replaces_nobody_elses_files(run: Run, words: list[str], tmp_path: Path) -> None:
    mine = tmp_path / "mine/README.md"
    mine.parent.mkdir()
    mine.write_text("mine")
    photo = tmp_path / "photos/quality.png"
    photo.write_bytes(next((tmp_path / "photos").glob("*.png")).read_bytes())
    before = photo.read_bytes()
    for folder, why in (("photos", "reads"), ("mine", "not of a study")):
        outcome = run(*words, "--out", tmp_path / folder)
        assert outcome.code == 2, outcome.err
        assert why in outcome.err
    for option in ("--photos", "--train"):
        assert run(*words, option, tmp_path / "photos", "--out", tmp_path / "photos").code == 2
    assert (mine.read_text(), photo.read_bytes()) == ("mine", before)
    assert {path.name for path in mine.parent.iterdir()} == {"README.md"}

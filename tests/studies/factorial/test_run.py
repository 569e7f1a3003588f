"""`python -m studies.factorial` on tiny arms: whole, resumed, stopped."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from restoreflow.cli import program
from studies.factorial import figures, forms, inputs, panels, run, settings, statistics
from studies.factorial.__main__ import NAME, app
from studies.robustness.suite import Item, hostile
from tests.cli.conftest import Outcome, Run, _no_debug, _nothing_piped_in
from tests.ood import fakes

__all__ = ["_no_debug", "_nothing_piped_in"]

TINY = dataclasses.replace(
    settings.QUICK,
    seeds=(0,),
    steps=2,
    marks=(1, 2),
    batch=2,
    patch=32,
    train_photos=2,
    train_side=96,
    photos=1,
    photo_side=96,
    temperatures=(0.0, 1.0),
)


@pytest.fixture
def study(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(settings, "QUICK", TINY)
    monkeypatch.setattr(forms, "TIERS", (forms.TIERS[0][:1],))

    def few(*given: Any) -> list[Item]:
        return [item for item in hostile(*given) if item.name in ("checker_1", "text")]

    monkeypatch.setattr(inputs, "hostile", few)
    monkeypatch.setattr(statistics, "REPEATS", 8)
    monkeypatch.setattr(figures, "RESOLUTION", 60)
    monkeypatch.setattr(panels, "SIDE", 96)

    def study(*words: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            program.run(app, NAME, [str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(int(str(ending.value.code)), captured.out, captured.err)

    return study


def words(tmp_path: Path) -> list[object]:
    photos = fakes.write_photos(tmp_path / "photos", 2)
    others = tmp_path / "others/comics"
    others.mkdir(parents=True)
    shutil.copy(next(photos.glob("*.png")), others / "a.png")
    options = {"--photos": photos, "--train": photos, "--others": others.parent}
    options |= {"--out": tmp_path / "out", "--work": tmp_path / "work"}
    return ["--quick", *(word for pair in options.items() for word in pair)]


def test_a_study_is_whole_and_goes_on_from_what_it_has(
    study: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = words(tmp_path)
    stopped = study(*given, "--minutes", 0)
    assert stopped.code == 0, stopped.err
    names = [arm.name for arm in forms.TIERS[0]]
    assert stopped.records[0]["flows"] == 0
    assert stopped.records[0]["missing"] == [[name, 0] for name in names]

    pages = [(tmp_path / "out/README.md").read_text()]
    whole = study(*given)
    assert whole.code == 0, whole.err
    assert whole.records[0]["flows"] == 2  # one of them clamped afterwards
    assert whole.records[0]["missing"] == []
    first = (tmp_path / "out/results.json").read_text()
    found = json.loads(first)
    groups = [each["group"] for each in found["inputs"]]
    assert set(groups) == {"photographs", "corrupted", "patterns", "other"}
    trained, clamped = found["runs"]
    assert trained["arm"] + ", slopes clamped at test time" == clamped["arm"]
    for each in found["runs"]:
        assert len(each["end"]["outcomes"]) == len(found["inputs"])
        assert all(len(rows) == len(TINY.temperatures) for rows in each["end"]["outcomes"])
    assert all(set(scores) == {"features_mean", "features_p99"} for scores in trained["scores"])
    assert sum(trained["inside"]["slopes"]["patterns"]) > 0
    assert [mark["steps"] for mark in trained["marks"]] == [1]
    page = (tmp_path / "out/README.md").read_text()
    assert "Nothing that was planned is missing" in page
    assert "**Missing**" in pages[0]
    for name in ("along", "slopes", "growth"):
        assert f"({name}.png)" in page
        with Image.open(tmp_path / f"out/{name}.png") as figure:
            assert min(figure.size) > 100
    assert str(tmp_path) not in page + first

    # Again, with nothing that trains at hand: all of it is remembered.
    monkeypatch.delattr(run, "trainer")
    monkeypatch.setattr(figures, "FIGURES", {})
    again = study(*given)
    assert again.out == whole.out
    assert (tmp_path / "out/results.json").read_text() == first

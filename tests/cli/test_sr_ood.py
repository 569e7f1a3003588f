"""`restoreflow sr --ood`: inputs unlike the training set are told, left out, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from restoreflow.batch.judging import JUDGED, warning
from restoreflow.batch.record import Record
from restoreflow.defects.defect import Defect
from restoreflow.lab.degradations.corruptions import corrupt
from restoreflow.models import resolve
from tests.cli.conftest import Run
from tests.ood import fakes


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.bundle(tmp_path_factory.mktemp("weights"), "head")


@pytest.fixture(autouse=True)
def _bundled(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "_bundle", lambda: bundle)


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    return fakes.write(tmp_path / "calm.png", fakes.photo(30, 40, 48))


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    generator = torch.Generator().manual_seed(0)
    picture = fakes.photo(30, 40, 48)[None]
    return fakes.write(tmp_path / "noisy.png", corrupt(picture, "gaussian_noise", 5, generator)[0])


def test_a_flagged_file_is_restored_and_told_in_one_line(run: Run, calm: Path, noisy: Path) -> None:
    result = run("sr", calm, noisy, "--precision", "float32")
    assert result.code == 0
    (line,) = result.err.splitlines()
    assert "noisy.png" in line and "unlike what the model has learnt from" in line
    assert "noise:" in line
    assert noisy.with_name("noisy_sr4x.png").exists()


def test_what_is_to_be_done_first_is_told_of_usual_pictures_too() -> None:
    blocks = Defect("jpeg", 30.0).as_dict()
    facts = {"flagged": False, "suffers": [blocks], "verdict": "--model sr-x4"}
    facts |= {"advice": "it takes away JPEG of quality 30"}
    line = warning(Record(Path("a.png"), "done", (), facts))
    assert line is not None
    assert line.startswith("a.png: suffers from JPEG of quality 30; --model sr-x4: ")
    assert "unlike" not in line
    settled = facts | {"verdict": "nothing to do", "advice": "the model takes it away by itself"}
    assert warning(Record(Path("a.png"), "done", (), settled)) is None


def test_records_hold_the_judgement(run: Run, calm: Path, noisy: Path) -> None:
    usual, strange, summary = run("sr", calm, noisy, "--format", "json").records
    assert (usual["flagged"], strange["flagged"], summary["flagged"]) == (False, True, 1)
    assert strange["ood_score"] > 3 * usual["ood_score"] > 0
    assert usual["artifact_probability"] is None  # the tiny model's statistics hold no calibration
    assert any(reason.startswith("noise: ") for reason in strange["reasons"])
    checked = run("ood-check", noisy, "--format", "json").records[0]
    # In bfloat16, where a window is retried in float32, they differ by its rounding.
    assert strange["ood_score"] == pytest.approx(checked["ood_score"], rel=0.03)
    assert strange["ood_rank"] == pytest.approx(checked["ood_rank"], abs=1)
    alike = [name for name in JUDGED if name not in ("ood_score", "ood_rank")]
    assert [strange[name] for name in alike] == [checked[name] for name in alike]


def test_the_score_depends_neither_on_samples_nor_on_tiles(run: Run, noisy: Path) -> None:
    ways = [("-n", 2), ("--tile", 16), ()]
    ways = [(*words, "--precision", "float32") for words in ways] + [("--precision", "bfloat16")]
    found = [
        run("sr", noisy, "--format", "json", "--overwrite", *words).records[0]["ood_score"]
        for words in ways
    ]
    assert found[:3] == pytest.approx([found[0]] * 3, rel=1e-6)
    assert found[3] == pytest.approx(found[0], rel=0.03)


def test_skip_leaves_flagged_files_out(run: Run, calm: Path, noisy: Path) -> None:
    done, skipped, summary = run("sr", calm, noisy, "--ood", "skip", "--format", "json").records
    assert (done["status"], skipped["status"], skipped["output"]) == ("done", "skipped", [])
    assert skipped["flagged"] and "unlike" in skipped["reason"]
    assert (summary["skipped"], summary["flagged"], summary["exit_code"]) == (1, 1, 0)
    assert not noisy.with_name("noisy_sr4x.png").exists()
    assert "skipped" in run("sr", noisy, "--ood", "skip").out


def test_fail_ends_the_run_with_7_after_the_others(run: Run, calm: Path, noisy: Path) -> None:
    result = run("sr", noisy, calm, "--ood", "fail", "--format", "json")
    failed, done, summary = result.records
    assert result.code == summary["exit_code"] == 7
    assert (failed["status"], done["status"], summary["refused"]) == ("failed", "done", 1)
    assert "--ood warn" in failed["hint"] and failed["flagged"]
    assert not noisy.with_name("noisy_sr4x.png").exists()
    assert calm.with_name("calm_sr4x.png").exists()
    assert "noisy.png is unlike" in run("sr", noisy, "--ood", "fail").err
    assert run("sr", noisy, calm.with_name("gone.png"), "--ood", "fail").code == 7


def test_off_judges_none(run: Run, noisy: Path) -> None:
    (record,) = run("sr", noisy, "--ood", "off", "--format", "json").records
    assert record["flagged"] is None and record["ood_score"] is None


def test_a_model_that_cannot_judge(run: Run, noisy: Path) -> None:
    result = run("sr", noisy, "--model", "plain", "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert result.records[0]["ood_score"] is None
    for action in ("skip", "fail"):
        asked = run("sr", noisy, "--model", "plain", "--ood", action, "--overwrite")
        assert asked.code == 6
        assert "ood.safetensors" in asked.err and "fit-ood" in asked.err


def test_the_judgement_changes_no_result(run: Run, noisy: Path) -> None:
    made = []
    for action in ("off", "warn"):
        assert run("sr", noisy, "--ood", action, "-o", noisy.with_name(action)).code == 0
        made.append(noisy.with_name(action).joinpath("noisy_sr4x.png").read_bytes())
    assert made[0] == made[1]
    again = run("sr", noisy, "--ood", "off", "-o", noisy.with_name("warn"), "--format", "json")
    assert again.records[0]["reason"] == "is done"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_temperature_is_lowered_where_that_is_asked_for(
    run: Run, noisy: Path, tmp_path: Path, precision: str
) -> None:
    results = []
    always = ("--temperature", 1, "--no-consistency", "--precision", precision)
    for index, words in enumerate(
        ((), ("--ood-temperature",), ("--ood-temperature", "--ood", "fail"))
    ):
        out = tmp_path / str(index)
        code = run("sr", noisy, "-o", out, *always, *words).code
        assert code == (7 if "fail" in words else 0)
        results += [path.read_bytes() for path in out.glob("*.png")]
    assert len(results) == 2 and results[0] != results[1]


@pytest.mark.parametrize("words", [("--ood", "off"), ("--compile",), ("--model", "plain")])
def test_a_lower_temperature_needs_a_score(run: Run, calm: Path, words: tuple[str, ...]) -> None:
    result = run("sr", calm, "--ood-temperature", *words)
    assert result.code != 0
    assert "ood" in result.err
    assert not calm.with_name("calm_sr4x.png").exists()

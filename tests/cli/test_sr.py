"""`restoreflow sr` with a tiny model: files, names, records and codes."""

from __future__ import annotations

import glob
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restoreflow.models import resolve
from restoreflow.restoration.restorer import Restorer
from tests.cli.conftest import Run, picture, save_tiny

pytestmark = pytest.mark.usefixtures("bundled")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_photo_beside_the_input(run: Run, photo: Path) -> None:
    before = photo.read_bytes()
    outcome = run("sr", photo)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count("\n") == 1
    assert "photo_sr4x.png" in outcome.out
    assert Image.open(photo.with_name("photo_sr4x.png")).size == (64, 48)
    assert names(photo.parent) == ["photo.png", "photo_sr4x.png"]
    assert photo.read_bytes() == before


def test_samples_map_and_sheet(run: Run, photo: Path) -> None:
    outcome = run("sr", photo, "-n", 2, "-t", 0.9, "--uncertainty", "--grid", "-o", "new/out/")
    assert outcome.code == 0
    made = ["photo_sr4x_1.png", "photo_sr4x_2.png", "photo_sr4x_grid.png"]
    made += ["photo_sr4x_uncertainty.png", "restoreflow-manifest.jsonl"]
    assert names(Path("new/out")) == made
    first, second = (np.asarray(Image.open(f"new/out/{name}")) for name in made[:2])
    assert np.abs(first.astype(int) - second).mean() > 0.5


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


RECORD = (
    "input output status seed temperature model scale lr_psnr lr_psnr_clean error_pixels nonfinite"
    " seconds device precision"
)


def test_json_record(run: Run, photo: Path) -> None:
    outcome = run("sr", photo, "--format", "json", "--seed", 5, "-t", 0, "--device", "cpu")
    (record,) = outcome.records
    assert set(RECORD.split()) <= set(record)
    expected = {
        "input": str(photo),
        "output": [str(photo.with_name("photo_sr4x.png"))],
        "status": "done",
        "seed": 5,
        "temperature": 0.0,
        "model": "sr-x4",
        "scale": 4,
        "nonfinite": 0,
        "device": "cpu",
        "width": 64,
    }
    assert {key: record[key] for key in expected} == expected
    assert outcome.err == ""


def test_existing_results_are_skipped_and_kept(run: Run, photo: Path) -> None:
    target = photo.with_name("photo_sr4x.png")
    target.write_bytes(b"mine")
    outcome = run("sr", photo, "--format", "json")
    (record,) = outcome.records
    assert (outcome.code, record["status"], record["reason"]) == (0, "skipped", "exists")
    assert target.read_bytes() == b"mine"
    assert "skipped" in run("sr", photo).out
    assert run("sr", photo, "--overwrite").code == 0
    assert Image.open(target).size == (64, 48)


def test_half_a_set_of_results_is_not_taken_for_done(run: Run, photo: Path) -> None:
    photo.with_name("photo_sr4x_1.png").write_bytes(b"")
    outcome = run("sr", photo, "-n", 2)
    assert outcome.code == 4
    assert "--overwrite" in outcome.err
    assert names(photo.parent) == ["photo.png", "photo_sr4x_1.png"]


def test_one_bad_file_ends_nothing(run: Run, tmp_path: Path) -> None:
    good, other = picture(tmp_path / "a.png"), picture(tmp_path / "c.webp")
    (tmp_path / "b.png").write_text("this is no picture")
    outcome = run("sr", good, "b.png", other, "--format", "json")
    assert outcome.code == 3
    assert [record["status"] for record in outcome.records[:3]] == ["done", "failed", "done"]
    failed = outcome.records[1]
    assert failed["input"] == "b.png"
    assert failed["output"] == []
    assert "not a picture" in failed["error"]
    assert failed["hint"]


def test_all_bad(run: Run) -> None:
    outcome = run("sr", "nowhere.png", "neither.jpg")
    assert outcome.code == 4
    assert outcome.err.count("\n") == 2
    assert "nowhere.png" in outcome.err
    assert outcome.out == ""


def test_a_result_the_format_cannot_hold(run: Run, tmp_path: Path) -> None:
    wide = picture(tmp_path / "wide.webp", width=4100, height=1)
    outcome = run("sr", wide)
    assert outcome.code == 5
    assert "16383" in outcome.err
    assert names(tmp_path) == ["wide.webp"]


def test_model_and_device_that_are_not_there(run: Run, photo: Path) -> None:
    missing = run("sr", photo, "--model", "sr-x9")
    assert missing.code == 6
    assert missing.err.count("\n") == 1
    told = run("sr", photo, "--model", "sr-x9", "--format", "json")
    assert told.code == 6
    assert told.records[0]["status"] == "failed"
    assert "sr-x9" in told.records[0]["error"]
    assert run("sr", photo, "--device", "cuda:77").code == 1
    assert run("sr", photo, "--device", "gpu").code == 2
    assert names(photo.parent) == ["photo.png"]


def test_two_inputs_of_one_result(run: Run, tmp_path: Path) -> None:
    for name in ("a/x.png", "b/x.png"):
        picture(tmp_path / name)
    assert run("sr", "a/x.png", "b/x.png", "-o", "one.png").code == 2
    assert not Path("one.png").exists()
    outcome = run("sr", "a/x.png", "b/x.png", "-o", "out/", "--format", "json")
    assert outcome.code == 3
    assert [record["status"] for record in outcome.records[:2]] == ["done", "failed"]
    assert "would both be written" in outcome.records[1]["error"]


def test_same_seed_same_bytes(run: Run, photo: Path) -> None:
    first = run("sr", photo, "-n", 2, "-o", "a/", "--tile", 8, "--seed", 3)
    assert first.code == 0
    assert run("sr", photo, "-o", "b/", "--seed", 3).code == 0
    assert run("sr", photo, "-o", "c/", "--seed", 4).code == 0
    same = Path("a/photo_sr4x_1.png").read_bytes()
    assert Path("b/photo_sr4x.png").read_bytes() == same
    assert Path("c/photo_sr4x.png").read_bytes() != same


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P"])
def test_modes_stay(run: Run, tmp_path: Path, mode: str) -> None:
    source = picture(tmp_path / "in.png", mode=mode)
    assert run("sr", source).code == 0
    with Image.open(tmp_path / "in_sr4x.png") as result:
        assert result.mode == {"P": "RGB"}.get(mode, mode)


def test_nothing_is_left_after_an_interrupt(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from restoreflow.images import colormap

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(colormap, "heat_map", interrupted)
    outcome = run("sr", photo, "-n", 2, "--uncertainty")
    assert outcome.code == 130
    assert names(photo.parent) == ["photo.png"]


def test_a_defect_in_one_file_ends_nothing(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("off by one")

    monkeypatch.setattr(Restorer, "restore_bands", broken)
    outcome = run("sr", photo)
    assert outcome.code == 4
    assert "off by one" in outcome.err
    assert "Traceback" not in outcome.err
    assert "Traceback" in run("sr", photo, "--debug").err


def test_quiet(run: Run, photo: Path) -> None:
    outcome = run("sr", photo, "nowhere.png", "--format", "quiet")
    assert outcome.code == 3
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1


def readme_commands() -> list[str]:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^\$ (restoreflow (?:sr|doctor) .*?)(?:\s+#.*)?$", text, flags=re.M)
    # The tiny model of these tests judges no inputs: test_sr_ood.py has one that does.
    found = [command for command in found if "--ood" not in command]
    return [*found, *re.findall(r"`(restoreflow models [^`]*)`", text)]


def test_the_readme_has_commands() -> None:
    assert len(readme_commands()) >= 4


@pytest.mark.parametrize("command", readme_commands())
def test_the_readmes_commands_work(
    run: Run, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scale, name in ((4, "sr-x4"), (2, "sr-x2"), (8, "sr-x8")):
        save_tiny(tmp_path / "weights", scale, name)
    monkeypatch.setattr(resolve, "_bundle", lambda: tmp_path / "weights")
    shutil.copy(picture(tmp_path / "scans/page.png"), tmp_path / "photo.jpg.png")
    for name in ("photo.jpg", "old-phone.jpg"):
        Image.open("photo.jpg.png").save(name)
    words = [each for word in shlex.split(command)[1:] for each in glob.glob(word) or [word]]
    outcome = run(*words)
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_scale_chooses_the_bundled_model(
    scale: int, run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(tmp_path / "weights", scale)
    monkeypatch.setattr(resolve, "_bundle", lambda: tmp_path / "weights")
    outcome = run("sr", photo, "--scale", scale, "--format", "json")
    assert outcome.code == 0, outcome.err
    (record,) = outcome.records
    assert (record["model"], record["scale"]) == (f"sr-x{scale}", scale)
    with Image.open(photo.with_name(f"photo_sr{scale}x.png")) as image:
        assert image.size == (16 * scale, 12 * scale)


@pytest.mark.parametrize(("scale", "model"), [(1.5, 2), (2.5, 4), (3, 4), (5, 8)])
def test_another_scale_is_the_next_larger_models_result_reduced(
    scale: float, model: int, run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(tmp_path / "weights", model)
    monkeypatch.setattr(resolve, "_bundle", lambda: tmp_path / "weights")
    (record,) = run("sr", photo, "--scale", scale, "--format", "json").records
    assert (record["model"], record["scale"]) == (f"sr-x{model}", scale)
    assert (record["width"], record["height"]) == (round(16 * scale), round(12 * scale))
    assert record["lr_psnr"] > 30
    with Image.open(photo.with_name(f"photo_sr{scale:g}x.png")) as image:
        assert image.size == (record["width"], record["height"])


NO_SIZES = [
    (("--scale", 1), "--scale is 1: pictures are enlarged here", 2),
    (("--scale", 0), "--scale is 0 (", 2),
    (("--scale", 9), "--scale is 9, and the most is 8", 2),
    (("--scale", 8, "--model", "sr-x4"), "scale is 8, and sr-x4 enlarges 4 times", 2),
    (("--width", 100, "--scale", 3), "--scale and --width are two sizes", 2),
    (("--longest", 0), "--longest is 0 (", 2),
    (("--longest", 65), "is 4.06 times as large as 16 x 12", 4),
    (("--longest", 16), "photo.png: it is 16 x 12, and longest 16 would not enlarge it", 4),
]


@pytest.mark.parametrize(("words", "told", "code"), NO_SIZES, ids=str)
def test_a_size_that_is_not_to_be_had_is_one_clear_error(
    run: Run, photo: Path, words: tuple[object, ...], told: str, code: int
) -> None:
    outcome = run("sr", photo, *words)
    assert (outcome.code, outcome.err.count("\n")) == (code, 1)
    assert told in outcome.err
    assert not list(photo.parent.glob("*_sr*"))


def test_formats_go_by_their_usual_endings_too(run: Run, photo: Path) -> None:
    for given, ending in (("jpg", ".jpg"), ("TIF", ".tif"), ("tiff", ".tif")):
        outcome = run("sr", "-i", photo, "--output-format", given, "-o", f"{given}/")
        assert outcome.code == 0
        assert list(Path(given).glob(f"*{ending}*"))


def test_the_file_that_was_meant_is_named(run: Run, photo: Path) -> None:
    outcome = run("sr", photo.with_suffix(".jpg"))
    assert (outcome.code, "did you mean" in outcome.err) == (4, True)
    assert "photo.png?" in outcome.err
    assert "there is no folder" in run("sr", "nowhere/photo.png").err


def test_a_model_for_comparison_is_offered_to_nobody(run: Run, photo: Path) -> None:
    outcome = run("sr", photo, "--model", "sr-x3")
    assert (outcome.code, "did you mean" in outcome.err) == (6, False)
    assert "affine" not in outcome.err


def test_what_was_asked_for_is_checked_before_anything_is_skipped(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("sr", photo).code == 0
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    outcome = run("sr", photo, "--device", "cuda")
    assert (outcome.code, outcome.out) == (1, "")
    assert "device cuda is not available" in outcome.err
    assert run("sr", photo, "--wear", "0.5").code == 2
    assert run("sr", photo, "--device", "gpu").code == 2


def test_a_temperature_beyond_the_certificate_is_told_beforehand(run: Run, photo: Path) -> None:
    told = run("sr", photo, "-t", 3, "--format", "human").err
    assert told.startswith("temperature 3: the certificate of what no result exceeds holds up to 1")
    assert "certificate" not in run("sr", photo, "-t", 1, "--format", "human", "--overwrite").err

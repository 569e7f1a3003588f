"""`restoreflow sr` where the file system does not do what one hopes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from restoreflow.images.decode import decode
from restoreflow.models import resolve
from tests.cli.conftest import Run, picture
from tests.places import open_folder, without_rights

pytestmark = pytest.mark.usefixtures("bundled")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """64 KiB of room."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("no mount here")
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(run: Run, tmp_path: Path, small_disk: Path) -> None:
    for number in range(4):
        picture(tmp_path / f"scans/{number}.png", 40, 30)
    words = ("sr", "scans", "--output-format", "tiff", "-o", small_disk / "out")
    outcome = run(*words, "--format", "json")
    assert outcome.code == 5 if outcome.records[-1]["done"] == 0 else 3
    errors = [record["error"] for record in outcome.records[:-1] if "error" in record]
    assert len(errors) >= 2
    assert all("no room" in error or "no space" in error for error in errors)
    done = [Path(record["output"][0]) for record in outcome.records if record["status"] == "done"]
    assert len(done) + len(errors) == 4
    assert {path.name for path in done} == set(names(small_disk / "out")) - {
        "restoreflow-manifest.jsonl"
    }
    for path in done:
        assert decode(path).width == 160
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    assert run(*words).code == 0
    assert run("sr", "scans", "--output-format", "tiff", "-o", "whole").code == 0
    for path in Path("whole").glob("*.tiff"):
        assert (small_disk / "out" / path.name).read_bytes() == path.read_bytes()


def test_a_set_is_not_replaced_in_part_by_a_full_disk(
    run: Run, tmp_path: Path, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=256k", str(small_disk)], check=True)
    words = ("sr", picture(tmp_path / "a.png"), "-n", 3, "-o", small_disk / "out")
    words += ("--output-format", "tiff", "--bit-depth", 16)
    assert run(*words).code == 0
    before = {path.name: path.read_bytes() for path in (small_disk / "out").glob("a_*")}
    room = os.statvfs(small_disk)
    result = -(-max(map(len, before.values())) // room.f_frsize)
    left = 2 * result + 2  # blocks: two results fit, a page of the manifest, and no third
    (small_disk / "filler").write_bytes(b"x" * (room.f_bavail - left) * room.f_frsize)
    outcome = run(*words, "--overwrite", "--seed", 1)
    assert outcome.code == 5, outcome.err
    assert "3.tif" in outcome.err and "full" in outcome.err
    assert {path.name: path.read_bytes() for path in (small_disk / "out").glob("a_*")} == before
    assert names(small_disk / "out") == sorted([*before, "restoreflow-manifest.jsonl"])
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    assert run(*words).code == 0  # the failed try has not made them unknown
    assert run(*words, "--overwrite", "--seed", 1).code == 0
    after = {path.name: path.read_bytes() for path in (small_disk / "out").glob("a_*")}
    assert all(after[name] != before[name] for name in before)


OpenBundle = Callable[[Path], None]


@pytest.fixture
def open_bundle(
    run: Run, tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> OpenBundle:
    """Puts the bundled models where every user may read them."""
    run("sr", picture(tmp_path / "first.png"))  # imports what another user may not be able to

    def place(folder: Path) -> None:
        shutil.copytree(tiny_bundle, folder / "models")
        for path in (folder / "models", *(folder / "models").rglob("*")):
            path.chmod(0o755)
        monkeypatch.setattr(resolve, "_bundle", lambda: folder / "models")

    return place


def test_a_read_only_target_is_found_before_any_work(run: Run, open_bundle: OpenBundle) -> None:
    with open_folder() as folder:
        open_bundle(folder)
        source = picture(folder / "a.png")
        source.chmod(0o644)
        (folder / "closed").mkdir()
        (folder / "closed").chmod(0o555)
        with without_rights():
            into = run("sr", source, "-o", f"{folder}/closed/")
        folder.chmod(0o555)
        with without_rights():
            beside = run("sr", source)
        folder.chmod(0o777)
        assert names(folder) == ["a.png", "closed", "models"]
    for outcome in (into, beside):
        assert outcome.code == 4
        assert "may not be written to" in outcome.err


def test_inputs_that_may_not_be_read(run: Run, open_bundle: OpenBundle) -> None:
    with open_folder() as folder:
        open_bundle(folder)
        for name in ("a.png", "b.png"):
            picture(folder / "scans" / name).chmod(0o644)
        (folder / "scans").chmod(0o755)
        (folder / "scans/a.png").chmod(0)
        with without_rights():
            outcome = run("sr", folder / "scans")
        assert outcome.code == 3
        assert "a.png may not be read" in outcome.err
        assert "b_sr4x.png" in outcome.out


def test_links_folders_and_other_things_among_the_pictures(run: Run, tmp_path: Path) -> None:
    picture(tmp_path / "scans/a.png")
    picture(tmp_path / "scans/folder.png/b.png")
    for name, target in (("loop", "."), ("self.png", "self.png"), ("gone.png", "nowhere")):
        Path("scans", name).symlink_to(target)
    os.mkfifo("scans/pipe.png")
    outcome = run("sr", "scans", "-r", "--format", "json")
    assert outcome.code == 3
    told = {Path(record["input"]).name: record for record in outcome.records[:-1]}
    states = {name: record["status"] for name, record in told.items()}
    bad = dict.fromkeys(("self.png", "gone.png", "pipe.png"), "failed")
    assert states == {"a.png": "done", "b.png": "done"} | bad
    assert "not a regular file" in told["pipe.png"]["error"]
    assert "does not exist" in told["gone.png"]["error"]
    assert names(Path("scans_sr4x/folder.png")) == ["b_sr4x.png"]
    assert run("sr", "scans/folder.png").code == 0  # a folder, whatever its name


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_names_of_every_kind(run: Run, tmp_path: Path) -> None:
    odd = [
        *(os.fsdecode(b"caf\xe9.png"), "caf\u00e9 \u4eac.png", "new\nline.png", " .png", "-n.png"),
        *("{stem}.png", "100%.png", "[bold].png", "\u202egnp.png", "x" * 246 + ".png"),
    ]
    for name in odd:
        picture(tmp_path / "scans" / name, 8, 8)
    outcome = run("sr", "scans", "--format", "json")
    assert outcome.code == 0
    assert sorted(each["input"] for each in outcome.records[:-1]) == sorted(
        f"scans/{name}" for name in odd
    )
    assert set(names(Path("scans_sr4x"))) >= {f"{name[:-4]}_sr4x.png" for name in odd}
    again = run("sr", "scans")
    assert again.code == 0
    assert again.out.count("\n") == len(odd)
    assert "caf\\udce9.png: skipped" in again.out
    picture(tmp_path / "scans" / ("y" * 251 + ".png"), 8, 8)
    assert "260 bytes, 255 are possible" in run("sr", "scans").err
    assert run("sr", "scans", "--name", "{stem}{ext}").code == 0


def test_a_file_where_the_output_folder_should_be(run: Run, photo: Path) -> None:
    Path("out").write_bytes(b"mine")
    outcome = run("sr", photo, "-o", "out/")
    assert outcome.code == 4
    assert "out is not a folder" in outcome.err
    assert Path("out").read_bytes() == b"mine"


def test_a_folder_where_the_result_should_be(run: Run, photo: Path) -> None:
    Path("photo_sr4x.png").mkdir()
    for words in ((), ("--overwrite",)):
        outcome = run("sr", photo, *words)
        assert outcome.code == 4
        assert "photo_sr4x.png is a folder" in outcome.err
    assert names(photo.parent) == ["photo.png", "photo_sr4x.png"]


def test_a_model_folder_that_may_not_be_looked_into(run: Run, open_bundle: OpenBundle) -> None:
    with open_folder() as folder:
        open_bundle(folder)
        source = picture(folder / "a.png")
        source.chmod(0o644)
        model = shutil.copytree(folder / "models/sr-x4", folder / "model")
        for mode, message in ((0o644, "model: cannot be looked into"), (0, "cannot be")):
            model.chmod(mode)
            with without_rights():
                outcome = run("sr", source, "--model", model)
            assert outcome.code == 6
            assert message in outcome.err and "permissions" in outcome.err
            assert len(outcome.err.splitlines()) == 1
        model.chmod(0o755)
        (folder / "models").chmod(0)
        with without_rights():
            outcome = run("sr", source)
        (folder / "models").chmod(0o755)
        assert outcome.code == 6 and "models: cannot be looked into" in outcome.err

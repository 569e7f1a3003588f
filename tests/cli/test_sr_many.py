"""`restoreflow sr` over many inputs: trees, resume, threads, shards, dry runs, interruptions."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from restoreflow.outputs.atomic import TEMPORARY_PREFIX
from restoreflow.restoration.restorer import Restorer
from tests.cli.conftest import Run, picture

pytestmark = pytest.mark.usefixtures("bundled")

TREE = ["a.png", "b.jpg", "c.bmp", "x/a.png", "x/y/d.webp", "x/y/e.tiff"]
RESULTS = [
    *("a_sr4x.png", "b_sr4x.jpg", "c_sr4x.png", "x/a_sr4x.png", "x/y/d_sr4x.webp"),
    "x/y/e_sr4x.tiff",
]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for number, place in enumerate(TREE):
        picture(tmp_path / "scans" / place, 9 + number, 8)
    (tmp_path / "scans/notes.txt").write_text("no picture")
    return Path("scans")


def files(folder: Path | str) -> dict[str, bytes]:
    """What an output folder holds, but for manifests."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.suffix != ".jsonl"
    }


def manifest(folder: str) -> list[dict[str, Any]]:
    lines = Path(folder, "restoreflow-manifest.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def states(records: list[dict[str, Any]]) -> list[str]:
    return [record["status"] for record in records]


def test_a_tree_is_mirrored_and_equals_single_runs(run: Run, scans: Path) -> None:
    before = files(scans)
    outcome = run("sr", scans, "-r", "--format", "json", "--seed", 3)
    assert outcome.code == 0
    made = files("scans_sr4x")
    assert list(made) == RESULTS
    for place, result in zip(TREE, RESULTS, strict=True):
        single = f"single/{Path(result).name}"
        assert run("sr", scans / place, "-o", single, "--seed", 3, "--overwrite").code == 0
        assert Path(single).read_bytes() == made[result]
    assert files(scans) == before
    summary = outcome.records[-1]
    counts = {key: summary[key] for key in ("done", "skipped", "failed", "flagged", "exit_code")}
    assert counts == {"done": 6, "skipped": 0, "failed": 0, "flagged": 0, "exit_code": 0}
    assert summary["megapixels"] == pytest.approx(sum(9 + k for k in range(6)) * 8 * 16 / 1e6)
    assert summary["megapixels_per_second"] > 0


@pytest.mark.parametrize("jobs", [1, 7])
def test_threads_change_neither_order_nor_results(run: Run, scans: Path, jobs: int) -> None:
    (scans / "bad.png").write_text("this is no picture")
    orders: list[list[str]] = []
    for out, count in (("two", 2), ("other", jobs)):
        words = ("-r", "-o", f"{out}/", "--format", "json", "-j", count, "-n", 2, "--grid")
        outcome = run("sr", scans, *words)
        assert outcome.code == 3
        orders.append([record["input"] for record in outcome.records[:-1]])
    assert orders[0] == orders[1]
    assert len(orders[0]) == 7
    assert files("two") == files("other")
    told = [entry["input"] for entry in manifest("other") if entry["status"] == "done"]
    assert told == [os.path.abspath(name) for name in orders[0] if "bad" not in name]


def test_only_what_changed_is_redone(run: Run, scans: Path) -> None:
    def again(*words: object) -> list[str]:
        return states(run("sr", scans, "-r", "-o", "out/", "--format", "json", *words).records)[:-1]

    assert again() == ["done"] * 6
    first = files("out")
    assert again() == ["skipped"] * 6
    picture(scans / "b.jpg", 5, 5)
    assert again() == ["skipped", "done", *["skipped"] * 4]
    picture(scans / "f.png")
    (Path("out") / "x/a_sr4x.png").unlink()
    assert again() == ["skipped", "skipped", "skipped", "done", "done", "skipped", "skipped"]
    assert files("out")["x/a_sr4x.png"] == first["x/a_sr4x.png"]
    assert again("-t", 0) == ["done"] * 7
    changed = files("out")
    assert changed["a_sr4x.png"] != first["a_sr4x.png"]
    assert again("-t", 0, "--tile", 64, "-j", 5) == ["skipped"] * 7
    assert files("out") == changed


def test_another_model_is_another_result(run: Run, scans: Path, tiny_bundle: Path) -> None:
    import shutil

    shutil.copytree(tiny_bundle / "sr-x4", "model")
    words = ("sr", scans, "-o", "out/", "--format", "json", "--model", "./model")
    assert states(run(*words).records)[:-1] == ["done"] * 3
    assert states(run(*words).records)[:-1] == ["skipped"] * 3
    config = json.loads(Path("model/config.json").read_text())
    config["defaults"]["temperature"] = 0.1
    Path("model/config.json").write_text(json.dumps(config))
    assert states(run(*words).records)[:-1] == ["done"] * 3


def test_results_beside_named_files_are_not_enlarged_again(run: Run, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    assert run("sr", "*.png").code == 0
    made = files(tmp_path)
    assert list(made) == ["a.png", "a_sr4x.png", "b.png", "b_sr4x.png"]
    outcome = run("sr", "*.png", "--format", "json")
    assert states(outcome.records)[:-1] == ["skipped"] * 4
    assert files(tmp_path) == made
    assert "the result of a.png" in run("sr", "*.png").out


def test_results_into_the_inputs_own_folder(run: Run, scans: Path) -> None:
    for _ in range(2):
        assert run("sr", scans, "-r", "-o", scans / "large").code == 0
    assert len(files(scans)) == 7 + 6
    for _ in range(2):
        assert run("sr", scans, "-r", "-o", scans).code == 0
    assert len(files(scans)) == 13 + 6


def test_shards_together_are_the_whole(run: Run, scans: Path) -> None:
    assert run("sr", scans, "-r", "-o", "whole/").code == 0
    counts: list[int] = []
    for number in (1, 2, 3):
        words = ("-r", "-o", "parts/", "--shard", f"{number}/3", "--format", "json")
        outcome = run("sr", scans, *words)
        assert outcome.code == 0
        counts.append(sum("input" in record for record in outcome.records))
    assert sum(counts) == 6
    assert files("whole") == files("parts")
    outcome = run("sr", scans, "-r", "-o", "parts/", "--format", "json")
    assert states(outcome.records)[:-1] == ["skipped"] * 6


def test_a_dry_run_writes_nothing(run: Run, scans: Path, tmp_path: Path) -> None:
    assert run("sr", scans / "a.png", "-o", "out/").code == 0
    (scans / "bad.png").write_text("this is no picture")
    before = files(tmp_path)
    outcome = run("sr", scans, "-r", "-o", "out/", "--dry-run", "--format", "json", "-n", 1)
    assert outcome.code == 0
    assert states(outcome.records) == ["skipped", *["planned"] * 6, "summary"]
    assert outcome.records[2]["output"] == ["out/bad_sr4x.png"]
    summary = outcome.records[-1]
    assert (summary["planned"], summary["skipped"], summary["done"]) == (6, 1, 0)
    estimate = summary["estimate"]
    assert estimate["megapixels"] == pytest.approx(6 * sum(range(10, 15)) / 5 * 8 * 16 / 1e6)
    assert estimate["seconds"] > 0 and estimate["free"] > 0
    assert estimate["bytes"] > 1000
    assert files(tmp_path) == before
    told = run("sr", scans, "-r", "-o", "out/", "--dry-run").out
    assert "would be out/b_sr4x.jpg" in told
    assert "6 planned, 1 skipped: about" in told
    assert run("sr", "bad.png", "--dry-run").code == 0  # nothing is read that need not be


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_whole_and_goes_on(
    run: Run, scans: Path, monkeypatch: pytest.MonkeyPatch, kind: int, count: int
) -> None:
    real, calls = Restorer.restore_bands, 0
    # A shell that starts the tests in the background lets them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(self: Restorer, *values: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            os.kill(os.getpid(), kind)
        return real(self, *values, **named)

    words = ("sr", scans, "-r", "-o", "out/", "-j", count)
    with monkeypatch.context() as patch:
        patch.setattr(Restorer, "restore_bands", interrupted)
        outcome = run(*words, "--format", "json")
    assert outcome.code == 130
    assert "run the same command again" in outcome.err
    assert states(outcome.records) == ["done"] * 3
    assert list(files("out")) == RESULTS[:3]
    assert run(*words).code == 0
    assert run("sr", scans, "-r", "-o", "whole/").code == 0
    assert files("out") == files("whole")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_what_a_killed_run_left_is_removed(run: Run, scans: Path) -> None:
    from restoreflow.outputs import atomic

    left = Path("out/x") / f"{TEMPORARY_PREFIX}{atomic._machine()}-4194305-0.tmp"
    other = Path("out/x") / f"{TEMPORARY_PREFIX}00000000-4194305-0.tmp"
    left.parent.mkdir(parents=True)
    for path in (left, other):
        path.write_bytes(b"half")
    assert run("sr", scans, "-r", "-o", "out/").code == 0
    assert not left.exists()
    assert other.exists()  # of another machine, which may be writing


def scan(path: Path, pages: int = 3) -> Path:
    """A TIFF file of pages that become wider, each with its own camera."""
    with tifffile.TiffWriter(path) as writer:
        for number in range(1, pages + 1):
            page = np.full((8, 8 + number, 3), 40 * number, np.uint8)
            tags = [(271, "s", 0, f"Maker {number}", True)]
            writer.write(page, metadata=None, photometric="rgb", extratags=tags)
    return path


def test_pages_are_restored_one_by_one(run: Run, tmp_path: Path) -> None:
    scan(tmp_path / "scan.tif")
    outcome = run("sr", "scan.tif", "-o", "out/", "--format", "json")
    assert outcome.code == 0, outcome.out
    *records, summary = outcome.records
    assert [record["page"] for record in records] == [1, 2, 3]
    assert summary["done"] == 3
    for number in (1, 2, 3):
        with Image.open(f"out/scan_page{number}_sr4x.tif") as image:
            assert image.size == (4 * (8 + number), 32)
            assert image.getexif()[271] == f"Maker {number}"
    assert states(run("sr", "scan.tif", "-o", "out/", "--format", "json").records) == [
        *["skipped"] * 3,
        "summary",
    ]


def test_a_page_that_fails_is_named_and_the_others_are_done(run: Run, tmp_path: Path) -> None:
    path = scan(tmp_path / "scan.tif")
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tag = file.pages[1].aspage().tags["StripByteCounts"]
    data[tag.valueoffset : tag.valueoffset + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    outcome = run("sr", "scan.tif", "-o", "out/", "--format", "json", "--output-format", "png")
    assert outcome.code == 3
    assert states(outcome.records) == ["done", "failed", "done", "summary"]
    assert "scan.tif, page2" in outcome.records[1]["error"]


def test_pages_need_a_folder_not_a_file(run: Run, tmp_path: Path) -> None:
    scan(tmp_path / "scan.tif")
    outcome = run("sr", "scan.tif", "-o", "big.tif")
    assert outcome.code == 2
    assert "3 pages" in outcome.err and "-o big.tif/" in outcome.err


def test_inputs_of_one_name_size_and_time_are_not_confused(run: Run, tmp_path: Path) -> None:
    sources = [picture(tmp_path / name / "p.bmp", 8, 8, "RGB") for name in ("x", "y")]
    data = bytearray(sources[1].read_bytes())
    data[-1] ^= 0xFF
    sources[1].write_bytes(data)
    for path in sources:
        os.utime(path, ns=(10**9, 10**9))
    assert run("sr", sources[0], "-o", "out/").code == 0
    kept = Path("out/p_sr4x.png").read_bytes()
    second = run("sr", sources[1], "-o", "out/")
    assert second.code == 4
    assert "is the result of" in second.err
    assert Path("out/p_sr4x.png").read_bytes() == kept
    assert run("sr", sources[1], "-o", "out/", "--overwrite").code == 0
    assert Path("out/p_sr4x.png").read_bytes() != kept

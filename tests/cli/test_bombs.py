"""Files that would take more memory than there is: each fails, and all else is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from restoreflow.images.decode import read_size
from tests.cli.conftest import picture
from tests.images.bombs import bombs
from tests.ood import fakes

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux")

MEBIBYTES = 2048
GOOD = ("a.png", "h.jpg", "m.webp", "z.tiff")


def run_limited(*words: object, models: Path) -> tuple[int, list[dict[str, Any]], str]:
    """A command line's code, records and words in a process of 2 GiB."""
    program = Path(__file__).with_name("limited_run.py")
    command = [sys.executable, str(program), str(MEBIBYTES), str(models), *map(str, words)]
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for name in GOOD:
        picture(folder / name)
    for name, data in bombs().items():
        (folder / name).write_bytes(data)
    with (folder / "sparse.png").open("wb") as stream:
        stream.truncate(9 * 2**30)
    with (folder / "sparse_header.png").open("wb") as stream:
        stream.write((folder / "a.png").read_bytes())
        stream.truncate(4 * 2**30)
    return folder


def test_a_folder_with_a_bomb_of_each_format(
    scans: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("sr", scans, "-o", out, "--format", "json", "--output-format", "png")
    code, records, err = run_limited(*words, models=tiny_bundle)
    assert err == ""
    *told, summary = records
    states = {Path(each["input"]).name: each for each in told}
    assert {name for name, each in states.items() if each["status"] == "done"} == set(GOOD)
    assert code == 3
    assert summary["limited"] == summary["failed"] - 1 == len(states) - len(GOOD) - 1
    for name, each in states.items():
        if name == "sparse.png":
            assert "is not a picture" in each["error"]
        elif name not in GOOD:
            assert "GiB of memory; " in each["error"], each
    for name in GOOD:
        assert read_size(out / (Path(name).stem + "_sr4x.png")) == (64, 48)


def test_bombs_alone_end_with_the_code_of_limits(
    scans: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    words = ("sr", scans / "png.png", scans / "gif.gif", "-o", tmp_path, "--format", "json")
    assert run_limited(*words, models=tiny_bundle)[0] == 5


def test_judging_goes_on_too(scans: Path, tmp_path: Path) -> None:
    models = fakes.bundle(tmp_path / "weights", "features")
    words = ("ood-check", scans, "--format", "json", "--threads", 1)
    code, told, err = run_limited(*words, models=models)
    assert (code, err) == (3, "")
    assert {Path(each["input"]).name for each in told if each["status"] == "done"} == set(GOOD)

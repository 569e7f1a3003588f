"""Several runs into one folder at once, as real processes: every file is whole and somebody's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run, picture

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="starts processes by forking")

FILES = 3
REPLACED = {"the same": (1, 1), "other settings": (1, 2)}
"""Folders whose results two runs replace at once, and the seeds of both."""


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for number in range(FILES):
        picture(tmp_path / "scans" / f"{number}.png", 8 + number, 9)
    return tmp_path / "scans"


def at_once(models: Path, *commands: tuple[object, ...]) -> list[int]:
    """The exit codes of command lines that run side by side."""
    words = json.dumps([[str(word) for word in command] for command in commands])
    program = Path(__file__).with_name("runs_at_once.py")
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(program), str(models), words],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def test_runs_that_write_the_same_results(
    run: Run, bundled: Path, scans: Path, tmp_path: Path
) -> None:
    """Each file is one run's in full, and one that follows makes all of them its own."""
    words = ("sr", scans, "-t", 0.9, "-n", 2, "--format", "quiet")
    alone = {}
    for seed in (1, 2):
        assert run(*words, "--seed", seed, "-o", tmp_path / f"alone{seed}").code == 0
        alone[seed] = results(tmp_path / f"alone{seed}")
    commands: list[tuple[object, ...]] = []
    for folder, seeds in REPLACED.items():
        shutil.copytree(tmp_path / "alone2", tmp_path / folder)
        for seed in seeds:
            commands.append((*words, "--seed", seed, "-o", tmp_path / folder, "--overwrite"))
    commands += [(*words, "--seed", 1, "-o", tmp_path / "begun")] * 3
    assert at_once(bundled, *commands) == [0] * len(commands)
    for folder, seeds in {**REPLACED, "begun": (1,)}.items():
        out = tmp_path / folder
        held = results(out)
        assert len(held) == 2 * FILES
        assert all(data in [alone[seed][name] for seed in seeds] for name, data in held.items())
        (manifest,) = {path.name for path in out.iterdir()} - set(held)
        for line in (out / manifest).read_bytes().splitlines():
            json.loads(line)
        assert run(*words, "--seed", 1, "-o", out).code == 0
        assert results(out) == alone[1]

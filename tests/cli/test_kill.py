"""kill -9 at every step and at any time: only whole files, and the same ones in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from restoreflow.outputs.atomic import TEMPORARY_PREFIX
from tests.cli.conftest import Run, picture

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")

ROOT = Path(__file__).parents[2]


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".jsonl"
    }


def whole(folder: Path) -> dict[str, bytes]:
    found = files(folder)
    return {name: data for name, data in found.items() if TEMPORARY_PREFIX not in name}


COMMANDS = [
    (("-j", "1"), 2),
    (("-n", "2", "--save-arrays", "npz", "-j", "2"), 1),
]


@pytest.mark.parametrize(("words", "count"), COMMANDS)
def test_at_every_step(
    tmp_path: Path, tiny_bundle: Path, words: tuple[str, ...], count: int
) -> None:
    for number in range(count):
        picture(tmp_path / f"scans/x/{number}.png", 8, 8)
    base = tmp_path / "runs"
    base.mkdir()
    inputs = files(tmp_path / "scans")
    command = ["sr", str(tmp_path / "scans"), "-r", "-o", "{out}", *words]
    command += ["--model", str(tiny_bundle / "sr-x4"), "--threads", "1", "--format", "quiet"]
    program = [sys.executable, "-m", "tests.cli.killed_runs", str(base), *command]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    moments = int(done.stdout)
    assert moments >= 20
    undisturbed = files(base / f"killed-{moments + 1}")
    assert len(undisturbed) == (count if count > 1 else 3)
    unfinished = 0
    for moment in range(1, moments + 1):
        killed = whole(base / f"killed-{moment}")
        assert killed.items() <= undisturbed.items()
        unfinished += killed != undisturbed
        assert files(base / f"resumed-{moment}") == undisturbed
    assert unfinished >= 10
    assert files(tmp_path / "scans") == inputs


def test_at_any_time_from_outside(run: Run, tmp_path: Path, tiny_bundle: Path) -> None:
    for number in range(12):
        picture(tmp_path / f"scans/{number:02}.png", 24, 24)
    words = ["sr", str(tmp_path / "scans"), "--model", str(tiny_bundle / "sr-x4"), "--threads", "1"]
    out = tmp_path / "out"
    for wanted in (1, 6):
        command = [sys.executable, "-m", "restoreflow", *words, "-o", str(out)]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while child.poll() is None and len(whole(out)) < wanted and time.monotonic() < end:
            time.sleep(0.001)
        child.kill()
        assert child.wait() in (-signal.SIGKILL, 0)
        assert len(whole(out)) >= wanted
    assert run(*words, "-o", out).code == 0
    assert run(*words, "-o", tmp_path / "other").code == 0
    assert files(out) == files(tmp_path / "other")
    assert len(files(out)) == 12

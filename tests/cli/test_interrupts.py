"""Ctrl-C at any moment is one line and code 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import picture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")

ROOT = Path(__file__).parents[2]
# From the moment on from which the program's own code runs: of before, only Python can tell.
PROGRAM = "import os; from restoreflow.__main__ import main; os.write(1, b'x'); main()"


MOMENTS = [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.9, 1.3, 1.8]  # seconds


def interrupted(delay: float, *words: str) -> tuple[int, str, float]:
    """Code and words of a command that gets SIGINT so long after it has begun; and its time.

    It heeds the signal also where these tests run behind a shell, which has it ignored.
    """
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"import sys; sys.argv[0] = 'restoreflow'; {heeding}; {PROGRAM}"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    process.stdout.read(1)
    time.sleep(delay)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    return process.returncode, err.decode(), time.monotonic() - began


@pytest.mark.parametrize(
    "delay", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.9, 1.3, 1.8, 2.5]
)
def test_at_any_moment(tmp_path: Path, delay: float) -> None:
    picture(tmp_path / "in" / "a.png", 200, 200)
    words = ("sr", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-n", "40", "--threads", "1")
    code, err, seconds = interrupted(delay, *words)
    assert "Traceback" not in err, err
    assert seconds < 30
    if code == 0:
        return  # it was through
    assert code == 130
    lines = err.splitlines()
    assert lines == ["restoreflow: interrupted (run the same command again to go on)"]


def test_who_ignores_it_goes_on() -> None:
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " + PROGRAM
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--version"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"restoreflow ")

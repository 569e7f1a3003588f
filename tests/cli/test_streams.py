"""Standard streams that are closed, or that cannot hold every character: no command minds."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from restoreflow.cli import startup
from restoreflow.cli.app import main
from restoreflow.images.decode import read_size
from tests.cli.conftest import picture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="redirected by a POSIX shell")

ROOT = Path(__file__).parents[2]
NAMES = ("stdin", "stdout", "stderr")
COMMAND = f'"{sys.executable}" -m restoreflow'


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A command line of a shell; {rf} is the command."""
    return subprocess.run(
        ["sh", "-c", line.replace("{rf}", COMMAND)],
        capture_output=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment,
    )


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("closed", [("stdin",), ("stdout",), ("stderr",), NAMES])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--version", 0),
        ("--help", 0),
        ("models list", 0),
        ("models show sr-x4 --format human", 0),
        ("models show no-such-model", 6),
        ("sr --no-such-option", 2),
        ("sr", 2),
        ("sr nowhere.png", 4),
    ],
)
def test_closed(
    monkeypatch: pytest.MonkeyPatch, words: str, code: int, closed: tuple[str, ...]
) -> None:
    said = {name: io.TextIOWrapper(io.BytesIO()) for name in NAMES}
    for name in NAMES:
        monkeypatch.setattr(sys, name, None if name in closed else said[name])
    monkeypatch.setattr(startup, "CLOSED_STREAMS", set())
    with pytest.raises(SystemExit) as ending:
        main(words.split())
    assert ending.value.code == code
    told = b"".join(stream.buffer.getvalue() for stream in said.values())  # type: ignore[attr-defined]
    assert b"Traceback" not in told
    assert b"defect" not in told
    assert set(closed) == startup.CLOSED_STREAMS


@pytest.mark.parametrize("redirected", ["<&- >&- 2>&-"])
def test_results_are_whole_all_the_same(tmp_path: Path, redirected: str) -> None:
    scans = tmp_path / "scans"
    picture(scans / "a.png")
    (scans / "b.png").write_bytes((scans / "a.png").read_bytes()[:-200])
    done = shell("{rf} " + f"sr {scans} -o {tmp_path}/out --threads 1 {redirected}")
    assert done.returncode == 3, done.stderr
    assert read_size(tmp_path / "out" / "a_sr4x.png") == (64, 48)
    manifest = (tmp_path / "out" / "restoreflow-manifest.jsonl").read_text()
    assert all(line.startswith("{") for line in manifest.splitlines())


def test_a_result_for_nobody_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    done = shell("{rf} " + f"sr {tmp_path}/a.png -o - >&-")
    assert done.returncode == 2
    assert b"standard output, which is closed" in done.stderr


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("output_format", ["auto", "human", "json"])
def test_names_that_an_encoding_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, output_format: str
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    data = picture(tmp_path / "plain.png").read_bytes()
    names = ["caf\u00e9.png", "\u6f22\u5b57.png", os.fsdecode(b"\xff\xfe.png"), "\u202egnp.png"]
    for name in names:
        (scans / name).write_bytes(data)
    (scans / "\u043f\u043b\u043e\u0445\u043e.png").write_bytes(data[:40])
    said = {name: io.BytesIO() for name in ("stdout", "stderr")}
    for name, buffer in said.items():
        stream = io.TextIOWrapper(buffer, encoding=encoding, errors="strict")
        monkeypatch.setattr(sys, name, stream)
    with pytest.raises(SystemExit) as ending:
        main(["sr", str(scans), "-o", str(tmp_path / "out"), "--format", output_format])
    assert ending.value.code == 3
    assert len(list((tmp_path / "out").glob("*.png"))) == len(names)
    sys.stdout.flush()
    assert said["stdout"].getvalue().count(b"_sr4x.png") == len(names)

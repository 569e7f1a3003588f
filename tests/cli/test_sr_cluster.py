"""What --executor ray refuses before any work; what it does, tests/batch/cluster has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("bundled")

RAY = ("--executor", "ray")

USAGE = [
    (("--actors", "2"), "--actors is of --executor ray"),
    (("--address", "auto"), "--address is of --executor ray"),
    (("--gpus-per-actor", "1"), "--gpus-per-actor is of --executor ray"),
    ((*RAY, "--gpus-per-actor", "1.5"), "--gpus-per-actor is 1.5"),
    ((*RAY, "--report", "page.html"), "--report needs the pictures here"),
    ((*RAY, "-o", "-"), "- is a stream of this process"),
    ((*RAY, "-o", "memory://out/"), "is in this process alone"),
]


@pytest.mark.parametrize(("words", "message"), USAGE)
def test_refused(run: Run, photo: Path, words: tuple[str, ...], message: str) -> None:
    outcome = run("sr", photo, *words)
    assert outcome.code == 2
    assert message in outcome.err and len(outcome.err.splitlines()) == 1
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]
    assert not MemoryFileSystem.store


def test_a_missing_extra_is_named(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    outcome = run("sr", photo, *RAY)
    assert outcome.code == 1
    line = 'restoreflow: --executor ray needs Ray Data (pip install "restoreflow[ray]")\n'
    assert outcome.err == line


def test_nothing_left_needs_no_cluster(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("sr", photo).code == 0
    monkeypatch.setitem(sys.modules, "ray", None)
    outcome = run("sr", photo, *RAY, "--format", "json")
    assert (outcome.code, outcome.records[0]["status"]) == (0, "skipped")


def test_ray_is_imported_by_those_alone_who_ask() -> None:
    code = (
        "import sys, restoreflow.cli.app, restoreflow.batch.cluster.run\n"
        "print(*{name.split('.')[0] for name in sys.modules} & {'ray', 'pyarrow', 'pandas'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr

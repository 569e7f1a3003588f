"""What a killed process leaves is removed; what a running one writes is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from restoreflow.outputs import atomic
from restoreflow.outputs.atomic import TEMPORARY_PREFIX, remove_leftovers, temporary_name


def _ended_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@pytest.mark.skipif(os.name != "posix", reason="nothing is removed elsewhere")
def test_only_leftovers_of_ended_processes_here_are_removed(tmp_path: Path) -> None:
    mine = temporary_name()
    left = mine.replace(f"-{os.getpid()}-", f"-{_ended_process()}-")
    other_machine = left.replace(atomic._machine(), "0" * 8)
    kept = [mine, other_machine, f"{TEMPORARY_PREFIX}{atomic._machine()}-x-1.tmp", "photo.png"]
    for name in (left, *kept):
        (tmp_path / name).write_bytes(b"x")
    assert remove_leftovers(tmp_path) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(kept)


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert remove_leftovers(tmp_path / "missing") == 0

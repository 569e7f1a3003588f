"""Freed memory stays where glibc is, and only unless somebody has said otherwise."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

_PAGES = """
import resource, torch
from restoreflow.allocator import keep_freed
torch.set_num_threads(1)
kept = keep_freed() if {asked} else False
values = torch.rand(3, 1024, 1024)
def work():
    a = values * 2
    b = a + 1
    c = b * a
    return c - b
work(), work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    work()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

glibc = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="glibc's settings"
)


def faults(asked: bool, **environment: str) -> tuple[str, int]:
    """Whether freed memory is kept, and how many pages five rounds of work ask for."""
    script = _PAGES.format(asked=asked)
    root = str(Path(__file__).parents[1])
    clean = {"PATH": "", "OMP_NUM_THREADS": "1", "PYTHONPATH": root} | environment
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=clean)
    kept, pages = run.stdout.split()
    return kept, int(pages)


@glibc
def test_kept_memory_is_not_asked_for_again() -> None:
    assert faults(False)[1] > 1000
    kept, pages = faults(True)
    assert kept == "True"
    assert pages < 100


@glibc
def test_what_the_environment_says_holds() -> None:
    assert faults(True, MALLOC_TRIM_THRESHOLD_="1000000")[0] == "False"


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from restoreflow import allocator

    monkeypatch.setattr(allocator.sys, "platform", "darwin")
    assert not allocator.keep_freed()

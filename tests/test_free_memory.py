"""What memory is left: the kernel's, every control group's above the process, its own limits."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from restoreflow import free_memory
from restoreflow.errors import LimitError

MIB = 2**20
NO_LIMIT = str(2**63 - 4096)

FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
SECOND = ("memory.max", "memory.current", "inactive_file")

GROUPS = {
    "no group": ("0::/", "/", SECOND, {}, None),
    "at the root of version 2": ("0::/", "/", SECOND, {"": (900, 500, 100)}, 500),
    "below the root of version 2": ("0::/a/b", "/", SECOND, {"a/b": (900, 500, 0)}, 400),
    "the least of several is an outer one": (
        *("0::/a/b/c", "/", SECOND),
        {"a/b/c": (900, 100, 0), "a/b": ("max", 200, 0), "a": (700, 650, 20)},
        70,
    ),
    "the least of several is the inner one": (
        *("0::/a/b", "/", SECOND),
        {"a/b": (300, 250, 0), "a": (700, 250, 0)},
        50,
    ),
    "version 1": ("4:memory:/a", "/", FIRST, {"a": (800, 300, 0), "": (NO_LIMIT, 500, 0)}, 500),
    "version 1 among controllers": ("4:cpu,memory:/a", "/", FIRST, {"a": (800, 300, 50)}, 550),
    "version 1 without a limit": ("4:memory:/a", "/", FIRST, {"a": (NO_LIMIT, 300, 0)}, None),
    "a container that sees its own group alone": (
        *("4:memory:/docker/x", "/docker/x", FIRST),
        {"": (800, 300, 0)},
        500,
    ),
    "below the group that a container sees": (
        *("4:memory:/docker/x/y", "/docker/x", FIRST),
        {"": (800, 300, 0), "y": (400, 300, 0)},
        100,
    ),
    "a group outside of what is mounted": ("0::/../else", "/", SECOND, {"": (800, 300, 0)}, 500),
    "more in use than allowed": ("0::/", "/", SECOND, {"": (800, 900, 0)}, -100),
}


@pytest.mark.parametrize("name", GROUPS)
def test_control_groups(tmp_path: Path, name: str) -> None:
    told, root, (limit, used, cache), groups, expected = GROUPS[name]
    top = tmp_path / "mounted here"
    for place, (most, current, reclaimable) in groups.items():
        folder = top / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / limit).write_text(f"{_bytes(most)}\n")
        (folder / used).write_text(f"{current * MIB}\n")
        (folder / "memory.stat").write_text(f"anon 5\n{cache} {reclaimable * MIB}\nslab 3\n")
    left = free_memory._groups_available(_process(tmp_path, told, root, top))
    assert min(left, default=None) == (None if expected is None else expected * MIB)


def _bytes(megabytes: int | str) -> str:
    return megabytes if isinstance(megabytes, str) else str(megabytes * MIB)


def _process(folder: Path, told: str, root: str, top: Path) -> Path:
    """What the kernel tells of a process in a group."""
    kind = "cgroup2" if told.startswith("0:") else "cgroup"
    options = "rw,memory" if kind == "cgroup" else "rw"
    place = str(top).replace(" ", "\\040")
    (folder / "cgroup").write_text(f"5:devices:/\n{told}\n1:name=systemd:/\n")
    (folder / "mountinfo").write_text(
        "22 1 0:21 / /proc rw - proc proc rw\n"
        "35 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices\n"
        f"36 31 0:32 {root} {place} rw,relatime shared:9 - {kind} {kind} {options}\n"
    )
    return folder


def test_where_nothing_is_told(tmp_path: Path) -> None:
    assert free_memory._groups_available(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"memory.max": "800", "memory.high": "600", "memory.current": "100"}, 500),
        ({"memory.max": "max", "memory.high": "600", "memory.current": "100"}, 500),
        ({"memory.max": "max", "memory.high": "max", "memory.current": "100"}, None),
        ({"memory.max": "800"}, None),
    ],
)
def test_both_limits_of_version_2(tmp_path: Path, files: dict[str, str], left: int | None) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    assert free_memory._left(tmp_path, free_memory._SECOND) == left


@pytest.mark.parametrize("which", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_the_process_own_limits(which: str) -> None:
    program = (
        "import resource; from restoreflow.free_memory import available_bytes\n"
        f"resource.setrlimit(resource.{which}, (2**29, 2**29))\n"
        "before = available_bytes(); held = bytearray(2**27); print(before, available_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    before, after = map(int, done.stdout.split())
    assert 2**27 < before < 2**29
    assert before - after == pytest.approx(2**27, rel=0.1)


def test_what_the_system_says_is_plausible() -> None:
    assert 2**24 < (free_memory.available_bytes() or 2**30) < 2**50


def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 2**30)
    free_memory.check_free(2**30, "it", "less")
    with pytest.raises(LimitError, match=r"^it needs 1\.25 GiB of memory; 1\.00 GiB is available"):
        free_memory.check_free(5 * 2**28, "it", "less")
    monkeypatch.setattr(free_memory, "available_bytes", lambda: None)
    free_memory.check_free(2**60, "it", "less")


def test_real_failures_are_recognised() -> None:
    failures: list[BaseException] = []
    for allocate in (lambda: torch.empty(2**60), lambda: np.empty(2**58)):
        with pytest.raises((RuntimeError, MemoryError)) as caught:
            allocate()
        failures.append(caught.value)
    assert all(free_memory.is_out_of_memory(failure) for failure in failures)


@pytest.mark.parametrize(
    "failure",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] . DefaultCPUAllocator: not enough memory"),
        RuntimeError("CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1.2 GB)"),
        RuntimeError("std::bad_alloc"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_forms_of_failure(failure: BaseException) -> None:
    assert free_memory.is_out_of_memory(failure)


def test_other_errors_are_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.mv(torch.zeros(2, 2), torch.zeros(3))
    assert not free_memory.is_out_of_memory(caught.value)
    assert not free_memory.is_out_of_memory(ValueError("out of memory"))
    assert not free_memory.is_out_of_memory(None)

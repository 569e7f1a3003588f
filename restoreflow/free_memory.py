"""How much memory the process may still take, and what out of memory looks like.

The kernel's free memory is not all: a control group of either version, or any group above it, can
allow less, and so can the process's own limits (`ulimit`). The least of them holds.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from restoreflow.errors import LimitError

__all__ = ["available_bytes", "check_free", "is_out_of_memory"]

_PROCESS = Path("/proc/self")
_UNLIMITED = 2**60
"""Control groups of version 1 have no word for no limit, but a number beyond all memory."""

_PHRASES = (
    *("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory"),
    *("defaultcpuallocator", "std::bad_alloc", "memory allocation", "insufficient memory"),
    *("cudnn_status_alloc_failed", "cublas_status_alloc_failed"),
)


class _Version(NamedTuple):
    """The files of a control group's memory.

    Attributes:
        limits: each with a number of bytes; the least holds.
        used: bytes.
        cache: what the statistics call page cache that can be taken back.
    """

    limits: tuple[str, ...]
    used: str
    cache: str


_FIRST = _Version(("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file")
_SECOND = _Version(("memory.max", "memory.high"), "memory.current", "inactive_file")


def check_free(needed: int, what: str, hint: str) -> None:
    """See that memory is there before it is taken.

    Args:
        needed: bytes.
        what: what needs them, as the beginning of a sentence.
        hint: what to do where they are not there.

    Raises:
        LimitError: less is available.
    """
    free = available_bytes()
    if free is not None and needed > free:
        raise LimitError(
            f"{what} needs {needed / 2**30:.2f} GiB of memory; {free / 2**30:.2f} GiB is available",
            hint,
        )


def available_bytes() -> int | None:
    """Memory that the process may still take; None where nothing tells."""
    known = [each for each in (_system_available(), _own_limits(), _groups_available()) if each]
    found = [value for values in known for value in values]
    return max(min(found), 0) if found else None


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error says that memory ran out, on the host or on a device."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(phrase in text for phrase in _PHRASES)


def _system_available() -> list[int]:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return [int(line.split()[1]) * 1024]
        return []
    except OSError:
        pass
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return []
    return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]


def _own_limits(process: Path = _PROCESS) -> list[int]:
    """What `ulimit -v` and `ulimit -d` leave."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return []
    limits = {"VmSize:": resource.RLIMIT_AS, "VmData:": resource.RLIMIT_DATA}
    soft = {name: resource.getrlimit(which)[0] for name, which in limits.items()}
    soft = {name: most for name, most in soft.items() if most != resource.RLIM_INFINITY}
    if not soft:
        return []
    try:
        lines = (line.split() for line in (process / "status").read_text().splitlines())
        used = {words[0]: int(words[1]) * 1024 for words in lines if words and words[0] in soft}
    except (OSError, ValueError):
        return []
    return [soft[name] - used[name] for name in used]


def _groups_available(process: Path = _PROCESS) -> list[int]:
    """What each control group that the process is in leaves, those above it included."""
    try:
        return [left for each in _groups(process) if (left := _left(*each)) is not None]
    except (OSError, ValueError, IndexError):
        return []


def _groups(process: Path) -> Iterator[tuple[Path, _Version]]:
    """The folders of the process's groups, up to where their hierarchy is mounted."""
    paths: dict[str, str] = {}
    for line in (process / "cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or "memory" in controllers.split(","):
            paths["cgroup2" if number == "0" else "cgroup"] = path
    for line in (process / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, mount = (_unescaped(word) for word in before.split()[3:5])
        kind, _, options = after.split(" ", 2)
        if kind not in paths or (kind == "cgroup" and "memory" not in options.split(",")):
            continue
        top = Path(mount)
        folder = top / _below(paths[kind], root)
        for each in (folder, *folder.parents):
            yield each, _SECOND if kind == "cgroup2" else _FIRST
            if each == top:
                break


def _below(path: str, root: str) -> str:
    """A group's path below the one that is mounted; that one itself where it lies elsewhere."""
    inside = path == root or path.startswith(root.rstrip("/") + "/")
    rest = path[len(root) :].strip("/") if inside else ""
    return "" if ".." in rest.split("/") else rest


def _unescaped(word: str) -> str:
    """A name of mountinfo, in which blanks are octal numbers."""
    for code in ("\\040", "\\011", "\\012", "\\134"):
        word = word.replace(code, chr(int(code[1:], 8)))
    return word


def _left(folder: Path, version: _Version) -> int | None:
    """What a group leaves; the page cache that it counts can be taken back. None: no limit."""
    limits = [
        int(text)
        for name in version.limits
        if (text := _text(folder / name)) is not None and text.isdigit()
    ]
    limits = [limit for limit in limits if limit < _UNLIMITED]
    used = _text(folder / version.used)
    if not limits or used is None:
        return None
    lines = (line.split() for line in (_text(folder / "memory.stat") or "").splitlines())
    cache = sum(int(words[1]) for words in lines if words and words[0] == version.cache)
    return min(limits) - int(used) + cache


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None

"""Names of temporary files, by which a later run knows those that a killed one has left."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import secrets
from functools import cache
from pathlib import Path

from restoreflow.remote_path import RemotePath

__all__ = ["TEMPORARY_PREFIX", "remove_leftovers", "temporary_name"]

TEMPORARY_PREFIX = ".restoreflow-"


def temporary_name() -> str:
    """A new name, `TEMPORARY_PREFIX` + machine, process and random digits."""
    return f"{TEMPORARY_PREFIX}{_machine()}-{os.getpid()}-{secrets.token_hex(8)}.tmp"


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files of processes that were killed; how many there were.

    Only files of this machine are looked at, and those of running processes stay; a folder that
    cannot be read has none, nor has a store.
    """
    if isinstance(folder, RemotePath):
        return 0
    removed = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(f"{TEMPORARY_PREFIX}{_machine()}-") and _is_left(entry.name):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
                    removed += 1
    return removed


def _is_left(name: str) -> bool:
    process = name.removeprefix(TEMPORARY_PREFIX).split("-")[1]
    if not process.isdigit() or os.name != "posix":  # elsewhere, asking about a process can end it
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


@cache
def _machine() -> str:
    """Eight hexadecimal digits: within one of these, a process number means one process."""
    space = ""
    with contextlib.suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{platform.node()}{space}".encode()).hexdigest()[:8]

"""Replacing a folder of small files as a whole, or leaving it as it was."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from restoreflow.errors import OutputError, shown
from restoreflow.outputs.gate import is_read, refuse_inputs

__all__ = ["remove_folder", "replace_folder"]


def replace_folder(path: Path, files: Mapping[str, bytes], known: Collection[str]) -> None:
    """Makes a folder hold exactly these files; a failure or an interrupt leaves the old one.

    The new folder is written beside the old one and then takes its place by renaming. Killed
    between the two renames, the old folder is left beside it under a hidden name.

    Args:
        path: the folder, existing or not; its parents are made.
        files: contents by name.
        known: names that may be replaced; a folder that holds any other is refused.

    Raises:
        OutputError: the folder holds other things, or what a run reads, or cannot be written.
    """
    path = path.resolve()
    _refuse_other_contents(path, known)
    for name in known:
        refuse_inputs(path / name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as place:
            fresh, old = Path(place, "new"), Path(place, "old")
            fresh.mkdir()
            for name, data in files.items():
                _write_through(fresh / name, data)
            _swap(fresh, path, old)
    except OSError as reason:
        raise OutputError(
            f"{path}: cannot be written: {reason.strerror or reason}",
            "check the disk's free space and the folder's permissions",
        ) from reason


def remove_folder(path: Path) -> None:
    """Remove a folder with all that is in it.

    Raises:
        OutputError: something in it is read by a run, or cannot be removed.
    """
    for place, _, names in os.walk(path):
        for name in names:
            if is_read(Path(place, name)):
                raise OutputError(f"{shown(path)} holds what the run reads", "name another folder")
    try:
        shutil.rmtree(path)
    except OSError as reason:
        raise OutputError(
            f"{shown(path)}: cannot be removed: {reason.strerror or reason}",
            "check its permissions",
        ) from reason


def _swap(fresh: Path, path: Path, old: Path) -> None:
    if not path.exists():
        fresh.rename(path)
        return
    try:
        path.rename(old)
        fresh.rename(path)
    except BaseException:  # an interrupt between the two must not cost the old model
        if old.exists() and not path.exists():
            old.rename(path)
        raise


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _refuse_other_contents(path: Path, known: Collection[str]) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise OutputError(f"{path}: is a file, not a folder", "choose another folder")
    others = sorted(entry.name for entry in path.iterdir() if entry.name not in known)
    if others:
        raise OutputError(f"{path}: holds other things than a model: {others[0]}", "choose another")

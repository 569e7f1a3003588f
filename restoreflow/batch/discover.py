"""From what a user names, files, folders and patterns, to inputs and their places."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from restoreflow.errors import InputError, RestoreflowError, UsageError
from restoreflow.images.formats import FORMATS
from restoreflow.images.names import shown

__all__ = ["MANIFEST_NAME", "Found", "find", "manifests"]

MANIFEST_NAME = "restoreflow-manifest"
"""How the names of manifests begin; a folder with one holds results."""

_SUFFIXES = frozenset(suffix for each in FORMATS.values() for suffix in each.extensions)


class Found(NamedTuple):
    """An input.

    Attributes:
        path: where it is.
        relative: its place below the folder it was found in; its name if it was named itself.
        root: that folder; None for a file that was named, or matched a pattern.
        error: why there is nothing to read, of a folder that cannot be looked into.
    """

    path: Path
    relative: Path
    root: Path | None = None
    error: RestoreflowError | None = None


def find(
    inputs: Sequence[str], recursive: bool = False, leave_out: Path | None = None
) -> list[Found]:
    """Inputs in the order they are named in, a folder's by name, each once.

    A file that is named is taken whatever it is called, present or not. In folders, files with a
    picture's extension are, but hidden ones; links to folders are not followed, and folders with
    results of an earlier run are passed over. A name with *, ? or [ that is no file is a pattern;
    ** goes deeper.

    Args:
        inputs: files, folders, patterns.
        recursive: look into folders' folders as well; files that match a pattern then keep their
            place below its fixed part.
        leave_out: a folder that is not looked into, where the results go.

    Raises:
        UsageError: a folder or pattern has no pictures.
    """
    found: dict[str, Found] = {}
    for each in inputs:
        for picture in _expanded(each, recursive, leave_out):
            found.setdefault(os.path.abspath(picture.path), picture)
    return list(found.values())


def manifests(folder: Path) -> list[Path]:
    """The manifests in an output folder, of all shards."""
    return sorted(folder.glob(f"{MANIFEST_NAME}*.jsonl"))


def _expanded(given: str, recursive: bool, leave_out: Path | None) -> Iterator[Found]:
    path = Path(given)
    if os.path.isdir(given):
        inside = list(_inside(path, recursive, leave_out))
        if not inside:
            hint = "" if recursive else "--recursive looks into its folders"
            raise UsageError(f"the folder {shown(path)} holds no pictures", hint)
        yield from inside
    elif not os.path.lexists(given) and glob.has_magic(given):
        matches = sorted(glob.glob(given, recursive=True))
        files = [Path(match) for match in matches if not os.path.isdir(match)]
        if not files:
            raise UsageError(f"{shown(given)} matches no file", "check the pattern")
        fixed = _fixed_part(path)
        for file in files:
            place = file.relative_to(fixed) if recursive else Path(file.name)
            yield Found(file, place)
    else:
        yield Found(path, Path(path.name))


def _fixed_part(pattern: Path) -> Path:
    """The folders of a pattern before its first *, ? or [."""
    fixed = Path()
    for part in pattern.parent.parts:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _inside(root: Path, recursive: bool, leave_out: Path | None) -> Iterator[Found]:
    refused: list[OSError] = []
    passed = None if leave_out is None else os.path.realpath(leave_out)
    for place, folders, names in os.walk(root, onerror=refused.append):
        folder = Path(place)
        seen = [each for each in sorted(folders) if recursive and not each.startswith(".")]
        folders[:] = [
            each
            for each in seen
            if os.path.realpath(folder / each) != passed and not manifests(folder / each)
        ]
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in _SUFFIXES:
                yield Found(folder / name, (folder / name).relative_to(root), root)
    for error in refused:
        path = Path(error.filename)
        reason = error.strerror or str(error)
        trouble = InputError(
            f"the folder {shown(path)} cannot be looked into: {reason}", "check its permissions"
        )
        yield Found(path, path.relative_to(root), root, trouble)

"""From what a user names, files, folders and patterns, to pictures."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from restoreflow.errors import UsageError
from restoreflow.images.formats import FORMATS
from restoreflow.images.names import shown

__all__ = ["Found", "find_pictures"]

_SUFFIXES = frozenset(suffix for each in FORMATS.values() for suffix in each.extensions)


class Found(NamedTuple):
    """A picture, and its place below the folder it was found in (its name, if it was named)."""

    path: Path
    relative: Path


def find_pictures(inputs: Sequence[Path], recursive: bool = False) -> list[Found]:
    """Pictures in the order of the inputs, a folder's by name, each once.

    A file that is named is taken whatever it is called, present or not; in folders, files with a
    picture's extension are. A name with *, ? or [ that is no file is a pattern; ** goes deeper.

    Args:
        inputs: files, folders, patterns.
        recursive: look into folders' folders as well; links to folders are not followed.

    Raises:
        UsageError: a folder or pattern has no pictures.
    """
    found: dict[str, Found] = {}
    for each in inputs:
        for picture in _expanded(each, recursive):
            found.setdefault(os.path.abspath(picture.path), picture)
    return list(found.values())


def _expanded(given: Path, recursive: bool) -> Iterator[Found]:
    if given.is_dir():
        inside = sorted(_inside(given, recursive))
        if not inside:
            hint = "" if recursive else "--recursive looks into its folders"
            raise UsageError(f"{shown(given)} holds no pictures", hint)
        yield from (Found(path, path.relative_to(given)) for path in inside)
    elif not os.path.lexists(given) and glob.has_magic(str(given)):
        matches = sorted(glob.glob(str(given), recursive=True))
        files = [Path(match) for match in matches if os.path.isfile(match)]
        if not files:
            raise UsageError(f"{shown(given)} matches no file", "check the pattern")
        yield from (Found(path, Path(path.name)) for path in files)
    else:
        yield Found(given, Path(given.name))


def _inside(folder: Path, recursive: bool) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        if not recursive:
            folders.clear()
        for name in names:
            if os.path.splitext(name)[1].lower() in _SUFFIXES:
                yield Path(place, name)

"""When two paths are one file, whatever they are called: links, `..` and case make no other."""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from pathlib import Path
from typing import Generic, TypeVar

from restoreflow.remote_path import RemotePath

__all__ = ["Files", "Names"]

_Owner = TypeVar("_Owner")

_SAME_STORE = {"s3a:": "s3:", "gcs:": "gs:"}


class Names:
    """Keys of names: equal for two that some file system might take for one; a link is itself.

    Folders are looked up once, so that one object is for one look at many names.
    """

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: Path) -> str:
        """The key of a path, there or not."""
        if isinstance(path, RemotePath):
            scheme, *rest = path.parts
            return "/".join((_SAME_STORE.get(scheme, scheme), *rest))
        folder, separator, name = str(path).rpartition(os.sep)
        beginning = self._folders.get(folder)
        if beginning is None:
            real = os.path.realpath(folder + separator)
            beginning = self._folders[folder] = _folded(os.path.join(real, ""))
        if name in ("", ".", ".."):
            return _folded(os.path.realpath(path))
        return beginning + _folded(name)


class Files(Generic[_Owner]):
    """Files with what is to be known of each, found again by any path that leads to them.

    Args:
        names: gives the keys; None: an own one.
    """

    def __init__(self, names: Names | None = None) -> None:
        self._names = names or Names()
        self._by_name: dict[str, _Owner] = {}
        self._by_place: dict[int, _Owner] = {}

    def add(self, path: Path | int, owner: _Owner) -> None:
        """Add a file, there or not, or an open one by its descriptor."""
        place, is_link = _look(path)
        if not isinstance(path, int):
            self._by_name.setdefault(self._names(path), owner)
            if is_link:
                self._by_name.setdefault(self._names(Path(os.path.realpath(path))), owner)
        if place is not None:
            self._by_place.setdefault(place, owner)

    def named(self, path: Path) -> _Owner | None:
        """What is known of the file that has this name; nothing by another file's link to it."""
        return self._by_name.get(self._names(path))

    def find(self, path: Path) -> _Owner | None:
        """What is known of the file at `path`; None where it is none of these."""
        place, is_link = _look(path)
        if place is not None and place in self._by_place:
            return self._by_place[place]
        found = self._by_name.get(self._names(path))
        if found is None and is_link:
            found = self._by_name.get(self._names(Path(os.path.realpath(path))))
        return found


def _look(path: Path | int) -> tuple[int | None, bool]:
    """Device and inode of a regular file, as one number, and whether the path is a link to it."""
    is_link = False
    if not isinstance(path, RemotePath):
        with contextlib.suppress(OSError, ValueError):  # ValueError: a null character in the path
            facts = os.fstat(path) if isinstance(path, int) else os.lstat(path)
            if stat.S_ISLNK(facts.st_mode):
                is_link = True
                facts = os.stat(path)
            if stat.S_ISREG(facts.st_mode) and facts.st_ino:
                return facts.st_dev << 64 | facts.st_ino, is_link
    return None, is_link


def _folded(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()

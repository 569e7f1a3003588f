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
        folder, name = os.path.split(str(path))
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = os.path.realpath(folder)
        if name in ("", ".", ".."):
            return _folded(os.path.realpath(path))
        return _folded(os.path.join(real, name))


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
        if not isinstance(path, int):
            self._by_name.setdefault(self._names(path), owner)
            if _is_link(path):
                self._by_name.setdefault(self._names(Path(os.path.realpath(path))), owner)
        place = _place(path)
        if place is not None:
            self._by_place.setdefault(place, owner)

    def named(self, path: Path) -> _Owner | None:
        """What is known of the file that has this name; nothing by another file's link to it."""
        return self._by_name.get(self._names(path))

    def find(self, path: Path) -> _Owner | None:
        """What is known of the file at `path`; None where it is none of these."""
        place = _place(path)
        if place is not None and place in self._by_place:
            return self._by_place[place]
        found = self._by_name.get(self._names(path))
        if found is None and _is_link(path):
            found = self._by_name.get(self._names(Path(os.path.realpath(path))))
        return found


def _place(path: Path | int) -> int | None:
    """Device and inode of a regular file, as one number; None where there is none."""
    if isinstance(path, RemotePath):
        return None
    with contextlib.suppress(OSError, ValueError):  # ValueError: a null character in the path
        facts = os.stat(path)
        if stat.S_ISREG(facts.st_mode) and facts.st_ino:
            return facts.st_dev << 64 | facts.st_ino
    return None


def _is_link(path: Path) -> bool:
    return not isinstance(path, RemotePath) and os.path.islink(path)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()

"""What runs read, against which everything is held that is about to be written.

A run says what it reads by `reading`; for as long as that lasts, nothing in this process writes
there, whatever it was asked to replace: every function of this package that writes asks
`refuse_inputs` first. What can be settled before any work is settled by `settle`. Two paths may be
one file, whatever they are called: links, `..` and case make no other.
"""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from restoreflow.errors import OutputError, UsageError, shown
from restoreflow.remote_path import RemotePath, is_there

__all__ = [
    "MANIFEST_NAME",
    "Files",
    "Names",
    "is_manifest",
    "is_read",
    "reading",
    "refuse_inputs",
    "refuse_places",
    "settle",
]

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


MANIFEST_NAME = "restoreflow-manifest"
"""How the names of manifests begin; a folder with one holds results."""

_active: list[Files[Path | int]] = []


@contextmanager
def reading(paths: Iterable[Path | int]) -> Iterator[None]:
    """Keep files from being written to, in this process and until the block ends.

    Args:
        paths: there or not; open ones also by their descriptors.
    """
    files: Files[Path | int] = Files()
    for path in paths:
        files.add(path, path)
    _active.append(files)
    try:
        yield
    finally:
        _active.remove(files)


def is_read(path: Path) -> bool:
    """Whether a path, by whatever links and spelling, leads to a file that a run reads."""
    return any(files.find(path) is not None for files in _active)


def refuse_inputs(path: Path) -> None:
    """See that a file may be made or replaced.

    Raises:
        OutputError: a run reads it.
    """
    if is_read(path):
        raise OutputError(
            f"{shown(path)} is a file that the run reads, and is left as it is", "name another"
        )


def refuse_places(path: Path) -> None:
    """See that what has a name already is a file, or a link to one or to nothing.

    Raises:
        OutputError: it is a device, a pipe or the like, which nothing takes the place of.
    """
    if isinstance(path, RemotePath):
        return
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OutputError(f"{shown(path)} is not a regular file", "choose another name")


def settle(
    outputs: Iterable[tuple[str, Path | None]],
    overwrite: bool,
    inputs: Iterable[Path | int] = (),
    written: Iterable[Path] = (),
    folders_made: bool = False,
) -> None:
    """See before any work that files named by options can be written.

    Args:
        outputs: options, and what they name.
        overwrite: whether those that are there may be replaced.
        inputs: all that the run reads.
        written: what else it writes, in folders that it makes.
        folders_made: whether it makes those of `outputs` too.

    Raises:
        UsageError: one is there and not to be replaced, is no regular file, is read or written by
            the run otherwise, has the name of a manifest, or its folder is not there or may not be
            written to.
    """
    wanted = [(option, path) for option, path in outputs if path is not None]
    if not wanted:
        return
    names = Names()
    files: Files[str] = Files(names)
    for path in inputs:
        files.add(path, "reads")
    made: set[Path] = set()
    for path in written:
        files.add(path, "writes")
        made.add(path.parent)
    made |= {above for folder in made for above in folder.parents}
    for option, path in wanted:
        _settle(option, path, overwrite, files.find(path))
        made_anyhow = folders_made or path.parent in made or isinstance(path, RemotePath)
        if not (made_anyhow or path.parent.is_dir()):
            raise UsageError(
                f"{shown(path.parent)} is not a folder", f"make it, or name another {option}"
            )
        _check_rights(option, path)
        files.add(path, "writes")


def is_manifest(path: Path) -> bool:
    """Whether a file has the name of a manifest."""
    name = path.name.casefold()
    return name.startswith(MANIFEST_NAME) and name.endswith(".jsonl")


def _check_rights(option: str, path: Path) -> None:
    """See that a file can be made in its folder, or in what is there of that."""
    if isinstance(path, RemotePath):
        return  # writing to it will say
    there = Path(os.path.abspath(path)).parent
    while not os.path.lexists(there):
        there = there.parent
    effective = os.access in os.supports_effective_ids
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK, effective_ids=effective):
        raise UsageError(f"{shown(there)} may not be written to", f"name another {option}")


def _settle(option: str, path: Path, overwrite: bool, used: str | None) -> None:
    other = f"name another {option}"
    if used is not None:
        raise UsageError(f"{shown(path)} is a file that the run {used}", other)
    if is_manifest(path):
        raise UsageError(f"{shown(path)} has the name of a manifest", other)
    if isinstance(path, RemotePath):
        if is_there(path) and not overwrite:
            raise UsageError(f"{shown(path)} exists already", "--overwrite replaces it")
        return
    try:
        refuse_places(path)
    except OutputError as error:
        raise UsageError(error.message, other) from error
    if path.is_dir():
        raise UsageError(f"{shown(path)} is a folder", other)
    if is_there(path) and not overwrite:
        raise UsageError(f"{shown(path)} exists already", "--overwrite replaces it")

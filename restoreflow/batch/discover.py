"""From what a user names, files, folders and patterns, to inputs and their places."""

from __future__ import annotations

import contextlib
import glob
import os
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from restoreflow.errors import InputError, RestoreflowError, UsageError, shown
from restoreflow.images.formats import FORMATS
from restoreflow.local_files import open_regular
from restoreflow.outputs.gate import MANIFEST_NAME
from restoreflow.remote_path import RemotePath, absolute_name, is_url, to_path

__all__ = ["Found", "Page", "find", "manifests"]

_Pattern = TypeVar("_Pattern", bound=Path)

_SUFFIXES = frozenset(suffix for each in FORMATS.values() for suffix in each.extensions)


class Page(NamedTuple):
    """One of a file's several pages: which, from 1, and of how many."""

    number: int
    total: int

    def __str__(self) -> str:
        return f"page{self.number:0{len(str(self.total))}}"


class Found(NamedTuple):
    """An input.

    Attributes:
        path: where it is.
        place: below the folder it was found in, its parts set off by slashes; its name if it was
            named itself. A text, since runs have very many.
        root: that folder; None for a file that was named, or matched a pattern.
        error: why there is nothing to read, of a folder that cannot be looked into.
        page: which page of the file; None where it is all of it.
    """

    path: Path
    place: str
    root: Path | None = None
    error: RestoreflowError | None = None
    page: Page | None = None

    @property
    def stem(self) -> str:
        """What its results' names begin with: the name without extension, and the page."""
        name = posixpath.basename(self.place)
        stem = name if name.endswith(".") else posixpath.splitext(name)[0]
        return stem if self.page is None else f"{stem}_{self.page}"


def find(
    inputs: Sequence[str], recursive: bool = False, leave_out: Path | None = None
) -> list[Found]:
    """Inputs in the order they are named in, a folder's by name, each once.

    A file that is named is taken whatever it is called, present or not. In folders, files with a
    picture's extension are, but hidden ones; links to folders are not followed, and folders with
    results of an earlier run are passed over. A name with *, ? or [ that is no file is a pattern;
    ** goes deeper. A TIFF file of several pages is as many inputs. All of it may lie on a store and
    is then named by a URL.

    Args:
        inputs: files, folders, patterns.
        recursive: look into folders' folders as well; files that match a pattern then keep their
            place below its fixed part.
        leave_out: a folder that is not looked into, where the results go.

    Raises:
        UsageError: a folder or pattern has no pictures.
        RestoreflowError: a store is not known here, or does not answer.
    """
    found: dict[str, Found] = {}
    for each in inputs:
        for picture in _expanded(each, recursive, leave_out):
            found.setdefault(absolute_name(picture.path), picture)
    return [page for each in found.values() for page in _pages(each)]


def manifests(folder: Path) -> list[Path]:
    """The manifests in an output folder, of all shards."""
    return sorted(folder.glob(f"{MANIFEST_NAME}*.jsonl"))


def _pages(found: Found) -> list[Found]:
    path, count = found.path, 1
    if path.suffix.lower() in FORMATS["tiff"].extensions and not isinstance(path, RemotePath):
        from restoreflow.images.tiff_pages import page_count

        # Reading it will say what is wrong.
        with contextlib.suppress(OSError, ValueError), open_regular(path) as stream:
            count = page_count(stream)
    if count < 2:
        return [found]
    return [found._replace(page=Page(number, count)) for number in range(1, count + 1)]


def _expanded(given: str, recursive: bool, leave_out: Path | None) -> Iterator[Found]:
    path = to_path(given)
    if isinstance(path, RemotePath):
        yield from _expanded_remote(path, recursive, leave_out)
        return
    given = str(path) if is_url(given) else given
    if os.path.isdir(given):
        inside = list(_inside(path, recursive, leave_out))
        if not inside:
            raise _empty(path, recursive)
        yield from inside
    elif not os.path.lexists(given) and glob.has_magic(given):
        matches = sorted(glob.glob(given, recursive=True))
        files = [Path(match) for match in matches if not os.path.isdir(match)]
        if not files:
            raise _unmatched(given)
        fixed = _fixed_part(path)
        for file in files:
            place = file.relative_to(fixed).as_posix() if recursive else file.name
            yield Found(file, place)
    else:
        yield Found(path, path.name)


def _expanded_remote(path: RemotePath, recursive: bool, leave_out: Path | None) -> Iterator[Found]:
    try:
        if glob.has_magic(str(path)) and not path.is_file():
            fixed = _fixed_part(path)
            pattern = "/".join(path.parts[len(fixed.parts) :])
            files = list(fixed.glob(pattern))
            if not files:
                raise _unmatched(str(path))
            for file in files:
                yield Found(file, file.below(fixed).as_posix() if recursive else file.name)
        elif path.is_dir() and not path.is_file():
            inside = list(_inside_remote(path, recursive, leave_out))
            if not inside:
                raise _empty(path, recursive)
            yield from inside
        else:
            yield Found(path, path.name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RestoreflowError(
            f"{shown(path)} cannot be looked into: {reason}",
            "check the address, and who may use it",
        ) from error


def _inside_remote(root: RemotePath, recursive: bool, leave_out: Path | None) -> Iterator[Found]:
    files = root.files(recursive)
    results: set[Path] = {
        file.parent
        for file in files
        if file.name.startswith(MANIFEST_NAME) and file.suffix == ".jsonl" and file.parent != root
    }
    if leave_out is not None and leave_out != root:
        results.add(leave_out)
    for file in files:
        place = file.below(root)
        hidden = any(part.startswith(".") for part in place.parts)
        if file.suffix.lower() in _SUFFIXES and not hidden and results.isdisjoint(file.parents):
            yield Found(file, place.as_posix(), root)


def _empty(folder: Path, recursive: bool) -> UsageError:
    hint = "" if recursive else "--recursive looks into its folders"
    return UsageError(f"the folder {shown(folder)} holds no pictures", hint)


def _unmatched(pattern: str) -> UsageError:
    return UsageError(f"{shown(pattern)} matches no file", "check the pattern")


def _fixed_part(pattern: _Pattern) -> _Pattern:
    """The folders of a pattern before its first *, ? or [."""
    fixed = type(pattern)()
    for part in pattern.parent.parts:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _inside(root: Path, recursive: bool, leave_out: Path | None) -> Iterator[Found]:
    refused: list[OSError] = []
    here = None if isinstance(leave_out, RemotePath) else leave_out
    passed = None if here is None else os.path.realpath(here)
    for place, folders, names in os.walk(root, onerror=refused.append):
        folder = Path(place)
        seen = [each for each in sorted(folders) if recursive and not each.startswith(".")]
        folders[:] = [
            each
            for each in seen
            if os.path.realpath(folder / each) != passed and not manifests(folder / each)
        ]
        below = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
        for name in sorted(names):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in _SUFFIXES:
                yield Found(folder / name, below + name, root)
    for error in refused:
        path = Path(error.filename)
        reason = error.strerror or str(error)
        trouble = InputError(
            f"the folder {shown(path)} cannot be looked into: {reason}", "check its permissions"
        )
        yield Found(path, path.relative_to(root).as_posix(), root, trouble)

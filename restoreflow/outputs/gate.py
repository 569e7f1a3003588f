"""What runs read, against which everything is held that is about to be written.

A run says what it reads by `reading`; for as long as that lasts, nothing in this process writes
there, whatever it was asked to replace: every function of this package that writes asks
`refuse_inputs` first. What can be settled before any work is settled by `settle`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from restoreflow.errors import OutputError, UsageError
from restoreflow.outputs.identity import Files, Names
from restoreflow.printable import shown
from restoreflow.remote_path import RemotePath, is_there

__all__ = [
    "MANIFEST_NAME",
    "is_manifest",
    "is_read",
    "reading",
    "refuse_inputs",
    "refuse_places",
    "settle",
]

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

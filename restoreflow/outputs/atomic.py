"""Files that get their names when they are whole: one by one, or a set of them together.

Until then they have temporary names, by which a later run knows those that a killed one has left.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from restoreflow.errors import LimitError, OutputError, RestoreflowError, shown
from restoreflow.local_files import read_regular
from restoreflow.outputs.gate import refuse_inputs, refuse_places
from restoreflow.remote_path import RemotePath, is_there

__all__ = [
    "TEMPORARY_PREFIX",
    "NewFile",
    "holds",
    "make_folder",
    "remove_leftovers",
    "temporary_name",
    "write_atomic",
    "write_failure",
    "write_set",
]

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


_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class NewFile:
    """A file to be written.

    Args:
        path: where.
        data: its bytes.
        overwrite: whether it may replace one; otherwise one that is there is an error, also if it
            comes up meanwhile.
        same_counts: whether one that is there with the very same bytes is none.
        check: is called with the file before it has its name, or for a store with the bytes, and
            raises where something is wrong.
    """

    path: Path
    data: bytes
    overwrite: bool = False
    same_counts: bool = False
    check: Callable[[Path | bytes], None] | None = field(default=None, compare=False)


def write_atomic(path: str | Path, data: bytes, overwrite: bool = False) -> None:
    """Write bytes to a file of its own, as `write_set` does."""
    write_set([NewFile(path if isinstance(path, Path) else Path(path), data, overwrite)])


def write_set(files: Sequence[NewFile]) -> None:
    """Write files by way of temporary ones in their folders: all of them, or none.

    The temporary files are flushed to the disk and their sizes checked before any gets its name, in
    one step each; whatever happens, no half file has a name. If a name cannot be given, those that
    had theirs lose them, and what they replaced comes back. After a kill between two names of a set
    the later ones are as they were; and files named `TEMPORARY_PREFIX` + ... can be left, which
    `temporary.remove_leftovers` finds.

    A link is replaced, never followed. To a store, which has no names apart from the bytes, files
    go whole, one after the other.

    Raises:
        LimitError: the disk or a quota is full.
        OutputError: anything else that keeps a file from being written; or a run reads it.
    """
    for file in files:
        refuse_inputs(file.path)
        refuse_places(file.path)
    files = [each for each in files if not _is_written(each)]
    with contextlib.ExitStack() as stack:
        steps = [_Step(file, stack, alone=len(files) == 1) for file in files]
        for step in steps:
            step.prepare()
        done: list[_Step] = []
        try:
            for step in steps:
                done.append(step)
                step.commit()
        except BaseException:
            for step in reversed(done):
                step.take_back()
            raise
    for folder in {file.path.parent for file in files if not isinstance(file.path, RemotePath)}:
        _flush_folder(folder)


def _is_written(file: NewFile) -> bool:
    """Whether it is there and counts; raises OutputError where it is there and does not."""
    path = file.path
    if file.overwrite or isinstance(path, RemotePath) or not os.path.lexists(path):
        return False
    if file.same_counts and holds(path, file.data):
        return True
    raise _exists(path)


class _Step:
    """One file of a set on its way.

    Args:
        file: to be written.
        stack: removes what is left of it afterwards.
        alone: whether it is the only one: then there is nothing to take back.
    """

    def __init__(self, file: NewFile, stack: contextlib.ExitStack, alone: bool) -> None:
        self._file, self._stack, self._alone = file, stack, alone
        self._temporary: Path | None = None
        self._old: Path | bytes | None = None
        self._named = False

    def prepare(self) -> None:
        """Write all of it under another name, and check it; what it replaces gets one more."""
        file, path = self._file, self._file.path
        with _explained(path):
            if isinstance(path, RemotePath):
                if file.check is not None:
                    file.check(file.data)
                if self._replaces():
                    self._old = path.read_bytes()
                return
            self._temporary = self._own(path)
            _write_flushed(self._temporary, file.data)
            if file.check is not None:
                file.check(self._temporary)
            if self._replaces():
                self._old = self._own(path)
                _give_another(path, self._old)

    def commit(self) -> None:
        """Give it its name."""
        file, path = self._file, self._file.path
        with _explained(path):
            try:
                if isinstance(path, RemotePath):
                    path.put(file.data, file.overwrite)
                elif self._temporary is not None:
                    _give_name(self._temporary, path, file.overwrite)
                self._named = True
            except FileExistsError:
                # One that was taken for dead, on another machine, may have written it after all.
                if not (file.same_counts and holds(path, file.data)):
                    raise

    def take_back(self) -> None:
        """Undo `commit`, if it came to that."""
        path, old = self._file.path, self._old
        if not self._named:
            return
        with contextlib.suppress(OSError):
            if isinstance(old, Path):
                old.replace(path)
            elif isinstance(path, RemotePath) and isinstance(old, bytes):
                path.put(old, overwrite=True)
            else:
                path.unlink(missing_ok=True)

    def _replaces(self) -> bool:
        return not self._alone and self._file.overwrite and is_there(self._file.path)

    def _own(self, path: Path) -> Path:
        own = path.with_name(temporary_name())
        self._stack.callback(_drop, own)
        return own


def _drop(path: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        path.unlink()


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise write_failure(path, error) from error


def holds(path: Path, data: bytes) -> bool:
    """Whether a file is there and holds just these bytes."""
    try:
        return path.stat().st_size == len(data) and read_regular(path) == data
    except OSError:
        return False


def make_folder(folder: Path) -> None:
    """Make a folder for what is to be written, and those above it.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"the folder {shown(folder)} cannot be made: {reason}", "choose another -o"
        ) from error


def _write_flushed(temporary: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(temporary, flags, 0o666), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    written = temporary.stat().st_size
    if written != len(data):
        raise OSError(errno.EIO, f"{written} of {len(data)} bytes arrived on the disk")


def _give_another(path: Path, name: Path) -> None:
    """A second name for a file; a copy where there are no hard links."""
    try:
        os.link(path, name, follow_symlinks=False)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LINKS:
            raise
        shutil.copy2(path, name, follow_symlinks=False)


def _give_name(temporary: Path, path: Path, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
        return
    # A hard link, unlike a rename, fails when the name is taken, with no moment between.
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        temporary.rename(path)


def _flush_folder(folder: Path) -> None:
    # So that the name too outlasts a power cut; not all systems open folders, and the file is whole
    # either way.
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _exists(path: Path) -> OutputError:
    if not isinstance(path, RemotePath) and path.is_dir():
        return OutputError(f"{shown(path)} is a folder", "choose another -o")
    return OutputError(f"{shown(path)} exists", "use --overwrite to replace it")


def write_failure(path: Path, error: OSError | ValueError) -> RestoreflowError:
    """What kept a file from being written, as an error that says what to do."""
    code = error.errno if isinstance(error, OSError) else None
    folder = shown(path.parent)
    if isinstance(error, FileExistsError) or code in (errno.EISDIR, errno.ENOTEMPTY):
        return _exists(path)
    if code in _FULL:
        return LimitError(f"no room for {shown(path)}: the disk or quota is full", "free some room")
    if code == errno.ELOOP:
        return OutputError(f"{shown(path)} is a link, which is not followed", "move it away")
    if code == errno.ENXIO:
        return OutputError(f"{shown(path)} is not a regular file", "move it away")
    if code == errno.ENOENT:
        return OutputError(f"the folder {folder} does not exist", "create it first")
    if code == errno.ENOTDIR:
        return OutputError(f"{folder} is not a folder", "choose another -o")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            f"{folder} may not be written to", "choose another folder with -o, or its permissions"
        )
    if code == errno.ENAMETOOLONG:
        return OutputError(f"the name {shown(path.name)} is too long", "give a shorter one with -o")
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"{shown(path)} cannot be written: {reason}")

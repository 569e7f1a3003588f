"""Write results so that a name is either absent, as it was before, or a whole new file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from restoreflow.errors import LimitError, OutputError, RestoreflowError
from restoreflow.images.decode import read_size
from restoreflow.images.encode import encode
from restoreflow.images.names import shown
from restoreflow.images.picture import Picture
from restoreflow.images.temporary import TEMPORARY_PREFIX, temporary_name
from restoreflow.remote_path import RemotePath

__all__ = [
    "TEMPORARY_PREFIX",
    "write_atomic",
    "write_encoded",
    "write_failure",
    "write_picture",
]

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_picture(
    path: str | Path,
    picture: Picture,
    format: str | None = None,
    quality: int = 95,
    bit_depth: int | None = None,
    overwrite: bool = False,
) -> int:
    """Encode a picture and write it, as `write_encoded` does.

    Args: as `encode.encode` and `write_atomic`.

    Returns: the number of bytes written.

    Raises: as these two; OutputError also where the file does not read back.
    """
    data = encode(picture, format, quality, bit_depth)
    write_encoded(path, data, picture.width, picture.height, overwrite)
    return len(data)


def write_encoded(
    path: str | Path, data: bytes, width: int, height: int, overwrite: bool = False
) -> None:
    """Write a picture's file; before it gets its name it is opened again and its size checked.

    On a store, where nothing has another name first, the bytes are checked before they go there.

    Raises: as `write_atomic`; OutputError also where the file does not read back.
    """

    def check(written: Path | bytes) -> None:
        try:
            size = read_size(written, max_pixels=None)
        except RestoreflowError as error:
            name = "the data" if isinstance(written, bytes) else shown(written)
            reason = str(error).replace(name, "it")
            raise OutputError(f"{shown(path)} does not read back: {reason}") from error
        if size != (width, height):
            raise OutputError(
                f"{shown(path)} reads back as {size[0]} x {size[1]} pixels, not {width} x {height}"
            )

    if isinstance(path, RemotePath):
        check(data)
        _put(path, data, overwrite)
    else:
        write_atomic(path, data, overwrite, check)


def write_atomic(
    path: str | Path,
    data: bytes,
    overwrite: bool = False,
    check: Callable[[Path], None] | None = None,
) -> None:
    """Write bytes to `path` by way of a temporary file in its folder; to a store, whole.

    The temporary file is flushed to the disk and its size checked before it gets the name, in one
    step; whatever happens, no half file has the name. After an error the temporary file is removed;
    after a kill at the worst moment one named `TEMPORARY_PREFIX` + ... can be left, which
    `temporary.remove_leftovers` finds.

    Args:
        overwrite: replace an existing file; otherwise its presence is an error, even if it comes up
            while this writes.

    Raises:
        LimitError: the disk or a quota is full.
        OutputError: anything else that keeps the file from being written.
    """
    if isinstance(path, RemotePath):
        _put(path, data, overwrite)
        return
    path = Path(path)
    if not overwrite and os.path.lexists(path):
        raise _exists(path)
    temporary = path.with_name(temporary_name())
    try:
        try:
            _write_flushed(temporary, data)
            if check is not None:
                check(temporary)
            _give_name(temporary, path, overwrite)
        finally:
            temporary.unlink(missing_ok=True)
        _flush_folder(path.parent)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise write_failure(path, error) from error


def _put(path: RemotePath, data: bytes, overwrite: bool) -> None:
    try:
        path.put(data, overwrite)
    except OSError as error:
        raise write_failure(path, error) from error


def _write_flushed(temporary: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(temporary, flags, 0o666), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    written = temporary.stat().st_size
    if written != len(data):
        raise OSError(errno.EIO, f"{written} of {len(data)} bytes arrived on the disk")


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

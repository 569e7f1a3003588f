"""Reading files from a disk, and nothing that only looks like one.

A pipe, a socket or a device where a file is expected would have the reader wait, or read, for ever;
so would a link to one. They are refused, wherever a file is opened to be read.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from restoreflow.free_memory import check_free
from restoreflow.remote_path import RemotePath

__all__ = ["LARGEST_TEXT", "file_size", "open_regular", "read_regular"]

LARGEST_TEXT = 2**26
"""Bytes of a file of text, as a configuration or a model's card; none of ours has a thousandth."""

_LARGE = 2**24  # below, memory is not asked for


def open_regular(path: Path) -> BinaryIO:
    """Open a file to be read; also one on a store.

    Raises:
        OSError: it cannot be opened, or is no regular file: a folder, a pipe, a socket, a device.
        ValueError: its name holds a null character.
    """
    if isinstance(path, RemotePath):
        return path.open("rb")
    # Without waiting for who writes into a pipe; of a regular file it changes nothing.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def file_size(stream: BinaryIO) -> int:
    """Bytes of a file that `open_regular` opened."""
    of_a_store = getattr(stream, "size", None)
    return os.fstat(stream.fileno()).st_size if of_a_store is None else int(of_a_store)


def read_regular(path: Path, most: int | None = None) -> bytes:
    """All bytes of a file.

    Args:
        path: on a disk or a store.
        most: bytes beyond which it is refused; None: as many as memory holds.

    Raises:
        OSError, ValueError: as `open_regular`; OSError also where it has more than `most`.
        LimitError: more than memory holds.
    """
    with open_regular(path) as stream:
        size = file_size(stream)
        if most is not None and size > most:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes, more than any such file", str(path))
        if size > _LARGE:
            check_free(size, f"reading {path.name}", "read it where there is more memory")
        return stream.read()

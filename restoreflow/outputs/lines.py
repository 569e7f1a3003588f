"""Lines that are added to a file, each whole or not at all, and lasting once they are there."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from pathlib import Path
from typing import BinaryIO

from restoreflow.outputs.atomic import write_atomic
from restoreflow.outputs.gate import refuse_inputs
from restoreflow.remote_path import RemotePath

__all__ = ["Lines", "LocalLines", "RemoteLines", "lines_in", "open_own", "read_own"]

_OWN = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
"""Flags of opening: follow no link, wait for no other end of a pipe."""

LINES_A_SEGMENT = 64


class LocalLines:
    """Lines at the end of one file.

    Args:
        path: need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._torn = _is_torn(path)

    def append(self, line: bytes, lasting: bool = True) -> None:
        """Add a line, without its end; OSError where it does not last.

        Args:
            line: without a line feed.
            lasting: whether it must outlast a power cut from now on.
        """
        whole = line + b"\n"
        self._write(b"\n" + whole if self._torn else whole, lasting)

    def _write(self, data: bytes, lasting: bool) -> None:
        # One write a line, at the end of the file: lines of several processes do not mix.
        descriptor = self._opened()
        try:
            self._torn = True
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._torn = False
            if lasting:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _opened(self) -> int:
        """The file, to be added to: no link is followed, and nothing shares its bytes.

        A file with other names, as a backup's hard links give it, is replaced by a copy first;
        adding to it would change it under those names too.
        """
        refuse_inputs(self.path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _OWN
        descriptor = os.open(self.path, flags, 0o666)
        try:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file")
            if facts.st_nlink < 2:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        write_atomic(self.path, read_own(self.path), overwrite=True)
        return os.open(self.path, flags, 0o666)


def read_own(path: Path) -> bytes:
    """All bytes of a file that lines are added to, no link followed.

    Raises:
        OSError: it cannot be read, or is a link, a pipe or a device.
    """
    if isinstance(path, RemotePath):
        return path.read_bytes()
    with open_own(path) as stream:
        return stream.read()


def open_own(path: Path) -> BinaryIO:
    """The same, to be read piece by piece."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _OWN)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link, which is not followed") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _is_torn(path: Path) -> bool:
    try:
        with open_own(path) as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) != b"\n"
    except OSError:
        return False  # it is empty or not there; if it is worse, adding to it will say so


class RemoteLines:
    """Lines on a store, which cannot add to an object: a row of segments.

    A segment is written whole again with every line until it has 64; then the next begins. Their
    names, STEM.TIME-RANDOM-NUMBER.EXT, sort by time and are of this process alone.

    Args:
        path: gives the folder, the names' beginning and their extension.
    """

    def __init__(self, path: RemotePath) -> None:
        self.path = path
        began = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self._name = f"{path.stem}.{began}-{secrets.token_hex(4)}"
        self._number = 0
        self._lines: list[bytes] = []

    def append(self, line: bytes, lasting: bool = True) -> None:
        """Add a line, without its end; OSError where it does not last, as each does here."""
        if len(self._lines) == LINES_A_SEGMENT:
            self._lines = []
        if not self._lines:
            self._number += 1
        lines = [*self._lines, line]
        segment = self.path.with_name(f"{self._name}-{self._number:06}{self.path.suffix}")
        segment.put(b"".join(each + b"\n" for each in lines), overwrite=True)
        self._lines = lines


Lines = LocalLines | RemoteLines


def lines_in(path: Path) -> Lines:
    """Where lines are added to `path`, on a store beside it."""
    return RemoteLines(path) if isinstance(path, RemotePath) else LocalLines(path)

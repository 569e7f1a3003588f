"""Lines that are added to a file, each whole or not at all, and lasting once they are there."""

from __future__ import annotations

import errno
import os
import secrets
import time
from pathlib import Path

from restoreflow.remote_path import RemotePath

__all__ = ["Lines", "LocalLines", "RemoteLines", "lines_in"]

LINES_A_SEGMENT = 64


class LocalLines:
    """Lines at the end of one file.

    Args:
        path: need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._torn = _is_torn(path)

    def append(self, line: bytes) -> None:
        """Add a line, without its end; OSError where it does not last."""
        whole = line + b"\n"
        self._write(b"\n" + whole if self._torn else whole)

    def _write(self, data: bytes) -> None:
        # One write a line, at the end of the file: lines of several processes do not mix.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self.path, flags, 0o666)
        try:
            self._torn = True
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._torn = False
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_torn(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
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

    def append(self, line: bytes) -> None:
        """Add a line, without its end; OSError where it does not last."""
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

"""What tells a file's content from another's: a hash of all of it, and a quick one of parts."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from restoreflow.local_files import open_regular
from restoreflow.remote_path import RemotePath

__all__ = ["PART", "Content", "Stamp", "sample_of", "stamp_of", "whole_of"]

PART = 64 * 1024
"""Bytes at the beginning, in the middle and at the end that a quick hash is of."""


class Stamp(NamedTuple):
    """What a file system tells of a file without reading it.

    Attributes:
        size: bytes.
        modified: when its content was said to have changed, nanoseconds since 1970, or what stands
            for that on a store; programs set it as they like.
        changed: when anything of it was, which no program sets; 0 on a store.
    """

    size: int
    modified: int
    changed: int


class Content(NamedTuple):
    """What a file holds.

    Attributes:
        sample: SHA-256 of a file's first, middle and last `PART` bytes, or of all where there are
            no more; hexadecimal.
        sha256: of all, hexadecimal.
    """

    sample: str
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> Content:
        """That of a file's bytes."""
        whole = hashlib.sha256(data).hexdigest()
        if len(data) <= 3 * PART:
            return cls(whole, whole)
        digest = hashlib.sha256()
        for start in _starts(len(data)):
            digest.update(memoryview(data)[start : start + PART])
        return cls(digest.hexdigest(), whole)


def stamp_of(path: Path) -> Stamp:
    """A file's stamp; OSError where there is none."""
    facts = path.stat() if isinstance(path, RemotePath) else os.stat(path)
    changed = 0 if isinstance(path, RemotePath) else facts.st_ctime_ns
    return Stamp(facts.st_size, facts.st_mtime_ns, changed)


def sample_of(path: Path) -> str:
    """`Content.sample` of a file, with 192 KiB read at most.

    Raises:
        OSError: it cannot be read.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size <= 3 * PART:
            return hashlib.sha256(stream.read(3 * PART + 1)).hexdigest()
        digest = hashlib.sha256()
        for start in _starts(size):
            stream.seek(start)
            digest.update(stream.read(PART))
    return digest.hexdigest()


def whole_of(path: Path) -> str:
    """`Content.sha256` of a file, all of which is read; OSError where it cannot be."""
    if isinstance(path, RemotePath):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _starts(size: int) -> tuple[int, int, int]:
    return 0, (size - PART) // 2, size - PART

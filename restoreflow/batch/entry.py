"""What a manifest knows of an input and its results: their content, and when that is still so."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from restoreflow.local_files import open_regular
from restoreflow.remote_path import RemotePath, absolute_name

__all__ = [
    "PART",
    "SCHEMA",
    "Content",
    "Entry",
    "Origin",
    "Reader",
    "Stamp",
    "Written",
    "is_same",
    "sample_of",
    "stamp_of",
    "whole_of",
]

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


SCHEMA = 1
_STATES = ("begun", "done", "verified")


class Origin(NamedTuple):
    """What results come from.

    Attributes:
        input: the absolute path, or the URL.
        size, modified, changed: the file's `Stamp`.
        settings: those that decide what a result holds.
        model: SHA-256 of its configuration and weights, hexadecimal.
        sample, sha256: the file's `Content`; None where it was not read, or by an older version.
    """

    input: str
    size: int
    modified: int
    settings: Mapping[str, Any]
    model: str
    changed: int = 0
    sample: str | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, path: Path, settings: Mapping[str, Any], model: str) -> Origin:
        """That of an input, which is not read; OSError where it is not there."""
        size, modified, changed = stamp_of(path)
        return cls(absolute_name(path), size, modified, settings, model, changed)

    def with_content(self, content: Content | None) -> Origin:
        """The same, of an input that was read."""
        return self if content is None else self._replace(**content._asdict())

    def restamped(self, now: Origin) -> Origin:
        """The same with another's path and stamp, where the content is known and found again."""
        if self.sha256 is None:
            return self
        return self._replace(input=now.input, modified=now.modified, changed=now.changed)

    def made_alike(self, other: Origin) -> bool:
        """Whether equal inputs give equal results."""
        return self.model == other.model and self.settings == other.settings

    def holds_same(self, other: Origin, path: Path) -> bool:
        """Whether an input has the content that another origin knows.

        Args:
            other: of a manifest.
            path: the input, of which this origin is; it is read as far as that is needed.
        """
        if self.size != other.size:
            return False
        if other.sha256 is None:
            return self.input == other.input and self.modified == other.modified
        known = Written(other.size, other.sha256, other.sample, other.modified, other.changed)
        unmoved = self.input == other.input
        return is_same(path, known, Stamp(*self[1:3], self.changed) if unmoved else None)


class Written(NamedTuple):
    """A file with its content, and its stamp where that is known.

    Attributes:
        size: bytes.
        sha256, sample: as in `Content`; None is a sample that was not taken.
        modified, changed: as in `Stamp`; None before the file has its name.
    """

    size: int
    sha256: str
    sample: str | None = None
    modified: int | None = None
    changed: int | None = None

    @classmethod
    def of(cls, data: bytes) -> Written:
        """That of a file's bytes."""
        content = Content.of(data)
        return cls(len(data), content.sha256, content.sample)

    def stamped(self, path: Path) -> Written:
        """The same with what the file system says of it now."""
        try:
            stamp = stamp_of(path)
        except OSError:
            return self
        return self._replace(modified=stamp.modified, changed=stamp.changed)

    def as_dict(self) -> dict[str, Any]:
        """For a line; what is not known, or said already, is left out."""
        told = {name: value for name, value in self._asdict().items() if value is not None}
        if self.sample == self.sha256:
            del told["sample"]
        return told


def is_same(path: Path, known: Written, stamp: Stamp | None) -> bool:
    """Whether a file holds what is known of it; `stamp`: what to compare with the one known."""
    untouched = stamp is not None and stamp[1:] == (known.modified, known.changed)
    try:
        if untouched and isinstance(path, RemotePath):
            return True  # its stamp stands for its content
        if untouched and known.sample is not None:
            return sample_of(path) == known.sample
        return whole_of(path) == known.sha256
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one input's results.

    Args:
        origin: what they come from.
        output: by their name below the manifest's folder.
        done: whether all had their names when it was written.
    """

    origin: Origin
    output: Mapping[str, Written]
    done: bool


class Reader:
    """Makes entries of lines; what many of them have in common they share."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] = {}

    def __call__(self, line: bytes) -> Entry | None:
        """What a line says; None for one that is torn, of another schema, or not about results."""
        try:
            told = json.loads(line)
            if told["schema"] != SCHEMA or told["status"] not in _STATES:
                return None
            output = {str(each["file"]): _written(each) for each in told["output"]}
            return Entry(self._origin(told), output, told["status"] != "begun")
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None

    def _origin(self, told: Mapping[str, Any]) -> Origin:
        settings = dict(told["settings"])
        if settings != self._settings:
            self._settings = settings
        size, modified, changed = (_number(told.get(name)) for name in Stamp._fields)
        content = (_hash(told.get(name)) for name in Content._fields)
        where, model = str(told["input"]), sys.intern(str(told["model"]))
        return Origin(where, size, modified, self._settings, model, changed, *content)


def _written(told: Mapping[str, Any]) -> Written:
    sha256 = str(told["sha256"])
    modified, changed = told.get("modified"), told.get("changed")
    if modified is None:
        return Written(int(told["size"]), sha256)
    sample = _hash(told.get("sample")) or sha256
    return Written(int(told["size"]), sha256, sample, int(modified), _number(changed))


def _number(value: Any) -> int:
    return 0 if value is None else int(value)


def _hash(value: Any) -> str | None:
    return None if value is None else str(value)

"""What an output folder holds and came from: one JSON line a step, so that a run can go on exactly.

A line is written before an input's results get their names, with their sizes and hashes, and one
after. So a run that was killed in between knows what it wrote, and nothing that somebody else put
or changed there is ever taken for a result, or replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from restoreflow.batch.discover import manifests
from restoreflow.batch.job import Job
from restoreflow.batch.record import Record, json_line
from restoreflow.errors import OutputError
from restoreflow.images.names import shown
from restoreflow.outputs.atomic import write_failure
from restoreflow.outputs.gate import MANIFEST_NAME
from restoreflow.outputs.lines import Lines, lines_in, read_own
from restoreflow.remote_path import RemotePath

__all__ = ["Entry", "Manifest", "Origin", "Written", "finished"]

_SCHEMA = 1


class Origin(NamedTuple):
    """What results come from; equal origins give equal results.

    Attributes:
        input: the absolute path, or the URL.
        size: bytes.
        modified: nanoseconds since 1970, or what stands for that on a store.
        settings: those that decide what a result holds.
        model: SHA-256 of its configuration and weights, hexadecimal.
    """

    input: str
    size: int
    modified: int
    settings: Mapping[str, Any]
    model: str

    def equals(self, other: Origin) -> bool:
        """Whether both give the same results; an input that only moved is the same."""
        return self[1:] == other[1:]

    def same_input(self, other: Origin) -> bool:
        """Whether both are of one input, changed or not."""
        return self.input == other.input or self[1:3] == other[1:3]


class Written(NamedTuple):
    """A file that was written: bytes, and SHA-256 in hexadecimal."""

    size: int
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> Written:
        """That of a file's bytes."""
        return cls(len(data), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
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


class Manifest:
    """An output folder's.

    Args:
        folder: need not be there yet.
        shard: "1-of-4", to write apart from other shards; all are read.

    Raises:
        OutputError: one is there but cannot be read.
    """

    def __init__(self, folder: Path, shard: str | None = None) -> None:
        self.folder = folder
        self.path = folder / f"{MANIFEST_NAME}{'.' + shard if shard else ''}.jsonl"
        self._latest: dict[str, Entry] = {}
        self._known: defaultdict[str, set[Written]] = defaultdict(set)
        self._lock = threading.Lock()
        self._lines: Lines | None = None
        for path in manifests(folder):
            self._read(path)

    def entry(self, job: Job) -> Entry | None:
        """The latest about any of a job's files."""
        entries = (self._latest.get(self.name(path)) for path in job.files)
        return next((entry for entry in entries if entry is not None), None)

    def wrote(self, path: Path) -> bool:
        """Whether a file holds, byte for byte, what a run wrote there."""
        known = self._known.get(self.name(path), set())
        try:
            if path.is_symlink() or path.stat().st_size not in {each.size for each in known}:
                return False
            return Written.of(path.read_bytes()) in known
        except OSError:
            return False

    def holds(self, entry: Entry, files: Sequence[Path]) -> bool:
        """Whether all files are there as the entry says: by size, or by hash if it is not done."""
        for path in files:
            written = entry.output.get(self.name(path))
            try:
                if written is None or path.stat().st_size != written.size:
                    return False
                if not entry.done and Written.of(path.read_bytes()) != written:
                    return False
            except OSError:
                return False
        return True

    def begin(self, origin: Origin, output: Mapping[Path, Written]) -> None:
        """Say what is about to be written.

        Raises:
            LimitError: the disk is full.
            OutputError: it cannot be said.
        """
        named = {self.name(path): written for path, written in output.items()}
        self._append({"status": "begun", **origin._asdict(), "output": _listed(named)})
        self._remember(Entry(origin, named, done=False))

    def finish(self, origin: Origin, output: Mapping[Path, Written], record: Record) -> None:
        """Say what became of an input; raises as `begin`."""
        named = {self.name(path): written for path, written in output.items()}
        told = origin._asdict() | {"output": _listed(named), "record": record.as_dict()}
        self._append({"status": record.status, **told})
        if record.status == "done":
            self._remember(Entry(origin, named, done=True))

    def name(self, path: Path) -> str:
        """What a file is called in the manifest."""
        if isinstance(path, RemotePath):
            return path.below(self.folder).as_posix()
        return Path(os.path.relpath(path, self.folder)).as_posix()

    def _remember(self, entry: Entry) -> None:
        with self._lock:
            for name, written in entry.output.items():
                self._latest[name] = entry
                self._known[name].add(written)

    def _read(self, path: Path) -> None:
        try:
            data = read_own(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(
                f"the manifest {shown(path)} cannot be read: {reason}", "choose another -o"
            ) from error
        for line in data.splitlines():
            entry = _entry(line)
            if entry is not None:
                self._remember(entry)

    def _append(self, told: Mapping[str, Any]) -> None:
        line = json_line({"schema": _SCHEMA, **told}).encode()
        with self._lock:
            try:
                self._lines = self._lines or lines_in(self.path)
                self._lines.append(line)
            except OSError as error:
                raise write_failure(self.path, error) from error


def finished(folder: Path, files: Collection[str]) -> dict[str, tuple[Entry, dict[str, Any]]]:
    """The latest lines that tell an input is done, with the facts of its record.

    Args:
        folder: with manifests.
        files: names there, as `Manifest.name` gives them, of which lines are looked for.

    Raises:
        OSError: a manifest cannot be read.
    """
    found: dict[str, tuple[Entry, dict[str, Any]]] = {}
    for path in manifests(folder):
        for line in path.read_bytes().splitlines():
            entry = _entry(line)
            if entry is not None and entry.done:
                told = json.loads(line).get("record") or {}
                facts = {key: told[key] for key in told.keys() - {"input", "output", "status"}}
                found |= {name: (entry, facts) for name in entry.output if name in files}
    return found


def _listed(output: Mapping[str, Written]) -> list[dict[str, Any]]:
    return [{"file": name, **written._asdict()} for name, written in output.items()]


def _entry(line: bytes) -> Entry | None:
    """What a line says; None for one that is torn, of another schema, or not about results."""
    try:
        told = json.loads(line)
        if told["schema"] != _SCHEMA or told["status"] not in ("begun", "done"):
            return None
        origin = Origin(*(told[name] for name in Origin._fields))
        output = {
            str(each["file"]): Written(int(each["size"]), str(each["sha256"]))
            for each in told["output"]
        }
        return Entry(origin, output, told["status"] == "done")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None

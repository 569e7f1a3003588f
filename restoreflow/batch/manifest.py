"""What an output folder holds and came from: one JSON line a step, so that a run can go on exactly.

A line is written before an input's results get their names, with their sizes and hashes, and one
after. So a run that was killed in between knows what it wrote, and nothing that somebody else put
or changed there is ever taken for a result, or replaced.

Inputs and results are known by path and content. Where the file system says that a file was not
touched since, a quick hash of parts of it is compared; else a hash of all of it, and when that is
right, a line notes what the file system says now. Manifests of version 0.1.0 know no contents of
inputs: one of the same path, size and time is taken for the same, and no other.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from restoreflow.batch.discover import manifests
from restoreflow.batch.entry import (
    SCHEMA,
    Entry,
    Origin,
    Reader,
    Written,
    is_same,
    stamp_of,
    whole_of,
)
from restoreflow.batch.job import Job
from restoreflow.batch.record import Record, json_line
from restoreflow.errors import OutputError, RestoreflowError, shown
from restoreflow.outputs.atomic import write_failure
from restoreflow.outputs.gate import MANIFEST_NAME
from restoreflow.outputs.lines import Lines, lines_in, open_own
from restoreflow.remote_path import RemotePath

__all__ = ["Entry", "Manifest", "Origin", "Written", "finished"]

_NO_FACTS = {"schema", "input", "output", "status"}
_LONGEST_LINE = 1 << 24


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
        self._known: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._lines: Lines | None = None
        self._beginning = str(folder) + os.sep
        for path in manifests(folder):
            self._read(path)

    def entry(self, job: Job) -> Entry | None:
        """The latest about any of a job's files."""
        entries = (self._latest.get(self.name(path)) for path in job.files)
        return next((entry for entry in entries if entry is not None), None)

    def wrote(self, path: Path) -> bool:
        """Whether a file holds, byte for byte, what a run wrote there."""
        known = self._known.get(self.name(path), ())
        try:
            return bool(known) and not path.is_symlink() and whole_of(path) in known
        except OSError:
            return False

    def held(self, entry: Entry, files: Sequence[Path]) -> Mapping[str, Written] | None:
        """What all files are now, if each holds what the entry says; else None."""
        found: dict[str, Written] = {}
        for path in files:
            name = self.name(path)
            written = entry.output.get(name)
            try:
                stamp = stamp_of(path)
            except OSError:
                return None
            if written is None or stamp.size != written.size:
                return None
            if not is_same(path, written, stamp):
                return None
            found[name] = written._replace(modified=stamp.modified, changed=stamp.changed)
        return found

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
        named = {self.name(path): written.stamped(path) for path, written in output.items()}
        told = origin._asdict() | {"output": _listed(named), "record": record.as_dict()}
        self._append({"status": record.status, **told})
        if record.status == "done":
            self._remember(Entry(origin, named, done=True))

    def verified(self, entry: Entry) -> None:
        """Say that an entry was compared with all of the files, with their stamps; or fail to.

        Nothing is lost with the line but the time that comparing them again takes.
        """
        told = entry.origin._asdict() | {"output": _listed(entry.output)}
        with contextlib.suppress(RestoreflowError):
            self._append({"status": "verified", **told}, lasting=False)
            self._remember(entry)

    def name(self, path: Path) -> str:
        """What a file is called in the manifest."""
        if isinstance(path, RemotePath):
            return path.below(self.folder).as_posix()
        text = str(path)
        place = text[len(self._beginning) :]
        if not text.startswith(self._beginning) or os.pardir in place.split(os.sep):
            place = os.path.relpath(path, self.folder)
        return place if os.sep == "/" else Path(place).as_posix()

    def _remember(self, entry: Entry) -> None:
        with self._lock:
            for name, written in entry.output.items():
                self._latest[name] = entry
                known = self._known.get(name, ())
                if written.sha256 not in known:
                    self._known[name] = (*known, written.sha256)

    def _read(self, path: Path) -> None:
        read = Reader()
        try:
            for line in _lines_of(path):
                entry = read(line)
                if entry is not None:
                    self._remember(entry)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(
                f"the manifest {shown(path)} cannot be read: {reason}", "choose another -o"
            ) from error

    def _append(self, told: Mapping[str, Any], lasting: bool = True) -> None:
        line = json_line({"schema": SCHEMA, **told}).encode()
        with self._lock:
            try:
                self._lines = self._lines or lines_in(self.path)
                self._lines.append(line, lasting)
            except OSError as error:
                raise write_failure(self.path, error) from error


def finished(folder: Path, files: Set[str]) -> dict[str, tuple[Entry, dict[str, Any]]]:
    """The latest lines that tell an input is done, with the facts of its record.

    Args:
        folder: with manifests.
        files: names there, as `Manifest.name` gives them, of which lines are looked for.

    Raises:
        OSError: a manifest cannot be read.
    """
    found: dict[str, tuple[Entry, dict[str, Any]]] = {}
    for path in manifests(folder):
        read = Reader()
        for line in _lines_of(path):
            entry = read(line)
            if entry is not None and entry.done and not files.isdisjoint(entry.output):
                told = json.loads(line).get("record")
                if not isinstance(told, dict):
                    continue  # it says that an earlier one was verified
                facts = {
                    key: told[key] for key in told.keys() - {"schema", "input", "output", "status"}
                }
                found |= {name: (entry, facts) for name in entry.output if name in files}
    return found


def _listed(output: Mapping[str, Written]) -> list[dict[str, Any]]:
    return [{"file": name, **written.as_dict()} for name, written in output.items()]


def _lines_of(path: Path) -> Iterator[bytes]:
    """A manifest's lines one by one; of one too long to be ours nothing but its end."""
    if isinstance(path, RemotePath):
        yield from path.read_bytes().splitlines()
        return
    with open_own(path) as stream:
        while line := stream.readline(_LONGEST_LINE):
            yield line

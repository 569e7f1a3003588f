"""What is left to do of a run, by what is there and what the manifests say."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from restoreflow.batch.entry import Content, Entry, Origin
from restoreflow.batch.job import STREAM, Job, Shard
from restoreflow.batch.manifest import Manifest
from restoreflow.batch.record import Record
from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import OutputError, RestoreflowError, shown
from restoreflow.local_files import open_regular
from restoreflow.models.folder import CONFIG, WEIGHTS
from restoreflow.remote_path import RemotePath, is_there

__all__ = ["Decision", "Progress", "model_hash"]


class Decision(NamedTuple):
    """What is to be done for a job.

    Attributes:
        record: what became of it; None: it is to be done.
        replace: files that are there and may be replaced.
        manifest: where it is to be noted, or None.
        origin: what the result will come from, or None without a manifest.
        verified: what a manifest's entry is to be replaced by, compared with all of the files.
    """

    record: Record | None = None
    replace: frozenset[Path] = frozenset()
    manifest: Manifest | None = None
    origin: Origin | None = None
    verified: Entry | None = None

    def of_content(self, content: Content | None) -> Decision:
        """The same for an input that was read."""
        if self.origin is None:
            return self
        return self._replace(origin=self.origin.with_content(content))


class Progress:
    """What of a run's jobs is done already.

    Args:
        settings: the run's.
        model: SHA-256 of the model.
        shard: as which manifests are written.
    """

    def __init__(
        self, settings: RestorationSettings, model: str, shard: Shard | None = None
    ) -> None:
        self._settings = settings
        self._deciding: Mapping[str, object] = settings.deciding()
        self._model = model
        self._shard = None if shard is None else shard.name
        self._manifests: dict[Path, Manifest] = {}
        self._writable: dict[Path, RestoreflowError | None] = {}

    def decide(self, job: Job) -> Decision:
        """Whether a job is to be done, and what it may replace."""
        if job.settled is not None:
            return Decision(job.settled)
        if job.sink is not None:
            return Decision()
        try:
            return self._look(job)
        except OutputError as error:
            return Decision(Record(job.input, "failed", error=error))
        except OSError as error:  # of a store: it does not answer
            place, reason = shown(job.outputs[0].parent), error.strerror or str(error)
            trouble = OutputError(
                f"{place} cannot be looked into: {reason}", "check the address, and who may use it"
            )
            return Decision(Record(job.input, "failed", error=trouble))

    def _look(self, job: Job) -> Decision:
        refused = self._refused(job.outputs[0].parent)
        if refused is not None:
            return Decision(Record(job.input, "failed", error=refused))
        manifest = self._manifest(job)
        origin = None if manifest is None else self._origin(job)
        present = [path for path in job.files if is_there(path)]
        folder = next((path for path in present if _is_folder(path)), None)
        if folder is not None:
            error = OutputError(f"{shown(folder)} is a folder", "choose another -o or --name")
            return Decision(Record(job.input, "failed", error=error))
        if self._settings.overwrite:  # also what another run may come to write meanwhile
            return Decision(None, frozenset(job.files), manifest, origin)
        if not present:
            return Decision(None, frozenset(), manifest, origin)
        return _of_present(job, present, manifest, origin)

    def _manifest(self, job: Job) -> Manifest | None:
        if job.folder is None or job.input == STREAM:
            return None
        if job.folder not in self._manifests:
            self._manifests[job.folder] = Manifest(job.folder, self._shard)
        return self._manifests[job.folder]

    def _origin(self, job: Job) -> Origin | None:
        try:
            return Origin.of(job.input, self._deciding, self._model)
        except OSError:
            return None  # reading it will say why

    def _refused(self, folder: Path) -> RestoreflowError | None:
        """Why nothing can be written to a folder, or None."""
        if folder not in self._writable:
            self._writable[folder] = _refusal(folder)
        return self._writable[folder]


def model_hash(folder: Path) -> str:
    """SHA-256 of a model's configuration and weights, hexadecimal."""
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        with contextlib.suppress(OSError), open_regular(folder / name) as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()


def _of_present(
    job: Job, present: list[Path], manifest: Manifest | None, origin: Origin | None
) -> Decision:
    """The decision where some files are there already."""
    entry = None if manifest is None else manifest.entry(job)
    whole = len(present) == len(job.files)
    if manifest is None or entry is None or origin is None:
        # Nothing is known of them. A part of a set may be what a killed run left: it is completed,
        # if what is there turns out to be the same.
        exists = Record(job.input, "skipped", job.outputs, {"reason": "exists"})
        return Decision(exists) if whole else Decision(None, frozenset(), manifest, origin)
    same = origin.holds_same(entry.origin, job.input)
    equal = whole and same and origin.made_alike(entry.origin)
    held = manifest.held(entry, job.files) if equal else None
    if held is not None:
        done = Record(job.input, "skipped", job.outputs, {"reason": "is done"})
        known = entry.origin.restamped(origin)
        new = None if (known, held) == (entry.origin, entry.output) else Entry(known, held, True)
        return Decision(done, frozenset(), manifest, verified=new)
    if not same and origin.input != entry.origin.input:
        error = OutputError(
            f"{shown(present[0])} is the result of {shown(entry.origin.input)}",
            "choose another -o or --name, or replace it with --overwrite",
        )
        return Decision(Record(job.input, "failed", error=error))
    changed = [path for path in present if not manifest.wrote(path)]
    if not changed:
        return Decision(None, frozenset(present), manifest, origin)
    if equal:
        facts = {"reason": "was changed since it was written"}
        return Decision(Record(job.input, "skipped", job.outputs, facts))
    error = OutputError(
        f"{shown(changed[0])} is in the way: it is not as it was written, or not from here",
        "move it away, or replace it with --overwrite",
    )
    return Decision(Record(job.input, "failed", error=error))


def _is_folder(path: Path) -> bool:
    return path.is_dir() if isinstance(path, RemotePath) else os.path.isdir(path)


def _refusal(folder: Path) -> RestoreflowError | None:
    if isinstance(folder, RemotePath):
        return None  # writing to it will say
    there = Path(os.path.abspath(folder))
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        return OutputError(f"{shown(there)} is not a folder", "choose another -o")
    effective = os.access in os.supports_effective_ids
    if not os.access(there, os.W_OK | os.X_OK, effective_ids=effective):
        return OutputError(
            f"{shown(there)} may not be written to",
            "choose another folder with -o, or its permissions",
        )
    return None

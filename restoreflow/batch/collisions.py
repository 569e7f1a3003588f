"""Names that two results would share, or a result and an input, told before any work."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from restoreflow.batch.job import STREAM, Job
from restoreflow.batch.record import Record
from restoreflow.errors import OutputError, UsageError
from restoreflow.images.names import is_same_file, shown
from restoreflow.remote_path import RemotePath

__all__ = ["checked_names", "name_key", "refuse_collisions", "without_results"]

_LONGEST_NAME = 255  # bytes; so on nearly every file system


def refuse_collisions(jobs: Sequence[Job]) -> None:
    """See that no file is written twice, or onto its input.

    Raises:
        UsageError: one would be.
    """
    writer: dict[str, Job] = {}
    for job in jobs:
        for target in job.files:
            if is_same_file(job.input, target) and job.input != STREAM:
                raise UsageError(
                    f"the result {shown(target)} would overwrite its input {shown(job.input)}",
                    "choose another -o",
                )
            other = writer.setdefault(name_key(target), job)
            if other is not job:
                raise UsageError(
                    f"{shown(other.input)} and {shown(job.input)} would both be written to "
                    f"{shown(target)}",
                    "restore them apart, or into different folders",
                )


def without_results(jobs: Sequence[Job], overwrite: bool) -> list[Job]:
    """The jobs, those whose inputs are other jobs' results settled."""
    writer = {name_key(target): job.input for job in jobs for target in job.files}
    kept: list[Job] = []
    for job in jobs:
        names = (
            [] if job.input == STREAM else [name_key(job.input), name_key(_behind_links(job.input))]
        )
        source = next((writer[name] for name in names if name in writer), None)
        if source is not None and overwrite:
            raise UsageError(
                f"the result of {shown(source)} would overwrite {shown(job.input)}, an input too",
                "leave one of the two out",
            )
        if source is not None:
            facts = {"reason": f"is the result of {shown(source)}"}
            kept.append(replace(job, settled=Record(job.input, "skipped", (), facts)))
        else:
            kept.append(job)
    return kept


def checked_names(job: Job) -> Job:
    """The job, settled where a name is longer than file systems take."""
    for path in job.files:
        length = len(os.fsencode(path.name))
        if length > _LONGEST_NAME and job.settled is None:
            error = OutputError(
                f"the name {shown(path.name)} has {length} bytes, {_LONGEST_NAME} are possible",
                "give a shorter one with -o or --name",
            )
            return replace(job, settled=Record(job.input, "failed", error=error))
    return job


def name_key(path: Path) -> str:
    """Equal for two names that some file system might take for one; a link is itself."""
    if isinstance(path, RemotePath):
        return str(path)
    whole = os.path.join(os.path.realpath(path.parent), path.name)
    return unicodedata.normalize("NFC", whole).casefold()


def _behind_links(path: Path) -> Path:
    return path if isinstance(path, RemotePath) else Path(os.path.realpath(path))

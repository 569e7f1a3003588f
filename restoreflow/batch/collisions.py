"""Names that two results would share, or a result and an input, told before any work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from restoreflow.batch.job import STREAM, Job
from restoreflow.batch.record import Record
from restoreflow.errors import OutputError, UsageError
from restoreflow.outputs.identity import Files, Names
from restoreflow.printable import shown

__all__ = ["checked_names", "without_collisions"]

_LONGEST_NAME = 255  # bytes; so on nearly every file system


def without_collisions(
    jobs: Sequence[Job], overwrite: bool, names: Names | None = None
) -> list[Job]:
    """The jobs, those settled that would write where another one writes, or onto an input.

    Of two with one name the first keeps it and the second fails. An input that is the result of
    another one is skipped; if it would be replaced, that other one fails.

    Args:
        jobs: all of the run.
        overwrite: whether what is there is replaced.
        names: gives the names' keys.

    Raises:
        UsageError: the only job would write onto its input.
    """
    names = names or Names()
    inputs: Files[Job] = Files(names)
    for job in jobs:
        if job.input != STREAM:
            inputs.add(job.input, job)
    writer: dict[str, Job] = {}
    results: dict[int, Job] = {}
    settled: dict[int, Job] = {}
    for job in jobs:
        keys = [names(target) for target in job.files]
        error = _collision(job, keys, inputs, writer, overwrite)
        if error is not None:
            if len(jobs) == 1:
                raise UsageError(error.message, error.hint)
            settled[id(job)] = replace(job, settled=Record(job.input, "failed", error=error))
            continue
        for target, key in zip(job.files, keys, strict=True):
            writer[key] = job
            if (source := inputs.named(target)) is not None:
                results[id(inputs.find(source.input))] = job
    return [settled.get(id(job)) or _skipped(job, results, inputs) for job in jobs]


def _collision(
    job: Job, keys: Sequence[str], inputs: Files[Job], writer: dict[str, Job], overwrite: bool
) -> OutputError | None:
    for target, key in zip(job.files, keys, strict=True):
        read = inputs.find(target)
        if read is not None and read.input == job.input:
            return OutputError(
                f"the result {shown(target)} would overwrite its input {shown(job.input)}",
                "choose another -o",
            )
        if read is not None and (overwrite or inputs.named(target) is None):
            return OutputError(
                f"the result of {shown(job.input)} would overwrite {shown(read.input)}, "
                "an input too",
                "leave one of the two out",
            )
        other = writer.get(key)
        if other is not None:
            return OutputError(
                f"{shown(other.input)} and {shown(job.input)} would both be written to "
                f"{shown(target)}",
                "restore them apart, or into different folders",
            )
    return None


def _skipped(job: Job, results: dict[int, Job], inputs: Files[Job]) -> Job:
    """The job, settled where its input is another one's result."""
    if not results or job.input == STREAM or job.settled is not None:
        return job
    source = results.get(id(inputs.find(job.input)))
    if source is None:
        return job
    facts = {"reason": f"is the result of {shown(source.input)}"}
    return replace(job, settled=Record(job.input, "skipped", (), facts))


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

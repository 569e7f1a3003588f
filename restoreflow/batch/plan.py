"""Which files a run reads and which it writes, settled before any work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from restoreflow.batch.settings import RestorationSettings
from restoreflow.errors import UsageError
from restoreflow.images.names import output_path, shown

__all__ = ["Job", "plan"]


@dataclass(frozen=True)
class Job:
    """One input and the files that come of it.

    Args:
        input: the picture to restore.
        outputs: a file a sample, in order.
        uncertainty: the heat map, or None.
        grid: the contact sheet, or None.
    """

    input: Path
    outputs: tuple[Path, ...]
    uncertainty: Path | None = None
    grid: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files it writes."""
        beside = (self.uncertainty, self.grid)
        return self.outputs + tuple(path for path in beside if path is not None)


def plan(
    inputs: Sequence[Path], out: Path | None, suffix: str, settings: RestorationSettings
) -> list[Job]:
    """A job for each input, an input named twice once.

    Args:
        inputs: at least one.
        out: None: beside each input. A folder, or for a single input a file.
        suffix: what tells a result from its input, as "sr4x".
        settings: the run's.

    Raises:
        UsageError: a file would be written twice or onto an input, or `out` is a file for several
            inputs.
    """
    single = list(dict.fromkeys(inputs))
    if len(single) > 1 and out is not None and _names_file(single, out, suffix):
        raise UsageError(
            f"{shown(out)} is one file for {len(single)} inputs", f"name a folder: -o {out.stem}/"
        )
    jobs = [_job(each, out, suffix, settings) for each in single]
    _refuse_collisions(jobs, settings.overwrite)
    return jobs


def _names_file(inputs: Sequence[Path], out: Path, suffix: str) -> bool:
    targets = {output_path(each, suffix, out, extension=".png") for each in inputs[:2]}
    return all(target.name == out.name for target in targets)


def _job(source: Path, out: Path | None, suffix: str, settings: RestorationSettings) -> Job:
    numbers = [None] if settings.samples == 1 else range(1, settings.samples + 1)
    outputs = tuple(output_path(source, suffix, out, index) for index in numbers)
    single = output_path(source, suffix, out)
    named = {
        kind: single.with_name(f"{single.stem}_{kind}.png")
        for kind in ("uncertainty", "grid")
        if getattr(settings, kind)
    }
    return Job(source, outputs, named.get("uncertainty"), named.get("grid"))


def _refuse_collisions(jobs: Sequence[Job], overwrite: bool) -> None:
    writer: dict[str, Path] = {}
    for job in jobs:
        for target in job.files:
            other = writer.setdefault(_key(target), job.input)
            if other is not job.input:
                raise UsageError(
                    f"{shown(other)} and {shown(job.input)} would both be written to "
                    f"{shown(target)}",
                    "restore them apart, or into different folders",
                )
    if not overwrite:
        return
    for job in jobs:
        source = writer.get(_key(job.input))
        if source is not None:
            raise UsageError(
                f"the result of {shown(source)} would overwrite {shown(job.input)}, an input too",
                "leave one of the two out",
            )


def _key(path: Path) -> str:
    """Equal for two paths that some file system might take for one file."""
    return os.path.realpath(path).casefold()

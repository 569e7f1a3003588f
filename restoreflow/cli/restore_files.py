"""What the verbs that restore have in common: from inputs and settings to files and a code."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from restoreflow.batch.discover import find
from restoreflow.batch.job import STREAM, Job, Shard
from restoreflow.batch.judging import Judge
from restoreflow.batch.plan import names_folder, plan
from restoreflow.batch.settings import RestorationSettings
from restoreflow.cli.output import Format, Reporter, for_people
from restoreflow.cli.standard_streams import from_stdin, picture_stream, stdin_file, to_stdout
from restoreflow.cli.startup import no_warnings, terminable
from restoreflow.errors import UsageError, shown
from restoreflow.images.formats import FORMATS, OUTPUT_FORMATS
from restoreflow.outputs.gate import reading, settle
from restoreflow.remote_path import is_url, to_path
from restoreflow.tasks.task import Task

if TYPE_CHECKING:
    from restoreflow.batch.cluster.connection import Cluster
    from restoreflow.batch.record import Observer, Summary
    from restoreflow.batch.resume import Progress
    from restoreflow.models.config import ModelConfig
    from restoreflow.models.folder import ModelFolder
    from restoreflow.ood.reference import Reference
    from restoreflow.restoration.restorer import Restorer

__all__ = ["CERTIFIED", "RunOptions", "restore_files"]

CERTIFIED = 1.0
"""The temperature up to which certificates are made."""


@dataclass(frozen=True)
class RunOptions:
    """How a run goes about its inputs; nothing here decides what a result holds.

    Args:
        recursive: whether folders' folders are looked into.
        jobs: threads that read, and as many that write.
        shard: which part of the inputs; None: all.
        dry_run: whether it is only told what would be done.
        format: how it is told.
        report: the page to be written, or None.
        cluster: where it is done; None: here.
        verbose: whether it is told at length.
    """

    recursive: bool = False
    jobs: int = 2
    shard: Shard | None = None
    dry_run: bool = False
    format: Format = "auto"
    report: Path | None = None
    cluster: Cluster | None = None
    verbose: bool = False


def restore_files(
    task: Task,
    inputs: Sequence[str],
    out: str | None,
    settings: RestorationSettings,
    options: RunOptions,
) -> None:
    """Restore files and tell of each.

    Args:
        task: the model has to be for it.
        inputs: files, folders, patterns, or - alone; none: what is piped in.
        out: as for `batch.plan.plan`, or - for standard output; standard input's result goes there.
        settings: the run's.
        options: how it goes about them.

    Raises:
        typer.Exit: some or all files failed, with the run's exit code.
        UsageError: the model is for another task, the files collide, or what is asked for is not
            to be had from a cluster.
        ModelError: the model is not available, or cannot judge inputs and was asked to.
    """
    from restoreflow.batch.resume import Progress, model_hash

    # Now, since modules that are loaded among many jobs would keep the jobs' memory from coming
    # back when they are done.
    from restoreflow.models.resolve import resolve_model

    if out is None and for_people(options.format):
        _refuse_named_result(task, inputs)
    stream = out == "-" or (out is None and (not inputs or "-" in inputs))
    if options.cluster is not None:
        _refuse_streams(inputs, out, options)
    telling = Reporter(options.format, stream, options.verbose)
    with telling as reporter, terminable(), no_warnings():
        folder = resolve_model(settings.model, progress=reporter.people)
        settings = _for_model(settings, task, folder.config)
        _check_device(settings.device)
        _warn(settings, reporter)
        suffix = task.suffix_at(_size(settings, folder.config))
        jobs, reads = _settled(task, inputs, out, suffix, settings, options, folder)
        if stream:
            jobs = to_stdout(jobs, settings, picture_stream())
        judge = _judge(folder, settings)
        progress = Progress(settings, model_hash(folder.path), options.shard)
        load = partial(_load, folder, settings, reporter)
        if options.dry_run:
            from restoreflow.cli.dry_run import dry_run

            del reads
            code = dry_run(jobs, settings, progress, load, reporter)
        else:
            work = _executor(jobs, settings, options, folder, progress, load, judge)
            paged: AbstractContextManager[Observer] = nullcontext(reporter)
            if options.report is not None:
                from restoreflow.cli.restoration_report import reporting

                paged = reporting(reporter, options.report, jobs, settings, judge)
            with reading(reads):
                with paged as observer:
                    summary = work(observer)
                reporter.finish(summary)
            code = summary.exit_code
    if code:
        raise typer.Exit(code)


def _refuse_named_result(task: Task, inputs: Sequence[str]) -> None:
    """Tell who names the result as a second input, as other programs have it, how it is named.

    A program's second input may be gone, and is no reason not to restore the first.
    """
    if len(inputs) != 2 or any(map(is_url, inputs)):
        return
    first, second = map(Path, inputs)
    written = {ending for name in OUTPUT_FORMATS for ending in FORMATS[name].extensions}
    if not first.is_file() or second.suffix.lower() not in written or os.path.lexists(second):
        return
    raise UsageError(
        f"{shown(second)} does not exist",
        f"if it is to be the result: restoreflow {task.name} {shown(first)} -o {shown(second)}",
    )


def _refuse_streams(inputs: Sequence[str], out: str | None, options: RunOptions) -> None:
    if not inputs or "-" in (*inputs, out):
        raise UsageError("- is a stream of this process", "leave out --executor ray")
    if options.report is not None:
        raise UsageError("--report needs the pictures here", "leave out --executor ray")


def _settled(
    task: Task,
    inputs: Sequence[str],
    out: str | None,
    suffix: str,
    settings: RestorationSettings,
    options: RunOptions,
    folder: ModelFolder,
) -> tuple[list[Job], list[Path | int]]:
    """The jobs of this shard, and all that is read by any; what cannot be is refused."""
    planned = _jobs(task, inputs, out, suffix, settings, options)
    reads = _reads(planned, folder)
    written = (path for job in planned for path in job.files)
    settle([("--report", options.report)], settings.overwrite, reads, written)
    if options.shard is None:
        return planned, reads
    return [job for job in planned if options.shard.has(job)], reads


def _jobs(
    task: Task,
    inputs: Sequence[str],
    out: str | None,
    suffix: str,
    settings: RestorationSettings,
    options: RunOptions,
) -> list[Job]:
    given = from_stdin(inputs, settings.max_pixels, f"restoreflow {task.name}")
    out = None if out == "-" else out
    if given is not None:
        found, data = given
        return [replace(job, data=data) for job in plan([found], out, suffix, settings)]
    leave_out = to_path(out) if out is not None and names_folder(out) else None
    found = find(inputs, options.recursive, leave_out)
    return plan(found, out, suffix, settings)


def _reads(jobs: Sequence[Job], folder: ModelFolder) -> list[Path | int]:
    """All that the run reads, of all shards."""
    from restoreflow.models.folder import model_files

    reads: list[Path | int] = [*model_files(folder)]
    reads += [job.input for job in jobs if job.input != STREAM]
    if any(job.input == STREAM for job in jobs):
        reads += stdin_file()
    return reads


def _executor(
    jobs: Sequence[Job],
    settings: RestorationSettings,
    options: RunOptions,
    folder: ModelFolder,
    progress: Progress,
    load: Callable[[], Restorer],
    judge: Judge | None,
) -> Callable[[Observer], Summary]:
    """What does the work, here or on a cluster; it tells an observer of every step."""
    if options.cluster is None:
        from restoreflow.batch.run import run

        return partial(
            run,
            jobs,
            settings,
            folder.config.scale,
            load,
            progress,
            threads=options.jobs,
            judge=judge,
        )
    from restoreflow.batch.cluster.run import run_on_cluster

    return partial(
        run_on_cluster,
        jobs,
        settings,
        folder,
        progress,
        options.cluster,
        threads=options.jobs,
        shard=options.shard,
        judge=judge,
    )


def _judge(folder: ModelFolder, settings: RestorationSettings) -> Judge | None:
    """What judges inputs; a model that cannot is an error only where that was asked for."""
    from restoreflow.models.folder import OOD

    asked = settings.ood in ("skip", "fail") or settings.ood_temperature
    there = (folder.path / OOD).is_file()
    if settings.ood == "off" or (not asked and not there):
        return None

    def read() -> Reference:  # with PyTorch, which takes time and memory
        from restoreflow.ood.reference import read_reference

        return read_reference(folder)

    return Judge(read if there else read())


def _for_model(
    settings: RestorationSettings, task: Task, config: ModelConfig
) -> RestorationSettings:
    """The settings, if they suit the model."""
    if config.task != task.name:
        raise UsageError(
            f"{config.name} is a model for {config.task}, not for {task.name}",
            f"use restoreflow {config.task}, or another --model",
        )
    return settings.for_model(config)


def _check_device(name: str) -> None:
    """See that a device that was asked for is there, also where nothing is left to do."""
    if name in ("auto", "cpu"):
        return  # always there; PyTorch, which knows of the others, takes a while to import
    from restoreflow.restoration.engine import choose_device

    choose_device(name)


def _warn(settings: RestorationSettings, reporter: Reporter) -> None:
    temperature = settings.options.temperature
    if temperature is not None and temperature > CERTIFIED:
        reporter.say(
            f"temperature {temperature:g}: the certificate of what no result exceeds holds up to "
            f"{CERTIFIED:g}; expect pixels out of range"
        )


def _size(settings: RestorationSettings, config: ModelConfig) -> str:
    """What a result's name says of its size."""
    size = settings.options.size
    return f"{config.scale}x" if size is None else size.name


def _load(folder: ModelFolder, settings: RestorationSettings, reporter: Reporter) -> Restorer:
    from restoreflow.restoration.engine import choose_device
    from restoreflow.restoration.restorer import load_model

    device, reason = choose_device(settings.device)
    reporter.say(f"{folder.config.name} on {device} ({reason})")
    return load_model(
        folder, settings.device, settings.precision, settings.compile, settings.threads
    )

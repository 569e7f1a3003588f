"""What the verbs that restore have in common: from inputs and settings to files and a code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from restoreflow.batch.plan import plan
from restoreflow.batch.settings import RestorationSettings
from restoreflow.cli.output import Format, Reporter
from restoreflow.errors import UsageError

if TYPE_CHECKING:
    from restoreflow.models.folder import ModelFolder
    from restoreflow.restoration.restorer import Restorer

__all__ = ["restore_files"]


def restore_files(
    task: str,
    inputs: Sequence[Path],
    out: Path | None,
    settings: RestorationSettings,
    output_format: Format,
) -> None:
    """Restore files and tell of each.

    Args:
        task: "sr" or "lowlight"; the model has to be for it.
        inputs: at least one.
        out: as for `batch.plan.plan`.
        settings: the run's.
        output_format: how it is told.

    Raises:
        typer.Exit: some or all files failed, with the run's exit code.
        UsageError: the model is for another task, or the files collide.
        ModelError: the model is not available.
    """
    from restoreflow.batch.run import run
    from restoreflow.models.resolve import resolve_model

    with Reporter(output_format) as reporter:
        folder = resolve_model(settings.model, progress=reporter.people)
        suffix = _suffix(folder, task)
        jobs = plan(inputs, out, suffix, settings)
        summary = run(jobs, settings, lambda: _load(folder, settings, reporter), reporter)
        reporter.finish(summary)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)


def _suffix(folder: ModelFolder, task: str) -> str:
    config = folder.config
    if config.task != task:
        raise UsageError(
            f"{config.name} is a model for {config.task}, not for {task}",
            f"use restoreflow {config.task}, or another --model",
        )
    return f"{task}{config.scale}x" if task == "sr" else task


def _load(folder: ModelFolder, settings: RestorationSettings, reporter: Reporter) -> Restorer:
    from restoreflow import load_model
    from restoreflow.restoration.device import choose_device

    device, reason = choose_device(settings.device)
    reporter.say(f"{folder.config.name} on {device}: {reason}")
    return load_model(
        folder, settings.device, settings.precision, settings.compile, settings.threads
    )

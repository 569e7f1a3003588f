"""The commands that restore, one a task: `restoreflow sr`, `restoreflow lowlight`."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from restoreflow.batch.settings import RestorationSettings
from restoreflow.cli import cluster_options, options
from restoreflow.cli.restore_files import RunOptions, restore_files
from restoreflow.errors import UsageError
from restoreflow.restoration.options import Options
from restoreflow.tasks.table import OPTIONS
from restoreflow.tasks.task import Task

__all__ = ["restore_command"]


def restore_command(task: Task) -> Callable[..., None]:
    """A task's command, with the options of restoring that it takes."""

    def command(
        inputs: options.Inputs = None,
        out: options.Out = None,
        recursive: options.Recursive = False,
        scale: options.Scale = None,
        model: options.Model = None,
        samples: options.Samples = 1,
        temperature: options.Temperature = None,
        seed: options.Seed = 0,
        consistency: options.Consistency = None,
        exposure: options.Exposure = 0.0,
        wear: options.Wear = "auto",
        ood: options.Ood = "warn",
        ood_temperature: options.OodTemperature = False,
        output_format: options.OutputFormatOption = "same",
        quality: options.Quality = None,
        bit_depth: options.BitDepth = None,
        name: options.Name = None,
        save_arrays: options.SaveArrays = None,
        strip_metadata: options.StripMetadata = False,
        uncertainty: options.Uncertainty = False,
        grid: options.Grid = False,
        report: options.Report = None,
        overwrite: options.Overwrite = False,
        dry_run: options.DryRun = False,
        shard: options.ShardOption = None,
        jobs: options.Jobs = 2,
        max_pixels: options.MaxPixels = 300_000_000,
        device: options.Device = "auto",
        precision: options.PrecisionOption = "auto",
        tile: options.Tile = "auto",
        threads: options.Threads = None,
        compile: options.Compile = False,
        executor: cluster_options.Executor = "local",
        address: cluster_options.Address = None,
        actors: cluster_options.Actors = None,
        gpus_per_actor: cluster_options.GpusPerActor = 0.0,
        format: options.FormatOption = "auto",
        debug: options.Debug = False,
    ) -> None:
        settings = RestorationSettings(
            model=_chosen_model(task, model, scale),
            options=Options(
                samples=samples,
                temperature=temperature,
                seed=seed,
                consistency=consistency,
                exposure=exposure,
                wear=options.parse_wear(wear),
                tile=options.parse_tile(tile),
            ),
            device=device,
            precision=precision,
            threads=threads,
            compile=compile,
            uncertainty=uncertainty,
            grid=grid,
            overwrite=overwrite,
            output_format=output_format,
            quality=quality,
            bit_depth=None if bit_depth is None else int(bit_depth),
            name=name,
            arrays=save_arrays,
            strip_metadata=strip_metadata,
            max_pixels=max_pixels or None,
            ood=ood,
            ood_temperature=ood_temperature,
        )
        cluster = cluster_options.chosen_cluster(executor, address, actors, gpus_per_actor)
        part = None if shard is None else options.parse_shard(shard)
        run = RunOptions(recursive, jobs, part, dry_run, format, report, cluster)
        restore_files(task, inputs or [], out, settings, run)

    left_out = OPTIONS - task.options
    signature = inspect.signature(command, eval_str=True)
    kept = [p for p in signature.parameters.values() if p.name not in left_out]
    command.__signature__ = signature.replace(parameters=kept)  # pyright: ignore[reportFunctionMemberAccess]
    command.__name__ = task.name
    command.__doc__ = task.words
    return command


def _chosen_model(task: Task, model: str | None, scale: int | None) -> str:
    """The model that is asked for, by its name or its scale."""
    if scale is None:
        return model or task.default_model
    if model is not None:
        raise UsageError(
            f"--scale {scale} chooses a bundled model, and --model {model} another",
            "give one of them; a model has one scale",
        )
    if scale not in task.models:
        *others, last = map(str, task.models)
        known = " or ".join([", ".join(others), last] if others else [last])
        raise UsageError(f"--scale is {scale}, not {known}", "other sizes: resize the result")
    return task.models[scale]

"""The commands that restore, one a task: `restoreflow sr`, `restoreflow lowlight`."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from restoreflow.batch.settings import RestorationSettings
from restoreflow.cli import execution_options, options
from restoreflow.cli.help import HelpAll, usual_options
from restoreflow.cli.restore_files import RunOptions, restore_files
from restoreflow.restoration.options import Options
from restoreflow.tasks.table import OPTIONS
from restoreflow.tasks.task import Task

__all__ = ["PARAMETERS", "restore_command"]

PARAMETERS = {"size": ("scale", "width", "height", "longest", "megapixels")}
"""Of an option of restoring that is given by others on a command line, the names of those."""

_USUAL = (
    *("out", "recursive", "model", "scale", "width", "longest", "samples", "temperature", "seed"),
    *(
        "exposure",
        "output_format",
        "quality",
        "report",
        "overwrite",
        "dry_run",
        "device",
        "format",
        "verbose",
    ),
)
"""What --help shows; --help-all shows the rest."""


def restore_command(task: Task) -> Callable[..., None]:
    """A task's command, with the options of restoring that it takes."""

    @usual_options(*_USUAL)
    def command(
        inputs: options.Inputs = None,
        more_inputs: options.MoreInputs = None,
        out: options.Out = None,
        recursive: options.Recursive = False,
        model: options.Model = None,
        scale: options.Scale = None,
        width: options.Width = None,
        height: options.Height = None,
        longest: options.Longest = None,
        megapixels: options.Megapixels = None,
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
        dpi: options.DpiOption = "keep",
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
        executor: execution_options.Executor = "local",
        address: execution_options.Address = None,
        actors: execution_options.Actors = None,
        gpus_per_actor: execution_options.GpusPerActor = 0.0,
        format: options.FormatOption = "auto",
        verbose: options.Verbose = False,
        debug: options.Debug = False,
        help_all: HelpAll = False,
    ) -> None:
        size = options.chosen_size(
            scale=scale, width=width, height=height, longest=longest, megapixels=megapixels
        )
        settings = RestorationSettings(
            model=model or task.model_at(None if size is None else size.scale),
            options=Options(
                samples=samples,
                temperature=temperature,
                seed=seed,
                consistency=consistency,
                exposure=exposure,
                wear=options.parse_wear(wear),
                tile=options.parse_tile(tile),
                size=size,
            ),
            device=device,
            precision=precision,
            threads=threads,
            compile=compile,
            uncertainty=uncertainty,
            grid=grid,
            overwrite=overwrite,
            output_format=options.parse_output_format(output_format),
            quality=quality,
            bit_depth=None if bit_depth is None else int(bit_depth),
            name=name,
            arrays=save_arrays,
            strip_metadata=strip_metadata,
            dpi=options.parse_dpi(dpi),
            max_pixels=max_pixels or None,
            ood=ood,
            ood_temperature=ood_temperature,
        )
        cluster = execution_options.chosen_cluster(executor, address, actors, gpus_per_actor)
        part = None if shard is None else options.parse_shard(shard)
        run = RunOptions(recursive, jobs, part, dry_run, format, report, cluster, verbose)
        restore_files(task, [*(inputs or []), *(more_inputs or [])], out, settings, run)

    left_out = {
        name for option in OPTIONS - task.options for name in PARAMETERS.get(option, (option,))
    }
    signature = inspect.signature(command, eval_str=True)
    kept = [p for p in signature.parameters.values() if p.name not in left_out]
    command.__signature__ = signature.replace(parameters=kept)  # pyright: ignore[reportFunctionMemberAccess]
    command.__name__ = task.name
    command.__doc__ = task.words
    return command

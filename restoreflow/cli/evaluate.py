"""`restoreflow evaluate`: a model's figures against the truth, or on inputs made to break it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restoreflow.cli.evaluation_tables import (
    LOW_LIGHT_COLUMNS,
    SR_COLUMNS,
    Format,
    hostile_table,
    progress,
    report,
    rows_tables,
)
from restoreflow.errors import UsageError

if TYPE_CHECKING:
    from restoreflow.evaluation.hostile import HostileResult
    from restoreflow.evaluation.methods import Method
    from restoreflow.evaluation.scores import Row

app = typer.Typer(
    name="evaluate",
    help="Measure a model: against the truth, or on inputs made to break it.",
    no_args_is_help=True,
)

Model = Annotated[str, typer.Option(help="A bundled name, a folder, or a Hub id owner/name.")]
Temperatures = Annotated[
    str, typer.Option(help="Comma-separated temperatures, 0 for the most likely result.")
]
Seed = Annotated[int, typer.Option(help="Seed of the samples.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Threads = Annotated[
    int, typer.Option(min=0, help="Processor threads; 0 leaves the choice to torch.")
]
Lpips = Annotated[
    Path | None,
    typer.Option(
        help="Folder with alex_lpips.safetensors and squeeze_lpips.safetensors; by default "
        "RESTOREFLOW_LPIPS, or else the package lpips."
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Take the first so many pictures only.")]
Consistency = Annotated[
    bool | None,
    typer.Option(
        "--consistency/--no-consistency",
        help="Project results onto the input; by default as the model's card says.",
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Also write everything to this JSON file.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing --output.")]
FormatOption = Annotated[
    Format,
    typer.Option("--format", help="A table, one JSON record a row, or whichever suits stdout."),
]


@app.command()
def sr(
    data: Annotated[
        list[Path], typer.Option(help="Folder of true pictures; repeat for more sets.")
    ],
    model: Model = "sr-x4",
    temperatures: Temperatures = "0,0.5,0.8,0.9",
    samples: Annotated[
        int, typer.Option("--samples", "-n", min=1, help="Samples a picture for diversity.")
    ] = 10,
    seed: Seed = 0,
    consistency: Consistency = None,
    lpips: Lpips = None,
    limit: Limit = None,
    device: Device = "auto",
    threads: Threads = 0,
    output_format: FormatOption = "auto",
    output: Output = None,
    overwrite: Overwrite = False,
) -> None:
    """Super-resolution against the truth, with bicubic beside it.

    The truths are reduced by antialiased bicubic to 8 bits and restored. Quality is the first
    sample's; LPIPS is the worst of both pictures cropped by 0 to 3 pixels.

    Example: restoreflow evaluate sr --data Set14 --model sr-x4 -o evaluation.json
    """
    levels = _temperatures(temperatures)
    _require_free(output, overwrite)
    _set_threads(threads)

    from restoreflow.evaluation.methods import bicubic
    from restoreflow.evaluation.scores import average
    from restoreflow.evaluation.sets import list_pictures
    from restoreflow.evaluation.sr import evaluate_sr, load_metrics

    sets = [(folder.resolve().name, list_pictures(folder, limit)) for folder in data]
    metrics = load_metrics(lpips)
    scale, models = _methods(model, "sr", levels, seed, consistency, device)
    methods = [bicubic(scale), *models]
    rows: list[Row] = []
    steps = len(methods) * sum(len(truths) for _, truths in sets)
    with progress(output_format, steps) as advance:
        for name, truths in sets:
            for method in methods:
                scores = evaluate_sr(method, truths, scale, metrics, samples, advance)
                rows.append(average(method, name, scores, samples))
    facts = _facts(model, "sr", seed, consistency, device) | {"scale": scale, "samples": samples}
    tables = rows_tables(rows, SR_COLUMNS)
    report([row.record() for row in rows], tables, output_format, output, facts)


@app.command()
def lowlight(
    pairs: Annotated[Path, typer.Option(help="Folder with low/NAME and high/NAME.")],
    model: Model = "lowlight",
    temperatures: Temperatures = "0,0.5,0.8",
    samples: Annotated[
        int, typer.Option("--samples", "-n", min=1, help="Samples a picture for errors.")
    ] = 2,
    groups: Annotated[
        str,
        typer.Option(
            help="Comma-separated beginnings of names, a row each; by default the letters "
            "before the first underscore."
        ),
    ] = "",
    seed: Seed = 0,
    lpips: Lpips = None,
    limit: Limit = None,
    device: Device = "auto",
    threads: Threads = 0,
    output_format: FormatOption = "auto",
    output: Output = None,
    overwrite: Overwrite = False,
) -> None:
    """Low light against the truth, with the input and a gamma curve beside it.

    Every measure is taken of the result as it is, and after one factor has given it the truth's
    gray mean ("matched").

    Example: restoreflow evaluate lowlight --pairs LOL/eval15
    """
    levels = _temperatures(temperatures)
    _require_free(output, overwrite)
    _set_threads(threads)

    from restoreflow.evaluation.low_light import average_groups, evaluate_low_light
    from restoreflow.evaluation.methods import gamma, identity
    from restoreflow.evaluation.sets import list_pairs
    from restoreflow.evaluation.sr import load_metrics

    found = list_pairs(pairs, limit)
    metrics = load_metrics(lpips)
    _, models = _methods(model, "lowlight", levels, seed, None, device)
    methods = [identity(), gamma(), *models]
    prefixes = [prefix.strip() for prefix in groups.split(",") if prefix.strip()]
    rows: list[Row] = []
    with progress(output_format, len(methods) * len(found)) as advance:
        for method in methods:
            scores = evaluate_low_light(method, found, metrics, samples, advance)
            rows.extend(average_groups(method, scores, samples, prefixes))
    facts = _facts(model, "lowlight", seed, None, device) | {"samples": samples}
    tables = rows_tables(rows, LOW_LIGHT_COLUMNS)
    report([row.record() for row in rows], tables, output_format, output, facts)


@app.command()
def hostile(
    models: Annotated[str, typer.Option(help="Comma-separated models, as --model elsewhere.")],
    temperatures: Temperatures = "0,0.5,0.8,1",
    size: Annotated[int, typer.Option(min=32, help="Side of the inputs in pixels.")] = 96,
    photo: Annotated[
        Path | None,
        typer.Option(help="Picture for the inputs made from one; by default a synthetic one."),
    ] = None,
    attack_steps: Annotated[
        int,
        typer.Option(min=0, help="Steps of gradient ascent on the input; 0 leaves it out."),
    ] = 20,
    seed: Seed = 0,
    threads: Threads = 0,
    output_format: FormatOption = "auto",
    output: Output = None,
    overwrite: Overwrite = False,
) -> None:
    """The largest detail before the limiter on inputs no photograph resembles.

    Noise, checkerboards, stripes, text, blocks, and an input found by gradient ascent. The
    image's range is 1; a robust model stays near it. The attack takes most of the time.

    Example: restoreflow evaluate hostile --models sr-x4,sr-x4-affine --attack-steps 0
    """
    levels = _temperatures(temperatures)
    _require_free(output, overwrite)
    _set_threads(threads)

    from restoreflow.evaluation.hostile import hostile_inputs, largest_detail, photograph
    from restoreflow.models.folder import load_folder
    from restoreflow.models.resolve import resolve_model

    picture = None if photo is None else _read_photo(photo, size)
    inputs = hostile_inputs(size, seed, picture)
    middle = photograph(size, seed, picture)
    names = [name.strip() for name in models.split(",") if name.strip()]
    if not names:
        raise UsageError("--models names no model", "for example --models sr-x4,sr-x4-affine")
    networks = {name: load_folder(resolve_model(name)).network for name in names}
    results: dict[str, list[HostileResult]] = {}
    with progress(output_format, len(networks) * len(levels)) as advance:
        for name, network in networks.items():
            results[name] = []
            for level in levels:
                results[name] += largest_detail(
                    network, inputs, [level], seed, middle, attack_steps
                )
                advance(name)
    records = [
        {"model": name, **result._asdict()} for name, found in results.items() for result in found
    ]
    facts = {"task": "hostile", "models": names, "size": size, "seed": seed}
    facts |= {"photo": photo.name if photo else None, "attack_steps": attack_steps}
    report(records, [hostile_table(results, levels)], output_format, output, facts)


def _methods(
    model: str, task: str, levels: list[float], seed: int, consistency: bool | None, device: str
) -> tuple[int, list[Method]]:
    """The model's scale, and the model at each temperature."""
    from restoreflow.evaluation.methods import model_method
    from restoreflow.models.resolve import resolve_model

    config = resolve_model(model).config
    if config.task != task:
        command = "sr" if config.task == "sr" else "lowlight"
        raise UsageError(
            f"{model} is a model for {config.task}, not {task}",
            f"restoreflow evaluate {command} measures it",
        )
    from restoreflow import load_model

    restorer = load_model(model, device=device)
    methods = [model_method(restorer, config.name, level, seed, consistency) for level in levels]
    return config.scale, methods


def _facts(
    model: str, task: str, seed: int, consistency: bool | None, device: str
) -> dict[str, Any]:
    """What the figures depend on beside the pictures."""
    import torch

    from restoreflow import __version__

    return {
        "task": task,
        "model": model,
        "seed": seed,
        "consistency": consistency,
        "device": device,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "restoreflow": __version__,
    }


def _temperatures(text: str) -> list[float]:
    try:
        levels = [float(part) for part in text.split(",")]
    except ValueError:
        levels = [math.nan]
    if not all(math.isfinite(level) and level >= 0 for level in levels):
        raise UsageError(
            f"--temperatures {text!r}: each must be a number, 0 or more", "for example 0,0.5,0.8"
        )
    return list(dict.fromkeys(levels))


def _require_free(output: Path | None, overwrite: bool) -> None:
    """Before hours of work, not after."""
    if output is None:
        return
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists already", "choose another --output, or --overwrite it")
    if not output.parent.is_dir():
        raise UsageError(f"{output.parent} is not a folder", "make it, or choose another --output")


def _set_threads(threads: int) -> None:
    import torch

    if threads > 0:
        torch.set_num_threads(threads)


def _read_photo(path: Path, size: int) -> Any:
    import numpy as np

    from restoreflow.evaluation.sets import as_levels, read_rgb

    picture = read_rgb(path)
    if min(picture.size) < size:
        raise UsageError(
            f"--photo {path} is {picture.width} x {picture.height} pixels, smaller than {size}",
            "choose a larger photograph or a smaller --size",
        )
    return as_levels(picture).astype(np.float32) / np.float32(255)

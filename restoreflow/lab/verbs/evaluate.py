"""`restoreflow evaluate`: a model's figures against the truth, or on inputs made to break it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from restoreflow.cli.help import Verbs
from restoreflow.cli.options import (
    Consistency,
    Debug,
    Device,
    FormatOption,
    Model,
    Seed,
    Threads,
)
from restoreflow.cli.output import emit
from restoreflow.cli.progress_bar import download, progress
from restoreflow.errors import UsageError
from restoreflow.lab.verbs.evaluation_options import (
    Limit,
    Lpips,
    Out,
    Overwrite,
    Target,
    Temperatures,
    Truths,
    parse_temperatures,
    weights_in,
)
from restoreflow.lab.verbs.evaluation_tables import (
    LOW_LIGHT_COLUMNS,
    SR_COLUMNS,
    hostile_table,
    realism_table,
    report,
    rows_tables,
    say_without_lpips,
)
from restoreflow.tasks.lowlight import LOWLIGHT
from restoreflow.tasks.sr import SR
from restoreflow.tasks.table import TASKS
from restoreflow.tasks.task import Task

if TYPE_CHECKING:
    from restoreflow.lab.evaluation.hostile import HostileResult
    from restoreflow.lab.evaluation.methods import Method
    from restoreflow.lab.evaluation.scores import Row
    from restoreflow.models.folder import ModelFolder

app = Verbs(
    name="evaluate",
    help="Measure a model: against the truth, or on inputs made to break it.",
    no_args_is_help=True,
)


@app.command()
def sr(
    data: Truths,
    model: Model = None,
    temperatures: Temperatures = "0,0.5,0.8,0.9",
    samples: Annotated[
        int, typer.Option("--samples", "-n", min=1, help="Samples a picture for diversity.")
    ] = 10,
    seed: Seed = 0,
    consistency: Consistency = None,
    blur: Annotated[
        float, typer.Option(help="Blur the inputs by a Gaussian of so many of their pixels.")
    ] = 0.0,
    noise: Annotated[
        float, typer.Option(help="Add Gaussian noise of so many 8-bit levels to the inputs.")
    ] = 0.0,
    jpeg: Annotated[
        int, typer.Option(help="Compress the inputs as JPEG of this quality; 0: not at all.")
    ] = 0,
    lpips: Lpips = None,
    limit: Limit = None,
    device: Device = "auto",
    threads: Threads = None,
    output_format: FormatOption = "auto",
    out: Out = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Super-resolution against the truth, with bicubic beside it.

    The truths are reduced by antialiased bicubic to 8 bits and restored. Quality is the first
    sample's; LPIPS is the worst of both pictures cropped by 0 to 3 pixels, and left out without
    its weights, which `restoreflow evaluate fetch` gets.

    Photographs as they are come out of --blur, --noise and --jpeg, done in this order.

    Example: restoreflow evaluate sr --data Set14 --model sr-x4 -o evaluation.json
    """
    levels = parse_temperatures(temperatures)
    target = Target(out, overwrite)
    _set_threads(threads)

    from restoreflow.lab.degradations.wear import Wear
    from restoreflow.lab.evaluation.methods import bicubic
    from restoreflow.lab.evaluation.scores import average
    from restoreflow.lab.evaluation.sets import list_pictures
    from restoreflow.lab.evaluation.sr import evaluate_sr, find_metrics

    wear = Wear(blur, noise, jpeg)
    sets = [(folder.resolve().name, list_pictures(folder, limit)) for folder in data]
    target.keep(path for folder in data for path in list_pictures(folder))
    target.keep(weights_in(lpips))
    metrics = find_metrics(lpips)
    if metrics is None:
        say_without_lpips()
    folder = _model(model, SR, target)
    facts, models = _methods(folder, levels, seed, consistency, device)
    scale = facts["scale"]
    methods = [bicubic(scale), *models]
    rows: list[Row] = []
    steps = len(methods) * sum(len(truths) for _, truths in sets)
    with progress(output_format, steps) as advance:
        for name, truths in sets:
            for method in methods:
                scores = evaluate_sr(method, truths, scale, metrics, samples, advance, wear)
                rows.append(average(method, name, scores, samples))
    facts["samples"] = samples
    if wear:
        facts["wear"] = dataclasses.asdict(wear)
    tables = rows_tables(rows, SR_COLUMNS)
    report([row.record() for row in rows], tables, output_format, target, facts)


@app.command()
def realism(
    data: Truths,
    model: Model = None,
    temperatures: Temperatures = "0,0.9",
    seed: Seed = 0,
    consistency: Consistency = None,
    lpips: Lpips = None,
    limit: Limit = None,
    device: Device = "auto",
    threads: Threads = None,
    output_format: FormatOption = "auto",
    out: Out = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """How natural super-resolution looks, on clean and on worn inputs, with bicubic beside it.

    KID compares the patches of all results with those of the truths by SqueezeNet's features,
    which no training here sees: less is better, 0 is as natural as the truths. Inputs: clean, the
    middle 256 x 256 of each picture reduced; worn, with blur .4, noise 1.5 and JPEG 85 besides;
    phone, with blur .8, noise 4 and JPEG 60. All sets together, the first sample.

    Example: restoreflow evaluate realism --data photos/val --data Kodak24 --model sr-x4
    """
    levels = parse_temperatures(temperatures)
    target = Target(out, overwrite)
    _set_threads(threads)

    from restoreflow.lab.evaluation.methods import bicubic
    from restoreflow.lab.evaluation.realism import CONDITIONS, evaluate_realism, read_scenes
    from restoreflow.lab.evaluation.sets import list_pictures
    from restoreflow.measures.lpips import load_lpips

    files = [file for folder in data for file in list_pictures(folder, limit)]
    name = " + ".join(folder.resolve().name for folder in data)
    target.keep(path for folder in data for path in list_pictures(folder))
    target.keep(weights_in(lpips))
    folder = _model(model, SR, target)
    facts, models = _methods(folder, levels, seed, consistency, device)
    scenes = read_scenes(files, facts["scale"])
    methods = [bicubic(facts["scale"]), *models]
    squeeze = load_lpips("squeeze", lpips)
    with progress(output_format, len(CONDITIONS) * len(methods)) as advance:
        rows = list(evaluate_realism(methods, name, scenes, squeeze, advance))
    facts["task"] = "realism"
    report([row.record() for row in rows], [realism_table(rows)], output_format, target, facts)


@app.command()
def lowlight(
    pairs: Annotated[
        Path, typer.Option("--pairs", metavar="FOLDER", help="Holds low/NAME and high/NAME.")
    ],
    model: Model = None,
    temperatures: Temperatures = "0,0.5,0.8",
    samples: Annotated[
        int, typer.Option("--samples", "-n", min=1, help="Samples a picture for errors.")
    ] = 2,
    groups: Annotated[
        str,
        typer.Option(
            "--groups",
            metavar="PREFIX,PREFIX...",
            help="A row for the pictures whose names begin so.",
            show_default="what stands before the first underscore",
        ),
    ] = "",
    seed: Seed = 0,
    lpips: Lpips = None,
    limit: Limit = None,
    device: Device = "auto",
    threads: Threads = None,
    output_format: FormatOption = "auto",
    out: Out = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Low light against the truth, with the input and a gamma curve beside it.

    Every measure is taken of the result as it is, and after one factor has given it the truth's
    gray mean ("matched"). LPIPS is left out without its weights, which `restoreflow evaluate
    fetch` gets.

    Example: restoreflow evaluate lowlight --pairs LOL/eval15
    """
    levels = parse_temperatures(temperatures)
    target = Target(out, overwrite)
    _set_threads(threads)

    from restoreflow.lab.evaluation.low_light import average_groups, evaluate_low_light
    from restoreflow.lab.evaluation.methods import gamma, identity
    from restoreflow.lab.evaluation.sets import list_pairs
    from restoreflow.lab.evaluation.sr import find_metrics

    found = list_pairs(pairs, limit)
    target.keep(path for pair in list_pairs(pairs) for path in pair)
    target.keep(weights_in(lpips))
    metrics = find_metrics(lpips)
    if metrics is None:
        say_without_lpips()
    folder = _model(model, LOWLIGHT, target)
    facts, models = _methods(folder, levels, seed, None, device)
    methods = [identity(), gamma(), *models]
    prefixes = [prefix.strip() for prefix in groups.split(",") if prefix.strip()]
    rows: list[Row] = []
    with progress(output_format, len(methods) * len(found)) as advance:
        for method in methods:
            scores = evaluate_low_light(method, found, metrics, samples, advance)
            rows.extend(average_groups(method, scores, samples, prefixes))
    facts["samples"] = samples
    tables = rows_tables(rows, LOW_LIGHT_COLUMNS)
    report([row.record() for row in rows], tables, output_format, target, facts)


@app.command()
def fetch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files go.")],
    purpose: Annotated[
        Literal["all", "evaluate", "train"],
        typer.Option(
            "--for",
            help="What they are for: evaluate needs AlexNet and SqueezeNet, train AlexNet and "
            "VGG-16.",
        ),
    ] = "all",
    output_format: FormatOption = "auto",
    debug: Debug = False,
) -> None:
    """Get the classifiers that LPIPS and texture stages look through.

    Their publishers' files are fetched (AlexNet 244 MB, SqueezeNet 5 MB, VGG-16 553 MB), checked
    by sha256, and the 7 MB that are needed are written to FOLDER, for --lpips.

    Example: restoreflow evaluate fetch extractors/
    """
    from restoreflow.lab.evaluation.extractors import EXTRACTORS, is_made, make
    from restoreflow.outputs.atomic import make_folder

    wanted = [extractor for extractor in EXTRACTORS if purpose in ("all", *extractor.purposes)]
    make_folder(folder)
    missing = [extractor for extractor in wanted if not is_made(extractor, folder)]
    size = sum(source.size for extractor in missing for source in extractor.sources)
    records: list[dict[str, Any]] = []
    with download(output_format, size) as advance:
        for extractor in wanted:
            there = extractor not in missing
            exact = there or make(extractor, folder, advance)
            records.append(
                {
                    "file": str(folder / extractor.name),
                    "status": "skipped" if there else "done",
                    "as_measured_with": exact,
                    "licences": [source.licence for source in extractor.sources],
                }
            )
    lines = (
        f"{record['file']}: {'is there' if record['status'] == 'skipped' else 'made'}"
        + ("" if record["as_measured_with"] else ", not to the bit what the cards' figures used")
        for record in records
    )
    emit(records, escape("\n".join(lines)), output_format)


@app.command()
def hostile(
    models: Annotated[
        str,
        typer.Option("--models", metavar="MODEL,MODEL...", help="As --model of other commands."),
    ],
    temperatures: Temperatures = "0,0.5,0.8,1",
    size: Annotated[int, typer.Option("--size", min=32, help="Side of the inputs in pixels.")] = 96,
    photo: Annotated[
        Path | None,
        typer.Option(
            "--photo",
            metavar="FILE",
            help="For the inputs that are made from a photograph.",
            show_default="a synthetic one",
        ),
    ] = None,
    attack_steps: Annotated[
        int,
        typer.Option(
            "--attack-steps", min=0, help="Steps of gradient ascent on the input; 0: no attack."
        ),
    ] = 20,
    seed: Seed = 0,
    threads: Threads = None,
    output_format: FormatOption = "auto",
    out: Out = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """The largest detail before the limiter on inputs no photograph resembles.

    Noise, checkerboards, stripes, text, blocks, and an input found by gradient ascent. The
    image's range is 1; a robust model stays near it. The attack takes most of the time.

    Example: restoreflow evaluate hostile --models sr-x4,sr-x4-affine --attack-steps 0
    """
    levels = parse_temperatures(temperatures)
    target = Target(out, overwrite)
    _set_threads(threads)

    from restoreflow.lab.evaluation.hostile import hostile_inputs, largest_detail, photograph
    from restoreflow.models.folder import load_folder, model_files
    from restoreflow.models.resolve import resolve_model

    target.keep([] if photo is None else [photo])
    picture = None if photo is None else _read_photo(photo, size)
    inputs = hostile_inputs(size, seed, picture)
    middle = photograph(size, seed, picture)
    names = [name.strip() for name in models.split(",") if name.strip()]
    if not names:
        raise UsageError("--models names no model", "for example --models sr-x4,sr-x4-affine")
    folders = {name: resolve_model(name) for name in names}
    target.keep(path for folder in folders.values() for path in model_files(folder))
    networks = {name: load_folder(folder).network for name, folder in folders.items()}
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
    report(records, [hostile_table(results, levels)], output_format, target, facts)


def _model(model: str | None, task: Task, target: Target) -> ModelFolder:
    """The model, or else the task's; no file of it is written to."""
    from restoreflow.models.folder import model_files
    from restoreflow.models.resolve import resolve_model

    model = model or task.default_model
    folder = resolve_model(model)
    found = TASKS[folder.config.task]
    if found.protocol != task.protocol:
        raise UsageError(
            f"{model} is a model for {found.name}, not {task.name}",
            f"restoreflow evaluate {found.protocol} measures it",
        )
    target.keep(model_files(folder))
    return folder


def _methods(
    folder: ModelFolder, levels: list[float], seed: int, consistency: bool | None, device: str
) -> tuple[dict[str, Any], list[Method]]:
    """What the figures depend on beside the pictures, and the model at each temperature."""
    import torch

    from restoreflow import __version__, load_model
    from restoreflow.lab.evaluation.methods import model_method

    restorer = load_model(folder, device=device, precision="float32")  # the same everywhere
    config, defaults = folder.config, folder.config.defaults
    facts = {
        "task": config.task,
        "scale": config.scale,
        "model": config.name,
        "seed": seed,
        "consistency": defaults.consistency if consistency is None else consistency,
        "device": str(restorer.device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "restoreflow": __version__,
    }
    methods = [model_method(restorer, config.name, level, seed, consistency) for level in levels]
    return facts, methods


def _set_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def _read_photo(path: Path, size: int) -> Any:
    import numpy as np

    from restoreflow.lab.photographs import as_levels, read_rgb

    picture = read_rgb(path)
    if min(picture.size) < size:
        raise UsageError(
            f"--photo {path} is {picture.width} x {picture.height} pixels, smaller than {size}",
            "choose a larger photograph or a smaller --size",
        )
    return as_levels(picture).astype(np.float32) / np.float32(255)

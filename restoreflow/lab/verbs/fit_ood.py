"""`restoreflow fit-ood`: teach a model what its training set looks like, so that it can warn."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from restoreflow.cli import options
from restoreflow.cli.model_tables import facts as facts_table
from restoreflow.cli.output import emit
from restoreflow.cli.progress_bar import progress
from restoreflow.errors import UsageError
from restoreflow.outputs.gate import reading, refuse_inputs

if TYPE_CHECKING:
    from restoreflow.models.folder import LoadedModel, ModelFolder
    from restoreflow.ood.reference import Reference

__all__ = ["fit_ood"]

CLEAN_SIDE = 256
"""Pixels of the photographs' middles that probabilities are learnt from."""


def fit_ood(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A bundled name, or a folder; it is written to.")
    ],
    data: Annotated[
        Path,
        typer.Option("--data", metavar="FOLDER", help="The photographs the model learnt from."),
    ],
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            metavar="NAME",
            help="Of the encoder; repeat for more, which count for the two-sided score alone.",
            show_default="the first block",
        ),
    ] = None,
    summary: Annotated[
        Literal["mean", "p99"], typer.Option("--summary", help="What a picture's score is.")
    ] = "p99",
    rank: Annotated[
        int | None,
        typer.Option("--rank", min=1, help="Directions of the features kept.", show_default="all"),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Photographs, evenly spread.", show_default="all"),
    ] = None,
    calibrate: Annotated[
        int,
        typer.Option(
            "--calibrate",
            min=0,
            metavar="N",
            help="Photographs to corrupt and restore, to learn how probable artifacts are: from "
            "every second one, tried on the others; 0: none, else 4 or more.",
        ),
    ] = 96,
    calibration_data: Annotated[
        Path | None,
        typer.Option(
            "--calibration-data",
            metavar="FOLDER",
            help="Where those are taken from.",
            show_default="that of --data",
        ),
    ] = None,
    outcome: Annotated[
        Literal["auto", "error", "surprise"],
        typer.Option(
            "--outcome",
            help="What an artifact is. error: a sample leaves the range of pictures. surprise: "
            "samples are further from the truth than their spread says. auto: error for affine "
            "flows, else surprise.",
        ),
    ] = "auto",
    seed: options.Seed = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace statistics the model has already.")
    ] = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
    output_format: options.FormatOption = "auto",
    debug: options.Debug = False,
) -> None:
    """Fit the statistics that ood-check judges inputs by, and write them beside the weights.

    The photographs are degraded as in the model's training. A Gaussian is fitted to what the
    encoder makes of them, and the thresholds are set to flag 1 in 200 of them by each score.

    Examples:
    - `restoreflow fit-ood runs/mine --data photos/train`
    - `restoreflow fit-ood runs/mine --data photos/train --layer block2 --calibrate 0`
    """
    if 0 < calibrate < 4:
        raise UsageError(f"--calibrate is {calibrate}", "give 0, or 4 or more")
    started = time.perf_counter()

    from restoreflow.lab.fitting.fit import default_layers
    from restoreflow.lab.photographs import list_photos
    from restoreflow.models.folder import OOD, load_folder
    from restoreflow.models.resolve import resolve_model
    from restoreflow.ood.reference import has_reference, write_reference
    from restoreflow.restoration.engine import choose_device

    folder = resolve_model(model)
    if folder.source == "hub":
        raise UsageError(
            f"{model} lies in the Hub's cache, which is not written to",
            "copy its folder, and name the copy",
        )
    if has_reference(folder) and not overwrite:
        raise UsageError(f"{folder.path} holds {OOD} already", "--overwrite replaces it")
    photos = list_photos(data, limit)
    held = list_photos(calibration_data or data, calibrate) if calibrate else []
    with reading(photos + held):
        refuse_inputs(folder.path / OOD)  # before the work
    _set_threads(threads)
    loaded = load_folder(folder, choose_device(device)[0])
    layers = tuple(dict.fromkeys(layer or default_layers(loaded.network)))
    with progress(output_format, 2 * len(photos) + len(held)) as advance:
        fitted = _fitted(folder, loaded, photos, layers, summary, rank, seed, advance)
        if held:
            fitted = _calibrated(folder, loaded, fitted, held, outcome, seed, advance)
    with reading(photos + held):
        write_reference(folder.path, fitted)
    record = _record(folder, fitted, time.perf_counter() - started)
    emit([record], facts_table(record), output_format)


def _fitted(
    folder: ModelFolder,
    loaded: LoadedModel,
    photos: list[Path],
    layers: tuple[str, ...],
    summary: Literal["mean", "p99"],
    rank: int | None,
    seed: int,
    advance: Any,
) -> Reference:
    from restoreflow.lab.fitting.fit import fit_reference
    from restoreflow.lab.fitting.pictures import degradation_of, pairs, remembered

    degradation, scale = degradation_of(folder), loaded.config.scale
    return fit_reference(
        loaded.network,
        remembered(lambda: (pair.degraded for pair in pairs(photos, degradation, scale, seed))),
        layers,
        summary,
        rank,
        advance=lambda: advance("training set"),
    )


def _calibrated(
    folder: ModelFolder,
    loaded: LoadedModel,
    reference: Reference,
    photos: list[Path],
    outcome: Literal["auto", "error", "surprise"],
    seed: int,
    advance: Any,
) -> Reference:
    import dataclasses

    from restoreflow.lab.fitting.calibrate import calibrate
    from restoreflow.lab.fitting.pictures import degradation_of, pairs

    config = loaded.config
    if outcome == "auto":
        outcome = "error" if config.flow.coupling == "affine" else "surprise"
    degradation = degradation_of(folder)
    calibrations = calibrate(
        loaded.network,
        reference,
        lambda: pairs(photos, degradation, config.scale, seed, CLEAN_SIDE),
        outcome,
        config.defaults.temperature,
        seed=seed,
        advance=lambda: advance("calibration"),
    )
    return dataclasses.replace(reference, calibrations=calibrations)


def _record(folder: ModelFolder, reference: Reference, seconds: float) -> dict[str, Any]:
    """What was fitted, as programs get it."""
    picture, place = reference.calibration(), reference.calibration(of_places=True)
    return {
        "model": folder.config.name,
        "path": str(folder.path),
        "layers": [layer.facts.name for layer in reference.layers],
        "summary": reference.summary,
        "pictures": reference.pictures,
        "places": reference.places,
        "shrinkage": reference.layers[0].facts.shrinkage,
        "energy_threshold": reference.energy_threshold,
        "unusual_threshold": reference.unusual_threshold,
        "outcome": None if picture is None else picture.facts.outcome,
        "probability_from": None if picture is None else picture.facts.score,
        "auroc": None if picture is None else picture.facts.auroc,
        "auroc_of_score": None if picture is None else picture.facts.energy_auroc,
        "auroc_low": None if picture is None else picture.facts.auroc_low,
        "auroc_high": None if picture is None else picture.facts.auroc_high,
        "auroc_of_laplacian": None if picture is None else picture.facts.laplacian_auroc,
        "predicted": [] if picture is None else list(picture.facts.predicted),
        "observed": [] if picture is None else list(picture.facts.observed),
        "calibration_error": None if picture is None else picture.facts.ece,
        "auroc_of_places": None if place is None else place.facts.auroc,
        "calibration_error_of_places": None if place is None else place.facts.ece,
        "seconds": seconds,
    }


def _set_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)

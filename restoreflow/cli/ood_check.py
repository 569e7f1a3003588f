"""`restoreflow ood-check`: say before restoring which pictures will go wrong, and why."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restoreflow.batch.discover import Found, find
from restoreflow.batch.judging import judged_facts
from restoreflow.batch.record import Record, Summary, explained
from restoreflow.cli import options
from restoreflow.cli.heat_maps import with_maps, write_map
from restoreflow.cli.ood_tables import Format, show, telling
from restoreflow.cli.output import error_line, print_line, print_traceback
from restoreflow.cli.startup import debugging, no_warnings
from restoreflow.errors import FlaggedError, ModelError, UsageError, shown
from restoreflow.outputs.atomic import make_folder
from restoreflow.outputs.gate import reading, settle
from restoreflow.tasks.table import TASKS, USUAL, TaskName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from restoreflow.models.folder import ModelFolder
    from restoreflow.ood.check import Check, Checker
    from restoreflow.reports.entries import OodEntry
    from restoreflow.reports.ood_page import OodPage

__all__ = ["ood_check"]


def ood_check(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT", help="Pictures, folders, or quoted patterns.", show_default=False
        ),
    ],
    task: Annotated[
        TaskName | None,
        typer.Option(
            "--task",
            help="What the pictures are for.",
            show_default=f"the model's; else {USUAL.name}",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="A bundled name, a folder, or a Hub id owner/name[@revision].",
            show_default="the task's",
        ),
    ] = None,
    recursive: options.Recursive = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=0.0,
            max=1e12,
            help="Flag scores above it.",
            show_default="the model's",
        ),
    ] = None,
    output_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="human: a table by rank; csv: the same; json: a record a line as they come; "
            "auto: human on a terminal, else json.",
        ),
    ] = "auto",
    heatmaps: Annotated[
        Path | None,
        typer.Option(
            "--heatmaps",
            metavar="FOLDER",
            help="Write a map of each picture's score there, as NAME_ood.png.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write one page that opens in any browser.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace heat maps and the page if they exist.")
    ] = False,
    fail_on_flag: Annotated[
        bool, typer.Option("--fail-on-flag", help="Exit with code 7 if a picture is flagged.")
    ] = False,
    max_pixels: options.MaxPixels = 300_000_000,
    device: options.Device = "auto",
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Tell which pictures to restore as they are, and what to do first with the others.

    Three answers, never mixed. Unlike: of 100 training photographs, how many are less unlike the
    others than this picture; beyond 99.5 it is flagged, with the reason. Artifacts: how probable it
    is that this model's result errs beyond what its samples' spread says, where the model has
    learnt that. Suffers: noise in levels, JPEG as a quality, blur in pixels, enlarged before,
    drawn, bars, too small. The verdict says what to do.

    Examples:

    - `restoreflow ood-check photo.jpg`
    - `restoreflow ood-check scans/ --recursive --report scans.html`
    - `restoreflow ood-check "in/*.png" --format json --fail-on-flag`
    """
    from restoreflow.models.folder import model_files

    found = find(inputs, recursive, leave_out=heatmaps)
    folder = _model(task, model)
    reads = [each.path for each in found] + model_files(folder)
    found, maps = with_maps(found, heatmaps, reads, overwrite)
    settle([("--report", report)], overwrite, reads, maps.values())
    checker = _checker(folder, threshold, device, threads)
    page = None if report is None else _page(checker, folder.config.name)
    started = time.perf_counter()
    records: list[Record] = []
    with reading(reads):
        with telling(output_format, len(found)) as tell, no_warnings():
            for picture in found:
                most = max_pixels or None
                record = _checked(checker, picture, most, maps.get(picture), overwrite, page)
                records.append(record)
                tell(record)
        show(records, output_format)
        if page is not None and report is not None:
            make_folder(report.parent)
            page.write(report, overwrite)
    _finish(records, fail_on_flag, time.perf_counter() - started)


def _model(task: str | None, model: str | None) -> ModelFolder:
    from restoreflow.models.resolve import resolve_model

    folder = resolve_model(model or TASKS[task or USUAL.name].default_model)
    config = folder.config
    if task is not None and config.task != task:
        raise UsageError(
            f"{config.name} is a model for {config.task}, not for {task}",
            f"use --task {config.task}, or another --model",
        )
    return folder


def _checker(
    folder: ModelFolder, threshold: float | None, device: str, threads: int | None
) -> Checker:
    """What judges."""
    import torch

    from restoreflow.models.folder import load_folder
    from restoreflow.ood.check import Checker
    from restoreflow.ood.reference import read_reference
    from restoreflow.restoration.engine import choose_device, precision_of

    if threads is not None:
        torch.set_num_threads(threads)
    reference = read_reference(folder)
    where = choose_device(device)[0]
    loaded = load_folder(folder, where)
    loaded.network.set_precision(precision_of("auto", where))  # as when restoring
    return Checker(loaded.network, reference, threshold, folder.config.name)


def _page(checker: Checker, name: str) -> OodPage:
    from restoreflow.ood.statistics import LEVELS
    from restoreflow.reports.entries import Reference
    from restoreflow.reports.legend import score_scale
    from restoreflow.reports.ood_page import OodPage, Scoring

    usual = Reference(LEVELS, checker.reference.scores["energy"])
    scale = score_scale(checker.reference.map_end)
    return OodPage(Scoring(name, checker.threshold, usual, scale))


def _entry(path: Path, check: Check, pixels: NDArray[np.float32]) -> OodEntry:
    import numpy as np
    from PIL import Image

    from restoreflow.ood.maps import smoothed
    from restoreflow.reports.entries import OodEntry

    return OodEntry(
        file=path,
        score=check.score.energy,
        rank=check.rank,
        flagged=check.flagged,
        verdict=check.verdict,
        advice=check.advice.words,
        reasons=check.reasons if check.flagged else (),
        suffers=[each.words for each in check.defects],
        probability=check.probability,
        image=Image.fromarray(np.rint(pixels * 255).astype(np.uint8)),
        score_map=smoothed(check.score.energies),
    )


def _checked(
    checker: Checker,
    found: Found,
    most: int | None,
    map_path: Path | None,
    overwrite: bool,
    page: OodPage | None,
) -> Record:
    """One picture, and what is written of it; its pixels are let go before the next."""
    from restoreflow.images.decode import decode, read_bytes

    path = found.path
    try:
        if found.error is not None:
            raise found.error
        data = read_bytes(path, most, found.page and found.page.number)
        decoded = decode(data, most, shown(path))
        pixels = decoded.pixels
        check = checker.check(pixels, quality=decoded.jpeg_quality)
        if map_path is not None:
            write_map(map_path, check, checker, overwrite)
        if page is not None:
            page.add(_entry(path, check, pixels))
        written = () if map_path is None else (map_path,)
        return Record(path, "done", written, _facts(check))
    except (ModelError, UsageError):
        raise
    except Exception as error:
        reason = explained(error)
        if debugging():
            print_traceback(error)
        if page is not None:
            from restoreflow.reports.entries import FailedEntry

            page.add(FailedEntry(path, reason.message, reason.hint))
        return Record(path, "failed", error=reason)


def _facts(check: Check) -> dict[str, Any]:
    return {
        **judged_facts(check),
        "ood_unusual": check.score.unusual,
        **check.score.summary._asdict(),
        "statistics": check.statistics,
        "width": check.width,
        "height": check.height,
    }


def _finish(records: list[Record], fail_on_flag: bool, seconds: float) -> None:
    """End with the code that the records ask for; a flag comes before a failure."""
    flagged = sum(bool(record.facts.get("flagged")) for record in records)
    if fail_on_flag and flagged:
        # On stderr in every format: the records have said it of each.
        told = f"{flagged} of {len(records)} pictures flagged"
        print_line(error_line(told, "see their reasons"), sys.stderr)
        raise typer.Exit(FlaggedError.exit_code)
    code = Summary.of(records, seconds).exit_code
    if code:
        raise typer.Exit(code)

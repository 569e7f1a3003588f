"""The study of where flows explode, from one command: `python -m studies.robustness`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from restoreflow.cli import options
from restoreflow.cli.layout import unbroken
from restoreflow.cli.output import emit
from restoreflow.cli.program import run
from restoreflow.cli.progress_bar import progress
from restoreflow.errors import UsageError, shown
from restoreflow.lab.verbs.evaluation_options import Lpips, weights_in
from restoreflow.outputs.atomic import make_folder
from restoreflow.outputs.gate import reading, settle
from restoreflow.remote_path import is_there
from restoreflow.tasks.table import TASKS

if TYPE_CHECKING:
    from studies.robustness.settings import StudySettings
    from studies.robustness.verdicts import Verdict

__all__ = ["NAME", "app"]

NAME = "python -m studies.robustness"

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def robustness(
    photos: Annotated[
        Path,
        typer.Option(
            "--photos", metavar="FOLDER", help="Photographs that no model has learnt from."
        ),
    ],
    models: Annotated[
        str,
        typer.Option(
            "--models",
            metavar="MODEL,MODEL...",
            help="Twins: bundled names, folders or Hub ids; first the one in question.",
        ),
    ] = "sr-x4,sr-x4-affine",
    train: Annotated[
        Path | None,
        typer.Option(
            "--train",
            metavar="FOLDER",
            help="Photographs the models learnt from: for the score of the flow's features, for "
            "models without statistics, and for --ablations.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="For page, figures and numbers.")
    ] = Path("runs/study"),
    cache: Annotated[
        Path,
        typer.Option(
            "--cache",
            metavar="FOLDER",
            help="Measurements that are done; the same command goes on from there.",
        ),
    ] = Path("runs/robustness"),
    ablations: Annotated[
        bool,
        typer.Option(
            "--ablations/--no-ablations", help="Also train tiny models, one thing changed each."
        ),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer and smaller inputs, shorter searches: minutes.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="More and larger inputs, longer searches: hours.")
    ] = False,
    seed: options.Seed = 0,
    lpips: Lpips = None,
    threads: options.Threads = None,
    output_format: options.FormatOption = "auto",
    debug: options.Debug = False,
) -> None:
    """Study where flows explode, what foretells it, and what preventing it costs.

    Photographs, corrupted ones, synthetic patterns, and inputs found by gradient ascent; errors
    before the limiter, the score's foresight, quality in distribution, growth layer by layer, and
    the certificate beside what searches find. Writes a page, figures (PNG and SVG) and JSON; what
    has been measured is kept, so that the command can be interrupted.

    Examples:
    - `python -m studies.robustness --photos photos/val --train photos/train --ablations`
    - `python -m studies.robustness --photos photos/val --models mine,mine-affine --quick`
    """
    if quick and full:
        raise UsageError("--quick and --full exclude each other", "give one of them")
    if ablations and train is None:
        raise UsageError("--ablations trains models", "name photographs by --train")
    import dataclasses

    from studies.robustness import settings as sizes

    chosen = sizes.QUICK if quick else sizes.FULL if full else sizes.STANDARD
    chosen = dataclasses.replace(chosen, seed=seed)
    names = [name.strip() for name in models.split(",") if name.strip()]
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    reads = _read(photos, train, lpips)
    _refuse_others(out, reads)
    with reading(reads):
        study = _measured(
            *(names, photos, train, cache, ablations, chosen, lpips),
            *(_steps(names, chosen), output_format),
        )
        command = _command(study, quick, full, ablations, seed)
        verdicts = _written(study, command, out)
    lines = [f"{_WORDS[each.holds]:>12}  {each.statement}: {each.found}" for each in verdicts]
    records = [each._asdict() for each in verdicts]
    told = [*map(Text, lines), unbroken(f"Page: {shown(out / 'README.md')}")]
    emit(records, Group(*told), output_format)


_WORDS = {True: "holds", False: "DOES NOT", None: "not measured"}


def _read(photos: Path, train: Path | None, lpips: Path | None) -> list[Path]:
    """All that is read, but the models, whose folders hold nothing that a study writes."""
    from restoreflow.lab.photographs import list_photos

    folders = [photos] if train is None else [photos, train]
    return [*(path for each in folders for path in list_photos(each)), *weights_in(lpips)]


def _refuse_others(out: Path, reads: list[Path]) -> None:
    """See that no page or figure of somebody else's is replaced; UsageError where one would be."""
    from studies.robustness.figures import figure_files
    from studies.robustness.page import PAGE, RESULTS

    files = [out / name for name in (PAGE, RESULTS, *figure_files())]
    settle([("--out", path) for path in files], True, reads, folders_made=True)
    others = [path for path in files if is_there(path)]
    if others and not (out / RESULTS).is_file():
        raise UsageError(
            f"{shown(others[0])} exists, and is not of a study", "choose another --out"
        )


def _measured(
    names: list[str],
    photos: Path,
    train: Path | None,
    cache: Path,
    ablations: bool,
    chosen: StudySettings,
    lpips: Path | None,
    steps: int,
    output_format: Any,
) -> dict[str, Any]:
    from restoreflow.lab.evaluation.sr import load_metrics
    from restoreflow.lab.photographs import list_photos
    from studies.robustness.arms import load_arms
    from studies.robustness.cache import Cache
    from studies.robustness.run import Study

    found = list_photos(photos)
    learnt = list_photos(train) if train else None
    with progress(output_format, steps) as advance:
        arms = load_arms(names, train, chosen.reference_photos, chosen.seed, advance)
        metrics = load_metrics(lpips) if TASKS[arms[0].config.task].operator is not None else None
        return Study(
            arms=arms,
            photos=found,
            settings=chosen,
            cache=Cache(cache),
            metrics=metrics,
            train=learnt if ablations else None,
            advance=advance,
        ).run()


def _written(study: dict[str, Any], command: str, out: Path) -> list[Verdict]:
    from studies.robustness.figures import draw_figures
    from studies.robustness.page import write_page
    from studies.robustness.verdicts import aims, paper

    make_folder(out)
    figures = draw_figures(study, out)
    write_page(study, figures, command, out)
    return [*paper(study), *aims(study)]


def _steps(names: list[str], chosen: StudySettings) -> int:
    """About as many steps as the bar will see."""
    each = 2 * chosen.photos + 10 * chosen.corrupted * len(chosen.severities) + 40
    each += len(chosen.attack_temperatures) * (1 + chosen.attacked_photos)
    return len(names) * each


def _command(study: dict[str, Any], quick: bool, full: bool, ablations: bool, seed: int) -> str:
    """The command for the page: models by their names, folders as a reader has them."""
    words = [*NAME.split(), "--photos", "photos/val", "--train", "photos/train"]
    words += ["--models", ",".join(arm["name"] for arm in study["arms"])]
    flags = {"--ablations": ablations, "--quick": quick, "--full": full}
    words += [flag for flag, given in flags.items() if given]
    return shlex.join([*words, *(["--seed", str(seed)] if seed else [])])


if __name__ == "__main__":
    run(app, NAME)

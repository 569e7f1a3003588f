"""The factorial of flows that may explode, from one command: `python -m studies.factorial`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from restoreflow.cli import options
from restoreflow.cli.layout import unbroken
from restoreflow.cli.output import emit
from restoreflow.cli.program import run
from restoreflow.cli.progress_bar import progress
from restoreflow.errors import shown
from restoreflow.outputs.atomic import make_folder, write_atomic

__all__ = ["NAME", "app"]

NAME = "python -m studies.factorial"

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def factorial(
    photos: Annotated[
        Path,
        typer.Option("--photos", metavar="FOLDER", help="Photographs that nothing learns from."),
    ],
    train: Annotated[
        Path, typer.Option("--train", metavar="FOLDER", help="Photographs to learn from.")
    ],
    others: Annotated[
        Path | None,
        typer.Option(
            "--others",
            metavar="FOLDER",
            help="Pictures of other kinds, a folder a kind; see `python -m studies.others`.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="For page, figures and numbers.")
    ] = Path("docs/study"),
    work: Annotated[
        Path,
        typer.Option(
            "--work",
            metavar="FOLDER",
            help="Checkpoints and measurements; the same command goes on from there.",
        ),
    ] = Path("runs/factorial"),
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes", min=0.0, help="Begin no more after so long; 0 writes what there is."
        ),
    ] = math.inf,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two seeds, a sixth of the training, fewer inputs.")
    ] = False,
    threads: options.Threads = None,
    output_format: options.FormatOption = "auto",
    debug: options.Debug = False,
) -> None:
    """Train flows that differ in their element-wise maps alone, and ask each what explodes.

    Affine, clamped, the paper's spline and this package's, in couplings and injector, shifts
    bounded or not, by likelihood alone, three seeds each; affine ones also with their slopes
    clamped after training. What is done is kept, so that the command can be interrupted; the page
    says what is missing.

    Examples:
    - `python -m studies.factorial --photos photos/val --train photos/train --minutes 60`
    """
    from restoreflow.lab.photographs import list_photos
    from studies.factorial import settings as sizes
    from studies.factorial.figures import draw_figures
    from studies.factorial.forms import TIERS
    from studies.factorial.page import PAGE, page
    from studies.factorial.results import RESULTS, document, gathered
    from studies.factorial.run import Factorial

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    chosen = sizes.QUICK if quick else sizes.STANDARD
    found, learnt = list_photos(photos), list_photos(train)
    with progress(output_format, sum(map(len, TIERS)) * len(chosen.seeds)) as advance:
        study = Factorial(
            settings=chosen,
            photos=found,
            train=learnt,
            folder=work,
            others=others,
            tiers=TIERS,
            minutes=minutes,
            advance=advance,
        ).run()
    make_folder(out)
    results = gathered(study)
    write_atomic(out / RESULTS, document(results).encode(), overwrite=True)
    text = page(results, draw_figures(results, out), _command(quick, others is not None))
    write_atomic(out / PAGE, text.encode(), overwrite=True)
    done = len({(each["arm"], each["seed"]) for each in study["runs"]})
    told = f"{done} flows measured, {len(study['missing'])} trainings missing."
    lines = [Text(told), unbroken(f"Page: {shown(out / PAGE)}")]
    record = {"flows": done, "missing": study["missing"]}
    emit([record], Group(*lines), output_format)


def _command(quick: bool, others: bool) -> str:
    """The command for the page, folders as a reader has them."""
    words = [NAME, "--photos photos/val", "--train photos/train"]
    words += ["--others others"] if others else []
    return " ".join([*words, *(["--quick"] if quick else [])])


if __name__ == "__main__":
    run(app, NAME)

"""Anybody's model and the suite: `python -m studies.external`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from restoreflow.cli import options
from restoreflow.cli.layout import unbroken
from restoreflow.cli.output import emit
from restoreflow.cli.program import run
from restoreflow.cli.progress_bar import progress
from restoreflow.errors import shown
from restoreflow.outputs.atomic import make_folder, write_atomic

__all__ = ["NAME", "app"]

NAME = "python -m studies.external"

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where it goes; it is replaced.")
]


@app.command("ask")
def ask_model(
    factory: Annotated[
        str,
        typer.Argument(metavar="MODULE:FACTORY[:ARGUMENT]", help="What gives the sampler."),
    ],
    name: Annotated[str, typer.Option("--name", help="The model's, in tables.")],
    out: Out = None,
    threads: options.Threads = None,
    output_format: options.FormatOption = "auto",
    debug: options.Debug = False,
) -> None:
    """Put a fixed suite of hostile inputs to any restorer, and count what explodes.

    The factory gives a function sample(input, latent, temperature) that returns an image before
    limiter and clamping; see `studies/external/asking.py`. The suite is made from formulas and
    checked by its sums, so that results from different places compare. They are JSON, for
    `python -m studies.external table`.

    Examples:
    - `python -m studies.external ask mymodels:build --name mine -o results/mine.json`
    - `python -m studies.external ask studies.external.bundled:model:sr-x4 --name sr-x4`
    """
    from studies.external.asking import ask, load
    from studies.external.suite import sums

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    sampler = load(factory)
    with progress(output_format, len(sums())) as advance:
        found = ask(sampler, name, advance)
    target = out or Path(f"{name}.json")
    make_folder(target.parent)
    write_atomic(target, (json.dumps(found, indent=1) + "\n").encode(), overwrite=True)
    failed = len({row["input"] for row in found["rows"] if row["error_pixels"]})
    record = {"name": name, "inputs": len(sums()), "with_errors": failed}
    told = f"{name}: error pixels on {failed} of {len(sums())} inputs. {shown(target)}"
    emit([record], unbroken(told), output_format)


@app.command("table")
def table_of_results(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Files that `ask` wrote.")
    ],
    out: Out = None,
    output_format: options.FormatOption = "auto",
    debug: options.Debug = False,
) -> None:
    """One table of many models' results, Markdown."""
    from studies.external.tables import markdown, read

    text = markdown([read(path) for path in results])
    if out is not None:
        write_atomic(out, text.encode(), overwrite=True)
    emit([{"models": len(results), "table": text}], Text(text), output_format)


if __name__ == "__main__":
    run(app, NAME)

"""Options that several verbs share, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from restoreflow.cli.debug import DEBUG_VARIABLE, remember_debug
from restoreflow.cli.output import Format
from restoreflow.errors import UsageError

__all__ = [
    "Compile",
    "Consistency",
    "Debug",
    "Device",
    "FormatOption",
    "Grid",
    "Inputs",
    "Model",
    "Out",
    "Overwrite",
    "PrecisionOption",
    "Samples",
    "Seed",
    "Temperature",
    "Threads",
    "Tile",
    "Uncertainty",
    "parse_tile",
]

_RESULT, _SPEED, _REPORT = "Results", "Speed and memory", "Reporting"


Inputs = Annotated[
    list[Path], typer.Argument(metavar="INPUT", help="Pictures.", show_default=False)
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="PATH",
        help="A folder, or for a single input a file; by default beside the input.",
        show_default=False,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A bundled name, a folder, or a Hub id owner/name[@revision].",
    ),
]
Samples = Annotated[
    int,
    typer.Option("--samples", "-n", min=1, max=1000, help="How many results of each picture."),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        "-t",
        help="0: the calmest result, 1: all of the model's variety.",
        show_default="the model card's",
    ),
]
Seed = Annotated[
    int,
    typer.Option("--seed", min=0, help="Same seed, same results."),
]
Consistency = Annotated[
    bool | None,
    typer.Option(
        "--consistency/--no-consistency",
        help="Make the result, downscaled, give back the input.",
        show_default="the model card's",
    ),
]
Uncertainty = Annotated[
    bool,
    typer.Option(
        "--uncertainty",
        help="Also write a heat map of how far the samples differ; 2 samples or more.",
        rich_help_panel=_RESULT,
    ),
]
Grid = Annotated[
    bool,
    typer.Option(
        "--grid",
        help="Also write a sheet of input, mean, samples and spread.",
        rich_help_panel=_RESULT,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace results that exist; by default their inputs are skipped.",
        rich_help_panel=_RESULT,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda[:i]|mps",
        help="Where to compute; a device asked for is never replaced by another.",
        rich_help_panel=_SPEED,
    ),
]
PrecisionOption = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"],
    typer.Option(
        "--precision",
        help="auto is float32; the others are faster on GPUs, and checked.",
        rich_help_panel=_SPEED,
    ),
]
Tile = Annotated[
    str,
    typer.Option(
        "--tile",
        metavar="auto|N",
        help="Side in pixels of what is restored at once; results do not depend on it.",
        rich_help_panel=_SPEED,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Processor threads.",
        show_default="PyTorch's choice",
        rich_help_panel=_SPEED,
    ),
]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Compile the model first: slower to start, faster for many pictures.",
        rich_help_panel=_SPEED,
    ),
]
FormatOption = Annotated[
    Format,
    typer.Option(
        "--format",
        help="human: sentences and a bar; json: a record a line; quiet: errors alone; "
        "auto: human on a terminal, else a plain line a file.",
        rich_help_panel=_REPORT,
    ),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        callback=remember_debug,
        is_eager=True,
        help=f"Show the traceback of an error, as {DEBUG_VARIABLE}=1 does.",
        rich_help_panel=_REPORT,
    ),
]


def parse_tile(text: str) -> int | Literal["auto"]:
    """The value of --tile.

    Raises:
        UsageError: neither "auto" nor a whole number of 8 or more.
    """
    if text == "auto":
        return "auto"
    if text.isascii() and text.isdigit() and int(text) >= 8:
        return int(text)
    raise UsageError(f'--tile is "{text}"', "give auto, or a side of 8 pixels or more")

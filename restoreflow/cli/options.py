"""Options that several verbs share, each defined once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from restoreflow.batch.job import Shard
from restoreflow.batch.settings import DEFAULT_QUALITY, Arrays, Dpi, OodAction, OutputFormat
from restoreflow.cli.execution_options import (
    Compile,
    Device,
    Jobs,
    MaxPixels,
    PrecisionOption,
    Threads,
    Tile,
    parse_tile,
)
from restoreflow.cli.output import Format
from restoreflow.cli.startup import DEBUG_VARIABLE, remember_debug
from restoreflow.errors import UsageError
from restoreflow.images.formats import FORMATS
from restoreflow.networks.config import Strength
from restoreflow.restoration.options import Size

__all__ = [
    "BitDepth",
    "Compile",
    "Consistency",
    "Debug",
    "Device",
    "DpiOption",
    "DryRun",
    "Exposure",
    "FormatOption",
    "Grid",
    "Height",
    "Inputs",
    "Jobs",
    "Longest",
    "MaxPixels",
    "Megapixels",
    "Model",
    "MoreInputs",
    "Name",
    "Ood",
    "OodTemperature",
    "Out",
    "OutputFormatOption",
    "Overwrite",
    "PrecisionOption",
    "Quality",
    "Recursive",
    "Report",
    "Samples",
    "SaveArrays",
    "Scale",
    "Seed",
    "ShardOption",
    "StripMetadata",
    "Temperature",
    "Threads",
    "Tile",
    "Uncertainty",
    "Verbose",
    "Wear",
    "Width",
    "chosen_size",
    "parse_dpi",
    "parse_output_format",
    "parse_shard",
    "parse_tile",
    "parse_wear",
]

_SIZE, _RESULT, _REPORT = "Size", "Results", "Reporting"


Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT",
        help="Pictures, folders, or patterns; - or none reads a picture that is piped in.",
        show_default=False,
    ),
]
MoreInputs = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", metavar="INPUT", help="As INPUT.", hidden=True),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        metavar="PATH",
        help="A folder, or for a single input a file; - writes to standard output. By default "
        "beside the input.",
        show_default=False,
    ),
]
Recursive = Annotated[
    bool,
    typer.Option(
        "--recursive", "-r", help="Look into folders' folders too; results mirror the tree."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A bundled name, a folder, or a Hub id owner/name[@revision].",
        show_default="the task's",
    ),
]
Scale = Annotated[
    float | None,
    typer.Option(
        "--scale",
        metavar="X",
        help="How many times as large, above 1 and up to 8, as 2.5: the next larger of the bundled "
        "sr-x2, sr-x4 and sr-x8, unless --model is given.",
        show_default="4, or the model's",
        rich_help_panel=_SIZE,
    ),
]
Width = Annotated[
    int | None,
    typer.Option(
        "--width",
        metavar="PIXELS",
        help="The result's width; with --height, what fits into both.",
        show_default="the scale's",
        rich_help_panel=_SIZE,
    ),
]
Height = Annotated[
    int | None,
    typer.Option(
        "--height",
        metavar="PIXELS",
        help="The result's height.",
        show_default="the scale's",
        rich_help_panel=_SIZE,
    ),
]
Longest = Annotated[
    int | None,
    typer.Option(
        "--longest",
        metavar="PIXELS",
        help="The result's longer side.",
        show_default="the scale's",
        rich_help_panel=_SIZE,
    ),
]
Megapixels = Annotated[
    float | None,
    typer.Option(
        "--megapixels",
        metavar="MP",
        help="Millions of pixels of the result.",
        show_default="the scale's",
        rich_help_panel=_SIZE,
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
        help="0: the clean estimate, nothing drawn; 1: all of the model's variety.",
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
Exposure = Annotated[
    float,
    typer.Option(
        "--exposure",
        metavar="EV",
        help="Brighter by so many stops than the model would have it; darker when negative.",
    ),
]
Wear = Annotated[
    str,
    typer.Option(
        "--wear",
        metavar="auto|none|0..1",
        help="What the picture suffers from: as the model judges it, nothing, or how strongly "
        "noise and compression are to be taken away. For models that are told it.",
    ),
]
OutputFormatOption = Annotated[
    str,
    typer.Option(
        "--output-format",
        metavar="|".join(get_args(OutputFormat)),
        autocompletion=lambda: list(get_args(OutputFormat)),
        help="What results are written as; same: as the input, else PNG.",
        rich_help_panel=_RESULT,
    ),
]
Quality = Annotated[
    int | None,
    typer.Option(
        "--quality",
        min=1,
        max=100,
        help="Of JPEG, WebP (100: lossless) and AVIF.",
        show_default=str(DEFAULT_QUALITY),
        rich_help_panel=_RESULT,
    ),
]
BitDepth = Annotated[
    Literal["8", "16"] | None,
    typer.Option(
        "--bit-depth",
        help="Of PNG and TIFF; the others have 8.",
        show_default="the input's",
        rich_help_panel=_RESULT,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="TEMPLATE",
        help="Results' names, of {stem}, {suffix}, {index} (of the sample; {index:03}) and {ext}.",
        show_default="{stem}_{suffix}_{index}{ext}",
        rich_help_panel=_RESULT,
    ),
]
SaveArrays = Annotated[
    Arrays | None,
    typer.Option(
        "--save-arrays",
        help="Also write samples, mean and uncertainty as numbers, beside the result.",
        show_default="off",
        rich_help_panel=_RESULT,
    ),
]
StripMetadata = Annotated[
    bool,
    typer.Option(
        "--strip-metadata",
        help="Write no EXIF, XMP, colour profile or resolution; colours become sRGB.",
        rich_help_panel=_RESULT,
    ),
]
DpiOption = Annotated[
    str,
    typer.Option(
        "--dpi",
        metavar="keep|scale|NUMBER",
        help="Pixels an inch that printers are told: keep the input's, so that the paper grows; "
        "scale it, so that the paper stays as large; or a number, as 300.",
        rich_help_panel=_RESULT,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Write nothing; say what would be, how many bytes and how long it would take.",
    ),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Do part I of N, as 1/4; always the same part, and together they are all.",
        show_default="all",
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
Ood = Annotated[
    OodAction,
    typer.Option(
        "--ood",
        help="Inputs unlike what the model has learnt from: warn restores them and says so, skip "
        "leaves them out, fail does and ends with code 7; off judges none.",
    ),
]
OodTemperature = Annotated[
    bool,
    typer.Option(
        "--ood-temperature",
        help="Lower the temperature at places unlike what the model has learnt from. Measured: a "
        "little less noise on noisy inputs, and no other gain.",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Also write one page for any browser: before and after, samples, heat maps.",
        show_default="off",
        rich_help_panel=_RESULT,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace results that exist; by default their inputs are skipped, or in an output "
        "folder redone where input or settings have changed.",
        rich_help_panel=_RESULT,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Tell of each file also temperature, seed, and how well the result, downscaled, gives "
        "back the input (LR-PSNR).",
        rich_help_panel=_REPORT,
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


def parse_output_format(text: str) -> OutputFormat:
    """The value of --output-format: a format's name, or a usual ending of its files, as jpg or tif.

    Raises:
        UsageError: it is none that is written.
    """
    choices: tuple[OutputFormat, ...] = get_args(OutputFormat)
    word = text.lower().removeprefix(".")
    for name in choices:
        if word == name or (name != "same" and f".{word}" in FORMATS[name].extensions):
            return name
    raise UsageError(
        f'--output-format is "{text}", which is not written', f"one of {', '.join(choices)}"
    )


def parse_dpi(text: str) -> Dpi:
    """The value of --dpi.

    Raises:
        UsageError: neither "keep", "scale" nor a number.
    """
    if text == "keep" or text == "scale":
        return text
    try:
        return float(text)
    except ValueError:
        hint = "give keep, scale, or pixels an inch, as 300"
        raise UsageError(f'--dpi is "{text}"', hint) from None


def parse_shard(text: str) -> Shard:
    """The value of --shard; UsageError where it is not i/n."""
    return Shard.parse(text)


def parse_wear(text: str) -> Strength:
    """The value of --wear.

    Raises:
        UsageError: neither "auto", "none" nor a number.
    """
    if text == "auto" or text == "none":
        return text
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f'--wear is "{text}"', "give auto, none, or a strength from 0 (gentle) to 1 (strong)"
        ) from None


def chosen_size(**given: float | None) -> Size | None:
    """The size that options ask for, by the names of `Size`; None where none does.

    Raises:
        UsageError: as `Size`, with the options' names.
    """
    asked: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not asked:
        return None
    try:
        return Size(**asked)
    except UsageError as error:
        message = re.sub(rf"\b({'|'.join(given)})\b", r"--\1", error.message)
        raise UsageError(message, error.hint) from error

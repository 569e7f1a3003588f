"""Options for how fast a command works and how much memory it takes; `options` has them too."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from restoreflow.errors import UsageError

__all__ = [
    "Compile",
    "Device",
    "Jobs",
    "MaxPixels",
    "PrecisionOption",
    "Threads",
    "Tile",
    "parse_tile",
]

_SPEED = "Speed and memory"

Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        max=64,
        help="Threads that read ahead, and as many that write; results do not depend on it.",
        rich_help_panel=_SPEED,
    ),
]
MaxPixels = Annotated[
    int,
    typer.Option(
        "--max-pixels",
        min=0,
        help="Refuse inputs of more pixels, width times height; 0: no limit.",
        rich_help_panel=_SPEED,
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
        help="What convolutions compute in. auto is bfloat16 on CPUs that are fast in it, "
        "else float32, whose results other machines share to the last digits.",
        rich_help_panel=_SPEED,
    ),
]
Tile = Annotated[
    str,
    typer.Option(
        "--tile",
        metavar="auto|N",
        help="Side in pixels of the largest tile that there is memory for. Tiles are those of the "
        "picture's size, under 1 GiB; smaller ones would change results, so that is told instead.",
        rich_help_panel=_SPEED,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        max=1024,
        help="Processor threads; with another number a few bytes round otherwise.",
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


def parse_tile(text: str) -> int | Literal["auto"]:
    """The value of --tile.

    Raises:
        UsageError: neither "auto" nor a whole number.
    """
    if text == "auto":
        return "auto"
    if text.isascii() and text.isdigit():
        return int(text)
    raise UsageError(f'--tile is "{text}"', "give auto, or a side of 8 pixels or more")

"""Options for where and how fast a command works, and how much memory it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from restoreflow.cli.startup import debugging
from restoreflow.errors import UsageError

if TYPE_CHECKING:
    from restoreflow.batch.cluster.connection import Cluster

__all__ = [
    "Actors",
    "Address",
    "Compile",
    "Device",
    "Executor",
    "GpusPerActor",
    "Jobs",
    "MaxPixels",
    "PrecisionOption",
    "Threads",
    "Tile",
    "chosen_cluster",
    "parse_tile",
]

_PANEL = "On a cluster"

Executor = Annotated[
    Literal["local", "ray"],
    typer.Option(
        "--executor",
        help="ray: on the nodes of a Ray cluster, with the same results.",
        rich_help_panel=_PANEL,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="auto|HOST:PORT",
        help="The Ray cluster's.",
        show_default="RAY_ADDRESS, else Ray on this machine",
        rich_help_panel=_PANEL,
    ),
]
Actors = Annotated[
    int | None,
    typer.Option(
        "--actors",
        min=1,
        help="How many restore side by side, each with a model of its own and --threads CPUs, "
        "1 if not given.",
        show_default="as many as fit",
        rich_help_panel=_PANEL,
    ),
]
GpusPerActor = Annotated[
    float,
    typer.Option(
        "--gpus-per-actor",
        min=0.0,
        help="GPUs that each has; 0.5: two share one.",
        rich_help_panel=_PANEL,
    ),
]


def chosen_cluster(
    executor: Literal["local", "ray"], address: str | None, actors: int | None, gpus: float
) -> Cluster | None:
    """The cluster these options ask for; None: this process does it all.

    Raises:
        UsageError: an option is for another executor, or out of its range.
    """
    if executor == "ray":
        from restoreflow.batch.cluster.connection import Cluster

        return Cluster(address, actors, gpus, verbose=debugging())
    given = {"--address": address, "--actors": actors, "--gpus-per-actor": gpus or None}
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name} is of --executor ray", "give both, or neither")
    return None


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

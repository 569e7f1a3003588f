"""Options of a run on several machines, and what they mean together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from restoreflow.cli.debug import debugging
from restoreflow.errors import UsageError

if TYPE_CHECKING:
    from restoreflow.batch.cluster.connection import Cluster

__all__ = ["Actors", "Address", "Executor", "GpusPerActor", "chosen_cluster"]

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

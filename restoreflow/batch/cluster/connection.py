"""A Ray cluster: which, and how much of it a run takes."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from restoreflow.errors import RestoreflowError, UsageError

__all__ = ["Cluster", "actors_that_fit", "connected"]


@dataclass(frozen=True)
class Cluster:
    """Where a run goes, and how much it takes there.

    Args:
        address: "auto", HOST:PORT or ray://HOST:PORT; None: what RAY_ADDRESS says, or else Ray on
            this machine alone, started and ended with the run.
        actors: that restore side by side; None: as many as the nodes have room for.
        gpus: of each actor; a fraction shares one.
        verbose: whether Ray is heard.

    Raises:
        UsageError: no actor, or less than no GPU.
    """

    address: str | None = None
    actors: int | None = None
    gpus: float = 0.0
    verbose: bool = False

    def __post_init__(self) -> None:
        if self.actors is not None and self.actors < 1:
            raise UsageError(f"--actors is {self.actors}", "choose 1 or more")
        if not 0 <= self.gpus < 1e3 or (self.gpus > 1 and self.gpus != int(self.gpus)):
            raise UsageError(f"--gpus-per-actor is {self.gpus:g}", "choose 0 .. 1, or whole GPUs")


@contextmanager
def connected(cluster: Cluster) -> Iterator[None]:
    """Within, Ray is connected; where it was already, it is left as it is.

    Raises:
        RestoreflowError: Ray is not installed, or no cluster answers.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise RestoreflowError(
            "--executor ray needs Ray Data", 'pip install "restoreflow[ray]"'
        ) from error
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not cluster.verbose:
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    level = logging.INFO if cluster.verbose else logging.CRITICAL
    alone = cluster.address is None and "RAY_ADDRESS" not in os.environ
    try:
        with _own_sigterm():
            ray.init(
                cluster.address,
                include_dashboard=False if alone else None,
                logging_level=level,
                log_to_driver=cluster.verbose,
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        place = cluster.address or os.environ.get("RAY_ADDRESS") or "this machine"
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise RestoreflowError(
            f"Ray at {place} does not answer: {reason[0]}",
            "start it with ray start --head, or leave out --address",
        ) from error
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        ray.shutdown()


def actors_that_fit(cpus: float, gpus: float) -> int:
    """How many actors the nodes that are up have room for, whatever else runs there.

    Args:
        cpus, gpus: of each.

    Raises:
        RestoreflowError: not one.
    """
    import ray

    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    rooms = [int(node.get("CPU", 0) // cpus) for node in resources]
    if gpus:
        rooms = [
            min(room, int(node.get("GPU", 0) // gpus))
            for room, node in zip(rooms, resources, strict=True)
        ]
    if not sum(rooms):
        wanted = f"{cpus:g} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
        raise RestoreflowError(
            f"no node of the Ray cluster has {wanted} for an actor",
            "ask for less with --threads and --gpus-per-actor, or start a node that has them",
        )
    return sum(rooms)


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Ray, when it starts, puts its own in the place of what SIGTERM does; undone afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""On a real Ray cluster of two nodes: the local run's files, whatever dies on the way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from restoreflow.batch.cluster import run as cluster_run
from restoreflow.batch.cluster.connection import Cluster, connected
from restoreflow.batch.job import Job
from tests.batch.cluster.runs import Runs, files, scans
from tests.cli.conftest import picture
from tests.cli.conftest import tiny_bundle as tiny_bundle

pytest.importorskip("ray", reason="the extra ray is not installed")

STORE = 100 * 2**20  # bytes, near the least that Ray takes


class Nodes:
    """A head that stays, and a second node that can be killed."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster as Machines

        self._machines: Any = Machines()
        self._machines.add_node(no_monitor=True, include_dashboard=False, **_small())
        self._second = self._machines.add_node(**_small())
        self._machines.wait_for_nodes()
        self.address: str = self._machines.address

    def kill_second(self) -> None:
        self._machines.remove_node(self._second, allow_graceful=False)

    def stop(self) -> None:
        self._machines.shutdown()


def _small() -> dict[str, Any]:
    """A node with room for one actor; given ports, it waits for no agent, however slow."""
    names = ("dashboard_agent_listen_port", "metrics_agent_port", "runtime_env_agent_port")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    return {"num_cpus": 1, "object_store_memory": STORE, "include_log_monitor": False} | ports


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_agent_register_timeout_ms", "120000")
        patch.setenv("RAY_health_check_timeout_ms", "60000")
        handler = signal.getsignal(signal.SIGTERM)  # which a cluster in this process replaces
        nodes = Nodes()
        try:
            with connected(Cluster(nodes.address)):
                yield nodes
        finally:
            nodes.stop()
            signal.signal(signal.SIGTERM, handler)


def told_done(folder: Path) -> list[str]:
    """The inputs that manifests tell to be done, once for each time."""
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    told = [json.loads(line) for line in lines]
    return [Path(each["input"]).name for each in told if each["status"] == "done"]


@pytest.mark.usefixtures("nodes")
def test_a_run_is_the_local_one_but_for_what_kills_its_actor(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_run, "IDLE_ROUNDS", 1)
    scans(tmp_path, 6, 12)
    (tmp_path / "scans/bad.png").write_text("no picture")
    poison = picture(tmp_path / "scans/z.png")
    runs = Runs(tmp_path, tiny_bundle, samples=2, uncertainty=True, arrays="npz")

    def poisoned(job: Job) -> Job:
        return replace(job, place=Poison()) if job.input == poison else job  # pyright: ignore

    there, records = runs.there(tmp_path / "there", poisoned)
    assert (there.done, there.failed, there.exit_code) == (6, 2, 3)
    assert {record.input for record in records} == {job.input for job in runs.jobs(tmp_path)}
    errors = {record.input.name: str(record.error) for record in records if record.error}
    assert "not a picture in a known format" in errors["bad.png"]
    assert "died, again and again" in errors["z.png"]
    poison.unlink()
    here, _ = runs.here(tmp_path / "here")
    assert (here.done, here.failed) == (6, 1)
    assert files(tmp_path / "there") == files(tmp_path / "here")
    assert len(files(tmp_path / "there")) == 6 * 4
    # Resumed by the actors' manifests, wherever the next run is.
    assert runs.here(tmp_path / "there")[0].skipped == 6
    (tmp_path / "scans/bad.png").unlink()
    again, records = runs.there(tmp_path / "there")
    assert (again.done, again.skipped, again.failed) == (0, 6, 0)
    assert {record.facts["reason"] for record in records} == {"is done"}
    assert records[0].output == runs.jobs(tmp_path / "there")[0].outputs


class Poison:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


def test_a_node_killed_in_the_middle(tmp_path: Path, tiny_bundle: Path, nodes: Nodes) -> None:
    count = 40
    scans(tmp_path, count, 40)
    runs = Runs(tmp_path, tiny_bundle)
    out = tmp_path / "out"
    killed: list[int] = []
    over = threading.Event()

    def there() -> int:
        return sum(1 for _ in out.rglob("*_sr4x.png"))  # not read: unfinished files come and go

    def kill() -> None:
        while there() < count // 4 and not over.wait(0.02):
            pass
        killed.append(there())
        nodes.kill_second()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        summary, records = runs.there(out)
    finally:
        over.set()
        killer.join()
    print(f"killed when {killed[0]} of {count} were there, of {writers(out)} actors'; {summary}")
    assert count // 4 <= killed[0] < count
    assert (summary.done, summary.skipped, summary.failed) == (count, 0, 0)
    inputs = sorted(record.input.name for record in records)
    assert inputs == [f"{number:03}.png" for number in range(count)]
    assert writers(out) >= 2  # both nodes had worked, or a new actor came up
    assert runs.here(tmp_path / "here")[0].done == count
    assert files(out) == files(tmp_path / "here")
    done = told_done(out)
    assert sorted(set(done)) == inputs
    assert len(done) <= count + 1  # one may be caught between its files and the manifest


def writers(out: Path) -> int:
    return len(list(out.glob("restoreflow-manifest.ray-*.jsonl")))

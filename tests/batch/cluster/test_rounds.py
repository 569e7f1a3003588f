"""What is told and tried again, whatever a cluster makes of it; the cluster here is made up."""

from __future__ import annotations

import contextlib
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from restoreflow.batch.cluster import run as cluster_run
from restoreflow.batch.cluster.actor import ENDS_THE_RUN, Assignment, RestoreActor, Task
from restoreflow.batch.judging import Judge
from restoreflow.batch.record import Record
from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.lab.fitting.fit import fit_reference
from restoreflow.models.folder import load_folder
from tests.batch.cluster.runs import Runs, files, scans
from tests.cli.conftest import tiny_bundle as tiny_bundle
from tests.ood.fakes import photos

Round = Callable[[dict[int, Task], RestoreActor], Iterator[tuple[int, Record]]]


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[Round]:
    """What the rounds of a run do, one after the other, each with an actor of its own."""
    to_come: list[Round] = []

    def one_round(
        left: dict[int, Task], assignment: Assignment, cluster: object, careful: bool
    ) -> Iterator[tuple[int, Record]]:
        return to_come.pop(0)(dict(left), RestoreActor(assignment))

    ray = SimpleNamespace(put=pickle.dumps, get=pickle.loads)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(cluster_run, "connected", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(cluster_run, "_round", one_round)
    return to_come


def call(actor: RestoreActor, tasks: dict[int, Task]) -> list[tuple[int, Any]]:
    """What Ray Data does with an actor and a block of rows."""
    pyarrow = pytest.importorskip("pyarrow")
    rows = {"index": list(tasks), "task": [pickle.dumps(task) for task in tasks.values()]}
    told = actor(pyarrow.table(rows)).to_pydict()
    return [(i, pickle.loads(r)) for i, r in zip(told["index"], told["record"], strict=True)]


def whole(left: dict[int, Task], actor: RestoreActor) -> Iterator[tuple[int, Record]]:
    yield from call(actor, left)


def died_before_work(left: dict[int, Task], actor: RestoreActor) -> Iterator[tuple[int, Record]]:
    raise ConnectionError("the node is gone")
    yield


def died_before_telling(left: dict[int, Task], actor: RestoreActor) -> Iterator[tuple[int, Record]]:
    first, *others = call(actor, dict(list(left.items())[:2]))
    yield first
    assert len(others) == 1  # is done, and nobody is told


def test_one_round(tmp_path: Path, tiny_bundle: Path, rounds: list[Round]) -> None:
    scans(tmp_path, 3, 8)
    (tmp_path / "scans/bad.png").write_text("no picture")
    runs = Runs(tmp_path, tiny_bundle, samples=2, grid=True)
    rounds.append(whole)
    summary, records = runs.there(tmp_path / "out")
    assert (summary.done, summary.failed) == (3, 1)
    here, expected = runs.here(tmp_path / "here")
    assert here.exit_code == summary.exit_code == 3
    assert files(tmp_path / "out") == files(tmp_path / "here")
    for record, local in zip(records, expected, strict=True):
        assert (record.input, record.status) == (local.input, local.status)
        assert record.facts.keys() == local.facts.keys()
        moved = [path.relative_to(tmp_path / "out") for path in record.output]
        assert moved == [path.relative_to(tmp_path / "here") for path in local.output]


def test_paths_are_told_as_they_were_given(
    tmp_path: Path, tiny_bundle: Path, rounds: list[Round], monkeypatch: pytest.MonkeyPatch
) -> None:
    scans(tmp_path, 1, 8)
    monkeypatch.chdir(tmp_path)
    rounds.append(whole)
    _, (record,) = Runs(Path(), tiny_bundle, grid=True).there(Path("out"))
    assert (record.input, record.output) == (Path("scans/0/000.png"), (Path("out/0/000_sr4x.png"),))
    assert record.facts["grid"] == str(Path("out/0/000_sr4x_grid.png"))


def test_inputs_are_judged_there(tmp_path: Path, tiny_bundle: Path, rounds: list[Round]) -> None:
    scans(tmp_path, 2, 32)
    runs = Runs(tmp_path, tiny_bundle)
    network = load_folder(runs.model).network
    judge = Judge(fit_reference(network, photos, ("features", "block1")))
    rounds.append(whole)
    _, records = runs.there(tmp_path / "out", judge=judge)
    _, expected = runs.here(tmp_path / "here", judge)
    scores = [record.facts["ood_score"] for record in records]
    assert scores == [record.facts["ood_score"] for record in expected]
    assert None not in scores


def test_what_is_done_is_told_though_its_actor_died(
    tmp_path: Path, tiny_bundle: Path, rounds: list[Round]
) -> None:
    scans(tmp_path, 4, 8)
    runs = Runs(tmp_path, tiny_bundle)
    seen: list[int] = []

    def rest(left: dict[int, Task], actor: RestoreActor) -> Iterator[tuple[int, Record]]:
        seen.extend(left)
        return whole(left, actor)

    rounds += [died_before_telling, rest]
    summary, records = runs.there(tmp_path / "out")
    assert seen == [2, 3]
    assert (summary.done, summary.failed) == (4, 0)
    assert len({record.input for record in records}) == 4
    assert all(record.facts["width"] == 32 for record in records)
    runs.here(tmp_path / "here")
    assert files(tmp_path / "out") == files(tmp_path / "here")


def test_what_was_changed_after_its_actor_died_is_not_taken_for_done(
    tmp_path: Path, tiny_bundle: Path, rounds: list[Round]
) -> None:
    scans(tmp_path, 2, 8)

    def meddle(left: dict[int, Task], actor: RestoreActor) -> Iterator[tuple[int, Record]]:
        yield from died_before_telling(left, actor)
        left[1].job.outputs[0].write_bytes(b"theirs")

    rounds += [meddle, whole]
    summary, records = Runs(tmp_path, tiny_bundle).there(tmp_path / "out")
    assert (summary.done, summary.failed) == (1, 1)
    assert "exists" in str(records[1].error)
    assert (tmp_path / "out/1/001_sr4x.png").read_bytes() == b"theirs"


def test_files_that_a_dead_actor_left_are_done_again_as_they_are(
    tmp_path: Path, tiny_bundle: Path, rounds: list[Round]
) -> None:
    scans(tmp_path, 2, 8)
    runs = Runs(tmp_path, tiny_bundle)

    def unsaid(left: dict[int, Task], actor: RestoreActor) -> Iterator[tuple[int, Record]]:
        yield from died_before_telling(left, actor)
        for path in (tmp_path / "out").glob("*.jsonl"):  # as if killed before the last line
            path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))

    rounds += [unsaid, whole]
    before = tmp_path / "out/1/001_sr4x.png"
    summary, _ = runs.there(tmp_path / "out")
    assert (summary.done, summary.failed) == (2, 0)
    runs.here(tmp_path / "here")
    assert before.read_bytes() == (tmp_path / "here/1/001_sr4x.png").read_bytes()


def test_rounds_go_on_while_something_comes(
    tmp_path: Path, tiny_bundle: Path, rounds: list[Round]
) -> None:
    scans(tmp_path, 5, 8)

    def the_last_one(left: dict[int, Task], actor: RestoreActor) -> Iterator[tuple[int, Record]]:
        return whole(dict([left.popitem()]), actor)

    rounds += [the_last_one, died_before_work, the_last_one, died_before_work, died_before_work]
    rounds += [the_last_one] * 3
    summary, _ = Runs(tmp_path, tiny_bundle).there(tmp_path / "out")
    assert (summary.done, summary.failed) == (5, 0)
    assert not rounds


def test_what_never_comes_has_failed(
    tmp_path: Path, tiny_bundle: Path, rounds: list[Round]
) -> None:
    scans(tmp_path, 2, 8)

    def but_the_first(left: dict[int, Task], actor: RestoreActor) -> Iterator[tuple[int, Record]]:
        return whole({index: task for index, task in left.items() if index}, actor)

    rounds += [but_the_first] * 4
    summary, records = Runs(tmp_path, tiny_bundle).there(tmp_path / "out")
    assert (summary.done, summary.failed, summary.exit_code) == (1, 1, 3)
    assert "died, again and again" in str(records[-1].error)
    assert not rounds


def test_a_cluster_that_does_nothing(
    tmp_path: Path, tiny_bundle: Path, rounds: list[Round]
) -> None:
    scans(tmp_path, 2, 8)
    rounds += [died_before_work] * 3
    with pytest.raises(RestoreflowError, match=r"nothing could be restored .*: the node is gone"):
        Runs(tmp_path, tiny_bundle).there(tmp_path / "out")


def test_a_device_that_is_not_there_ends_the_run(
    tmp_path: Path, tiny_bundle: Path, rounds: list[Round]
) -> None:
    scans(tmp_path, 2, 8)

    def told(left: dict[int, Task], actor: RestoreActor) -> Iterator[tuple[int, Record]]:
        ((index, error),) = call(actor, left)
        assert index == ENDS_THE_RUN
        raise error
        yield

    rounds.append(told)
    with pytest.raises(UsageError, match="quantum"):
        Runs(tmp_path, tiny_bundle, device="quantum").there(tmp_path / "out")

"""Inputs and results on a store: the same files as on a disk, resumed as exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from restoreflow.outputs import lines
from tests.cli.conftest import Run, picture

pytestmark = pytest.mark.usefixtures("bundled")


@pytest.fixture
def store() -> Iterator[MemoryFileSystem]:
    store = MemoryFileSystem()
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture
def scans(tmp_path: Path, store: MemoryFileSystem) -> Path:
    """A folder, and the same at memory://scans."""
    folder = tmp_path / "scans"
    for number, name in enumerate(("a.png", "b.jpg", "deep/a.png")):
        path = picture(folder / name, 8 + number, 8)
        store.pipe_file(f"/scans/{name}", path.read_bytes())
    store.pipe_file("/scans/notes.txt", b"no picture")
    store.pipe_file("/scans/.hidden/x.png", b"hidden")
    return folder


def local(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".jsonl"
    }


def remote(store: MemoryFileSystem, root: str) -> dict[str, bytes]:
    names: list[str] = [name for name in store.find(root) if not name.endswith(".jsonl")]
    return {name.removeprefix(root + "/"): store.cat_file(name) for name in names}


def manifest(store: MemoryFileSystem, root: str) -> list[dict[str, Any]]:
    names = sorted(name for name in store.find(root) if name.endswith(".jsonl"))
    return [json.loads(line) for name in names for line in store.cat_file(name).splitlines()]


WORDS = [(), ("-n", "2", "--uncertainty", "--save-arrays", "npz")]


@pytest.mark.parametrize("words", WORDS)
def test_remote_results_are_the_local_ones(
    run: Run, tmp_path: Path, scans: Path, store: MemoryFileSystem, words: tuple[str, ...]
) -> None:
    here = run("sr", scans, "-r", "-o", tmp_path / "out", *words, "--format", "json")
    there = run("sr", "memory://scans", "-r", "-o", "memory://out", *words, "--format", "json")
    assert here.code == there.code == 0
    assert remote(store, "/out") == local(tmp_path / "out")
    assert len(remote(store, "/out")) == (3 if not words else 12)
    inputs = [record["input"] for record in there.records[:-1]]
    assert inputs == [f"memory://scans/{name}" for name in ("a.png", "b.jpg", "deep/a.png")]
    assert there.records[0]["output"][0].startswith("memory://out/a_sr4x")
    assert run("sr", "memory://scans", "-r", "-o", tmp_path / "down", *words).code == 0
    assert local(tmp_path / "down") == local(tmp_path / "out")
    assert run("sr", scans, "-r", "-o", "memory://up", *words).code == 0
    assert remote(store, "/up") == local(tmp_path / "out")


@pytest.mark.usefixtures("scans")
def test_resume_is_exact(run: Run, store: MemoryFileSystem) -> None:
    words = ("sr", "memory://scans", "-r", "-o", "memory://out", "--format", "json")
    assert run(*words).records[-1]["done"] == 3
    lines_before = manifest(store, "/out")
    assert [line["status"] for line in lines_before].count("done") == 3
    again = run(*words).records
    assert {record["reason"] for record in again[:-1]} == {"is done"}
    assert manifest(store, "/out") == lines_before
    first = remote(store, "/out")
    store.pipe_file("/scans/a.png", store.cat_file("/scans/deep/a.png"))  # a changed input
    store.rm_file("/out/b_sr4x.jpg")  # a lost result
    changed = run(*words).records
    assert [record["status"] for record in changed[:-1]] == ["done", "done", "skipped"]
    now = remote(store, "/out")
    assert now["b_sr4x.jpg"] == first["b_sr4x.jpg"] and now["a_sr4x.png"] != first["a_sr4x.png"]
    assert run(*words, "--seed", "5").records[-1]["done"] == 3


@pytest.mark.usefixtures("scans")
def test_what_others_put_there_is_kept(run: Run, store: MemoryFileSystem) -> None:
    words = ("sr", "memory://scans", "-o", "memory://out", "--format", "json")
    assert run(*words).code == 0
    store.pipe_file("/out/a_sr4x.png", b"theirs")
    outcome = run(*words, "--seed", "5")
    assert outcome.code == 3 and store.cat_file("/out/a_sr4x.png") == b"theirs"
    assert "is in the way" in outcome.records[0]["error"]


@pytest.mark.usefixtures("scans")
def test_killed_before_the_second_line(run: Run, store: MemoryFileSystem) -> None:
    """Begun, written, not said: known again by its hash."""
    words = ("sr", "memory://scans", "-o", "memory://out", "--format", "json")
    assert run(*words).code == 0
    for name in [name for name in store.find("/out") if name.endswith(".jsonl")]:
        kept = [line for line in store.cat_file(name).splitlines() if b'"begun"' in line]
        store.pipe_file(name, b"\n".join(kept) + b"\n")
    assert {record["reason"] for record in run(*words).records[:-1]} == {"is done"}


def test_a_manifest_of_many_segments(
    run: Run, store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lines, "LINES_A_SEGMENT", 3)
    data = picture(tmp_path / "p.png", 6, 6).read_bytes()
    for number in range(5):
        store.pipe_file(f"/many/{number}.png", data)
    words = ("sr", "memory://many", "-o", "memory://out", "--format", "json")
    assert run(*words).records[-1]["done"] == 5
    segments = [store.cat_file(name) for name in store.find("/out") if name.endswith(".jsonl")]
    assert [len(segment.splitlines()) for segment in segments] == [3, 3, 3, 1]
    assert run(*words).records[-1]["skipped"] == 5


@pytest.mark.usefixtures("scans")
def test_one_bad_object_does_not_end_the_run(run: Run, store: MemoryFileSystem) -> None:
    store.pipe_file("/scans/bad.png", b"text")
    outcome = run("sr", "memory://scans", "memory://scans/none.png", "-o", "memory://out")
    assert outcome.code == 3
    assert "memory://scans/bad.png" in outcome.err
    assert "memory://scans/none.png does not exist (check the URL)" in outcome.err
    assert sorted(remote(store, "/out")) == ["a_sr4x.png", "b_sr4x.jpg"]


@pytest.mark.usefixtures("scans")
def test_patterns_files_and_places(run: Run, store: MemoryFileSystem) -> None:
    assert run("sr", "memory://scans/*.png").code == 0
    assert store.exists("/scans/a_sr4x.png")  # beside the input
    assert run("sr", "memory://scans/b.jpg", "-o", "memory://out/x.png").code == 0
    assert list(remote(store, "/out")) == ["x.png"]
    assert run("sr", "memory://scans/deep", "--format", "json").records[-1]["status"] == "done"
    assert store.exists("/scans/deep_sr4x/a_sr4x.png")
    again = run("sr", "memory://scans", "-r", "-o", "memory://x", "--dry-run", "--format", "json")
    planned = [record["input"] for record in again.records[:-1]]
    assert "memory://scans/deep/a.png" in planned and not any("deep_sr4x" in x for x in planned)


USAGE = [
    (("memory://nothing/*.png",), "matches no file"),
    (("memory://scans",), "needs a folder for the results"),
    (("memory://scans/deep", "-o", "memory://x.png"), "is one file for a folder"),
    (("memory://scans/a.png", "-o", "memory://scans/a.png"), "would overwrite its input"),
    (("nowhere://a/b.png",), "is no store that is known"),
]


@pytest.mark.usefixtures("scans")
@pytest.mark.parametrize(("words", "message"), USAGE)
def test_refused_before_work(run: Run, words: tuple[str, ...], message: str) -> None:
    outcome = run("sr", *words)
    assert outcome.code == 2
    assert message in outcome.err and "Traceback" not in outcome.err


@pytest.mark.usefixtures("scans")
def test_a_store_that_refuses(
    run: Run, store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError("access denied")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    outcome = run("sr", "memory://scans", "-o", "memory://out")
    assert outcome.code == 4
    assert "cannot be written: access denied" in outcome.err
    assert remote(store, "/out") == {}

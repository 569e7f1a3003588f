"""Requests of a store under a watch: asked again, given up, and not asked any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from restoreflow import remote_time
from restoreflow.remote_path import RemotePath
from restoreflow.remote_time import NoAnswerError, Watch

PATIENCE = 0.2


@pytest.fixture(autouse=True)
def over(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Little patience; what hangs in a test hangs until this is set."""
    monkeypatch.setattr(remote_time, "ANSWER_SECONDS", PATIENCE)
    monkeypatch.setattr(remote_time, "_watches", {})
    event = threading.Event()
    yield event
    event.set()
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def test_an_answer_is_passed_on() -> None:
    watch, asked = Watch(), list[int]()

    def third() -> str:
        asked.append(1)
        if len(asked) < 3:
            raise ConnectionResetError
        return "here"

    assert watch.ask(third, tries=3) == "here"
    asked.clear()
    with pytest.raises(ConnectionResetError):
        watch.ask(third)
    assert len(asked) == 1


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError, KeyError, KeyboardInterrupt])
def test_what_fails_for_good_is_asked_once(error: type[BaseException]) -> None:
    asked: list[int] = []

    def fails() -> None:
        asked.append(1)
        raise error

    with pytest.raises(error):
        Watch().ask(fails, tries=3)
    assert len(asked) == 1


def test_a_silent_store_is_not_asked_for_each_file(over: threading.Event) -> None:
    watch, asked = Watch(), list[int]()

    def hangs() -> None:
        asked.append(1)
        over.wait()

    for _ in range(50):
        with pytest.raises(NoAnswerError):
            watch.ask(hangs, tries=3)
    assert len(asked) < 2 * remote_time.MOST_MISSES
    time.sleep(PATIENCE)
    assert watch.ask(lambda: "back") == "back"
    assert watch.ask(lambda: "still") == "still"


METHODS = {
    "info": RemotePath.stat,
    "exists": RemotePath.exists,
    "isdir": RemotePath.is_dir,
    "isfile": RemotePath.is_file,
    "open": RemotePath.read_bytes,
    "rm_file": RemotePath.unlink,
    "find": RemotePath.files,
    "glob": lambda path: list(path.glob("*")),
    "pipe_file": lambda path: path.put(b"new", overwrite=True),
}


@pytest.mark.parametrize("name", METHODS)
def test_no_request_waits_for_ever(
    name: str, over: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = RemotePath("memory://tests/a.png")
    path.put(b"old")
    monkeypatch.setattr("restoreflow.remote_path.LISTING_SECONDS", PATIENCE)
    monkeypatch.setattr(MemoryFileSystem, name, lambda *_, **__: over.wait())
    began = time.monotonic()
    with pytest.raises(NoAnswerError, match="does not answer within"):
        METHODS[name](path)
    assert time.monotonic() - began < 20 * PATIENCE


def test_an_object_that_is_replaced_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    path = RemotePath("memory://tests/a.png")
    path.put(b"old" * 10)
    monkeypatch.setattr(remote_time, "BLOCK", 16)
    with path.open() as stream:
        raw: Any = stream
        assert raw.raw.read(16) == (b"old" * 10)[:16]
        path.put(b"new" * 10, overwrite=True)
        with pytest.raises(OSError, match="replaced while it was read"):
            raw.raw.read(16)

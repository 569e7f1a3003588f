"""Remote paths against fsspec's store in memory: names, answers, errors."""

from __future__ import annotations

import importlib.util
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.remote_path import RemotePath, absolute_name, is_there, is_url, to_path


@pytest.fixture
def store() -> Iterator[RemotePath]:
    path = to_path("memory://tests/paths")
    assert isinstance(path, RemotePath)
    yield path
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def put(path: Path, data: bytes, overwrite: bool = False) -> RemotePath:
    assert isinstance(path, RemotePath)
    path.put(data, overwrite)
    return path


def test_names() -> None:
    path = RemotePath("s3://bucket/scans/a.b.png")
    assert str(path) == absolute_name(path) == "s3://bucket/scans/a.b.png"
    assert (path.scheme, path.name, path.stem, path.suffix) == ("s3", "a.b.png", "a.b", ".png")
    assert str(path.parent) == "s3://bucket/scans"
    assert str(path.parent / "b" / "c.jpg") == "s3://bucket/scans/b/c.jpg"
    assert str(path.with_name("x.png")) == "s3://bucket/scans/x.png"
    assert path.below(path.parent.parent) == Path("scans/a.b.png")
    again = pickle.loads(pickle.dumps(path))
    assert type(again) is RemotePath and again == path and hash(again) == hash(path)
    assert {path, again} == {path} and path != path.parent


@pytest.mark.parametrize(
    ("text", "url"),
    [("s3://b/k", True), ("memory://x", True), ("C://x", False), ("a/b", False), ("-", False)],
)
def test_what_is_a_url(text: str, url: bool) -> None:
    assert is_url(text) == url


def test_a_files_url_is_a_local_path() -> None:
    assert to_path("file:///tmp/a.png") == Path("/tmp/a.png")
    assert not isinstance(to_path("file:///tmp/a.png"), RemotePath)


def test_no_function_of_os_takes_one_for_local() -> None:
    path = RemotePath("memory://a/b.png")
    for function in (os.stat, os.path.abspath, os.listdir, os.unlink, os.path.lexists):
        with pytest.raises(TypeError, match="not a local file"):
            function(path)
    with pytest.raises(TypeError, match="not a local file"):
        path.rename("c")


def test_unknown_and_missing_stores() -> None:
    with pytest.raises(UsageError, match="is no store that is known"):
        to_path("nowhere://bucket/a.png")
    if importlib.util.find_spec("s3fs") is None:
        with pytest.raises(RestoreflowError, match=r'pip install "restoreflow\[s3\]"') as raised:
            to_path("s3://bucket/a.png")
        assert raised.value.exit_code == 1


def test_objects_are_put_whole_and_never_over_another(store: RemotePath) -> None:
    path = put(store / "a.png", b"one")
    assert path.read_bytes() == b"one" and is_there(path) and path.is_file()
    with path.open() as stream:
        assert stream.read(2) == b"on"
    with pytest.raises(FileExistsError):
        path.put(b"two")
    assert path.read_bytes() == b"one"
    before = path.stat()
    path.put(b"three", overwrite=True)
    assert path.read_bytes() == b"three" and path.stat().st_size == 5
    assert path.stat().st_mtime_ns != before.st_mtime_ns
    assert path.stat().st_mtime_ns == path.stat().st_mtime_ns
    path.unlink()
    path.unlink(missing_ok=True)
    assert not is_there(path)
    with pytest.raises(FileNotFoundError):
        path.unlink()


def test_one_that_comes_up_meanwhile_is_kept(
    store: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(store / "a.png", b"theirs")
    seen = iter((False,))
    real = RemotePath.exists
    monkeypatch.setattr(RemotePath, "exists", lambda self: next(seen, real(self)))
    with pytest.raises(FileExistsError):
        path.put(b"ours")
    assert path.read_bytes() == b"theirs"


def test_a_store_that_cannot_create_alone(
    store: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MemoryFileSystem.pipe_file

    def pipe_file(self: MemoryFileSystem, path: str, value: bytes, mode: str = "") -> None:
        if mode == "create":
            raise RuntimeError("501 not implemented")
        real(self, path, value, mode=mode)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", pipe_file)
    assert put(store / "a.png", b"ours").read_bytes() == b"ours"


def test_what_does_not_arrive_is_an_error(
    store: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MemoryFileSystem.pipe_file

    def cut(self: Any, path: str, value: bytes, mode: str = "") -> None:
        real(self, path, value[:2], mode=mode)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", cut)
    with pytest.raises(OSError, match="2 of 4 bytes"):
        put(store / "a.png", b"ours")


def test_errors_of_a_stores_client_become_ours(
    store: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no credentials")

    for name in ("info", "exists", "isdir", "isfile", "cat_file", "find", "glob"):
        monkeypatch.setattr(MemoryFileSystem, name, broken)
    for ask in (store.stat, store.exists, store.is_dir, store.is_file, store.read_bytes):
        with pytest.raises(OSError, match="RuntimeError: no credentials"):
            ask()
    with pytest.raises(OSError, match="no credentials"):
        store.files()
    with pytest.raises(OSError, match="no credentials"):
        list(store.glob("*"))


def test_listing(store: RemotePath) -> None:
    for name in ("b.png", "a.png", "deep/c.png", "deep/er/d.png"):
        put(store / name, b"x")
    below = [str(path.below(store)) for path in store.files()]
    assert below == ["a.png", "b.png", "deep/c.png", "deep/er/d.png"]
    assert [path.name for path in store.files(recursive=False)] == ["a.png", "b.png"]
    assert [path.name for path in store.glob("*.png")] == ["a.png", "b.png"]
    assert [path.name for path in store.glob("**/d.png")] == ["d.png"]
    assert [path.name for path in store.glob("*")] == ["a.png", "b.png"]
    assert store.is_dir() and not store.is_file() and not store.is_symlink()

"""Files are whole or absent, whatever happens."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from restoreflow.errors import LimitError, OutputError
from restoreflow.outputs import atomic
from restoreflow.outputs.atomic import TEMPORARY_PREFIX, NewFile, write_atomic, write_set


def _names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_writes_and_leaves_nothing_else(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a.png", b"data")
    assert (tmp_path / "a.png").read_bytes() == b"data"
    assert _names(tmp_path) == ["a.png"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o666 & ~mask


def test_never_onto_an_existing_file_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="--overwrite"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    write_atomic(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"
    assert _names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_up_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    path = tmp_path / "a.png"
    flushed = atomic._write_flushed

    def slow(temporary: Path, data: bytes) -> None:
        flushed(temporary, data)
        path.write_bytes(b"theirs")

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(atomic, "_write_flushed", slow)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(OutputError, match="exists"):
        write_atomic(path, b"ours")
    assert path.read_bytes() == b"theirs"
    assert _names(tmp_path) == ["a.png"]


def test_file_systems_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "no hard links here")

    monkeypatch.setattr(os, "link", no_links)
    write_atomic(tmp_path / "a.png", b"data")
    assert _names(tmp_path) == ["a.png"]


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.ENOSPC, LimitError, "full"),
        (errno.EDQUOT, LimitError, "full"),
        (errno.EROFS, OutputError, "may not be written"),
        (errno.EIO, OutputError, "cannot be written"),
    ],
)
def test_disk_errors_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type, words: str
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(kind, match=words):
        write_atomic(tmp_path / "a.png", b"data")
    assert _names(tmp_path) == []


def test_a_short_write_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def truncate(descriptor: int) -> None:
        os.ftruncate(descriptor, 2)

    monkeypatch.setattr(os, "fsync", truncate)
    with pytest.raises(OutputError, match=r"a\.png"):
        write_atomic(tmp_path / "a.png", b"data")
    assert _names(tmp_path) == []


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a.png", b"data")
    assert _names(tmp_path) == []


def test_a_real_full_disk() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError, match="No space") as caught, full.open("wb", buffering=0) as stream:
        stream.write(b"x")
    assert isinstance(atomic.write_failure(Path("a.png"), caught.value), LimitError)


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="create it first"):
        write_atomic(tmp_path / "missing" / "a.png", b"")
    with pytest.raises(OutputError, match="is a folder"):
        write_atomic(tmp_path, b"")
    with pytest.raises(OutputError, match="is a folder"):
        write_atomic(tmp_path, b"", overwrite=True)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="not a folder"):
        write_atomic(tmp_path / "file" / "a.png", b"")
    with pytest.raises(OutputError, match="too long"):
        write_atomic(tmp_path / ("x" * 300 + ".png"), b"")
    with pytest.raises(OutputError):
        write_atomic(tmp_path / "null\0.png", b"")


def test_the_longest_name_a_folder_holds(tmp_path: Path) -> None:
    name = "x" * 251 + ".png"
    write_atomic(tmp_path / name, b"data")
    assert _names(tmp_path) == [name]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="may not be written"):
            write_atomic(tmp_path / "a.png", b"data")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_kill_at_any_moment_leaves_whole_files_only(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4000
    script = (
        "import sys; from itertools import count\n"
        "from restoreflow.outputs.atomic import write_atomic\n"
        "print('ready', flush=True)\n"
        "for i in count(): write_atomic(f'{sys.argv[1]}/{i}.png', bytes(range(256)) * 4000)\n"
    )
    written = 0
    for delay in (0.01, 0.03, 0.06):
        folder = tmp_path / str(delay)
        folder.mkdir()
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(folder)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.kill()
        child.wait()
        child.stdout.close()
        for name in _names(folder):
            if not name.startswith(TEMPORARY_PREFIX):
                assert (folder / name).read_bytes() == data
                written += 1
    assert written > 0


def a_set(folder: Path, *contents: bytes, overwrite: bool = True) -> list[NewFile]:
    return [NewFile(folder / f"{k}.png", data, overwrite) for k, data in enumerate(contents)]


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


FAILURES = [
    ("_write_flushed", 3, OSError(errno.ENOSPC, "full"), LimitError),
    ("_give_name", 1, OSError(errno.EIO, "broken"), OutputError),
    ("_give_name", 2, OSError(errno.EROFS, "read-only"), OutputError),
    ("_give_name", 3, OSError(errno.ENOSPC, "full"), LimitError),
    ("_give_name", 3, KeyboardInterrupt(), KeyboardInterrupt),
    ("_give_another", 2, OSError(errno.ENOSPC, "full"), LimitError),
]


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize(("step", "number", "error", "kind"), FAILURES, ids=str)
def test_a_set_is_replaced_whole_or_not_at_all(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    number: int,
    error: BaseException,
    kind: type[BaseException],
    links: bool,
) -> None:
    for name in ("0.png", "2.png"):
        (tmp_path / name).write_bytes(b"old " + name.encode())
    before = held(tmp_path)
    real, count = getattr(atomic, step), 0

    def fail(*arguments: object) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise error
        real(*arguments)

    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(atomic, step, fail)
    with pytest.raises(kind):
        write_set(a_set(tmp_path, b"new", b"new", b"new"))
    monkeypatch.setattr(atomic, step, real)
    assert held(tmp_path) == before
    write_set(a_set(tmp_path, b"new", b"new", b"new"))
    assert set(held(tmp_path).values()) == {b"new"} and len(held(tmp_path)) == 3


def test_what_is_there_with_the_same_bytes_counts_where_it_may(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"b")
    files = a_set(tmp_path, b"a", b"b", overwrite=False)
    with pytest.raises(OutputError, match="exists"):
        write_set(files)
    assert held(tmp_path) == {"1.png": b"b"}
    write_set([NewFile(each.path, each.data, same_counts=True) for each in files])
    assert held(tmp_path) == {"0.png": b"a", "1.png": b"b"}
    with pytest.raises(OutputError, match="exists"):
        write_set([NewFile(tmp_path / "1.png", b"c", same_counts=True)])


def test_links_are_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept.png").write_bytes(b"kept")
    for target in ("kept.png", "nowhere"):
        link = tmp_path / "link.png"
        link.symlink_to(target)
        with pytest.raises(OutputError, match="exists"):
            write_atomic(link, b"new")
        write_atomic(link, b"new", overwrite=True)
        assert held(tmp_path) == {"kept.png": b"kept", "link.png": b"new"}
        link.unlink()


def test_nothing_takes_the_place_of_pipes_and_devices(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to(os.devnull)
    for name in ("pipe", "null"):
        with pytest.raises(OutputError, match="not a regular file"):
            write_atomic(tmp_path / name, b"x", overwrite=True)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)

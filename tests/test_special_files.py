"""Pipes, sockets, devices and links to them are refused at once, wherever a file is read."""

from __future__ import annotations

import ast
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import restoreflow
from restoreflow.batch.discover import find
from restoreflow.batch.resume import model_hash
from restoreflow.cli.app import main
from restoreflow.config_reader import read_json_object, read_toml
from restoreflow.errors import LimitError, RestoreflowError
from restoreflow.images.decode import decode, read_bytes, read_size
from restoreflow.lab.photographs import read_rgb
from restoreflow.lab.training.config import TrainConfig
from restoreflow.lab.training.data import Photos
from restoreflow.local_files import LARGEST_TEXT, read_regular
from restoreflow.measures.lpips import load_lpips
from restoreflow.models import resolve
from restoreflow.models.card import read_card, read_figures
from restoreflow.models.folder import load_folder, verify_folder
from tests.cli.conftest import picture, save_tiny

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")

PATIENCE = 60  # seconds, which other work may take most of


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    # A socket's name may have only some hundred bytes.
    here = os.open(path.parent, os.O_RDONLY)
    try:
        socket.socket(socket.AF_UNIX).bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


def _zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _pipe_by_a_link(path: Path) -> None:
    target = path.with_name("real pipe")
    os.mkfifo(target)
    path.symlink_to(target)


KINDS = [_pipe, _socket, _zeros, _pipe_by_a_link]

READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "decode": ("a.png", decode),
    "read_size": ("a.png", read_size),
    "a page of a TIFF file": ("a.tif", lambda path: read_bytes(path, page=1)),
    "JSON": ("a.json", read_json_object),
    "TOML": ("a.toml", lambda path: read_toml(TrainConfig, path)),
    "a card": ("README.md", read_card),
    "figures": ("evaluation.json", read_figures),
    "a model's configuration": ("config.json", lambda path: load_folder(path.parent)),
    "a picture of a set": ("a.png", read_rgb),
    "LPIPS": ("alex_lpips.safetensors", lambda path: load_lpips("alex", path.parent)),
}


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise AssertionError(f"still reading after {PATIENCE} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_reading(tmp_path: Path, name: str, kind: Callable[[Path], None]) -> None:
    file, read = READERS[name]
    kind(tmp_path / file)
    with pytest.raises(RestoreflowError) as caught:
        read(tmp_path / file)
    assert str(caught.value).isprintable()
    assert "defect" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", ["model.safetensors", "ood.safetensors", "README.md"])
def test_model_folders(tmp_path: Path, file: str, kind: Callable[[Path], None]) -> None:
    save_tiny(tmp_path, 4)
    folder = tmp_path / "sr-x4"
    (folder / file).unlink(missing_ok=True)
    kind(folder / file)
    model_hash(folder)
    with pytest.raises(RestoreflowError):
        verify_folder(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_photographs_to_train_on(tmp_path: Path, kind: Callable[[Path], None]) -> None:
    picture(tmp_path / "a.png", 64, 64)
    kind(tmp_path / "b.png")
    with pytest.raises((RestoreflowError, OSError)):
        Photos(tmp_path, 8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["b.png", "b.tif"])
def test_a_run_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    kind: Callable[[Path], None],
) -> None:
    save_tiny(tmp_path / "models", 4)
    monkeypatch.setattr(resolve, "_bundle", lambda: tmp_path / "models")
    folder = tmp_path / "in"
    picture(folder / "a.png")
    kind(folder / name)
    assert len(find([str(folder)])) == 2
    with pytest.raises(SystemExit) as ending:
        main(["sr", str(folder), "-o", str(tmp_path / "out")])
    out, err = capsys.readouterr()
    assert ending.value.code == 3, err
    assert f"{name} is not a regular file" in err
    assert "a_sr4x.png" in out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", ["config.json", "README.md", "evaluation.json"])
def test_showing_a_model(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    kind: Callable[[Path], None],
) -> None:
    save_tiny(tmp_path, 4)
    (tmp_path / "sr-x4" / file).unlink(missing_ok=True)
    kind(tmp_path / "sr-x4" / file)
    with pytest.raises(SystemExit) as ending:
        main(["models", "show", str(tmp_path / "sr-x4"), "--format", "json"])
    out, err = capsys.readouterr()
    record = json.loads(out)  # one line, whether it is the model's or the error's
    without_card = file == "README.md"  # such a model is one all the same
    assert (ending.value.code, err) == ((0, "") if without_card else (6, ""))
    assert (record.get("status") == "failed") == (not without_card)
    told = out if without_card else record["error"]
    assert "not a regular file" in told or "No such device" in told or "holds no config" in told


def test_files_too_large_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(RestoreflowError, match="more than any such file"):
        read_json_object(large)
    with pytest.raises(OSError, match="more than any such file"):
        read_regular(large, LARGEST_TEXT)
    monkeypatch.setattr("restoreflow.free_memory.available_bytes", lambda: 2**30)
    with pytest.raises(LimitError, match=r"reading large\.json needs 1024\.00 GiB"):
        read_regular(large)


READING = {"read_bytes", "read_text", "open", "load_file", "safe_open"}
READ_ELSEWHERE = {
    "batch/entry.py": "a path on a store",
    "batch/manifest.py": "a path on a store",
    "cli/startup.py": "the null device, for streams that are closed",
    "cli/web_app.py": "a browser",
    "free_memory.py": "/proc and control groups",
    "images/jpeg_quality.py": "bytes in memory",
    "images/libtiff.py": "/proc",
    "lab/degradations/operations.py": "bytes in memory",
    "lab/degradations/photo.py": "bytes in memory",
    "lab/evaluation/extractors.py": "a new file of its own, written and read",
    "lab/evaluation/hostile.py": "bytes in memory",
    "lab/evaluation/realism.py": "bytes in memory",
    "lab/training/checkpoint.py": "after open_regular",
    "lab/training/perceptual.py": "after Path.is_file",
    "local_files.py": "the function that all others use",
    "measures/lpips.py": "after open_regular",
    "outputs/atomic.py": "a path on a store",
    "outputs/folders.py": "a new file, to be written",
    "outputs/lines.py": "a path on a store",
    "remote_path.py": "the store's own",
    "reports/markup.py": "a part of the package",
    "restoration/engine.py": "/proc",
    "web/server.py": "its own queue",
}
"""Modules that read other than by `local_files`, and why that cannot wait for a pipe."""


def test_nothing_else_opens_files() -> None:
    signal.alarm(0)
    package = Path(restoreflow.__file__).parent
    found: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            function = node.func if isinstance(node, ast.Call) else None
            named = getattr(function, "attr", getattr(function, "id", None))
            if named in READING and ast.unparse(function or node) not in ("os.open", "read_bytes"):
                found.add(path.relative_to(package).as_posix())
    assert found == set(READ_ELSEWHERE)

"""When two paths are one file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from restoreflow.outputs.gate import Files, Names
from restoreflow.remote_path import RemotePath

OTHERS = ["soft.png", "hard.png", "folder/photo.png", "PHOTO.PNG", "./photo.png", "x/../photo.png"]


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "photo.png"
    path.write_bytes(b"x")
    (tmp_path / "x").mkdir()
    (tmp_path / "soft.png").symlink_to(path)
    (tmp_path / "softer.png").symlink_to("soft.png")
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    os.link(path, tmp_path / "hard.png")
    return path


@pytest.mark.parametrize("other", [*OTHERS, "softer.png"])
def test_one_file_by_other_names(photo: Path, other: str) -> None:
    for first, second in ((photo, Path(other)), (Path(other), photo), (photo.absolute(), other)):
        files: Files[str] = Files()
        files.add(Path(first), "it")
        assert files.find(Path(second)) == "it"
    assert files.find(photo.with_name("other.png")) is None


def test_files_that_are_not_there_have_their_names(tmp_path: Path) -> None:
    files: Files[str] = Files()
    files.add(tmp_path / "a" / "caf\u00e9.png", "it")
    assert files.find(tmp_path / "a" / "cafe\u0301.png") == "it"
    assert files.find(tmp_path / "a" / "b" / ".." / "CAF\u00c9.png") == "it"
    assert files.find(tmp_path / "b" / "caf\u00e9.png") is None
    (tmp_path / "link.png").symlink_to("a/caf\u00e9.png")
    assert files.find(tmp_path / "link.png") == "it"
    assert files.named(tmp_path / "link.png") is None
    assert files.find(tmp_path / "null\0.png") is None


def test_open_files_are_known_by_their_descriptors(photo: Path) -> None:
    files: Files[str] = Files()
    with photo.open() as stream:
        files.add(stream.fileno(), "it")
    assert files.find(Path("hard.png")) == "it"


def test_names_in_stores_are_what_they_are() -> None:
    names = Names()
    assert names(RemotePath("s3://b/a.png")) != names(RemotePath("s3://b/A.png"))
    assert names(RemotePath("s3://b/a.png")) == names(RemotePath("s3a://b/a.png"))
    assert names(RemotePath("s3://b/a.png")) != names(Path("b/a.png"))

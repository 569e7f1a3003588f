"""Inputs from files, folders and patterns."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from restoreflow.batch.discover import find
from restoreflow.errors import UsageError
from restoreflow.outputs.gate import MANIFEST_NAME
from tests.places import open_folder, without_rights


def tree(root: Path, *places: str) -> None:
    for place in places:
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree(
        tmp_path, "d/b.jpg", "d/a.PNG", "d/notes.txt", "d/.hidden.png", "d/x/c.tiff", "d/x/y/a.png"
    )
    tree(tmp_path, "d/.cache/e.png", "d/._a.png", "d/folder.png/inside.bmp")


def places(*inputs: str, recursive: bool = False, leave_out: Path | None = None) -> list[str]:
    return [each.place for each in find(inputs, recursive, leave_out)]


def test_a_folder() -> None:
    assert places("d") == ["a.PNG", "b.jpg"]
    deep = ["a.PNG", "b.jpg", "folder.png/inside.bmp", "x/c.tiff", "x/y/a.png"]
    assert places("d", recursive=True) == deep
    assert {each.root for each in find(["d/"], True)} == {Path("d")}


def test_named_files_are_taken_as_they_are() -> None:
    found = find(["d/notes.txt", "missing.png", "d/x/c.tiff", "d/.hidden.png"])
    assert [each.place for each in found] == [
        *("notes.txt", "missing.png", "c.tiff", ".hidden.png")
    ]
    assert {each.root for each in found} == {None}


def test_each_once_in_the_order_named() -> None:
    named = ["d/b.jpg", "d", "./d/a.PNG", os.path.abspath("d/b.jpg"), "d/x", "d/x/../b.jpg"]
    assert places(*named) == ["b.jpg", "a.PNG", "c.tiff"]


def test_patterns() -> None:
    assert places("d/*.jpg") == ["b.jpg"]
    assert places("d/*") == ["a.PNG", "b.jpg", "notes.txt"]
    assert sorted(places("d/**/*.png")) == ["a.png"]
    assert places("d/*/*/a.png", recursive=True) == ["x/y/a.png"]
    assert places("d/**/*.tiff", recursive=True) == ["x/c.tiff"]
    tree(Path(), "d/odd[1].png", "d/odd1.png")
    assert places("d/odd[1].png") == ["odd[1].png"]  # a file of that very name


def test_nothing_there() -> None:
    tree(Path(), "empty/x/a.png")
    for given, told in (("empty", "--recursive"), ("d/*.gif", "matches no file")):
        with pytest.raises(UsageError, match=told):
            find([given])


def test_results_are_no_inputs() -> None:
    tree(Path(), "d/out/a_sr4x.png", "d/x/y/a_sr4x.png", f"d/x/y/{MANIFEST_NAME}.1-of-2.jsonl")
    inside = places("d", recursive=True, leave_out=Path("d/out"))
    assert inside == ["a.PNG", "b.jpg", "folder.png/inside.bmp", "x/c.tiff"]
    assert places("d/x/y") == ["a.png", "a_sr4x.png"]  # named itself, it is what is meant


def test_loops_of_links_end() -> None:
    Path("d/x/loop").symlink_to(Path("..").absolute(), target_is_directory=True)
    Path("d/self.png").symlink_to("self.png")
    Path("d/gone.png").symlink_to("nowhere.png")
    Path("d/link.png").symlink_to("a.PNG")
    inside = places("d", recursive=True)
    assert set(inside) >= {"self.png", "gone.png", "link.png"}
    assert len(inside) == 8


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_names_that_are_no_text() -> None:
    name = os.fsdecode(b"caf\xe9.png")
    tree(Path("d/x"), name)
    assert places("d/x") == ["c.tiff", name]
    assert places(f"d/x/{name}", "d/x/caf*") == [name]


def test_a_folder_that_may_not_be_read_is_told() -> None:
    with open_folder() as folder:
        tree(folder, "a.png", "closed/b.png", "open/c.png")
        (folder / "closed").chmod(0)
        with without_rights():
            found = find([str(folder)], recursive=True)
    assert [each.place for each in found] == ["a.png", "open/c.png", "closed"]
    assert found[2].error is not None
    assert "cannot be looked into" in found[2].error.message

"""Files, folders and patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from restoreflow.errors import UsageError
from restoreflow.ood.inputs import find_pictures


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.PNG", "a.jpg", "notes.txt", "deep/c.webp", "deep/er/d.tif", "empty/x.md"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "in"


def names(tree: Path, *inputs: Path, recursive: bool = False) -> list[str]:
    found = find_pictures(list(inputs), recursive)
    return [each.path.relative_to(tree).as_posix() for each in found]


def test_a_folder_and_below(tree: Path) -> None:
    assert names(tree, tree) == ["a.jpg", "b.PNG"]
    deep = find_pictures([tree], recursive=True)
    assert [each.relative.as_posix() for each in deep] == [
        "a.jpg",
        "b.PNG",
        "deep/c.webp",
        "deep/er/d.tif",
    ]


def test_patterns(tree: Path) -> None:
    assert names(tree, tree / "*.jpg") == ["a.jpg"]
    assert names(tree, tree / "**" / "*.t*") == ["deep/er/d.tif", "notes.txt"]


def test_named_files_are_taken_as_they_are_and_once(tree: Path) -> None:
    given = (tree / "notes.txt", tree / "gone.png", tree, tree / "deep" / ".." / "a.jpg")
    found = find_pictures(list(given))
    assert [each.path.name for each in found] == ["notes.txt", "gone.png", "a.jpg", "b.PNG"]
    (tree / "[x].png").write_bytes(b"")
    assert names(tree, tree / "[x].png") == ["[x].png"]


@pytest.mark.parametrize(("name", "message"), [("empty", "no pictures"), ("*.gif", "no file")])
def test_nothing_found_is_an_error_of_usage(tree: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_pictures([tree / name])

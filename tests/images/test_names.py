"""When two paths are one file, and how one is shown."""

from __future__ import annotations

import os
from pathlib import Path

from restoreflow.images.names import is_same_file, shown


def test_one_file_by_other_names(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"x")
    (tmp_path / "soft.png").symlink_to(photo)
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    os.link(photo, tmp_path / "hard.png")
    for other in ("soft.png", "hard.png", "folder/photo.png", "PHOTO.PNG", "./photo.png"):
        assert is_same_file(photo, tmp_path / other)
        assert is_same_file(tmp_path / other, photo)
    assert not is_same_file(photo, tmp_path / "other.png")


def test_same_name_in_another_folder_is_another_file(tmp_path: Path) -> None:
    assert not is_same_file(tmp_path / "a" / "p.png", tmp_path / "b" / "p.png")
    assert is_same_file(tmp_path / "caf\u00e9.png", tmp_path / "cafe\u0301.png")


def test_shown_is_one_printable_line() -> None:
    odd = os.fsdecode(b"a\xff\n\x1b[2Jb.png")
    assert shown(odd) == "a\\udcff\\n\\x1b[2Jb.png"
    assert shown("caf\u00e9 \u4eac.png") == "caf\u00e9 \u4eac.png"

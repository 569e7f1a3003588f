"""Results get names that are never an input's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from restoreflow.errors import UsageError
from restoreflow.images.names import is_same_file, output_path, shown


@pytest.mark.parametrize(
    ("input", "options", "expected"),
    [
        ("a/b.jpg", {}, "a/b_sr4x.jpg"),
        ("a/b.JPG", {}, "a/b_sr4x.JPG"),
        ("b.jpg", {"index": 3}, "b_sr4x_3.jpg"),
        ("b.jpg", {"extension": ".png"}, "b_sr4x.png"),
        ("b.gif", {}, "b_sr4x.png"),
        ("b", {}, "b_sr4x.png"),
        ("my.holiday.tif", {}, "my.holiday_sr4x.tif"),
        (".hidden", {}, ".hidden_sr4x.png"),
        ("a/b.jpg", {"out": "c/"}, "c/b_sr4x.jpg"),
        ("a/b.jpg", {"out": "c"}, "c/b_sr4x.jpg"),
        ("a/b.jpg", {"out": "c/d.webp"}, "c/d.webp"),
        ("a/b.jpg", {"out": "c/d.webp", "index": 2}, "c/d_2.webp"),
        ("a/b.jpg", {"out": "c/d.webp", "extension": ".png"}, "c/d.webp"),
    ],
)
def test_names(input: str, options: dict[str, object], expected: str) -> None:
    assert output_path(input, "sr4x", **options) == Path(expected)  # type: ignore[arg-type]


def test_an_existing_folder_with_an_extension_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out.v2").mkdir()
    assert output_path("a.png", "x", tmp_path / "out.v2") == tmp_path / "out.v2" / "a_x.png"


@pytest.mark.parametrize("out", ["result.gif", "result.doc", "v1.2"])
def test_formats_that_are_not_written(out: str) -> None:
    with pytest.raises(UsageError, match=r"use one of \.png"):
        output_path("a.png", "x", out)


def test_never_the_input_itself(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"x")
    (tmp_path / "soft.png").symlink_to(photo)
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    os.link(photo, tmp_path / "hard.png")
    for out in (
        "photo.png",
        "soft.png",
        "hard.png",
        "folder/photo.png",
        "PHOTO.PNG",
        "./photo.png",
    ):
        with pytest.raises(UsageError, match="would overwrite"):
            output_path(photo, "x", tmp_path / out)
    assert output_path(photo, "x", tmp_path / "other.png").name == "other.png"


def test_never_the_file_that_a_link_given_as_input_means(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"x")
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    with pytest.raises(UsageError):
        output_path(link, "x", photo)


def test_same_name_in_another_folder_is_another_file(tmp_path: Path) -> None:
    assert not is_same_file(tmp_path / "a" / "p.png", tmp_path / "b" / "p.png")
    assert is_same_file(tmp_path / "caf\u00e9.png", tmp_path / "cafe\u0301.png")


def test_shown_is_one_printable_line() -> None:
    odd = os.fsdecode(b"a\xff\n\x1b[2Jb.png")
    assert shown(odd) == "a\\udcff\\n\\x1b[2Jb.png"
    assert shown("caf\u00e9 \u4eac.png") == "caf\u00e9 \u4eac.png"

"""Nothing is written onto what a run reads, by any name, and no other code writes."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import restoreflow
from restoreflow.errors import OutputError, UsageError
from restoreflow.lab.training.log import forget_after
from restoreflow.outputs.atomic import NewFile, write_atomic, write_set
from restoreflow.outputs.folders import remove_folder, replace_folder
from restoreflow.outputs.gate import is_manifest, reading, settle
from restoreflow.outputs.lines import LocalLines

OTHERS = ["photo.png", "soft.png", "hard.png", "folder/photo.png", "PHOTO.png", "x/../photo.png"]


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "photo.png"
    path.write_bytes(b"the photograph")
    (tmp_path / "x").mkdir()
    (tmp_path / "soft.png").symlink_to(path)
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    os.link(path, tmp_path / "hard.png")
    yield path
    assert path.read_bytes() == b"the photograph"


WRITERS: list[Callable[[Path], object]] = [
    lambda path: write_atomic(path, b"x", overwrite=True),
    lambda path: write_set([NewFile(Path("new"), b"x"), NewFile(path, b"x", overwrite=True)]),
    lambda path: LocalLines(path).append(b"x"),
    lambda path: replace_folder(path.parent, {path.name: b"x"}, {*os.listdir(), path.name}),
    lambda path: remove_folder(path.parent),
]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_is_written_where_a_run_reads(
    photo: Path, writer: Callable[[Path], object], other: str
) -> None:
    before = sorted(os.listdir())
    with reading([photo]), pytest.raises(OutputError, match=r"read"):
        writer(Path(other))
    assert sorted(os.listdir()) == before


def test_after_the_run_anything_may_be_written(tmp_path: Path) -> None:
    with reading([tmp_path / "a"]):
        pass
    write_atomic(tmp_path / "a", b"x")


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("overwrite", [True, False])
def test_options_are_settled_before_any_work(photo: Path, other: str, overwrite: bool) -> None:
    with pytest.raises(UsageError, match=r"reads.*--report"):
        settle([("--report", Path(other))], overwrite, inputs=[photo])
    with pytest.raises(UsageError, match="writes"):
        settle([("--report", Path(other))], overwrite, written=[photo])


def test_what_else_an_option_cannot_name(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"")
    (tmp_path / "null").symlink_to(os.devnull)
    wrong = {
        "there": (False, "exists already"),
        "null": (True, "not a regular file"),
        ".": (True, "is a folder"),
        "gone/a": (True, "is not a folder"),
        "RestoreFlow-Manifest.1-of-2.jsonl": (True, "manifest"),
    }
    for name, (overwrite, why) in wrong.items():
        with pytest.raises(UsageError, match=why):
            settle([("--out", tmp_path / name)], overwrite)
    settle([("--out", tmp_path / "there"), ("--report", None)], True)
    settle([("--out", tmp_path / "gone" / "a")], False, written=[tmp_path / "gone" / "b" / "c"])
    with pytest.raises(UsageError, match="writes"):
        settle([("--out", tmp_path / "a"), ("--report", tmp_path / "x" / ".." / "A")], True)
    assert not is_manifest(Path("restoreflow-manifest.png"))


def test_lines_follow_no_link_and_change_no_other_name(photo: Path, tmp_path: Path) -> None:
    lines = tmp_path / "log.jsonl"
    lines.symlink_to(photo)
    with pytest.raises(OSError, match=r"symbolic"):
        LocalLines(lines).append(b"x")
    lines.unlink()
    os.link(photo, lines)
    LocalLines(lines).append(b"x")
    assert lines.read_bytes() == b"the photograph\nx\n"
    lines.unlink()
    lines.symlink_to(photo)
    photo.with_name("soft.png").unlink()
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(OSError, match=r"device|regular"):
        LocalLines(tmp_path / "pipe.jsonl").append(b"x")


def test_taking_lines_off_a_log_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text('{"total": 1}\n{"total": 9}\n')
    (tmp_path / "log.jsonl").symlink_to("kept")
    forget_after(tmp_path / "log.jsonl", 1)
    assert (tmp_path / "kept").read_text().count("total") == 2


WRITING_NAMES = {
    *("write_text", "write_bytes", "touch", "mkdir", "makedirs", "unlink", "rmdir", "symlink_to"),
    *("hardlink_to", "savefig", "save_file", "savez", "savez_compressed", "tofile", "rmtree"),
    *("copy", "copy2", "copyfile", "copytree", "move", "removedirs", "renames", "truncate"),
}
"""Methods and functions that change files, unless what they are called on or with is in memory."""

OF_MODULES = {"os": {"open", "replace", "rename", "remove", "link", "symlink", "mkfifo"}}

IN_MEMORY = {"buffer", "stream"}

ALLOWED = {
    ("cli/program.py", "open"): "the null device, to silence a stream",
    ("cli/startup.py", "open"): "the null device, for a stream that was closed",
    (
        "lab/evaluation/extractors.py",
        "open",
    ): "a download in a folder of its own",
    ("local_files.py", "open"): "to read alone",
    ("remote_path.py", "makedirs"): "a store's",
}


def writes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each call that may write to a file."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        module = ""
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            module = function.value.id
        first = node.args[0] if node.args else None
        memory = isinstance(first, ast.Name) and first.id in IN_MEMORY
        opens = name in ("open", "fdopen") and module not in ("os", "Image") and _mode(node)
        saves = name == "save" and first is not None and module != ""
        changes = name in WRITING_NAMES and not (name == "copy" and module != "shutil")
        if name in OF_MODULES.get(module, set()) or opens or ((saves or changes) and not memory):
            yield node.lineno, name


def _mode(call: ast.Call) -> bool:
    """Whether a call of open asks for more than reading."""
    given = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    texts = [each.value for each in given if isinstance(each, ast.Constant)]
    return any(isinstance(text, str) and set(text) & set("wax+") for text in texts)


def test_all_that_is_written_goes_through_the_gate() -> None:
    root = Path(restoreflow.__file__).parent
    found = []
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root).as_posix()
        for line, name in writes(ast.parse(path.read_text(encoding="utf-8"))):
            if place.startswith("outputs/") or (place, name) in ALLOWED:
                continue
            found.append(f"{place}:{line}: {name}")
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "open(p, 'w')",
        "path.open('ab')",
        "path.write_text('x')",
        "os.replace(a, b)",
        "image.save(path)",
        "shutil.copy(a, b)",
        "folder.mkdir()",
        "os.open(path, os.O_WRONLY)",
        "figure.savefig(picture, dpi=1)",
    ],
)
def test_the_search_finds_what_it_looks_for(code: str) -> None:
    assert list(writes(ast.parse(code)))

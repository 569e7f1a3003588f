"""Tables and paths in narrow windows: a file's name stays in one piece."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table

from restoreflow.batch.record import Record
from restoreflow.cli import model_tables
from restoreflow.cli.layout import KeyedLines, Whole, elided, folded
from restoreflow.cli.ood_tables import show
from tests.cli.test_output import judgement

WIDTHS = [20, 50, 64, 80, 100, 200]
PATHS = [
    "noise.png",
    "/noise.png",
    "in/noise.png",
    "/tmp/pytest-of-root/pytest-0/test_the_table_puts_the_stran0/in/noise.png",
    "a long folder/with spaces/a name with spaces and more than a few letters.png",
    "/deep" * 60 + "/x.png",
    "/short/" + "n" * 250 + ".png",
    "ordner/" + "長い名前" * 9 + ".png",
    "s3://bucket/prefix/of/some/length/noise.png",
]


def printed(what: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(what, crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[-12:])
def test_paths_are_elided_in_their_middle(path: str, width: int) -> None:
    short, name = elided(path, width), path.rsplit("/", 1)[-1]
    assert short.endswith(name)
    assert cell_len(short) <= max(width, cell_len(name))
    assert short == path if cell_len(path) <= width else ("…" in short or short == name)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[-12:])
def test_paths_are_folded_between_their_parts(path: str, width: int) -> None:
    lines = folded(path, width)
    assert "".join(lines) == path
    assert path.rsplit("/", 1)[-1] in lines[-1]
    assert all(cell_len(line) <= width or line.rstrip("/").count("/") == 0 for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[-12:])
def test_every_table_keeps_the_names(path: str, width: int) -> None:
    name = path.rsplit("/", 1)[-1]
    verified = {"name": "m", "source": "folder", "revision": None, "path": path}
    verified |= {
        "orthogonality": {"departure": 1e-7, "allowed": 1e-5},
        "certificate": {"before_limiter": 8.0, "after_limiter": 0.5, "temperature": 1.0}
        | {"finite": True},
    }
    files = [{"name": "model.safetensors", "size": 1, "sha256": "0" * 64, "listed": True}]
    table = Table("file", "a heading of several words")
    table.add_row(name, "and a cell of several words")
    for shown in (
        model_tables.facts({"model": "m", "path": path, "note": f"see {path}"}),
        model_tables.verified(verified | {"files": files}),
        KeyedLines({"model cache": path}, paths=("model cache",)),
        Group(Whole(table)),
    ):
        assert any(name in line for line in printed(shown, width))
    assert any(
        "model.safetensors" in line
        for line in printed(model_tables.verified(verified | {"files": files}), width)
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_of_scores_keeps_its_files(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    reasons = ["noise: 35 levels, the training photographs have 1 .. 9"]
    for path in PATHS:
        for flagged in (True, False):
            facts = judgement(
                ood_score=1234.5,
                artifact_probability=0.5,
                flagged=flagged,
                verdict="--temperature 0",
                advice="the clean estimate invents nothing",
                reasons=reasons if flagged else [],
            )
            show([Record(Path(path), "done", (), facts)], "human")
            lines = capsys.readouterr().out.splitlines()
            assert any(Path(path).name in line for line in lines)
            told = " ".join(" ".join(lines).split())
            for words in ("--temperature 0", "the clean estimate invents nothing", "50%"):
                assert words in told
            assert ("35 levels" in told) == flagged


def test_other_values_are_wrapped_between_words() -> None:
    lines = printed(KeyedLines({"licence": "free " * 30, "none": None, "empty": ""}), 40)
    assert len(lines) == 6
    assert max(map(len, lines)) <= 40
    assert lines[0].startswith("licence  free")

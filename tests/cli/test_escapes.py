"""Nothing that comes from a file or a server is more than text on a terminal."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load, save

from restoreflow.batch.record import Record
from restoreflow.cli.ood_tables import show
from restoreflow.cli.output import Console, Reporter, cell, emit
from restoreflow.errors import InputError, RestoreflowError, printable
from tests.cli.conftest import Run, save_tiny
from tests.cli.test_output import DONE, FACTS, judgement

EVIL = "\x1b[31mred\x1b]0;title\x07\x9b2J\x08\r\u202egnp.exe\u2028[/bold][link=x]:boom:"


def harmless(text: str) -> bool:
    """Whether there is nothing in it but characters to be seen, tabs and line feeds."""
    bad = {"Cc", "Cs", "Zl", "Zp"}
    found = {c for c in text if unicodedata.category(c) in bad and c not in "\n\t"}
    return not found and not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)


def test_what_is_printable_is_left_alone() -> None:
    for text in ("plain", "caf\u00e9 \u6f22\u5b57 \U0001f600", "two\nlines\tand a tab", "a\u00a0b"):
        assert printable(text) == text
    assert harmless(printable(EVIL))
    assert harmless(printable("".join(map(chr, range(0x3000))) + "\udcff"))


def test_errors_are_text() -> None:
    for kind in (RestoreflowError, InputError):
        error = kind(EVIL, EVIL)
        assert harmless(str(error) + error.message + error.hint + "".join(map(str, error.args)))


def _config_key(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {EVIL: 1}))


def _config_name(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"name": EVIL}))


def _config_value(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"task": EVIL}))


def _tensor_name(folder: Path) -> None:
    tensors = load((folder / "model.safetensors").read_bytes())
    tensors[EVIL] = tensors.pop(next(iter(tensors)))
    (folder / "model.safetensors").write_bytes(save(tensors))


def _tensor_type(folder: Path) -> None:
    header = json.dumps({EVIL: {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0")


def _card(folder: Path) -> None:
    (folder / "README.md").write_text(f"---\nlicense: '{EVIL.encode('unicode_escape')!r}'\n---\n")


def _figures(folder: Path) -> None:
    rows = [{"data": EVIL, "method": EVIL, "psnr_y": 1.0, EVIL: EVIL}]
    (folder / "evaluation.json").write_text(json.dumps({"rows": rows}))


@pytest.mark.parametrize(
    "spoil",
    [_config_key, _config_name, _config_value, _tensor_name, _tensor_type, _card, _figures],
)
@pytest.mark.parametrize("verb", ["show", "verify"])
@pytest.mark.parametrize("output_format", ["human", "json"])
def test_models(
    tmp_path: Path, run: Run, verb: str, output_format: str, spoil: Callable[[Path], None]
) -> None:
    save_tiny(tmp_path, 4)
    spoil(tmp_path / "sr-x4")
    done = run("models", verb, tmp_path / "sr-x4", "--format", output_format)
    assert harmless(done.out), done.out
    assert harmless(done.err), done.err
    assert "defect" not in done.err
    assert done.code in (0, 6)


def test_tensors_of_an_unknown_type_are_named(tmp_path: Path, run: Run) -> None:
    save_tiny(tmp_path, 4)
    _tensor_type(tmp_path / "sr-x4")
    done = run("models", "verify", tmp_path / "sr-x4")
    assert done.code == 6
    assert "holds tensors of the type F4, which is not read" in done.err


@pytest.mark.parametrize("output_format", ["auto", "human", "json"])
def test_records(capsys: pytest.CaptureFixture[str], output_format: str) -> None:
    facts = FACTS | {"notes": [EVIL], "model": EVIL}
    facts |= judgement(flagged=True, reasons=[EVIL], verdict=EVIL, advice=EVIL)
    facts["suffers"] = [{"kind": EVIL, "value": 1.0, "unit": EVIL, "words": EVIL}]
    with Reporter(output_format) as reporter:  # type: ignore[arg-type]
        reporter.say(EVIL)
        reporter.record(Record(Path(EVIL), "done", (Path(EVIL),), facts))
        reporter.record(Record(Path(EVIL), "failed", error=InputError(EVIL, EVIL)))
        reporter.record(DONE)
    out, err = capsys.readouterr()
    assert harmless(out)
    assert harmless(err)


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    table = Table(EVIL)
    table.add_row(EVIL)
    emit([{"a": EVIL}], table, "human")
    Console(stderr=True).print(EVIL)
    out, err = capsys.readouterr()
    assert "[/bold]" in out.replace("\n", "")
    assert harmless(out)
    assert harmless(err)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]
)
def test_cells_are_no_formulas(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cell(text) == "'" + printable(text)
    suffers = [{"kind": text, "value": 1.0, "unit": text, "words": text}]
    facts = judgement(ood_score=-1.5, reasons=[text], suffers=suffers, verdict=text, advice=text)
    records = [Record(Path(text), "done", (), facts)]
    records += [Record(Path(text), "failed", error=InputError(text, ""))]
    show(records, "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0]["ood_score"] == "-1.5"  # a number is one
    for row in rows:
        for name in ("input", "reasons", "suffers", "verdict", "advice", "error"):
            assert not row[name].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_tracebacks(tmp_path: Path, run: Run) -> None:
    save_tiny(tmp_path, 4)
    _config_key(tmp_path / "sr-x4")
    done = run("models", "show", tmp_path / "sr-x4", "--debug")
    assert "Traceback" in done.err
    assert harmless(done.err)

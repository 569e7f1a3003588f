"""Records are what docs/records.schema.json says, whatever becomes of a command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from restoreflow.batch.record_types import RECORD_SCHEMA
from tests.cli.conftest import Run, picture

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.usefixtures("bundled")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")


def test_schema_and_page_are_made_from_the_types() -> None:
    script = DOCS / "generate_records.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


RUNS = [
    ("sr a.png", ["done"], 0),
    ("sr a.png b.png bad.png", ["done", "done", "failed", "summary"], 3),
    ("sr a.png -n 2 --uncertainty --grid --save-arrays npz", ["done"], 0),
    ("sr a.png --scale 2.5 --no-consistency -t 0", ["done"], 0),
    ("sr a.png --dry-run", ["planned", "summary"], 0),
    ("sr bad.png --dry-run", ["planned", "summary"], 0),
    ("sr missing.png", ["failed"], 4),
    ("sr a.png --scale 1", ["failed"], 2),
    ("sr a.png b.jpg", ["done", "failed", "summary"], 3),
    ("sr a.png --samples many", ["failed"], 2),
    ("sr a.png --smaples 2", ["failed"], 2),
    ("sr a.png --model sr-x3", ["failed"], 6),
    ("upscale a.png", ["failed"], 2),
    ("models show nothing", ["failed"], 6),
]


def checked(line: str) -> dict[str, Any]:
    record = json.loads(line)
    schema = json.loads((DOCS / "records.schema.json").read_text())
    Draft202012Validator(schema).validate(record)
    assert record["schema"] == RECORD_SCHEMA
    return record


@pytest.mark.parametrize(("words", "statuses", "code"), RUNS)
def test_a_run_prints_records_and_nothing_else(
    run: Run, words: str, statuses: list[str], code: int
) -> None:
    outcome = run(*words.split(), "--format", "json")
    records = [checked(line) for line in outcome.out.splitlines()]
    assert [record["status"] for record in records] == statuses
    assert (outcome.code, outcome.err) == (code, "")
    assert all(record["error"] for record in records if record["status"] == "failed")


@pytest.mark.parametrize(
    ("words", "has"),
    [
        ("models list", "coupling"),
        ("models show sr-x4", "figures"),
        ("models show sr-x4 --certificate", "certificate"),
        ("models verify sr-x4", "orthogonality"),
        ("doctor --device cpu", "self_test"),
        ("doctor --device cuda:99", "self_test"),
        ("evaluate sr --data set --samples 2", "psnr_y"),
    ],
)
def test_records_of_models_and_measures(run: Run, words: str, has: str) -> None:
    picture(Path("set/a.png"), 64, 64)
    outcome = run(*words.split(), "--format", "json")
    records = [checked(line) for line in outcome.out.splitlines()]
    assert records and all(has in record for record in records)


def test_shipped_models_show_as_the_schema_says() -> None:
    words = ["-m", "restoreflow", "models", "show", "sr-x4", "--certificate", "--format", "json"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    assert checked(done.stdout)["card"]["license"] == "apache-2.0"


def test_what_is_skipped_is_a_record(run: Run) -> None:
    assert run("sr", "a.png").code == 0
    (record,) = map(checked, run("sr", "a.png", "--format=json").out.splitlines())
    assert (record["status"], record["reason"]) == ("skipped", "exists")


def test_figures_have_the_digits_that_they_are_good_for(run: Run) -> None:
    (line,) = run("sr", "a.png", "--format", "json").out.splitlines()
    record = checked(line)
    for name, places in (("seconds", 3), ("lr_psnr", 2), ("largest_detail", 4)):
        assert record[name] == round(record[name], places)

"""Sentences, records and the bar."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from restoreflow.batch.job import Job
from restoreflow.batch.judging import JUDGED
from restoreflow.batch.record import Record, Summary
from restoreflow.cli.output import Format, Reporter, error_line, json_line
from restoreflow.errors import InputError
from restoreflow.ood.advice import NOTHING

FACTS: dict[str, Any] = {
    "width": 64,
    "height": 48,
    "temperature": 0.8,
    "seed": 3,
    "lr_psnr": 51.23,
    "lr_psnr_clean": None,
    "error_pixels": 0,
    "nonfinite": 0,
    "seconds": 1.5,
    "notes": ["thumbnail dropped"],
}


def judgement(**told: Any) -> dict[str, Any]:
    """What a record tells of a judged picture: a usual one, but for what is told."""
    facts = {"ood_rank": 50.0, "ood_score": 1.0, "flagged": False, "reasons": []}
    facts |= {"artifact_probability": None, "suffers": [], "verdict": NOTHING, "advice": ""}
    assert facts.keys() == set(JUDGED)
    return facts | told


DONE = Record(Path("a.png"), "done", (Path("a_sr4x.png"),), FACTS)
FAILED = Record(Path("b.png"), "failed", error=InputError("empty", "copy it again"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_json_is_strict_and_ascii() -> None:
    line = json_line({"x": math.nan, "y": [math.inf, 1.5], "name": "b\u00e4r\udcff.png"})
    assert line.isascii()
    assert json.loads(line) == {"x": None, "y": [None, 1.5], "name": "b\u00e4r\udcff.png"}


def test_an_error_is_one_line_and_keeps_names() -> None:
    assert error_line("two  spaces.png\nfailed", "retry") == (
        "restoreflow: two  spaces.png; failed (retry)"
    )


def test_figures_of_a_judgement_have_four_places() -> None:
    facts = judgement(ood_rank=200 / 3, ood_score=1 / 3, artifact_probability=1 / 7)
    told = Record(Path("a.png"), "done", (), facts).as_dict()
    figures = ("ood_rank", "ood_score", "artifact_probability")
    assert [told[name] for name in figures] == [66.6667, 0.3333, 0.1429]


def tell(output_format: Format) -> Reporter:
    with Reporter(output_format) as reporter:
        for index, record in enumerate((DONE, FAILED)):
            reporter.begin(Job(record.input, ()), index, 2)
            reporter.advance(1, 4)
            reporter.record(record)
        reporter.finish(Summary(1, 0, 1, seconds=2.0, megapixels=1.0))
    return reporter


@pytest.mark.parametrize("output_format", ["auto", "human", "json", "quiet"])
def test_piped(capsys: pytest.CaptureFixture[str], output_format: Format) -> None:
    tell(output_format)
    out, err = capsys.readouterr()
    sentence = "a.png: a_sr4x.png: 64 x 48 pixels, 1.5 s\n"
    assert "%" not in err
    assert "\x1b" not in out + err
    if output_format == "json":
        records = [json.loads(line) for line in out.splitlines()]
        assert [record["status"] for record in records] == ["done", "failed", "summary"]
        assert (records[2]["failed"], records[2]["megapixels_per_second"]) == (1, 0.5)
        assert err == ""
        return
    assert out == ("" if output_format == "quiet" else sentence)
    assert "restoreflow: b.png: empty (copy it again)\n" in err
    assert ("1 done, 1 failed in 2.0 s, 1.0 megapixels" in err) == (output_format == "human")


def test_researchers_are_told_more(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter("human", verbose=True) as reporter:
        reporter.record(DONE)
    assert capsys.readouterr().out == (
        "a.png: a_sr4x.png: 64 x 48 pixels, temperature 0.8, seed 3, LR-PSNR 51.2 dB, 1.5 s\n"
    )


def test_a_terminal_sees_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with Reporter("auto") as reporter:
        reporter.begin(Job(Path("[odd].png"), ()), 1, 3)
        reporter.advance(1, 4)
        assert reporter._bar is not None
        reporter._bar.refresh()
        reporter.record(DONE)
    text = screen.getvalue()
    assert "[odd].png (2 of 3)" in text
    assert "25%" in text
    assert "a_sr4x.png" in text


def test_what_should_be_zero_is_told_where_it_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter("auto") as reporter:
        reporter.record(Record(Path("a.png"), "done", DONE.output, FACTS | {"error_pixels": 7}))
    assert "7 pixels out of range" in capsys.readouterr().out

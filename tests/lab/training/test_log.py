"""Logs of training: joined, and told stage by stage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from restoreflow.errors import InputError
from restoreflow.lab.training.log import (
    find_log,
    forget_after,
    join_logs,
    read_log,
    split_stages,
    summarise_log,
    write_log,
)


def line(stage: str, step: int, total: int, **terms: float) -> dict:
    counts = {"stage": stage, "step": step, "total": total, "seconds": 0.6 * total}
    return counts | {"rate": 1e-3, "skipped": 1, **terms, "gradient": 0.5}


FIRST = [line("mean", 50 * i, 50 * i, mean=1.0 / i) for i in range(1, 11)]
SECOND = [line("mean", 50, 50, mean=0.05), line("likelihood", 50, 100, mean=0.05, likelihood=-2.0)]


def test_runs_that_followed_each_other_become_one_log() -> None:
    joined = join_logs([FIRST, SECOND])
    assert [entry["total"] for entry in joined] == [*range(50, 501, 50), 550, 600]
    assert joined[-1]["seconds"] == pytest.approx(360.0)
    assert joined[-1]["skipped"] == 2
    assert [len(stage) for stage in split_stages(joined)] == [10, 1, 1]
    assert FIRST[0]["total"] == 50


def test_a_stage_is_told_by_its_terms_at_either_end() -> None:
    mean, again, likelihood = summarise_log(join_logs([FIRST, SECOND]))
    assert (mean["stage"], mean["steps"], mean["minutes"]) == ("mean", 500, 5)
    assert mean["terms, first → last fifth"] == "mean 0.75 → 0.1056"
    assert again["steps"] == 50
    assert likelihood["terms, first → last fifth"] == "mean 0.05 → 0.05, likelihood -2 → -2"


def test_a_log_is_read_as_it_was_written_and_a_cut_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(write_log(FIRST) + b'{"stage": "me')
    assert read_log(path) == FIRST
    path.write_text(json.dumps(FIRST[0])[:9])
    with pytest.raises(InputError, match="no entry"):
        read_log(path)
    with pytest.raises(InputError, match="No such file"):
        read_log(tmp_path / "missing")


def test_a_term_that_came_on_the_way_is_left_out_of_its_stage() -> None:
    (row,) = summarise_log(
        [line("mean", 50, 50, mean=1.0), line("mean", 100, 100, mean=1.0, x=2.0)]
    )
    assert row["terms, first → last fifth"] == "mean 1 → 1"


def test_a_folders_log_or_others_in_its_place(tmp_path: Path) -> None:
    assert find_log(tmp_path) == []
    (tmp_path / "log.jsonl").write_bytes(write_log(FIRST))
    assert find_log(tmp_path) == FIRST
    (tmp_path / "other").write_bytes(write_log(SECOND))
    assert find_log(tmp_path, [tmp_path / "other", tmp_path / "other"])[-1]["total"] == 200
    with pytest.raises(InputError, match="No such file"):
        find_log(tmp_path, [tmp_path / "missing"])


def test_what_was_logged_after_the_checkpoint_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    forget_after(path, 100)
    assert not path.exists()
    path.write_bytes(write_log(FIRST) + b'{"stage": "me')
    forget_after(path, 120)
    assert read_log(path) == FIRST[:2]
    forget_after(path, 0)
    assert path.read_bytes() == b""
    assert find_log(tmp_path) == []
